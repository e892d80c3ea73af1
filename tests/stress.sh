#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The stress guest on every host: what it finds itself, and on the monitor whether both count the same interrupts. Where the
# code in line is a hypervisor's own there are ten million operations. Prints TAP.
#
#	stress.sh BUILD [OPERATIONS]		OPERATIONS: for all of them
#
# How fast the timer is decides only how much is tried. Under an emulator an interrupt in the monitor takes long.
set -u
build=$1
out=$build/stress.out
. "$(dirname "$0")/tap.sh"

# value NAME: the number that follows NAME= in the last boot's output, or nothing
value() {
	grep -Eo "\\<$1=[0-9]+" "$out" | head -n 1 | cut -d = -f 2
}

# stress NAME OPERATIONS RATE KERNEL OPTION...
stress() {
	name=$1
	operations=${all:-$2}
	rate=$3
	kernel=$4
	shift 4
	"$build/vrom" run "$build/$kernel" --timeout 300 --append "ops=$operations rate=$rate" "$@" >"$out" 2>&1 </dev/null
	say $? "$name: ends well"
	grep -E '^(# |not ok|vrom:|monitor: (failed|the guest is stopped))' "$out" | sed 's/^# //; s/^/# /'
	# Results of its own, in the order of the others.
	grep -E '^ok ' "$out" | sed 's/^ok [0-9]* - //' >"$out.ok"
	while read -r line; do
		say 0 "$name: $line"
	done <"$out.ok"
	[ "$(value operations)" -ge "$operations" ] 2>/dev/null
	say $? "$name: $operations operations and more"
}

# counts NAME: guest and monitor agree
counts() {
	raised=$(value raised) merged=$(value merged) delivered=$(value delivered) seen=$(value deliveries) waiting=$(value waiting)
	echo "# raised $raised, merged $merged, delivered $delivered, waiting $waiting; the guest saw $seen"
	[ "${delivered:-x}" = "${seen:-y}" ]
	say $? "$1: the guest saw each interrupt that was delivered"
	[ "${raised:-0}" = $((${merged:-0} + ${delivered:-0} + ${waiting:-0})) ] && [ "${raised:-0}" -gt 0 ]
	say $? "$1: each that was raised was delivered, or merged into one that waited"
}

all=${2-}
stress "stress, no ROM" 1000000 10000 stress.elf
for rom in native count; do
	stress "stress, $rom ROM" 1000000 10000 stress.elf --rom "$build/$rom.rom"
done
stress "stress, monitor, in line" 10000000 1000 stress.elf --host monitor --mode inline --stats
counts "stress, monitor, in line"
stress "stress, monitor, called" 1000000 1000 stress.elf --host monitor --mode call --stats
counts "stress, monitor, called"
if [ -e "$build/monitor-sign.elf" ]; then
	stress "stress, sign flag, called" 1000000 1000 stress.elf --host monitor --monitor "$build/monitor-sign.elf" --stats
	counts "stress, sign flag, called"
	stress "stress, sign flag, in line" 10000000 1000 stress-wide.elf --host monitor --monitor "$build/monitor-sign.elf" --stats
	counts "stress, sign flag, in line"
fi
the_end
