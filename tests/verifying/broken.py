"""A small output to be broken, and what verify says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus, Ran
from inputs import write_input
from outputs import copy_of, current, manifest, reseal, rewrite

SEQ_LEN = 16
Row = dict[str, Any]
Rows = list[Row]


def pack(bfpack: Bfpack, corpus: Corpus, folder: Path, output: Path, *more: object) -> None:
    where = ["--input", folder, "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN]
    options = ["--tokenizer", corpus.tokenizer, "--id-column", "doc_id", "--num-shards", 2]
    bfpack("pack", *where, *options, *more).succeeds()


def run_verify(bfpack: Bfpack, output: Path, *more: object) -> Ran:
    return bfpack("verify", "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN, *more)


def verify(bfpack: Bfpack, output: Path, *more: object) -> list[dict[str, Any]]:
    return run_verify(bfpack, output, "--json", *more).violations()


def verify_changed(
    bfpack: Bfpack, output: Path, path: Path, change: Callable[[Rows], object]
) -> list[dict[str, Any]]:
    """The violations once the rows of a file are changed, and every hash of its version fits."""
    rewrite(path, change)
    reseal(path.parents[1])
    return verify(bfpack, output)


def sequences(output: Path) -> Path:
    return current(output, "b", f"sequences-{SEQ_LEN}")


def shard(output: Path, number: int = 0) -> Path:
    return sequences(output) / "shards" / f"part-{number:05d}.parquet"


def plan_file(output: Path) -> Path:
    (path,) = (sequences(output) / "plan").iterdir()
    return path


def token_file(output: Path) -> Path:
    (path,) = (current(output, "b", "tokens") / "documents").iterdir()
    return path


@pytest.fixture(scope="session")
def tiny(demo_corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty short documents in two shards, some cut; folders `output` and `corpus`."""
    folder = tmp_path_factory.mktemp("tiny")
    words = ["def", "return", "import os", "x = 1", "yield from it", "class A: pass"]
    texts = [
        " ".join(words[: 1 + n % 6]) + "\n" + "y\n" * (n % 5 + 14 * (n % 7 == 0)) for n in range(30)
    ]
    rows = [{"doc_id": f"d{n:02d}", "text": text} for n, text in enumerate(texts)]
    write_input(folder / "corpus" / "a.parquet", rows)
    pack(bfpack, demo_corpus, folder / "corpus", folder / "output")
    held = manifest(sequences(folder / "output"))
    assert held["totals"]["sequences"] > 20
    assert held["accounting"]["num_documents_cut"] > 2
    return folder


@pytest.fixture
def broken(tiny: Path, tmp_path: Path) -> Path:
    return copy_of(tiny / "output", tmp_path)


@pytest.fixture(scope="session")
def concat(tiny: Path, demo_corpus: Corpus, bfpack: Bfpack) -> Path:
    """The same corpus, concatenated and cut."""
    pack(bfpack, demo_corpus, tiny / "corpus", tiny / "concat", "--packing", "concat")
    return tiny / "concat"


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
