#!/bin/sh
# Where find_java.sh finds none, install a headless Java 17 or newer. Exit 1 with one line where that
# may not be.
set -eu

here=$(dirname "$0")
if "$here/find_java.sh" >/dev/null 2>&1; then exit 0; fi

# Newer systems have dropped 17, so 21 comes next.
fedora="java-17-openjdk-headless java-21-openjdk-headless java-17-amazon-corretto-headless"
exec "$here/install_one_of.sh" "Java 17 or newer" "install a JRE 17 and set JAVA_HOME to it" \
    "$here/find_java.sh" \
    "apt-get=openjdk-17-jre-headless openjdk-21-jre-headless" \
    "dnf=$fedora" "microdnf=$fedora" "yum=$fedora" \
    "apk=openjdk17-jre-headless openjdk21-jre-headless" \
    "zypper=java-17-openjdk-headless java-21-openjdk-headless" \
    "pacman=jre17-openjdk-headless jre21-openjdk-headless" \
    "brew=openjdk@17 openjdk@21"
