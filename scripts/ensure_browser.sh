#!/bin/sh
# Where find_browser.sh finds none, install a Chromium for tests. Exit 1 with one line where that may
# not be.
set -eu

here=$(dirname "$0")
if "$here/find_browser.sh" >/dev/null 2>&1; then exit 0; fi

exec "$here/install_one_of.sh" Chromium "install one and name it in BROWSER_EXECUTABLE" \
    "$here/find_browser.sh" \
    "apt-get=chromium-headless-shell chromium chromium-browser" \
    "dnf=chromium-headless chromium" "yum=chromium-headless chromium" \
    apk=chromium zypper=chromium pacman=chromium
