# SPDX-License-Identifier: GPL-2.0
#
# What tools/qemu/build and tools/qemu/series share: the patched QEMU source as
# a chain of git commits.
#
# The first commit ("base") is Debian's source package with Debian's patches.
# Each entry of patches/series becomes one commit on top: its diff and the
# overlay files that its "Overlay:" lines name.  The chain is made in git's
# object store; the work tree is then moved from one chain to the next, so only
# files that differ are touched and a build after a small change is short.

readonly HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly TOP="$(cd "$HERE/../.." && pwd)"
readonly SRC="$TOP/build/qemu-src"
readonly GIT="$TOP/build/qemu-src.git"

die() { echo "qemu: $*" >&2; exit 1; }
say() { echo "qemu: $*" >&2; }

# The git directory stays outside the tree: QEMU's configure would go for
# submodules, and its version string would change with every commit.
qgit() { git --git-dir="$GIT" --work-tree="$SRC" "$@"; }

# One builder at a time may move the source tree.
lock_source() {
	mkdir -p "$TOP/build"
	exec 9> "$TOP/build/qemu-src.lock"
	flock 9
}

# Unpack the Debian source once for each version of it.
prepare_base() {
	local dsc version
	dsc=$("$TOP/tools/debian/fetch" qemu) || exit 1
	version=$(sed -n 's/^Version: //p' "$dsc" | head -n 1)
	if [ -e "$SRC" ] && [ "$(qgit config guest-sva.base 2>/dev/null)" = "$version" ]; then
		return
	fi
	say "unpack QEMU $version"
	rm -rf "$SRC" "$GIT" "$SRC.tmp"
	dpkg-source --no-check --no-copy -x "$dsc" "$SRC.tmp" > "$TOP/build/qemu-unpack.log" 2>&1 ||
		die "cannot unpack $dsc (see build/qemu-unpack.log)"
	mv "$SRC.tmp" "$SRC"
	git init -q --bare "$GIT"
	qgit config core.bare false
	qgit config core.autocrlf false
	qgit config core.logAllRefUpdates false
	# Debian's tree carries .gitignore files that hide files it needs.
	qgit add -A -f .
	commit_tree "$(qgit write-tree)" "" "qemu $version" > "$GIT/base.id"
	qgit update-ref refs/heads/base "$(cat "$GIT/base.id")"
	qgit symbolic-ref HEAD refs/heads/series
	qgit update-ref refs/heads/series "$(cat "$GIT/base.id")"
	qgit config guest-sva.base "$version"
}

# commit_tree TREE PARENT MESSAGE: the same input gives the same commit.
commit_tree() {
	GIT_AUTHOR_NAME=${AUTHOR_NAME:-qemu} GIT_AUTHOR_EMAIL=${AUTHOR_EMAIL:-qemu@localhost} \
	GIT_COMMITTER_NAME=qemu GIT_COMMITTER_EMAIL=qemu@localhost \
	GIT_AUTHOR_DATE='2025-01-01T00:00:00Z' GIT_COMMITTER_DATE='2025-01-01T00:00:00Z' \
		git --git-dir="$GIT" commit-tree "$1" ${2:+-p "$2"} -m "$3"
}

series_entries() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$HERE/patches/series"; }

patch_message() { sed -e '/^---$/,$d' -e '1s/^Subject: //' -e '/^Overlay: /d' "$1"; }
patch_overlay() { sed -n -e '/^---$/q' -e 's/^Overlay: //p' "$1"; }

# Put a patch's diff into the index; the error names patch, file and hunk.
apply_diff() {
	local patch=$1 log
	grep -q '^diff --git ' "$patch" || return 0
	log=$(qgit apply --cached --whitespace=nowarn "$patch" 2>&1) && return 0
	local file line hunk
	file=$(sed -n 's/^error: patch failed: \(.*\):[0-9]*$/\1/p' <<< "$log" | head -n 1)
	line=$(sed -n 's/^error: patch failed: .*:\([0-9]*\)$/\1/p' <<< "$log" | head -n 1)
	if [ -n "$file" ]; then
		hunk=$(awk -v f="b/$file" -v l="$line" '
			/^diff --git / { on = $4 == f; n = 0 }
			on && /^@@ / { n++; split($2, a, /[-,]/); if (a[2] == l) { print n; exit } }' "$patch")
		die "${patch#"$TOP"/}: hunk ${hunk:-?} (line $line) does not apply to $file of QEMU $(qgit config guest-sva.base)"
	fi
	die "${patch#"$TOP"/}: $(head -n 1 <<< "$log")"
}

# What a file of the overlay is in QEMU's tree. A link leads to a file of the
# kernel's tree: a header enters as QEMU's scripts/update-linux-headers.sh brings
# it, any other text without tabs.
overlay_text() {
	if [ ! -L "$1" ]; then
		cat "$1"
	elif [[ $1 == */linux-headers/* ]]; then
		sed 's/\b_UAPI_/_/' "$1"
	elif [[ $1 == */include/standard-headers/* ]]; then
		sed -e 's/__aligned_u64/__u64 __attribute__((aligned(8)))/g' \
			-e 's/__\(u\|le\)\(8\|16\|32\|64\)\b/uint\2_t/g' \
			-e '/<linux\/ioctl.h>/d' \
			-e 's|<linux/\([^>]*\)>|"standard-headers/linux/\1"|' "$1"
	else
		expand "$1"
	fi
}

apply_overlay() {
	local patch=$1 file blob mode
	while read -r file; do
		[ -f "$HERE/overlay/$file" ] ||
			die "${patch#"$TOP"/} names $file, which is not in tools/qemu/overlay"
		! qgit ls-files --error-unmatch "$file" >/dev/null 2>&1 ||
			die "${patch#"$TOP"/}: overlay file $file exists already in QEMU or in an earlier patch"
		blob=$(overlay_text "$HERE/overlay/$file" | git --git-dir="$GIT" hash-object -w --no-filters --stdin)
		mode=100644
		[ ! -x "$HERE/overlay/$file" ] || mode=100755
		qgit update-index --add --cacheinfo "$mode,$blob,$file"
		OVERLAY_SEEN+="$file"$'\n'
	done < <(patch_overlay "$patch")
}

# Every overlay file belongs to exactly one patch. While a file is being written
# it may have none yet: then it is not part of the build, and not of the series.
check_overlay_complete() {
	local file
	while read -r file; do
		grep -qxF "$file" <<< "$OVERLAY_SEEN" ||
			${1:-die} "tools/qemu/overlay/$file is in no patch: add an 'Overlay: $file' line to one of tools/qemu/patches"
	done < <(cd "$HERE/overlay" && find . -type f ! -name '*~' ! -name '.*' -printf '%P\n' | sort)
}

# Make the chain of commits and move the work tree to its end.  What to do with
# an overlay file of no patch: die, or say so.
apply_series() {
	local head tree name patch old
	head=$(qgit rev-parse -q --verify refs/heads/base) || die "$GIT is damaged: remove build/qemu-src*"
	old=$(qgit rev-parse -q --verify refs/heads/series)
	OVERLAY_SEEN=
	export GIT_INDEX_FILE="$GIT/chain.index"
	rm -f "$GIT_INDEX_FILE"
	qgit read-tree "$head"
	while read -r name; do
		patch="$HERE/patches/$name"
		[ -f "$patch" ] || die "tools/qemu/patches/series names $name, which does not exist"
		apply_diff "$patch"
		apply_overlay "$patch"
		tree=$(qgit write-tree)
		head=$(commit_tree "$tree" "$head" "$(patch_message "$patch")")
	done < <(series_entries)
	unset GIT_INDEX_FILE
	check_overlay_complete "${1:-die}"
	[ "$head" != "$old" ] || return 0
	qgit update-index -q --refresh >/dev/null || true
	qgit read-tree -m -u "$old" "$head" 2> "$GIT/move.log" ||
		die "build/qemu-src has changes of its own ($(grep -m1 -o "'.*'" "$GIT/move.log")): save them with 'tools/qemu/build diff' or drop them with 'tools/qemu/build reset'"
	qgit update-ref refs/heads/series "$head"
}
