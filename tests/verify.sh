#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The demonstration kernel on monitor-verify.elf, which compares all that it keeps of page tables with the guest's whenever a
# root is loaded, and stops the guest if anything is stale; and with a ROM that forgets to say what changed. Prints TAP.
#
#	verify.sh BUILD
set -u
build=$1
out=$build/verify.out
. "$(dirname "$0")/tap.sh"

# boot MONITOR OPTION...
boot() {
	monitor=$1
	shift
	"$build/vrom" run "$build/guest.elf" --host monitor --monitor "$build/$monitor.elf" --timeout 120 "$@" >"$out" 2>&1 </dev/null
}

for mode in inline call; do
	boot monitor-verify --mode $mode
	say $? "verified, $mode: the kernel's tests pass, and nothing is stale"
	! grep -q '^not ok' "$out"
	say $? "verified, $mode: no test of its own failed"
done
# By its functions: code in line would not forget.
boot monitor-forgets --mode call
[ $? = 1 ] && grep -q '^monitor: the guest is stopped: [0-9]* entries of the shadow of CR3 [0-9a-f]* are stale' "$out"
say $? "a ROM that forgets: what is stale is found"
the_end
