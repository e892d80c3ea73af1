#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Keeps what a fuzzer found: the fewest short inputs of BUILD/fuzz/new-TARGET that run all the code that all run together, in
# tests/fuzz/corpus-TARGET/found.lines.
#
#	keep.sh BUILD TARGET [LONGEST]
set -eu
folder=$1/fuzz
target=$2
longest=${3:-256}
kept=$folder/kept-$target

rm -rf "$kept"
mkdir -p "$kept" "tests/fuzz/corpus-$target"
"$folder/fuzz-$target" -merge=1 -use_counters=0 -max_len="$longest" "$kept" "$folder/new-$target" >"$folder/merge.log" 2>&1
{
	echo "# Found by libFuzzer; tests/fuzz/keep.sh."
	for input in "$kept"/*; do
		# Zeros in a row as "@N ", where they end.
		od -An -v -w1 -tx1 "$input" | awk '
			$1 == "00" { zeros++; next }
			{ flush(); printf "%s", $1; at++ }
			END { flush(); print "" }
			function flush() {
				at += zeros
				if (zeros > 3)
					printf "@%d ", at
				else
					while (zeros-- > 0)
						printf "00"
				zeros = 0
			}'
	done | sort
} >"tests/fuzz/corpus-$target/found.lines"
wc -lc "tests/fuzz/corpus-$target/found.lines"
