# SPDX-License-Identifier: GPL-2.0
# A kernel for UML that runs programs of the host; to be sourced.
#
# The caller sets $root (this repository), $tree (kernel sources) and $out (where to build), and has
# die() to give up with.

# uml_make ARGUMENT...: make in the kernel tree; its output is of interest if it fails only
uml_make() {
	local cc=gcc
	! command -v ccache >/dev/null || cc="ccache gcc"
	nice -n 5 make -C "$tree" ARCH=um O="$out" CC="$cc" -j"$(nproc)" "$@" </dev/null >"$out/log" 2>&1 ||
		{ tail -n 20 "$out/log" >&2; die "the build failed, see $out/log"; }
}

# uml_build CONFIG ARGUMENT...: build with what the file CONFIG adds to base.config
uml_build() {
	local line
	cat "$root/tools/uml/base.config" "$1" >"$out/uml.config"
	# Each time, as the tree may have other symbols than the last time
	uml_make KCONFIG_ALLCONFIG="$out/uml.config" allnoconfig
	while read -r line; do
		[[ $line != CONFIG_* ]] || grep -qxF "$line" "$out/.config" || die "the configuration lost ${line%=*}"
	done <"$out/uml.config"
	uml_make "${@:2}"
}

# uml_init: what UML is to run in place of init comes from stdin; proc, sysfs and debugfs are there
uml_init() {
	{
		cat <<-'END'
			#!/bin/sh
			PATH=/usr/bin:/bin:/usr/sbin:/sbin
			mount -t proc proc /proc
			mount -t sysfs sysfs /sys
			mount -t debugfs debugfs /sys/kernel/debug
		END
		cat
		echo "busybox poweroff -f"
	} >"$out/init.sh"
	chmod +x "$out/init.sh"
}

# uml_run SECONDS PARAMETER...: boot on the host's files, as far as the time goes
uml_run() {
	timeout "$1" "$out/linux" mem=1G rootfstype=hostfs rootflags=/ rw init="$out/init.sh" quiet panic=-1 \
		con=null con0=null,fd:1 "${@:2}" </dev/null >"$out/console" 2>&1
}
