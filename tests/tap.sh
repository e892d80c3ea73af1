# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Read by the tests that are scripts.

number=0
failed=0

# say STATUS NAME: one result
say() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}

# the_end: how many there were, and the exit status
the_end() {
	echo "1..$number"
	exit $failed
}
