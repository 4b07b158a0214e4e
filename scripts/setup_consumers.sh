#!/usr/bin/env bash
# Makes .consumers, where PyTorch and the trainers' stacks read shards on the CPU. What of it is a stub
# is CUDA: see scripts/stub_cuda.py. 70 s and 1.9 GB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PATH:$PWD/.venv/bin"
uv venv --quiet --allow-existing --python .venv/bin/python .consumers
uv pip sync --quiet --python .consumers/bin/python --require-hashes conf/consumers.lock
echo "$PWD" > "$(echo .consumers/lib/python*/site-packages)/bfpack_spark.pth"
if [ "$(uname -m)" = x86_64 ] && [ "$(uname -s)" = Linux ]; then
    .consumers/bin/python scripts/stub_cuda.py .consumers/lib/python*/site-packages/torch/lib
fi
OMP_NUM_THREADS=1 .consumers/bin/python -c 'import torch; assert not torch.cuda.is_available()'
