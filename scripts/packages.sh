# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Read by ./demo and ./check: installs the Debian packages that are not there yet, and says so.

# need PACKAGE...
need() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			echo "$0: not root and no sudo: install these packages yourself:$missing" >&2
			exit 1
		}
		as_root=sudo
	fi
	# The words of $missing are meant to be split.
	# shellcheck disable=SC2086
	{ $as_root apt-get update -q &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
		>/dev/null 2>&1 </dev/null || {
		echo "$0: apt-get could not install:$missing" >&2
		exit 1
	}
}

build_packages="make gcc gcc-multilib libc6-dev-i386 libelf-dev libzydis-dev libzycore-dev libunicorn-dev libjansson-dev"
run_packages="qemu-system-x86 seabios"
demo_packages="python3 gnuplot-nox"
check_packages="clang lld libclang-rt-dev libcmocka-dev python3"
