"""A small output to be broken, and what verify says of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus, Ran
from inputs import write_input
from outputs import copy_of, current, manifest, reseal, rewrite

SEQ_LEN = 16
Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True)
class Output:
    """An output of bucket `b` beside what was packed, and what verify says of it."""

    folder: Path
    corpus: Path
    bfpack: Bfpack

    def run(self, *more: object) -> Ran:
        where = ("--output", self.folder, "--bucket", "b", "--seq-len", SEQ_LEN)
        return self.bfpack("verify", *where, *more)

    def violations(self, *more: object) -> list[dict[str, Any]]:
        return self.run("--json", *more).violations()

    def problems(self) -> list[str]:
        return [violation["problem"] for violation in self.violations()]

    def violations_once(self, path: Path, change: Callable[[Rows], object]) -> list[dict[str, Any]]:
        """Change the rows of a file, let every hash of its version fit, and verify."""
        rewrite(path, change)
        reseal(path.parents[1])
        return self.violations()

    def tokens(self) -> Path:
        return current(self.folder, "b", "tokens")

    def sequences(self) -> Path:
        return current(self.folder, "b", f"sequences-{SEQ_LEN}")

    def shard(self, number: int = 0) -> Path:
        return self.sequences() / "shards" / f"part-{number:05d}.parquet"

    def plan_file(self) -> Path:
        (path,) = (self.sequences() / "plan").iterdir()
        return path

    def token_file(self) -> Path:
        (path,) = (self.tokens() / "documents").iterdir()
        return path


def pack(bfpack: Bfpack, corpus: Corpus, folder: Path, output: Path, *more: object) -> Output:
    where = ["--input", folder, "--output", output, "--bucket", "b", "--seq-len", SEQ_LEN]
    options = ["--tokenizer", corpus.tokenizer, "--id-column", "doc_id", "--num-shards", 2]
    bfpack("pack", *where, *options, *more).succeeds()
    return Output(output, folder, bfpack)


@pytest.fixture(scope="session")
def tiny(demo_corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Thirty short documents in two shards, some cut."""
    folder = tmp_path_factory.mktemp("tiny")
    words = ["def", "return", "import os", "x = 1", "yield from it", "class A: pass"]
    texts = [
        " ".join(words[: 1 + n % 6]) + "\n" + "y\n" * (n % 5 + 14 * (n % 7 == 0)) for n in range(30)
    ]
    rows = [{"doc_id": f"d{n:02d}", "text": text} for n, text in enumerate(texts)]
    write_input(folder / "corpus" / "a.parquet", rows)
    output = pack(bfpack, demo_corpus, folder / "corpus", folder / "output")
    held = manifest(output.sequences())
    assert held["totals"]["sequences"] > 20
    assert held["accounting"]["num_documents_cut"] > 2
    return output


@pytest.fixture
def broken(tiny: Output, tmp_path: Path) -> Output:
    return replace(tiny, folder=copy_of(tiny.folder, tmp_path))


@pytest.fixture(scope="session")
def concat(tiny: Output, demo_corpus: Corpus, bfpack: Bfpack) -> Output:
    """The same corpus, concatenated and cut."""
    other = tiny.folder.with_name("concat")
    return pack(bfpack, demo_corpus, tiny.corpus, other, "--packing", "concat")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
