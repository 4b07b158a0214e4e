#!/bin/sh
# setup_version.sh NAME: make .versions/NAME hold what .venv holds, but for the packages of
# conf/spark/NAME.lock (a Spark, or all that the project needs in its oldest versions), which come in
# place of their namesakes, and this project as an editable install.
set -eu

cd "$(dirname "$0")/.."
folder=.versions/$1
lock=conf/requirements.lock
own=conf/spark/$1.lock
python=.venv/bin/python
PATH="$PATH:$PWD/.venv/bin"

# Without Delta's package, which wants the Spark of .venv; its jars need no package.
others() {
    awk -F '[=[ ]' '
        /^[^ #]/ { left_out = $1 in named || $1 == "delta-spark" }
        FNR == NR { if (/^[^ #]/) named[$1]; next }
        !left_out
    ' "$own" "$lock"
}

unset VIRTUAL_ENV CONDA_PREFIX UV_SYSTEM_PYTHON
uv venv --quiet --allow-existing --python "$python" "$folder"
others >"$folder/others.lock"
uv pip sync --quiet --python "$folder/bin/python" --require-hashes --build-constraints "$lock" \
    "$folder/others.lock" "$own"
uv pip install --quiet --python "$folder/bin/python" --no-deps --no-build-isolation --editable .
