#!/bin/sh
# Where find_java.sh finds none, install a headless Java 17 or newer with the system's package manager:
# as root, by a sudo that asks for no password, or by Homebrew, which needs neither. Exit 1 with one
# line where that may not be.
set -eu

here=$(dirname "$0")

has_java() { "$here/find_java.sh" >/dev/null 2>&1; }

if has_java; then exit 0; fi

# Newer systems have dropped 17, so 21 comes next.
packages_of() {
    case $1 in
        apt-get) echo "openjdk-17-jre-headless openjdk-21-jre-headless" ;;
        dnf | microdnf | yum)
            echo "java-17-openjdk-headless java-21-openjdk-headless java-17-amazon-corretto-headless"
            ;;
        apk) echo "openjdk17-jre-headless openjdk21-jre-headless" ;;
        zypper) echo "java-17-openjdk-headless java-21-openjdk-headless" ;;
        pacman) echo "jre17-openjdk-headless jre21-openjdk-headless" ;;
        brew) echo "openjdk@17 openjdk@21" ;;
    esac
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

fail() {
    echo "Java 17 or newer is missing and $1" >&2
    exit 1
}

manager=
for name in apt-get dnf microdnf yum apk zypper pacman brew; do
    if command -v "$name" >/dev/null; then manager=$name && break; fi
done
if [ -z "$manager" ]; then
    fail "no package manager known here can install it: install a JRE 17 and set JAVA_HOME to it"
fi

packages=$(packages_of "$manager")
first=${packages%% *}
as_root=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        fail "installing it needs root: sudo $manager install $first (or another JRE, in JAVA_HOME)"
    fi
    as_root="sudo -n"
fi

refresh_lists >&2
for package in $packages; do
    # A name may be known and still stand for an older one.
    if install "$package" >&2 && has_java; then exit 0; fi
done
fail "$manager could not install any of: $packages"
