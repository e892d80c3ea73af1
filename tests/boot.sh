#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Boots the kernels of a build with every ROM. The demonstration kernel's own tests are passed on; its figures are not
# judged. Prints TAP.
#
#	boot.sh BUILD
set -u
build=$1
out=$build/boot.out
. "$(dirname "$0")/tap.sh"

# has NAME PATTERN: whether the last boot printed it
has() {
	grep -Eq -- "$2" "$out"
	say $? "$1"
}

# boot NAME KERNEL OPTION...
boot() {
	name=$1
	kernel=$2
	shift 2
	"$build/vrom" run "$build/$kernel" --timeout 120 "$@" >"$out" 2>&1 </dev/null
	say $? "$name: ends well"
	if grep -q '^not ok' "$out"; then
		grep '^not ok' "$out" | sed 's/^/# /'
		say 1 "$name: tests of its own failed"
	fi
}

for icount in '' --icount; do
	# An empty $icount is to be no argument.
	# shellcheck disable=SC2086
	boot "guest, no ROM $icount" guest.elf $icount
	has "guest, no ROM $icount: all sites native" '^vrom: sites=([0-9]+) native=\1 called=0 '
	has "guest, no ROM $icount: runs its tests" '^ok 25'
	plan=$(grep -Eo '^1\.\.[0-9]+' "$out" | tail -n 1)
	for rom in native count; do
		# shellcheck disable=SC2086
		boot "guest, $rom ROM $icount" guest.elf --rom "$build/$rom.rom" $icount
		has "guest, $rom ROM $icount: sites are called" '^vrom: sites=.* called=[1-9]'
		has "guest, $rom ROM $icount: runs the same tests" "^${plan:-none}"
	done
done
has "guest, count ROM: has code in line" '^vrom: sites=.* inlined=[1-9]'
has "guest, count ROM: its counts agree with the kernel's" '^ok [0-9]+ - the ROM counted every SetPxE[^#]*$'
boot "guest without annotations" guest-plain.elf
boot "hello, no ROM" hello.elf
boot "hello, native ROM" hello.elf --rom "$build/native.rom"
boot "hello, count ROM" hello.elf --rom "$build/count.rom"

for kernel in guest.elf hello.elf; do
	for rom in '' "$build/native.rom" "$build/count.rom"; do
		# shellcheck disable=SC2086
		"$build/vrom" check "$build/$kernel" $rom >"$out" 2>&1
		say $? "vrom check $kernel ${rom##*/}"
	done
done
the_end
