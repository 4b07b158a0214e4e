#!/bin/sh
# Make .venv hold exactly the packages of conf/requirements.lock, with their hashes checked, and this
# project as an editable install. PYTHON names the Python to use.
set -eu

cd "$(dirname "$0")/.."
lock=conf/requirements.lock
venv_python=.venv/bin/python

fail() {
    echo "$1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Print the Python that .venv is made of: a shim's target, not the shim.
find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if is_new_enough "$name"; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "No Python 3.11 or newer as ${PYTHON:-python3} on PATH: install one, or name it: make setup PYTHON=/path/to/python3.11"
}

has_uv() { command -v uv >/dev/null; }

# uv needs no ensurepip, which Debian and Ubuntu leave out of their python3.
make_venv() {
    rm -rf .venv
    if has_uv; then
        uv venv --quiet --python "$1" .venv
    elif "$1" -c 'import ensurepip' 2>/dev/null; then
        "$1" -m venv .venv
        install_uv "$venv_python"
    elif "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m venv --without-pip .venv
        install_uv "$1"
    else
        fail "$1 has no pip to fetch uv with: install uv, or python3-venv (Debian, Ubuntu), and run make setup again"
    fi
}

# $1 is the Python whose pip does it; the lock's hashes of uv hold here, too.
install_uv() {
    awk '/^[^ #]/ { wanted = /^uv==/ } wanted' "$lock" >.venv/uv.lock
    "$1" -m pip --python "$venv_python" install --quiet --disable-pip-version-check \
        --require-hashes --no-deps --requirement .venv/uv.lock
    rm .venv/uv.lock
}

install_packages() {
    # The same hashes hold for what builds the packages that come as sources (pyspark).
    # Compiled once, and not by every process and Python worker anew where they may not write.
    uv pip sync --quiet --compile-bytecode --python "$venv_python" --require-hashes --build-constraints "$lock" "$lock"
    uv pip install --quiet --python "$venv_python" --no-deps --no-build-isolation --editable .
}

# uv prefers the environment that is active to the one named in older versions.
unset VIRTUAL_ENV CONDA_PREFIX UV_SYSTEM_PYTHON
PATH="$PATH:$PWD/.venv/bin"
python=$(find_python)
if ! { is_new_enough "$venv_python" && has_uv; }; then make_venv "$python"; fi
echo "Installing the packages of $lock into .venv (the first time takes a minute)"
install_packages
echo "Ready: .venv/bin/bfpack"
