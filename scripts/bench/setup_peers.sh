#!/bin/sh
# Make .bench/peers hold the packages of conf/peers.lock: the packers that people use today, in an
# environment of their own. 5 GB, eight minutes; Linux on x86_64, with cargo and a C++ compiler
# (seqpacker and lightbinpack come as sources).
set -eu

cd "$(dirname "$0")/../.."
PATH="$PATH:$PWD/.venv/bin"
lock=conf/peers.lock
for tool in cargo c++; do
    command -v "$tool" >/dev/null || {
        echo "The peers need $tool: install it, or run 'make bench-own'" >&2
        exit 1
    }
done
uv venv --quiet --allow-existing --python .venv/bin/python .bench/peers
uv pip install --quiet --python .bench/peers/bin/python \
    --require-hashes --build-constraints "$lock" --requirement "$lock"
