#!/bin/sh
# Print the home of a Java that Spark 4 runs on, 17 or newer: JAVA_HOME's, else PATH's, else one that
# a package manager installed beside an older default. Exit 1 with one line where there is none.
set -eu

minimum=17

candidates() {
    if [ -n "${JAVA_HOME:-}" ]; then printf '%s\n' "$JAVA_HOME/bin/java"; fi
    command -v java || true
    for java in /usr/lib/jvm/*/bin/java /opt/homebrew/opt/openjdk*/bin/java \
        /usr/local/opt/openjdk*/bin/java; do
        printf '%s\n' "$java"
    done
}

# A shim or a link hides its home and its version, so Java itself is asked for both.
print_home_if_new_enough() {
    [ -x "$1" ] || return 1
    properties=$("$1" -XshowSettings:properties -version 2>&1) || return 1
    version=$(printf '%s\n' "$properties" | sed -n 's/^ *java\.specification\.version = //p')
    # Java 8 calls itself 1.8.
    case $version in '' | *[!0-9]*) return 1 ;; esac
    [ "$version" -ge "$minimum" ] || return 1
    printf '%s\n' "$properties" | sed -n 's/^ *java\.home = //p'
}

home=$(
    candidates | while IFS= read -r java; do
        if print_home_if_new_enough "$java"; then break; fi
    done
)
if [ -z "$home" ]; then
    echo "No Java $minimum or newer by JAVA_HOME or on PATH: run 'make setup', or install one" \
        "(for example openjdk-17-jre-headless) and set JAVA_HOME to it" >&2
    exit 1
fi
printf '%s\n' "$home"
