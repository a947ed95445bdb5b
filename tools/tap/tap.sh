# SPDX-License-Identifier: GPL-2.0
# TAP for shell tests: source this, then  check "name" command...
# A check passes when the command does; "fails_with TEXT command..." inverts it.

tap_count=0
tap_failed=0

check() {
	local name=$1 output
	shift
	tap_count=$((tap_count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $tap_count $name"
	else
		echo "not ok $tap_count $name"
		sed 's/^/# /' <<< "$output"
		tap_failed=$((tap_failed + 1))
	fi
}

# The command must fail, and say TEXT (a grep pattern) while it does.
fails_with() {
	local text=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "succeeded, should have failed: $*"
		echo "$output"
		return 1
	fi
	grep -q -e "$text" <<< "$output" || { echo "wrong words (wanted '$text'):"; echo "$output"; return 1; }
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ] && [ "$tap_count" -gt 0 ]
}
