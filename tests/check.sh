#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Runs every test of a build and counts: each prints TAP, and each "ok" and "not ok" is one. A test that ends badly
# without saying "not ok", or says nothing, is one failure more. What is not ok is shown; the rest is in
# BUILD/check.log.
#
#	check.sh BUILD
set -u

# check.sh passes COMMAND...: a command that prints no TAP passes if it ends well.
if [ "$1" = passes ]; then
	shift
	if output=$("$@" 2>&1); then
		echo "ok 1 - $*"
		exit
	fi
	echo "not ok 1 - $*"
	printf '%s\n' "$output" | tail -n 20 | sed 's/^/# /'
	exit 1
fi

build=$1
log=$build/check.log
passed=0
failed=0
skipped=0
: >"$log"

# run NAME COMMAND...
run() {
	name=$1
	shift
	printf '== %s: %s\n' "$name" "$*" >>"$log"
	timeout 600 "$@" >"$build/check.out" 2>&1 </dev/null
	status=$?
	cat "$build/check.out" >>"$log"
	good=$(grep -c '^ok' "$build/check.out")
	bad=$(grep -c '^not ok' "$build/check.out")
	skip=$(grep -ci '^ok.*# *skip' "$build/check.out")
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] || [ $((good + bad)) -eq 0 ]; then
		bad=$((bad + 1))
		printf '%s: ended with status %s\n' "$name" "$status"
		tail -n 15 "$build/check.out" | sed 's/^/    /'
	fi
	grep -A 6 '^not ok' "$build/check.out" | sed "s/^/$(printf '%s' "$name" | tr -d '/&'): /"
	passed=$((passed + good - skip))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
	printf '%-44s %5s passed%s%s\n' "$name" "$((good - skip))" "$([ "$bad" -gt 0 ] && echo ", $bad FAILED")" \
		"$([ "$skip" -gt 0 ] && echo ", $skip skipped")"
}

export CMOCKA_MESSAGE_OUTPUT=TAP
export MAKEFLAGS=
units() {
	run "$1patcher, what it writes" "$2/tests/plan"
	run "$1patcher, templates" "$2/tests/template"
	run "$1patcher, arguments that are constants" "$2/tests/constants"
	run "$1patcher, sites that are alike" "$2/tests/usual"
	run "$1patcher, what it refuses" "$2/tests/refuse"
	run "$1patcher, in which order" "$2/tests/attach"
	run "$1ROM reader" "$2/tests/rom" "$build/native.rom" "$build/count.rom"
	run "$1annotations of 2006" "$2/tests/annotation"
	run "$1fault at every site" "$2/tests/fault" "$build/guest.elf"
	run "$1monitor, its devices" "$2/tests/devices"
}

units "" "$build"
run "patching under running threads" "$build/tests/live"
run "templates of every ROM" "$build/tests/templates" "$build/tests/templates.elf" "$build/tests/templates.rom" \
	"$build/native.rom" "$build/count.rom" "$build/monitor.rom"
run "templates, wrong descriptions" tests/templates/errors.sh "$build/vrom" gcc clang
for program in "$build"/tests/annotation-*; do
	run "annotated both ways, ${program##*/annotation-}" "$program"
done
for program in "$build"/tests/sites-*; do
	run "site macros, ${program##*/sites-}" "$program"
done
run "site macros, wrong use" tests/sites/errors.sh gcc clang
run "ROMs, from a guest" make -s BUILD="$build" check-roms
run "command" tests/tool.sh "$build"
run "kernel" tests/boot.sh "$build"
run "monitor" tests/monitor.sh "$build"
run "patched from outside, what a kernel asks" "$build/tests/adopt"
run "patched from outside" tests/outside.sh "$build"
run "interrupt mask under stress" tests/stress.sh "$build"
run "monitor, stale page tables" tests/verify.sh "$build"
run "escape suite" python3 tests/escape/run.py "$build"
run "proofs of code in line" python3 tests/proof/run.py "$build"
run "annotations cost padding only" python3 tests/plain.py "$build"

run "all of it with clang" "$0" passes make -j2 CC=clang BUILD="$build/clang" all
run "kernel by clang" tests/boot.sh "$build/clang"
run "monitor by clang" tests/monitor.sh "$build/clang"
run "patched from outside, by clang" tests/outside.sh "$build/clang"
run "programs with sanitizers" "$0" passes \
	make -j2 SANITIZE=address,undefined BUILD="$build/sanitize" sanitized
units "sanitized: " "$build/sanitize"
run "sanitized: command" tests/tool.sh "$build" "$build/sanitize/vrom"
run "inputs that fuzzing found" make -s BUILD="$build" fuzz-replay
run "fuzzers, briefly" "$0" passes make -s BUILD="$build" FUZZ_SECONDS=5 fuzz
run "installing" "$0" passes make -s BUILD="$build" DESTDIR="$PWD/$build/root" PREFIX=/usr install

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
