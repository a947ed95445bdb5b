# SPDX-License-Identifier: GPL-2.0
#
# What the makers of Debian packages share.

readonly TOP="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly BUILD_DIR=$(realpath -m "${BUILD:-$TOP/build}")
readonly DEBS=${DEBS:-$BUILD_DIR/deb}

die() { echo "deb: $*" >&2; exit 1; }

for tool in dpkg-deb dpkg-shlibdeps; do
	command -v $tool >/dev/null || die "$tool is missing (run 'make deps')"
done
mkdir -p "$DEBS"

# pack FOLDER NAME VERSION DEPENDS SHORT LONG: a package of all in FOLDER.
pack() {
	local root=$1 name=$2 version=$3 depends=$4
	find "$root" -type d -exec chmod 755 {} +
	mkdir -p "$root/DEBIAN"
	cat > "$root/DEBIAN/control" <<-EOF
		Package: $name
		Version: $version
		Architecture: amd64
		Maintainer: ${SIGNOFF:-Guest SVA <guest-sva@localhost>}
		Section: kernel
		Priority: optional
		${depends:+Depends: $depends}
		Description: $5
		 $6
	EOF
	sed -i '/^$/d' "$root/DEBIAN/control"
	rm -f "$DEBS/${name}"_*.deb
	dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$DEBS" >/dev/null || die "no package $name"
	ls "$DEBS/${name}"_*.deb
}
