#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Patching from outside. A kernel that patches itself, one whose file was patched, and one that the monitor patches have the
# same text, to the byte; one without a patcher is patched; one that was patched for another ROM stops; and whatever cannot be
# patched is refused in words. Prints TAP.
#
#	outside.sh BUILD
set -u
build=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
out=$tmp/out
edit=$(dirname "$0")/outside/edit.py
. "$(dirname "$0")/tap.sh"

# has NAME PATTERN: whether the last command printed it
has() {
	grep -Eqa -- "$2" "$out"
	say $? "$1"
}

# boot STATUS NAME KERNEL OPTION...: it ends so, 0 if well; $text is the sum of its text
boot() {
	want=$1
	name=$2
	kernel=$3
	shift 3
	"$build/vrom" run "$kernel" --timeout 120 --append text=sum "$@" >"$out" 2>&1 </dev/null
	[ $? = "$want" ]
	say $? "$name: ends as it should"
	if grep -qa '^not ok' "$out"; then
		say 1 "$name: tests of its own failed"
	fi
	text=$(sed -n 's/^vrom: text=\([0-9a-f]*\).*/\1/p' "$out" | sort -u)
	sites=$(sed -n 's/^\(vrom: sites=[ -~]*\).*/\1/p' "$out" | sort -u)
}

# patch KERNEL ROM OPTION...: into $tmp/KERNEL-ROM.elf; $text is the sum of its text
patch() {
	kernel=$1
	rom=$2
	shift 2
	"$build/vrom" patch "$build/$kernel.elf" "$build/$rom.rom" -o "$tmp/$kernel-$rom.elf" "$@" >"$out" 2>&1
	say $? "vrom patch: $kernel for the $rom ROM"
	text=$(sed -n 's/^vrom: text=//p' "$out")
	sites=$(grep '^vrom: sites=' "$out")
}

# is NAME WHAT EXPECTED: the two are the same, and something
is() {
	[ -n "$2" ] && [ "$2" = "$3" ]
	say $? "$1"
}

# rom_at: where the last guest saw the ROM, which it names by its physical address
rom_at() {
	sed -n 's/^host: ROM at 0\([0-9a-f]*\),.*/0xc\1/p' "$out" | head -n 1
}

# ---- The same text ----

boot 0 "guest, bare" "$build/guest.elf"
bare=$text
for rom in native count; do
	boot 0 "guest, $rom ROM, by itself" "$build/guest.elf" --rom "$build/$rom.rom"
	own=$text
	own_sites=$sites
	at=$(rom_at)
	[ "$own" != "$bare" ]
	say $? "guest, $rom ROM: it does change the text"
	patch guest $rom --rom-at "$at"
	is "guest, $rom ROM, by a tool: the text in the file is what the guest makes of it" "$text" "$own"
	is "guest, $rom ROM, by a tool: sites are counted alike" "$sites" "$own_sites"
	is "guest, $rom ROM, by a tool: the sum is that of the file" "$(python3 "$edit" text "$tmp/guest-$rom.elf")" "$own"
	python3 "$edit" same "$build/guest.elf" "$tmp/guest-$rom.elf"
	say $? "guest, $rom ROM, by a tool: nothing but sites and the note has changed"
	boot 0 "guest, $rom ROM, by a tool" "$tmp/guest-$rom.elf" --rom "$build/$rom.rom"
	has "guest, $rom ROM, by a tool: it knows" '^host: patched by a tool'
	is "guest, $rom ROM, by a tool: the text that runs is the same" "$text" "$own"
	is "guest, $rom ROM, by a tool: and what it says of its sites" "$sites" "$own_sites"
	eval "${rom}_at=$at"
done
has "guest, count ROM, by a tool: its counts agree" '^ok [0-9]+ - the ROM counted every SetPxE[^#]*$'

for mode in inline four call; do
	boot 0 "guest, monitor, $mode, by itself" "$build/guest.elf" --host monitor --mode $mode
	own=$text
	own_sites=$sites
	at=$(rom_at)
	[ "$own" != "$bare" ]
	say $? "guest, monitor, $mode: it does change the text"
	boot 0 "guest, monitor, $mode, by the host" "$build/guest.elf" --host monitor --mode $mode --patch host --restart=1
	has "guest, monitor, $mode, by the host: it knows" '^host: patched by the host'
	is "guest, monitor, $mode, by the host: the text is the same, in both boots" "$text" "$own"
	is "guest, monitor, $mode, by the host: sites are counted alike" "$sites" "$own_sites"
	[ "$(grep -ca '^monitor: memory intact' "$out")" = 2 ]
	say $? "guest, monitor, $mode, by the host: the monitor's memory is intact"
	[ $mode = inline ] || continue
	monitor_at=$at
	patch guest monitor --rom-at "$at"
	is "guest, monitor, by a tool: the text in the file is what the guest makes of it" "$text" "$own"
	boot 0 "guest, monitor, by a tool" "$tmp/guest-monitor.elf" --host monitor
	has "guest, monitor, by a tool: it knows" '^host: patched by a tool'
	is "guest, monitor, by a tool: the text that runs is the same" "$text" "$own"
	is "guest, monitor, by a tool: sites are counted alike" "$sites" "$own_sites"
done

# ---- A kernel without a patcher ----

nm "$build/guest-nopatch.elf" >"$out"
! grep -Eq ' vrom_(find|plan|commit|attach|code)$' "$out"
say $? "guest-nopatch: has no patcher"
has "guest-nopatch: but a note" ' vrom_note$'
boot 0 "guest-nopatch, bare" "$build/guest-nopatch.elf"
own=$text
boot 0 "guest-nopatch, native ROM" "$build/guest-nopatch.elf" --rom "$build/native.rom"
is "guest-nopatch, native ROM: stays as it was built" "$text" "$own"
boot 0 "guest-nopatch, monitor" "$build/guest-nopatch.elf" --host monitor
has "guest-nopatch, monitor: all sites native" '^vrom: sites=([0-9]+) native=\1 called=0 '
# shellcheck disable=SC2154
patch guest-nopatch native --rom-at "$native_at"
file=$text
boot 0 "guest-nopatch, native ROM, by a tool" "$tmp/guest-nopatch-native.elf" --rom "$build/native.rom"
is "guest-nopatch, native ROM, by a tool: the text is that of the file" "$text" "$file"
has "guest-nopatch, native ROM, by a tool: has code in line" '^vrom: sites=.* inlined=[1-9]'
patch guest-nopatch monitor --rom-at "$monitor_at"
file=$text
boot 0 "guest-nopatch, monitor, by the host" "$build/guest-nopatch.elf" --host monitor --patch host
is "guest-nopatch, monitor, by the host: the text is what the tool makes of it" "$text" "$file"
has "guest-nopatch, monitor, by the host: has code in line" '^vrom: sites=.* inlined=[1-9]'

# With nothing of vrom but sites and a note: the monitor has done Init for it.
gcc -m32 -march=i686 -Iinclude -c -o "$tmp/tiny.o" tests/outside/tiny.S &&
	ld -m elf_i386 -nostdlib -z noexecstack -L include -T tests/outside/tiny.ld -o "$tmp/tiny.elf" "$tmp/tiny.o"
say $? "a kernel with nothing but a note is made"
boot 1 "a kernel with nothing but a note, by itself" "$tmp/tiny.elf" --host monitor
has "a kernel with nothing but a note, by itself: is not paravirtual" '^monitor: the guest ended with 11'
boot 0 "a kernel with nothing but a note, by the host: is paravirtual" "$tmp/tiny.elf" --host monitor --patch host

# ---- Another ROM than it was patched for ----

# stops NAME KERNEL OPTION...: the kernel says so, and ends without having run a site
stops() {
	boot 1 "$@"
	has "$1: says why" '^host: c00[cd][0-9a-f]+: the text was patched for another ROM'
	! grep -qa '^guest: ' "$out"
	say $? "$1: runs no further"
}
stops "patched, and no ROM" "$tmp/guest-native.elf"
stops "patched, and another ROM" "$tmp/guest-native.elf" --rom "$build/count.rom"
"$build/vrom" build --license "GPL v2" --templates none -o "$tmp/none.rom" "$build/i386/roms/native.elf"
say $? "a ROM without code in line is made"
stops "patched, and its ROM has other code in line" "$tmp/guest-native.elf" --rom "$tmp/none.rom"
stops "patched for the monitor's ROM, which has no code in line" "$tmp/guest-monitor.elf" --host monitor --mode call
stops "patched for the monitor, and bare" "$tmp/guest-monitor.elf"
stops "without a patcher, and no ROM" "$tmp/guest-nopatch-native.elf"
patch guest native --rom-at 0xc00d8000
stops "patched for another address" "$tmp/guest-native.elf" --rom "$build/native.rom"
patch guest native --rom-at "$native_at" --bios-memory 600
stops "patched for another place of the ROM's memory" "$tmp/guest-native.elf" --rom "$build/native.rom"

# ---- What vrom patch refuses ----

# refuses NAME PATTERN ARGUMENT...: with a reason, and without a file
refuses() {
	name=$1
	pattern=$2
	shift 2
	rm -f "$tmp/none.elf"
	"$build/vrom" patch -o "$tmp/none.elf" "$@" >"$out" 2>&1
	[ $? = 1 ] && [ ! -e "$tmp/none.elf" ]
	say $? "vrom patch refuses $name"
	has "vrom patch refuses $name: with a reason" "^vrom: [^ ]+: .*$pattern"
}
guest=$build/guest.elf
native=$build/native.rom
damage() {
	python3 "$edit" "$1" "$guest" "$tmp/bad.elf" $2
}
refuses "a kernel that was patched" 'patched already, for a ROM at 0xc00cd000' "$tmp/guest-count.elf" "$native"
refuses "a kernel without a note" 'has no note' "$build/hello.elf" "$native"
refuses "a kernel without sites" 'no call sites' "$build/guest-plain.elf" "$native"
refuses "a program of this machine" 'i386|nothing in it|no call sites' "$build/vrom" "$native"
refuses "a text" 'not an ELF file' README.md "$native"
refuses "no kernel" 'cannot be opened' "$tmp/nothing" "$native"
refuses "no ROM" 'cannot be opened' "$guest" "$tmp/nothing"
refuses "a kernel for a ROM" 'option ROM|no VMI ROM' "$guest" "$guest"
head -c 3000 "$native" >"$tmp/cut.rom"
refuses "half a ROM" 'length' "$guest" "$tmp/cut.rom"
for at in 0xc00e0000 0xc00dff00 0xc00df800 0xc0000000 0xffffff00; do
	refuses "a ROM at $at" 'no guest finds a ROM' "$guest" "$native" --rom-at $at
done
damage set 'records+=8'
refuses "a note of another table" 'another site table' "$tmp/bad.elf" "$native"
damage set 'text_end=0xc0101010'
refuses "a note of another text" 'lies outside the text|not in the text' "$tmp/bad.elf" "$native"
damage set 'text_end=0xc0000000'
refuses "a note of no text" 'no text' "$tmp/bad.elf" "$native"
damage set 'version=0'
refuses "a note of version 0" 'version 0' "$tmp/bad.elf" "$native"
damage header 'note address+=4'
refuses "a note that is elsewhere in memory" 'not among what is loaded' "$tmp/bad.elf" "$native"
damage header 'note offset=0x7fffffff'
refuses "a note beyond the file" 'has no note' "$tmp/bad.elf" "$native"
damage set 'site=3 call=200'
refuses "a site for no call" 'site 3 .*call that does not exist' "$tmp/bad.elf" "$native"
damage set 'site=5 offset=-16'
refuses "a site in the site table" 'site 5 lies in the site table|outside' "$tmp/bad.elf" "$native"
"$build/vrom" patch "$guest" "$native" -o "$tmp/no/such/folder" >"$out" 2>&1
[ $? = 1 ]
say $? "vrom patch: a file that cannot be written is an error"
"$build/vrom" patch "$guest" "$native" >"$out" 2>&1
[ $? = 2 ]
say $? "vrom patch: it wants a name for the file"

# ---- vrom run --patch ----

# says STATUS NAME PATTERN OPTION...
says() {
	want=$1
	name=$2
	pattern=$3
	shift 3
	"$build/vrom" run "$guest" --dry-run "$@" >"$out" 2>&1
	[ $? = "$want" ] && grep -Eq -- "$pattern" "$out"
	say $? "vrom run: $name"
}
says 0 "--patch host is told the monitor" "mode=inline patch=host" --host monitor --patch host
says 0 "without it nothing is told" 'mode=inline -initrd' --host monitor
says 2 "--patch somebody" '--patch is guest or host' --host monitor --patch somebody
says 2 "--patch without the monitor" '--patch is for --host monitor' --patch host

# ---- What the monitor refuses ----

# fails NAME PATTERN [KERNEL OPTION...]: the monitor does not start it, and says why
fails() {
	name=$1
	pattern=$2
	shift 2
	[ $# -gt 0 ] || set -- "$tmp/bad.elf"
	"$build/vrom" run "$@" --timeout 60 --host monitor --patch host >"$out" 2>&1 </dev/null
	[ $? = 1 ]
	say $? "the monitor refuses $name"
	has "the monitor refuses $name: with a reason" "^monitor: failed: .*$pattern"
}
fails "to patch without a ROM" 'with mode=trap there is none' "$guest" --mode trap
fails "a kernel without a note" 'has no note' "$build/hello.elf"
fails "a kernel that was patched" 'patched already' "$tmp/guest-count.elf"
for field in records native text; do
	damage set "$field=0xfffffffc"
	fails "a note whose $field is behind its end" 'an end before its start'
	damage set "$field=0x00000000"
	fails "a note whose $field is nowhere" 'names what is not loaded'
	damage set "${field}_end=0xffffffff"
	fails "a note whose $field reaches beyond what is loaded" 'names what is not loaded'
	damage set "$field=0x00100000 ${field}_end=0x00100010"
	fails "a note whose $field is loaded elsewhere" 'not loaded as far from each other'
done
damage set 'records+=1'
fails "a note whose table is not aligned" 'not aligned'
damage set 'records+=8'
fails "a note that leaves out the first site" 'ends in the middle of a record|does not hold what'
damage set 'text_end=0xc0114000'
fails "a note whose text holds the tables" 'holds the site table'
damage set 'version=0'
fails "a note of version 0" 'unknown version'
damage set 'text_end=0xc0101010'
fails "a note whose text is too small" 'lies outside the text'
damage set 'site=3 call=200'
fails "a site for no call" 'call site 3 .*call that does not exist'
damage set 'site=3 size=1'
fails "a site too small" 'call site 3 .*too small'
damage set 'site=3 offset=0x70000000'
fails "a site far away" 'call site 3 .*outside the text'
damage header 'note address+=0x100'
fails "a note that is elsewhere in memory" 'its note for vrom is not loaded'
damage header '1 size=0'
fails "a note of what is in the file, and not in memory" 'names what is not loaded'
damage header '1 address+=0x1000'
fails "a kernel that is loaded elsewhere than its note says" 'its note for vrom'
damage header 'note offset=0xfffffff0'
fails "a note beyond the file" 'has no note'
damage header 'note file_size=0xffffffff'
fails "a note longer than the file" 'has no note'
the_end
