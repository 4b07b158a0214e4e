#!/bin/sh
# install_one_of.sh WHAT REMEDY CHECK MANAGER=PACKAGES...
# Install a program with the system's package manager: as root, by a sudo that asks for no password, or
# by Homebrew, which needs neither. Of the PACKAGES named for the manager that is here, the first is
# kept after which the command CHECK succeeds. Exit 1 with one line, which says WHAT is missing and
# the REMEDY, where that may not be.
set -eu

what=$1 remedy=$2 check=$3
shift 3

fail() {
    echo "$what is missing and $1" >&2
    exit 1
}

install() {
    case $manager in
        apt-get) $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$1" ;;
        apk) $as_root apk add --no-cache "$1" ;;
        zypper) $as_root zypper --non-interactive install "$1" ;;
        pacman) $as_root pacman -S --noconfirm --needed "$1" ;;
        brew) brew install "$1" ;;
        *) $as_root "$manager" install -y "$1" ;;
    esac
}

refresh_lists() {
    case $manager in
        # A fresh container has none.
        apt-get) $as_root apt-get update -q || true ;;
        pacman) $as_root pacman -Sy --noconfirm || true ;;
    esac
}

manager=
for pair in "$@"; do
    if command -v "${pair%%=*}" >/dev/null; then
        manager=${pair%%=*} packages=${pair#*=}
        break
    fi
done
if [ -z "$manager" ]; then fail "no package manager known here can install it: $remedy"; fi

as_root=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        fail "installing it needs root: sudo $manager install ${packages%% *} (or else $remedy)"
    fi
    as_root="sudo -n"
fi

refresh_lists >&2
for package in $packages; do
    # A name may be known and still stand for something older.
    if install "$package" >&2 && "$check" >/dev/null 2>&1; then exit 0; fi
done
fail "$manager could not install any of: $packages"
