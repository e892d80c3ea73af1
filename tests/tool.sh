#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The vrom command: what each subcommand says of good input, of bad input, and of faults that are planted here.
# Prints TAP.
#
#	tool.sh BUILD [VROM]	BUILD has native.rom and count.rom; VROM is BUILD/vrom, or another build of it
set -u
build=$1
vrom=${2:-$build/vrom}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/tap.sh"

# is STATUS PATTERN NAME COMMAND...: the command ends with STATUS, and its output has a line like PATTERN
is() {
	want=$1
	pattern=$2
	name=$3
	shift 3
	"$@" >"$tmp/out" 2>&1 </dev/null
	got=$?
	if [ "$got" = "$want" ] && grep -q -- "$pattern" "$tmp/out"; then
		say 0 "$name"
	else
		say 1 "$name"
		echo "# $*: status $got, expected $want and \"$pattern\" in:"
		head -n 20 "$tmp/out" | sed 's/^/# /'
	fi
}

# isnt PATTERN NAME: no line of the last output is like PATTERN
isnt() {
	! grep -q -- "$1" "$tmp/out"
	say $? "$2"
}

# kernel NAME FLAG...: builds $tmp/NAME.elf
kernel() {
	out=$tmp/$1.elf
	shift
	gcc -m32 -march=i686 -Iinclude "$@" -c -o "$tmp/kernel.o" tests/tool/kernel.S &&
		ld -m elf_i386 -nostdlib -z noexecstack -L include -T "${script:-tests/tool/kernel.ld}" -o "$out" "$tmp/kernel.o"
}

# offset FILE SECTION: where the section is in the file
offset() {
	readelf -SW "$1" | sed 's/^ *\[ *[0-9]*\]//' | awk -v name="$2" '$1 == name { print "0x" $4 }'
}

# size_of FILE
size_of() {
	wc -c <"$1" | tr -d ' '
}

# byte FILE OFFSET: its value
byte() {
	od -An -tu1 -j "$(($2))" -N 1 "$1" | tr -d ' '
}

# poke FILE OFFSET VALUE...: writes bytes
poke() {
	file=$1
	at=$(($2))
	shift 2
	for value in "$@"; do
		# The value is to be part of the format.
		# shellcheck disable=SC2059
		printf "\\$(printf '%o' "$((value))")" | dd of="$file" bs=1 seek="$at" conv=notrunc 2>/dev/null
		at=$((at + 1))
	done
}

# plant NAME: a copy of the good kernel to poke into
plant() {
	cp "$tmp/good.elf" "$tmp/$1.elf"
}

# ---- The command line ----

is 2 '^usage: vrom' 'no command: usage' "$vrom"
is 0 '^vrom [0-9]' '--version' "$vrom" --version
is 0 'vrom check' 'help names the commands' "$vrom" help
is 2 'no such command' 'an unknown command' "$vrom" nonsense
is 2 'no such command' 'help for an unknown command' "$vrom" help nonsense
for command in build show sites check run; do
	is 0 "^usage: vrom $command" "help $command" "$vrom" help "$command"
	is 0 "^usage: vrom $command" "$command --help" "$vrom" "$command" --help
	is 2 '^vrom: ' "$command: an unknown option" "$vrom" "$command" --nonsense
	is 2 '^vrom: ' "$command: no file" "$vrom" "$command"
done
for command in show sites check run; do
	is 2 '^vrom: ' "$command: too many files" "$vrom" "$command" a b c
	is 1 '^vrom: /nonexistent: cannot be opened' "$command: no such file" "$vrom" "$command" /nonexistent
	is 1 '^vrom: /: ' "$command: a directory" "$vrom" "$command" /
	is 1 '^vrom: /dev/null: the file is empty' "$command: an empty file" "$vrom" "$command" /dev/null
	is 1 '^vrom: tests/tool.sh: ' "$command: something else" "$vrom" "$command" tests/tool.sh
done
is 1 'standard output' 'a full disk is no success' sh -c "$vrom help >/dev/full"

# ---- vrom sites ----

if ! kernel good; then
	say 1 'the test kernel builds'
	exit 1
fi
good=$tmp/good.elf
is 0 '^ *0  001[0-9a-f]*  work  .*DisableInterrupts .* 8    1    7  flags  *cli$' 'sites: a site' "$vrom" sites "$good"
is 0 'WriteGDTEntry(eax, edx, ecx, ebx)' 'sites: operands' "$vrom" sites "$good"
is 0 'SetAlarm(eax, edx, ecx, esi, edi)' 'sites: five operands' "$vrom" sites "$good"
is 0 'pushfl; popl\{0,1\} %eax$' 'sites: instructions' "$vrom" sites "$good"
is 0 '^7 sites; records 56 bytes' 'sites: the sum' "$vrom" sites --summary "$good"
isnt 'DisableInterrupts(' 'sites --summary: no list'
is 0 '"padding_bytes": [1-9]' 'sites --json' "$vrom" sites --json "$good"
parts='. = ALIGN(4); vrom_sites = .; *(.vrom.sites) vrom_sites_end = .; vrom_native = .; *(.vrom.native) vrom_native_end = .;'
sed "s/INCLUDE.*//; s/\.rodata : {/& $parts/" tests/tool/kernel.ld >"$tmp/merged.ld"
script=$tmp/merged.ld kernel merged
is 0 '^7 sites; records 56 bytes' 'sites: a table inside .rodata' "$vrom" sites "$tmp/merged.elf"
isnt '\.vrom' 'sites: that is, without sections of its own'
objcopy --remove-section .vrom.native "$good" "$tmp/unsealed.elf" 2>/dev/null
objcopy --strip-symbol vrom_native --strip-symbol vrom_native_end "$tmp/unsealed.elf" 2>/dev/null
is 1 'its seal .vrom.native is not' 'sites: no seal' "$vrom" sites "$tmp/unsealed.elf"
sed 's/INCLUDE.*//; s/\.bss :/\/DISCARD\/ : { *(.vrom.*) } .bss :/' tests/tool/kernel.ld >"$tmp/discard.ld"
script=$tmp/discard.ld kernel discarded
is 1 'it has no site table' 'sites: no table' "$vrom" sites "$tmp/discarded.elf"
kernel bare -DVROM_NO_SITES
is 0 '^0 sites' 'sites: an empty table' "$vrom" sites "$tmp/bare.elf"
is 1 'not linked' 'sites: an object file' "$vrom" sites "$tmp/kernel.o"
plant other && poke "$tmp/other.elf" 18 8
is 1 'not for x86' 'sites: of another machine' "$vrom" sites "$tmp/other.elf"

# ---- vrom sites, of a kernel that is annotated as in 2006 ----

both=$build/tests/annotation-gcc-O2
old=$tmp/old.elf
objcopy -S --rename-section both_annotations=.vmi.annotation --rename-section both_translations=.vmi.translation \
	--remove-section .vrom.sites --remove-section .vrom.native "$both" "$old"
"$vrom" sites --json "$both" >"$tmp/ours.json"
"$vrom" sites --json "$old" >"$tmp/old.json"
python3 - "$tmp/ours.json" "$tmp/old.json" >"$tmp/out" 2>&1 <<'END'
import json, sys
one, two = ([[site[k] for k in ("address", "call", "arguments", "size")] for site in json.load(open(name))["list"]]
            for name in sys.argv[1:])
assert len(one) > 90 and one == two, "the lists differ"
END
say $? 'sites: annotations of 2006 list what our table does'
is 0 '^annotated as in 2006: annotations [1-9]' 'sites --summary: annotations of 2006' "$vrom" sites --summary "$old"
cp "$old" "$tmp/foreign.elf"
poke "$tmp/foreign.elf" "$(offset "$old" .vmi.translation)" 0xcc
is 1 '^vrom: .*: annotation 0, of EnableInterrupts, 0x[0-9a-f]*: the translation' 'sites: a translation that is none' \
	"$vrom" sites "$tmp/foreign.elf"
cp "$old" "$tmp/nowhere.elf"
poke "$tmp/nowhere.elf" "$(offset "$old" .vmi.annotation)+23" 0xff
is 1 ': annotation 1, of DisableInterrupts, 0xff[0-9a-f]*: the site lies outside' 'sites: an annotation of nothing' \
	"$vrom" sites "$tmp/nowhere.elf"

# ---- vrom check ----

text=$(offset "$good" .text)
sites=$(offset "$good" .vrom.sites)
native=$(offset "$good" .vrom.native)
is 0 '^all is well' 'check: a good kernel' "$vrom" check "$good"
is 0 '^all is well' 'check: its table inside .rodata' "$vrom" check "$tmp/merged.elf"
is 0 'exempt, in .text.early' 'check: .text.early is exempt' "$vrom" check "$good"
is 0 '"ok": true' 'check --json' "$vrom" check --json "$good"

is 1 'sensitive instructions outside all sites .* 5 must' 'check: without annotations all of it is sensitive' \
	"$vrom" check "$tmp/bare.elf"
isnt 'site 0' 'check: and there are no sites'

kernel branch -DPLANT_BRANCH
is 1 'must .*work (.text): jmp .*into the middle of site 0, 1 bytes' 'check: a jump into a site' \
	"$vrom" check "$tmp/branch.elf"
kernel call -DPLANT_CALL
is 1 'must .*call .*into the middle of site 0' 'check: a call into a site' "$vrom" check "$tmp/call.elf"
kernel address -DPLANT_ADDRESS
is 0 'note .*mov .*address.*site 0' 'check --notes: an address inside a site' "$vrom" check --notes "$tmp/address.elf"
is 0 'branches .* 1 note' 'check: notes are counted' "$vrom" check "$tmp/address.elf"
kernel overrun -DPLANT_OVERRUN
is 1 'must .*site 5: an instruction at .* runs into it' 'check: an instruction that runs into a site' \
	"$vrom" check "$tmp/overrun.elf"
kernel exempt -DPLANT_EXEMPT
is 1 'must .*exempted (.text): hlt: it traps' 'check: a function that is not exempt' "$vrom" check "$tmp/exempt.elf"
is 0 'exempt, in .text.early, exempted' 'check: --exempt' "$vrom" check --exempt exempted "$tmp/exempt.elf"
is 1 'no executable section or function' 'check: --exempt of nothing' "$vrom" check --exempt nothing "$tmp/exempt.elf"
is 0 'exempt' 'check: --exempt of a section' "$vrom" check --exempt .text "$tmp/exempt.elf"

# Every instruction that must not be outside a site.
while IFS='|' read -r instruction pattern; do
	kernel sensitive "-DPLANT_SENSITIVE=$instruction"
	is 1 "^must .*(.text): $pattern" "check: finds $instruction" "$vrom" check "$tmp/sensitive.elf"
done <<'LIST'
cli|cli: it traps.*DisableInterrupts
sti|sti: it traps.*EnableInterrupts
hlt|hlt: it traps.*Halt
pushfl|pushfl: it shows.*GetInterruptMask
popfl|popfl: .*does not trap: use SetInterruptMask
iret|iret: .*use IRET
pushfw|pushf
mov %cr0, %eax|mov %cr0, %eax: it traps.*GetCR0
mov %eax, %cr4|mov %eax, %cr4: it traps.*SetCR4
mov %eax, %dr7|mov %eax, %dr7: it traps.*SetDR
mov %dr6, %ebx|mov %dr6, %ebx: it traps.*GetDR
lgdt (%eax)|lgdt.*SetGDT
lidt (%eax)|lidt.*SetIDT
lldt %ax|lldt.*SetLDT
ltr %ax|ltr.*SetTR
clts|clts: it traps.*CLTS
lmsw %ax|lmsw
invlpg (%eax)|invlpg.*InvalPage
wbinvd|wbinvd
invd|invd
rdmsr|rdmsr
wrmsr|wrmsr
rdpmc|rdpmc
inb %dx, %al|in .*INB
inl $0x40, %eax|in .*INL
outw %ax, %dx|out .*OUTW
rep insl|rep ins
rep outsb|rep outs
sysexit|sysexit
sgdt (%eax)|sgdt.*GetGDT
sidt (%eax)|sidt.*GetIDT
sldt %ax|sldt.*GetLDT
str %ax|str.*GetTR
smsw %ax|smsw
lar %ax, %bx|lar
lsl %ax, %bx|lsl
verr %ax|verr
verw %ax|verw
ljmp $8, $0|ljmp
lcall *(%eax)|lcall
lret|lret
push %cs|push %cs: it shows
push %ss|push %ss: it shows
monitor|monitor
mwait|mwait
LIST
# What is worth a note, and what is nothing at all.
# Dollars here are the assembler's.
# shellcheck disable=SC2016
for instruction in rdtsc cpuid 'mov %cs, %eax' 'int $0x80' 'mov %eax, %ds' 'pop %es' 'mov %eax, %ss' 'lss (%eax), %esp'; do
	kernel harmless "-DPLANT_SENSITIVE=$instruction"
	is 0 '^note .*(.text)' "check --notes: $instruction is a note" "$vrom" check --notes "$tmp/harmless.elf"
done
# shellcheck disable=SC2016
for instruction in 'mov %ds, %eax' 'push %es' 'mov %eax, %ebx' sysenter pushal 'ret $4' 'jmp *%eax'; do
	kernel harmless "-DPLANT_SENSITIVE=$instruction"
	is 0 '^all is well' "check --notes: $instruction" "$vrom" check --notes "$tmp/harmless.elf"
	isnt '^note' "check --notes: $instruction is nothing to note"
done

# Site 0 is at the start of .text: fa and a nop of 7 bytes. Its record is 8 bytes, its seal 01 fa.
plant byte && poke "$tmp/byte.elf" "$text" 0xfb
is 1 'site 0: it does not hold what the build put there: byte 0 is 0xfb, by the seal 0xfa' 'check: a changed byte' \
	"$vrom" check "$tmp/byte.elf"
plant padding && poke "$tmp/padding.elf" "$text+1" 0x90 0x90 0x90 0x90 0x90 0x90 0x90
is 1 'site 0: .*recommended nops' 'check: other padding' "$vrom" check "$tmp/padding.elf"
plant half && poke "$tmp/half.elf" "$text" 0x0f && poke "$tmp/half.elf" "$native+1" 0x0f
is 1 'site 0: .*not whole instructions' 'check: half an instruction' "$vrom" check "$tmp/half.elf"
plant unknown && poke "$tmp/unknown.elf" "$sites+4" 200
is 1 'site 0: it is for call 200' 'check: an unknown call' "$vrom" check "$tmp/unknown.elf"
is 0 'call 200' 'sites: an unknown call' "$vrom" sites "$tmp/unknown.elf"
plant small && poke "$tmp/small.elf" "$sites+5" 4
is 1 'site 0: it has 4 bytes, and DisableInterrupts needs 5' 'check: a small site' "$vrom" check "$tmp/small.elf"
plant operands && poke "$tmp/operands.elf" "$sites+7" 0x80
is 1 'site 0: its operands .* make no sense' 'check: operands' "$vrom" check "$tmp/operands.elf"
plant outside && poke "$tmp/outside.elf" "$sites+2" 0x40
is 1 'site 0: .*not all in one executable section' 'check: a site elsewhere' "$vrom" check "$tmp/outside.elf"
plant overlap && poke "$tmp/overlap.elf" "$sites+8" "$(($(byte "$good" "$sites+8") - 1))"
is 1 'site 1: it overlaps site 0' 'check: overlapping sites' "$vrom" check "$tmp/overlap.elf"
plant twice && poke "$tmp/twice.elf" "$sites+8" "$(($(byte "$good" "$sites+8") - 8))"
is 1 'site 1: it is at the same address as site 0' 'check: a site twice' "$vrom" check "$tmp/twice.elf"
plant seal && poke "$tmp/seal.elf" "$native" 255
is 1 'the seal ends before site 0' 'check: a seal that ends early' "$vrom" check "$tmp/seal.elf"
plant long && poke "$tmp/long.elf" "$native" 9
is 1 'by the seal, and it has room for' 'check: a seal that says too much' "$vrom" check "$tmp/long.elf"
is 1 'its seal .vrom.native is not' 'check: no seal' "$vrom" check "$tmp/unsealed.elf"
is 1 '^note there is no site table.*linker script drops' 'check --notes: a discarded table' \
	"$vrom" check --notes "$tmp/discarded.elf"

# ---- vrom check KERNEL ROM ----

for rom in native count; do
	is 0 '^ *6 .*IRET .*\(call\|jump\|in line\) ' "check, $rom ROM: what a site becomes" "$vrom" check "$good" "$build/$rom.rom"
	is 0 'with .*: 7 sites, ' "check, $rom ROM: the sum" "$vrom" check "$good" "$build/$rom.rom"
	is 0 '"accepted": true' "check, $rom ROM: --json" "$vrom" check --json "$good" "$build/$rom.rom"
done
is 0 'push %edi; push %esi; call 0xc00d[0-9a-f]*; lea 0x8(%esp), %esp' 'check, native ROM: arguments on the stack' \
	"$vrom" check "$good" "$build/native.rom"
is 0 'SetAlarm .*call 0xd0[0-9a-f]\{3\};' 'check: --rom-at' "$vrom" check --rom-at 0xd0000 "$good" "$build/native.rom"
is 2 'address of 32 bits' 'check: --rom-at without an address' "$vrom" check --rom-at here "$good" "$build/native.rom"
is 1 'refuses all of it because of this site for DisableInterrupts' 'check, ROM: a changed byte' \
	"$vrom" check "$tmp/byte.elf" "$build/native.rom"
is 1 'no sites' 'check, ROM: no sites' "$vrom" check "$tmp/bare.elf" "$build/native.rom"

# rom NAME OFFSET VALUE...: a copy of the native ROM with other bytes and a right sum. Byte 7 is free.
rom() {
	rom=$tmp/$1.rom
	cp "$build/native.rom" "$rom"
	shift
	poke "$rom" "$@"
	sum=$("$vrom" show "$rom" 2>/dev/null | sed -n 's/.*the sum of .* bytes is \(0x..\).*/\1/p')
	poke "$rom" 7 "$((($(byte "$rom" 7) + 256 - sum) % 256))"
}
rom loop 0x88 0xeb 0xfe
is 0 'does not come back' 'show: a get_reloc that runs away' "$vrom" show "$tmp/loop.rom"
is 1 'refuses all of it.*does not come back' 'check: a get_reloc that runs away' "$vrom" check "$good" "$tmp/loop.rom"
rom crash 0x88 0x0f 0x0b
is 0 'get_reloc crashes' 'show: a get_reloc that crashes' "$vrom" show "$tmp/crash.rom"
is 1 'refuses all of it.*crashes' 'check: a get_reloc that crashes' "$vrom" check "$good" "$tmp/crash.rom"
rom odd 0x88 0xb2 7 0xc3
is 0 'type 7' 'show: an unknown answer' "$vrom" show "$tmp/odd.rom"
is 0 'crashes .*BUG at its first site' 'show: what Linux says to it' "$vrom" show "$tmp/odd.rom"
is 1 'refuses all of it.*unknown type' 'check: an unknown answer' "$vrom" check "$good" "$tmp/odd.rom"
rom none 0x88 0x31 0xd2 0xc3
is 0 'IRET is not provided' 'show: a ROM that provides nothing' "$vrom" show "$tmp/none.rom"
is 1 'because of this site for IRET' 'check: a ROM that provides nothing' "$vrom" check "$good" "$tmp/none.rom"
rom far 0x88 0x31 0xc0 0xb2 1 0xc3
is 1 'cannot be reached' 'check: a target outside the ROM' "$vrom" check "$good" "$tmp/far.rom"

# ---- vrom show ----

is 0 'Linux guest.*accepts it' 'show: Linux accepts the native ROM' "$vrom" show "$build/native.rom"
is 0 'the vrom library accepts it' 'show: so does the library' "$vrom" show "$build/native.rom"
is 0 'vendor, device *15ad:0801' 'show: the PCI id' "$vrom" show "$build/native.rom"
is 0 '33 *IRET *call *0xc00d.*ROM + ' 'show: an answer' "$vrom" show "$build/native.rom"
is 0 '33 *IRET *call *0x000d' 'show: --rom-at' "$vrom" show --rom-at 0xd0000 "$build/native.rom"
is 0 '^templates$' 'show: templates' "$vrom" show "$build/count.rom"
is 0 '[0-9]  EnableInterrupts   incl %ss:0xc00d0074; sti$' 'show: the code of one' "$vrom" show "$build/count.rom"
is 0 '12 bytes, changes flags; arguments constant, register, any$' 'show: its arguments' "$vrom" show "$build/count.rom"
is 0 'hole at 8: plus argument 1$' 'show: a hole' "$vrom" show "$build/count.rom"
is 0 'hole at 7: plus argument 2, if 0 to 255 comes out$' 'show: a hole for a port' "$vrom" show "$build/count.rom"
is 0 'if argument 1 & 0x2 is 0x0$' 'show: a guard with a mask' "$vrom" show "$build/count.rom"
is 0 'if argument 1 is 0x2$' 'show: a guard' "$vrom" show "$build/native.rom"
is 0 'SetLazyMode        nothing is to be done$' 'show: a template without code' "$vrom" show "$build/monitor.rom"
"$vrom" show --json "$build/native.rom" >"$tmp/show.json"
python3 - "$tmp/show.json" >"$tmp/out" 2>&1 <<'END'
import json, sys
cycles = [t for t in json.load(open(sys.argv[1]))["extension"]["templates"] if t["call"] == "GetCycleCounter"]
assert [t["guards"] for t in cycles] == [[{"argument": 1, "mask": 0xFFFFFFFE, "value": 0}],
                                         [{"argument": 1, "mask": 0xFFFFFFFF, "value": 2}]], cycles
assert [h["kind"] for h in cycles[0]["holes"]] == ["rom", "rel"] and cycles[1]["holes"] == [], cycles
assert all(t["arguments"] == ["constant"] and t["interrupts"] == "anywhere" for t in cycles), cycles
assert cycles[0]["changes"] == "ecx flags" and cycles[0]["length"] == 19, cycles
END
say $? 'show: templates, --json'
first=$(($(od -An -tu4 -j 0x28 -N 4 "$build/count.rom")))
poke_template() { # NAME OFFSET VALUE: the first template of the count ROM with another byte
	cp "$build/count.rom" "$tmp/$1.rom" && poke "$tmp/$1.rom" $((first + $2)) "$3"
}
poke_template kind 9 0x99 && is 1 'of the unknown kind 9$' 'show: a hole of an unknown kind' "$vrom" show "$tmp/kind.rom"
poke_template long 1 200 && is 1 '200 bytes, of which there can be 24:' 'show: a template that is too long' "$vrom" show "$tmp/long.rom"
poke_template place 8 255 && is 1 'hole at 255: plus the ROM' 'show: a hole beyond the code' "$vrom" show "$tmp/place.rom"
poke_template number 0 250 && is 1 '0  call 250 ' 'show: a template for no call' "$vrom" show "$tmp/number.rom"
poke_template outside 6 1 && is 1 'no interrupt inside$' 'show: where interrupts may come' "$vrom" show "$tmp/outside.rom"
is 0 '"verdict": "accepts"' 'show: --json' "$vrom" show --json "$build/native.rom"
licence=$(od -An -tu2 -j 0x16 -N 2 "$build/native.rom" | tr -d ' ')
rom proprietary "$licence" 0x58
is 0 'refuses .*licence is not exactly' 'show: another licence' "$vrom" show "$tmp/proprietary.rom"
rom pciless 0x18 0 0
is 0 'refuses .*no PCI header' 'show: no PCI header' "$vrom" show "$tmp/pciless.rom"
rom major 0x0d 13
is 1 'refuses .*version 13' 'show: another major version' "$vrom" show "$tmp/major.rom"
cp "$build/native.rom" "$tmp/sum.rom" && poke "$tmp/sum.rom" 0x7 1
is 1 'the bytes of the ROM do not sum to zero' 'show: a bad sum' "$vrom" show "$tmp/sum.rom"

# Truncated everywhere, every header byte turned over: a reason, and no crash.
wrong=0
size=$(size_of "$build/native.rom")
for length in $(seq 512 512 "$((size - 1))") 1 2 8 100 143 144 145; do
	head -c "$length" "$build/native.rom" >"$tmp/cut.rom"
	"$vrom" show "$tmp/cut.rom" >"$tmp/out" 2>&1
	[ $? = 1 ] && grep -q '^vrom: ' "$tmp/out" || wrong=$((wrong + 1))
done
say "$wrong" 'show: a truncated ROM'
wrong=0
for at in $(seq 0 143); do
	cp "$build/native.rom" "$tmp/turned.rom"
	poke "$tmp/turned.rom" "$at" "$((255 - $(byte "$build/native.rom" "$at")))"
	"$vrom" show "$tmp/turned.rom" >"$tmp/out" 2>&1
	[ $? = 1 ] && grep -q '^vrom: ' "$tmp/out" || wrong=$((wrong + 1))
done
say "$wrong" 'show: every byte of the header turned over'
for command in sites check run; do
	wrong=0
	size=$(size_of "$good")
	for length in $(seq 1 53) $(seq 60 97 "$((size - 1))"); do
		head -c "$length" "$good" >"$tmp/cut.elf"
		if [ "$command" = run ]; then
			"$vrom" run --dry-run "$tmp/cut.elf" >"$tmp/out" 2>&1
		else
			"$vrom" "$command" "$tmp/cut.elf" >"$tmp/out" 2>&1
		fi
		status=$?
		# QEMU needs no section headers, which come last.
		[ "$status" = 1 ] && grep -q '^vrom: ' "$tmp/out" || [ "$command$status" = run0 ] || wrong=$((wrong + 1))
	done
	say "$wrong" "$command: a truncated kernel"
done
for at in 28 32 44 46 48 50; do
	plant header && poke "$tmp/header.elf" "$at" 0xff 0xff
	for command in sites check; do
		"$vrom" "$command" "$tmp/header.elf" >"$tmp/out" 2>&1
		[ $? -le 1 ]
		say $? "$command: the header's field at $at is absurd"
	done
done

# ---- vrom run ----

is 0 '^qemu-system-i386 .*-kernel ' 'run: --dry-run' "$vrom" run --dry-run "$good"
cp "$build/native.rom" "$tmp/a,b.rom"
is 0 'a,,b.rom' 'run: a comma in a name' "$vrom" run --dry-run --rom "$tmp/a,b.rom" "$good"
is 0 " -icount shift=0 .* -append 'a b' -S\$" 'run: options are passed on' \
	"$vrom" run --dry-run --icount --append 'a b' "$good" -- -S
is 1 'apt install qemu-system-x86' 'run: no QEMU' "$vrom" run --qemu "$tmp/no-qemu" "$good"
is 1 'do not sum to zero.*--force' 'run: a bad ROM' "$vrom" run --dry-run --rom "$tmp/sum.rom" "$good"
is 0 'option-rom' 'run: a bad ROM with --force' "$vrom" run --dry-run --force --rom "$tmp/sum.rom" "$good"
is 2 'number of seconds' 'run: --timeout of nothing' "$vrom" run --timeout soon "$good"
is 2 'megabytes' 'run: --memory of nothing' "$vrom" run --memory 0 "$good"
plant plain && poke "$tmp/plain.elf" "$(offset "$good" .text.early)" 0
is 1 'no multiboot header' 'run: an ELF file that is no kernel' "$vrom" run --dry-run "$tmp/plain.elf"
is 1 'not for i386' 'run: a program of this machine' "$vrom" run --dry-run "$vrom"

# A Linux image as far as its header goes: two setup sectors and 1024 bytes.
head -c 2560 /dev/zero >"$tmp/bzImage"
poke "$tmp/bzImage" 0x1f1 2
poke "$tmp/bzImage" 0x1f4 64
poke "$tmp/bzImage" 0x1fe 0x55 0xaa
poke "$tmp/bzImage" 0x202 0x48 0x64 0x72 0x53 4 2
poke "$tmp/bzImage" 0x211 1
is 0 '-append console=ttyS0$' 'run: Linux gets a console' "$vrom" run --dry-run "$tmp/bzImage"
is 0 "-append 'quiet console=ttyS0'" 'run: beside what it is told' "$vrom" run --dry-run --append quiet "$tmp/bzImage"
is 0 '-append console=tty0$' 'run: unless it has one' "$vrom" run --dry-run --append console=tty0 "$tmp/bzImage"
head -c 2000 "$tmp/bzImage" >"$tmp/cut.bzImage"
is 1 '2560 bytes, of which 2000 are here: it is truncated' 'run: a truncated Linux' "$vrom" run "$tmp/cut.bzImage"
head -c 530 "$tmp/bzImage" >"$tmp/cut.bzImage"
is 1 'ends inside its header' 'run: a Linux without a header' "$vrom" run "$tmp/cut.bzImage"
is 0 'Linux will not use it.*licence' 'run: a ROM that Linux refuses' \
	"$vrom" run --dry-run --rom "$tmp/proprietary.rom" "$tmp/bzImage"
is 1 'cannot be opened' 'run: no initrd' "$vrom" run --initrd "$tmp/none" "$tmp/bzImage"

# On the monitor. "$on" is split into words.
monitor=$build/monitor.elf
on="run --dry-run --host monitor --monitor $monitor"
# shellcheck disable=SC2086
{
	is 0 "-kernel $monitor -append mode=inline -initrd $good\$" 'run, monitor: the kernel is a module' "$vrom" $on "$good"
	is 0 "-append 'mode=call restart=1 stats trust=devices' " 'run, monitor: its options' \
		"$vrom" $on --mode call --restart --stats --trust-devices "$good"
	is 0 "-append 'mode=trap restart=7' " 'run, monitor: --restart=N' "$vrom" $on --mode trap --restart=7 "$good"
	is 0 "-initrd '$good a,,b c,$tmp/x,,y z'\$" 'run, monitor: arguments, and a second module' \
		"$vrom" $on --append 'a,b c' --initrd "$tmp/x,y z" "$good"
	is 0 "-initrd '$tmp/bzImage quiet console=ttyS0,$good'\$" 'run, monitor: Linux' \
		"$vrom" $on --append quiet --initrd "$good" "$tmp/bzImage"
	is 1 'cannot be opened' 'run, monitor: no initrd' "$vrom" $on --initrd "$tmp/none" "$tmp/bzImage"
	cp "$good" "$tmp/a kernel.elf"
	is 1 'a kernel.elf: .*ends at a space' 'run, monitor: a space in the name of a kernel' "$vrom" $on "$tmp/a kernel.elf"
	is 1 'ends at a space' 'run, monitor: a space in its own name' "$vrom" $on --monitor "$tmp/a kernel.elf" "$good"
	is 1 'ends at a space' 'run, monitor: a space in the name of an initrd' \
		"$vrom" $on --initrd "$tmp/a kernel.elf" "$tmp/bzImage"
	is 1 'longer than the 254 characters' 'run, monitor: too many arguments' "$vrom" $on --append "$(seq -s, 99)" "$good"
	is 1 'ends inside its header' 'run, monitor: a truncated Linux' "$vrom" $on "$tmp/cut.bzImage"
	is 1 'no multiboot header' 'run, monitor: an ELF file that is no kernel' "$vrom" $on "$tmp/plain.elf"
	is 1 'no multiboot header' 'run, monitor: --monitor of something else' "$vrom" $on --monitor "$tmp/plain.elf" "$good"
	is 1 'no monitor' 'run, monitor: --monitor of a Linux' "$vrom" $on --monitor "$tmp/bzImage" "$good"
	is 1 "$tmp/none: cannot be opened" 'run, monitor: --monitor of nothing' "$vrom" $on --monitor "$tmp/none" "$good"
	is 2 'publishes a ROM of its own' 'run, monitor: no --rom' "$vrom" $on --rom "$build/native.rom" "$good"
	is 2 'trap, call, four or inline' 'run, monitor: an unknown mode' "$vrom" $on --mode fast "$good"
	is 2 'how many more times' 'run, monitor: --restart of nothing' "$vrom" $on --restart=often "$good"
	is 2 'how many more times' 'run, monitor: --restart in hexadecimal' "$vrom" $on --restart=0x10 "$good"
}
is 2 'bare or monitor' 'run: an unknown host' "$vrom" run --host cloud "$good"
is 0 "-kernel $good\$" 'run: --host bare is the default' "$vrom" run --dry-run --host bare "$good"
for option in --stats --restart --trust-devices --mode=trap --monitor=x; do
	is 2 "${option%=*} is for --host monitor" "run: $option without the monitor" "$vrom" run --dry-run "$option" "$good"
done
mkdir -p "$tmp/bin" "$tmp/share/vrom"
cp "$vrom" "$tmp/bin/vrom"
is 1 "neither in $tmp/bin/ nor in " 'run, monitor: there is none' "$tmp/bin/vrom" run --dry-run --host monitor "$good"
cp "$monitor" "$tmp/share/vrom/monitor.elf"
is 0 "-kernel $tmp/bin/../share/vrom/monitor.elf " 'run, monitor: as installed' \
	"$tmp/bin/vrom" run --dry-run --host monitor "$good"
cp "$monitor" "$tmp/bin/monitor.elf"
is 0 "-kernel $tmp/bin/monitor.elf " 'run, monitor: as built' "$tmp/bin/vrom" run --dry-run --host monitor "$good"

# A child that does not want to end is ended, and nothing else is.
cat >"$tmp/stubborn" <<SCRIPT
#!/bin/sh
trap '' TERM INT HUP
echo \$\$ >"$tmp/pid"
while :; do sleep 1; done
SCRIPT
chmod +x "$tmp/stubborn"
is 124 'timed out after 0.5 seconds' 'run: out of time' "$vrom" run --timeout 0.5 --qemu "$tmp/stubborn" "$good"
! kill -0 "$(cat "$tmp/pid")" 2>/dev/null
say $? 'run: out of time, the child is gone'
rm -f "$tmp/pid"
"$vrom" run --timeout 60 --qemu "$tmp/stubborn" "$good" >"$tmp/out" 2>&1 &
ours=$!
while [ ! -s "$tmp/pid" ]; do sleep 0.1; done
kill -TERM "$ours"
wait "$ours"
[ $? = 130 ] && grep -q interrupted "$tmp/out"
say $? 'run: interrupted'
! kill -0 "$(cat "$tmp/pid")" 2>/dev/null
say $? 'run: interrupted, the child is gone'
for status in 3:1 0:1 33:0 35:1 69:1; do
	printf '#!/bin/sh\nexit %s\n' "${status%:*}" >"$tmp/fake"
	chmod +x "$tmp/fake"
	"$vrom" run --qemu "$tmp/fake" "$good" >"$tmp/out" 2>&1
	[ $? = "${status#*:}" ]
	say $? "run: QEMU's status ${status%:*} is ${status#*:}"
done
for status in '33:0:' '35:1:the guest says that it failed' '37:1:the monitor stopped the guest' \
	'39:1:the monitor could not run the guest' '41:1:unknown value 0x14' '0:1:reset or powered off'; do
	printf '#!/bin/sh\nexit %s\n' "${status%%:*}" >"$tmp/fake"
	rest=${status#*:}
	is "${rest%%:*}" "${rest#*:}" "run, monitor: QEMU's status ${status%%:*}" \
		"$vrom" run --host monitor --monitor "$monitor" --json --qemu "$tmp/fake" "$good"
done
printf '#!/bin/sh\nexit 37\n' >"$tmp/fake"
is 1 'unknown value 0x12' "run: the monitor's values from another guest" "$vrom" run --json --qemu "$tmp/fake" "$good"
grep -q '"host":"bare","mode":null,' "$tmp/out"
say $? 'run: --json, on what it ran'
is 1 '"host":"monitor","mode":"call",.*"result":"stopped"' 'run, monitor: --json' \
	"$vrom" run --host monitor --monitor "$monitor" --mode call --json --qemu "$tmp/fake" "$good"

if command -v qemu-system-i386 >/dev/null; then
	kernel pass -DEND=0x10
	kernel fail -DEND=0x11
	kernel odd -DEND=0x22
	kernel reset -DRESET
	kernel echo -DECHO -DEND=0x10
	is 0 '^hello from the kernel' 'run: a guest that passes' "$vrom" run "$tmp/pass.elf"
	is 1 'the guest says that it failed' 'run: a guest that fails' "$vrom" run "$tmp/fail.elf"
	is 1 'unknown value 0x22' 'run: a guest with another value' "$vrom" run "$tmp/odd.elf"
	is 1 'reset or powered off and did not say' 'run: a guest that faults' "$vrom" run "$tmp/reset.elf"
	is 124 'timed out after 3 seconds' 'run: a guest that hangs' "$vrom" run --timeout 3 "$good"
	is 0 '^hello from' 'run: with a ROM and --icount' "$vrom" run --rom "$build/native.rom" --icount "$tmp/pass.elf"
	is 0 '^hello from' 'run, monitor: a guest that passes' "$vrom" run --host monitor --monitor "$monitor" "$tmp/pass.elf"
	is 1 'the guest says that it failed' 'run, monitor: a guest that fails' \
		"$vrom" run --host monitor --monitor "$monitor" "$tmp/fail.elf"
	"$vrom" run --json "$tmp/pass.elf" 2>&1 | tail -n 1 | grep -q '"result":"passed","status":0,'
	say $? 'run: --json, the last line'
	is 1 . 'run: --json-file' "$vrom" run --json-file "$tmp/json" "$tmp/fail.elf"
	grep -q '"result":"failed","status":1,.*"guest_value":17' "$tmp/json"
	say $? 'run: --json-file, the file'
	printf 'abc.' | "$vrom" run --stdin --timeout 20 "$tmp/echo.elf" >"$tmp/out" 2>&1 && grep -q 'abc\.' "$tmp/out"
	say $? 'run: --stdin'
fi
the_end
