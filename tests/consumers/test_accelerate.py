"""accelerate at two processes: it shares out the global view, and is refused one rank's part."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from consumers.conftest import opened

TESTS = Path(__file__).resolve().parent.parent
WORLD = 2


def run(output: Path, view: str) -> list[Any]:
    """What each process prints."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(WORLD),
    }
    command = [sys.executable, str(TESTS / "consumers/accelerate_worker.py"), str(output), view]
    processes = [
        subprocess.Popen(
            command,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(WORLD)
    ]
    try:
        said = [process.communicate() for process in processes]
    finally:
        for process in processes:
            process.kill()  # if the test is stopped; otherwise it has ended
    assert not any(process.returncode for process in processes), said
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


@pytest.mark.parametrize("view", ["global", "rows"])
def test_it_shares_out_the_global_view_completely(output: Path, view: str) -> None:
    ranks = run(output, view)
    stream = [n for batch in opened(output).batches(5) for n in batch["sequence_id"].tolist()]
    steps = [number for step in zip(*ranks, strict=True) for batch in step for number in batch]
    assert steps == stream


@pytest.mark.parametrize("view", ["rank", "rank-rows"])
def test_it_is_refused_one_ranks_part(output: Path, view: str) -> None:
    ranks = run(output, view)
    assert all("let only one layer shard" in said for said in ranks)
    assert [said[: len("rank 0 of 2")] for said in ranks] == ["rank 0 of 2", "rank 1 of 2"]
