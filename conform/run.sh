#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Boots the conformance guest on one host: without PAE, with it, and twice for the calls that end the machine. TAP, all
# boots numbered in one.
#
#	run.sh BUILD HOST [ONLY]      HOST: the name of a ROM of BUILD, or monitor. ONLY: cases of these calls, by comma
#
# Time is counted in instructions, idle time skipped, and the real-time clock goes by that, so that every run is the same.
set -u
build=$1
host=$2
only=${3:+only=$3}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

case $host in
monitor) set -- --host monitor ;;
*) set -- --rom "$build/$host.rom" ;;
esac

# boot NAME SECONDS WORDS HOST-OPTIONS...: output in NAME, exit status in NAME.status
boot() {
	name=$1
	seconds=$2
	words=$3
	shift 3
	"$build/vrom" run "$build/conform.elf" "$@" --append "$words" --timeout "$seconds" \
		-- -vga none -rtc clock=vm -icount shift=5,sleep=off </dev/null >"$tmp/$name" 2>"$tmp/$name.err" &
	echo $! >"$tmp/$name.pid"
	wait $!
	echo $? >"$tmp/$name.status"
	rm -f "$tmp/$name.pid"
}

# boot_all NAME SECONDS WORDS HOST-OPTIONS...: boots until all cases have run. The guest says what it tries, so a case
# that does not end is named, and the next boot begins behind it. What they say, in NAME.lines.
boot_all() {
	all=$1
	all_seconds=$2
	all_words=$3
	shift 3
	from=0
	boots=0
	: >"$tmp/$all.lines"
	while [ $boots -lt 20 ]; do
		boots=$((boots + 1))
		boot "$all" "$all_seconds" "$all_words from=$from" "$@"
		sed 's/\r$//' "$tmp/$all" >"$tmp/$all.now"
		# Of later boots without the line that all have.
		drop='^# [A-Za-z0-9]*: \|^# conform'
		[ $boots = 1 ] || drop="$drop\\|- Init: succeeds"
		grep -v "$drop" "$tmp/$all.now" >>"$tmp/$all.lines"
		grep -q '^1\.\.' "$tmp/$all.now" && break
		tried=$(grep '^# [A-Za-z0-9]*: ' "$tmp/$all.now" | grep -v '^# conform' | tail -n 1)
		{
			echo "not ok 0 - ${tried#??}, and comes to an end # abi 1"
			sed 's/^/#   /' "$tmp/$all.err"
		} >>"$tmp/$all.lines"
		before=$from
		from=$((from + $(grep '^# [A-Za-z0-9]*: ' "$tmp/$all.now" | grep -c -v '^# conform\|: set-up$')))
		[ "$from" -gt "$before" ] || break
	done
	if [ "$(cat "$tmp/$all.status")" -ne 0 ] && ! grep -q '^not ok' "$tmp/$all.lines"; then
		echo "not ok 0 - header: the guest ends well # abi 1" >>"$tmp/$all.lines"
		sed 's/^/#   /' "$tmp/$all.err" >>"$tmp/$all.lines"
	fi
}

# judge_end NAME GOOD: whether the call came to nothing else, and the machine ended so
judge_end() {
	if grep -q "^# $2" "$tmp/$1" && ! grep -q '^not ok' "$tmp/$1" && [ "$3" = good ]; then
		echo "ok 0 - $1: $4 # abi 3.3"
	else
		echo "not ok 0 - $1: $4 # abi 3.3"
		sed 's/^/#   /' "$tmp/$1" "$tmp/$1.err" | grep -v '#   ok'
	fi
}

# Two at a time.
boot_all plain 120 "trace $only" "$@" &
first=$!
boot_all pae 120 "trace pae $only" "$@"
wait $first
end=${only:-only=Reboot,Shutdown}
case $end in *Reboot*)
	boot Reboot 10 end=Reboot "$@" &
	first=$!
	;;
esac
case $end in *Shutdown*)
	boot Shutdown 20 end=Shutdown "$@" &
	second=$!
	# Some time to come back in, which it must not use. A processor that stands still has to be ended.
	tries=0
	while [ $tries -lt 100 ] && kill -0 $second 2>/dev/null && ! grep -qs '^# shuts down' "$tmp/Shutdown"; do
		tries=$((tries + 1))
		sleep 0.2
	done
	sleep 1
	[ ! -e "$tmp/Shutdown.pid" ] || kill "$(cat "$tmp/Shutdown.pid")" 2>/dev/null
	wait $second
	;;
esac
wait $first

{
	cat "$tmp/plain.lines"
	sed '/^ok \|^not ok /s/ # /, with PAE # /' "$tmp/pae.lines"
	if [ -e "$tmp/Reboot" ]; then
		good=bad
		# A reset ends the emulator, which was told not to begin anew.
		[ "$(cat "$tmp/Reboot.status")" != 124 ] && good=good
		judge_end Reboot reboots $good "resets the machine"
	fi
	if [ -e "$tmp/Shutdown" ]; then
		# A processor that stands still is ended by the time limit, and a host may end by itself.
		judge_end Shutdown "shuts down" good "does not come back"
	fi
} | awk '
	/^1\.\./ { next }
	/^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) }
	/^not ok/ { failed = 1 }
	{ print }
	END { print "1.." n + 0; exit failed || !n }'
