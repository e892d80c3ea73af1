#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Runs fuzzers, each for some seconds, and says in a line what came of it. Ends badly if there was a finding.
#
#	run.sh FOLDER SECONDS TARGET...
#
# FOLDER holds fuzz-TARGET, and seeds-TARGET to start from. What is found to reach new code goes to FOLDER/new-TARGET,
# and stays there for the next run; an input that fails to FOLDER/finding-TARGET-...
set -u
folder=$1
seconds=$2
shift 2
status=0

for target; do
	log=$folder/$target.log
	mkdir -p "$folder/new-$target"
	if "$folder/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$folder/finding-$target-" "$folder/new-$target" "$folder/seeds-$target" >"$log" 2>&1; then
		result="nothing found"
	else
		result="FAILED"
		status=1
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	inputs=$(sed -n 's/.* corp: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
	echo "fuzz $target: ${runs:-no} runs in $seconds s, ${inputs:-no} inputs reach ${cover:-no} edges: $result"
	if [ "$result" = FAILED ]; then
		grep -E 'ERROR|this does not hold|runtime error|SUMMARY|Test unit written' "$log" | sed 's/^/    /'
		[ -s "$log" ] && tail -n 3 "$log" | sed 's/^/    /'
	fi
done
exit $status
