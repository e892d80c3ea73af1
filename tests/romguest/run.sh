#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# run.sh ROM...: the guest on each ROM of $BUILD, without PAE and with it. TAP, and a closing line.
# Time is counted in instructions, and idle time skipped, so that every run is the same.

out=$BUILD/romguest.out
: >"$out"
for rom; do
	for paging in plain pae; do
		echo "# $rom.rom, $paging" | tee -a "$out"
		"$BUILD/vrom" run "$BUILD/romguest.elf" --rom "$BUILD/$rom.rom" --append "$paging" --timeout 120 \
			-- -icount shift=1,sleep=off </dev/null >"$out.one"
		status=$?
		tee -a "$out" <"$out.one"
		# A guest that stops half way has no plan at the end.
		if ! grep -q '^1\.\.' "$out.one" || { [ $status -ne 0 ] && ! grep -q '^not ok' "$out.one"; }; then
			echo "not ok - $rom.rom, $paging: the guest did not finish" | tee -a "$out"
		fi
	done
done
rm -f "$out.one"
passed=$(grep -c '^ok ' "$out")
failed=$(grep -c '^not ok ' "$out")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
