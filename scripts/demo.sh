#!/bin/sh
# Pack the corpus in .demo with the ordinary commands, each printed before it is run.
set -eu

cd "$(dirname "$0")/.."
JAVA_HOME=$(scripts/find_java.sh)
PATH="$PWD/.venv/bin:$PATH"
export JAVA_HOME PATH

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

bucket="--output .demo/out --bucket demo"
# shellcheck disable=SC2086  # $bucket is two options
{
    run bfpack pack --input .demo/corpus $bucket --tokenizer .demo/tokenizer \
        --seq-len 2048 --seq-len 8192 --id-column doc_id
    run bfpack verify $bucket --seq-len 2048
    run bfpack verify $bucket --seq-len 8192
    run bfpack show $bucket --seq-len 8192 --sequence 0
    run bfpack stats $bucket --seq-len 2048 --seq-len 8192
}
