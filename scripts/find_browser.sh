#!/bin/sh
# Print a Chromium that runs without a display: BROWSER_EXECUTABLE's, else one on PATH or where macOS
# keeps it. Exit 1 with one line where there is none.
set -eu

if [ -n "${BROWSER_EXECUTABLE:-}" ]; then set -- "$BROWSER_EXECUTABLE"; else set --; fi
set -- "$@" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    /Applications/Chromium.app/Contents/MacOS/Chromium

for name in "$@"; do
    # Ubuntu's chromium-browser may be a script that only names its snap, so it must tell its version.
    if found=$(command -v "$name") && "$found" --version >/dev/null 2>&1; then
        printf '%s\n' "$found"
        exit 0
    fi
done
echo "No Chromium on PATH: run 'make test-integration', or install one and name it in BROWSER_EXECUTABLE" >&2
exit 1
