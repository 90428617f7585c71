# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A private apt root: packages of another architecture or a newer suite, fetched with apt's own verification, unpacked
# beside the machine's packages and never installed among them. Sourced by guest-fetch and peer.
#
#   guest_root ARCH		choose (and make) the root for ARCH; sets ROOT
#   guest_packages NAME…	download NAME… and unpack them into $ROOT/fs
#   guest_closure NAME…		the same, with everything they depend on

SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
CALQUE_CACHE=${CALQUE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/calque-guests}

say() { echo "$*" >&2; }
die() { echo "${0##*/}: $*" >&2; exit 1; }

# Only the address is taken from the machine: it may be a mirror, and it may need the machine's proxy settings, which apt
# reads from its ordinary configuration.
mirror_address() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 !~ /security/ { print $3; exit }'
}

guest_root() {
	GUEST_ARCH=$1
	ROOT=$CALQUE_CACHE/$SUITE-$1
	mkdir -p "$ROOT"/{etc,lists/partial,archives/partial,state,items,fs,done}
	# Several tests may ask at once; the first one does the work.
	exec 9>"$ROOT/lock"
	flock 9
}

guest_apt() {
	local tool=$1
	shift
	"$tool" -qq -o "APT::Architecture=$GUEST_ARCH" -o "APT::Architectures=$GUEST_ARCH" -o APT::Sandbox::User= \
		-o APT::Install-Recommends=false -o APT::Install-Suggests=false -o Acquire::Languages=none \
		-o "Dir::Etc::sourcelist=$ROOT/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o "Dir::State=$ROOT/state" -o "Dir::State::lists=$ROOT/lists" -o "Dir::State::status=$ROOT/state/status" \
		-o "Dir::Cache=$ROOT" -o "Dir::Cache::archives=$ROOT/archives" \
		-o Acquire::Retries=3 -o Debug::NoLocking=true "$@"
}

# guest_lists SITE SUITE: while a mirror is being updated, the lists under one of a release's two names may not be those
# that its signed file speaks of, and under the other they may still be. What answers must be the release asked for.
guest_lists() {
	echo "deb [signed-by=$KEYRING] $1 $2 main" >"$ROOT/etc/sources.list"
	guest_apt apt-get update --error-on=any >&2 &&
		guest_apt apt-get indextargets --format '$(CODENAME)' | grep -qx "$SUITE"
}

# The package lists, once; a name that they no longer lead to makes guest_retry fetch them anew.
guest_update() {
	local site
	[ -r $KEYRING ] || die "Debian's keyring is missing: apt-get install debian-archive-keyring"
	command -v apt-get >/dev/null || die "apt-get is missing: guests are fetched as Debian packages"
	site=$(mirror_address)
	# A machine that has never updated its lists, or threw them away, does not know whose its sources are.
	[ -n "$site" ] || [ "$(id -u)" -ne 0 ] || {
		apt-get -qq update >&2 || true
		site=$(mirror_address)
	}
	[ -n "$site" ] || die "apt knows no Debian mirror: run apt-get update as root once, then this again"
	say "fetching the package lists of $SUITE for $GUEST_ARCH"
	touch "$ROOT/state/status"
	guest_lists "$site" $SUITE || {
		say "the mirror's lists under $SUITE are not whole: asking for the same under stable"
		guest_lists "$site" stable
	} || die "cannot fetch the lists of $SUITE ($GUEST_ARCH): is the mirror reachable, or being updated? Try again later"
	touch "$ROOT/done/lists"
}

guest_retry() {
	[ -e "$ROOT/done/lists" ] || guest_update
	"$@" || { guest_update && "$@"; } || die "cannot fetch with: $*"
}

guest_unpack() {
	local deb name
	for deb; do
		name=${deb##*/}
		[ -e "$ROOT/done/$name" ] && continue
		dpkg-deb -x "$deb" "$ROOT/fs"
		touch "$ROOT/done/$name"
	done
}

guest_download() {
	(cd "$ROOT/archives" && guest_apt apt-get download "$@" >&2)
}

guest_packages() {
	local name deb
	for name; do
		deb=$(guest_deb "$name")
		[ -n "$deb" ] || {
			say "fetching $name ($GUEST_ARCH)"
			guest_retry guest_download "$name"
			deb=$(guest_deb "$name")
		}
		guest_unpack "$deb"
	done
}

# The newest downloaded archive of a package, or nothing.
guest_deb() {
	find "$ROOT/archives" -maxdepth 1 -name "$1_*.deb" | sort -V | tail -n 1
}

guest_install_download() {
	guest_apt apt-get -y --download-only install "$@" >&2
}

guest_closure() {
	say "fetching $* and what they need ($GUEST_ARCH)"
	guest_retry guest_install_download "$@"
	guest_unpack "$ROOT"/archives/*.deb
}

# What a meta-package stands for: guest_resolve linux-image-riscv64 prints linux-image-6.…-riscv64.
guest_resolve() {
	[ -e "$ROOT/done/lists" ] || guest_update
	guest_apt apt-cache show --no-all-versions "$1" | sed -n 's/^Depends: \([^ ,]*\).*/\1/p' | head -n 1
}
