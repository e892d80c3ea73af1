#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Boots the kernels of a build on the monitor, in each mode, and more than once; and gives the monitor what it cannot run:
# it has to say so. Prints TAP.
#
#	monitor.sh BUILD
set -u
build=$1
out=$build/monitor.out
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/tap.sh"

# has NAME PATTERN: whether the last boot printed it
has() {
	grep -Eq -- "$2" "$out"
	say $? "$1"
}

# prints COUNT NAME PATTERN: whether the last boot printed so many lines like it
prints() {
	[ "$(grep -Ec -- "$3" "$out")" = "$1" ]
	say $? "$2"
}

# boot STATUS NAME KERNEL OPTION...: the last boot of it ends so, 0 if well
boot() {
	want=$1
	name=$2
	kernel=$3
	shift 3
	"$build/vrom" run "$kernel" --host monitor --timeout 120 "$@" >"$out" 2>&1 </dev/null
	[ $? = "$want" ]
	say $? "$name: ends as it should"
	if grep -q '^not ok' "$out"; then
		grep '^not ok' "$out" | sed 's/^/# /'
		say 1 "$name: tests of its own failed"
	fi
	has "$name: the monitor's memory is intact" '^monitor: memory intact'
}

# fails NAME PATTERN QEMU-OPTION...: the monitor says what is wrong with it, and ends the machine with 13h
fails() {
	name=$1
	pattern=$2
	shift 2
	timeout 60 qemu-system-i386 -nodefaults -no-reboot -accel tcg -display none -serial stdio \
		-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$build/monitor.elf" "$@" >"$out" 2>&1 </dev/null
	[ $? = $((2 * 0x13 + 1)) ]
	say $? "$name: is refused"
	has "$name: with a reason" "^monitor: failed: .*$pattern"
}

# kernel NAME START FLAG...: builds $tmp/NAME.elf, for that address
kernel() {
	name=$1
	sed "s/0x100000/$2/" tests/tool/kernel.ld >"$tmp/kernel.ld"
	shift 2
	gcc -m32 -march=i686 -Iinclude "$@" -c -o "$tmp/kernel.o" tests/tool/kernel.S &&
		ld -m elf_i386 -nostdlib -z noexecstack -L include -T "$tmp/kernel.ld" -o "$tmp/$name.elf" "$tmp/kernel.o"
	say $? "the kernel $name builds"
}

# ---- What runs ----

"$build/vrom" run "$build/guest.elf" --timeout 120 >"$out" 2>&1 </dev/null
plan=$(grep -Eo '^1\.\.[0-9]+' "$out" | tail -n 1)
for mode in inline call; do
	for icount in '' --icount; do
		# An empty $icount is to be no argument.
		# shellcheck disable=SC2086
		boot 0 "guest, $mode $icount" "$build/guest.elf" --mode $mode $icount
		has "guest, $mode $icount: sites are called" '^vrom: sites=.* called=[1-9]'
		has "guest, $mode $icount: runs the same tests as on bare hardware" "^${plan:-none}"
		case $mode in
		inline) has "guest, inline $icount: has code in line" '^vrom: sites=.* inlined=[1-9]' ;;
		call) has "guest, call $icount: has no code in line" '^vrom: sites=.* inlined=0' ;;
		esac
	done
	boot 0 "hello, $mode" "$build/hello.elf" --mode $mode
	has "hello, $mode: its calls work" '^hello: the calls work'
done

# Three boots of one guest in one monitor. Each is as good as the first, and knows which it is.
boot 0 "guest, three times" "$build/guest.elf" --restart=2 --stats
prints 3 "guest, three times: runs all its tests each time" "^${plan:-none}"
prints 3 "guest, three times: passes each time" '^monitor: the guest ended with 10'
prints 3 "guest, three times: the monitor's memory is intact each time" '^monitor: memory intact'
prints 1 "guest, three times: there is a third boot" '^monitor: boot 2: '
prints 0 "guest, three times: and no fourth" '^monitor: boot 3: '
prints 3 "guest, three times: statistics of each" '^monitor: stat count=[1-9][0-9]* cycles=.* SetCR3'
[ "$(grep -o '^vrom: sites=.*' "$out" | sort -u | wc -l)" = 1 ]
say $? "guest, three times: patched in the same way each time"

# With no ROM, nothing is patched. A kernel that asks for the interrupt flag is told what the machine's is.
boot 0 "guest, trap" "$build/guest.elf" --mode trap
has "guest, trap: all sites native" '^vrom: sites=([0-9]+) native=\1 called=0 '
boot 1 "hello, trap" "$build/hello.elf" --mode trap
has "hello, trap: finds no ROM" '^hello: native: there is no VMI ROM'

# ---- What breaks a rule, or ends by itself ----

kernel passes 0x100000 -DEND=0x10
kernel odd 0x100000 -DEND=0x42
kernel resets 0x100000 -DRESET
kernel stopped 0x100000 -DSTOPPED
kernel high 0x8000000 -DEND=0x10
kernel hole 0xffd00000 -DEND=0x10
kernel low 0x1000 -DEND=0x10
boot 0 "a small kernel" "$tmp/passes.elf"
boot 0 "a small kernel, with little memory" "$tmp/passes.elf" --memory 12
boot 1 "a kernel that ends with another value" "$tmp/odd.elf"
has "a kernel that ends with another value: it is passed on" 'unknown value 0x42'
boot 1 "a kernel that resets" "$tmp/resets.elf"
has "a kernel that resets: is no crash of the monitor" '^monitor: the guest reset the machine: triple fault'
boot 1 "a kernel that resets, twice" "$tmp/resets.elf" --restart
prints 2 "a kernel that resets, twice: boots again" '^hello from the kernel'
boot 1 "a kernel that breaks a rule" "$tmp/stopped.elf"
has "a kernel that breaks a rule: it is stopped" '^monitor: the guest is stopped: .*(vector|exception|interrupt)'
has "a kernel that breaks a rule: the report has its registers" '^monitor: eip [0-9a-f]+:[0-9a-f]+ flags '
has "a kernel that breaks a rule: so says the command" '^vrom: .*the monitor stopped the guest'
boot 1 "a kernel that breaks a rule, twice" "$tmp/stopped.elf" --restart
prints 2 "a kernel that breaks a rule, twice: boots again" '^hello from the kernel'

# ---- What the monitor cannot run ----

guest=$build/guest.elf
fails "no module" 'name a guest kernel' -m 64
fails "a text file" 'README.md is neither a multiboot ELF kernel nor a Linux bzImage' -m 64 -initrd README.md
: >"$tmp/empty"
fails "an empty file" 'is neither' -m 64 -initrd "$tmp/empty"
for size in 52 4200 8200 60000; do
	head -c "$size" "$guest" >"$tmp/cut.elf"
	fails "a kernel truncated to $size bytes" 'cut.elf is (truncated|neither)' -m 64 -initrd "$tmp/cut.elf"
done
fails "a kernel above all memory" 'high.elf does not fit' -m 64 -initrd "$tmp/high.elf"
fails "a kernel where the monitor is linked" 'hole.elf does not fit' -m 64 -initrd "$tmp/hole.elf"
fails "a kernel where the BIOS has its data" 'low.elf does not fit' -m 64 -initrd "$tmp/low.elf"
fails "a program for another processor" 'is no ELF executable for i386|neither' -m 64 -initrd "$build/vrom"
head -c 1048576 /dev/zero >"$tmp/big"
fails "an initrd that does not fit" 'big does not fit' -m 64 -append memory=2 -initrd "$tmp/passes.elf,$tmp/big"
fails "five modules" 'more than 4 modules' -m 64 -initrd "$guest,$guest,$guest,$guest,$guest"
fails "a long line of arguments" 'command line is too long' -m 64 -initrd "$guest $(seq -s ' ' 100)"
for size in 2 4 8; do
	fails "$size MiB of memory" 'too little memory' -m "$size" -initrd "$guest"
done
fails "a processor without large pages" 'pages of 4 MiB' -m 64 -cpu qemu32,-pse -initrd "$guest"
fails "a processor before the P6 family" "older than the P6 family" -m 64 -cpu pentium -initrd "$guest"
for option in nonsense mode=fast mode= restart=often restart= memory=1 memory=64x stats=yes trust=guest; do
	fails "the option $option" "option '$option' is not known" -m 64 -append "$option" -initrd "$guest"
done
fails "a good option and a bad one" "option 'trust' is not known" -m 64 -append 'mode=call stats trust' -initrd "$guest"
fails "an option that is too long to be one" 'is not known' -m 64 -append "$(seq -s '' 200)" -initrd "$guest"
the_end
