"""Nights in any order: files come, change and go, options change, runs are killed, versions pruned.
What is published is always what a model of a few lines says, and verify always holds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import Bfpack, Ran
from faults.corpora import BUCKET, SEQ_LEN
from faults.kit import verify_command
from faults.matrix import LONG, Matrix
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from inputs import write_input
from outputs import current, documents_of, shard_rows
from tokenizers import Tokenizer

from bfpack_spark.files import confined

pytestmark = pytest.mark.timeout(1800)

Ids = dict[str, list[int]]
NAMES = ("a", "b", "c")
TEXTS = ("", "some words", "to learn " * 40, "forget " * 300)
FILES = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
POINTS = ("tokenizer.json", "_manifest.json", "_current.json", "_plan.json", "report.json")


class Killed(BaseException):
    """Nothing of ours runs after this, save what lets a lock go."""


class Model:
    """What should be published."""

    def __init__(self, tokenizer: Path) -> None:
        self._engine = Tokenizer.from_file(str(tokenizer))
        self.files: dict[str, list[str]] = {}
        self.options = {"--long-documents": "split", "--seed": "0"}
        self.published: Ids = {}

    def wanted(self) -> Ids:
        told = {f"{n}-{i}": t for n, texts in self.files.items() for i, t in enumerate(texts) if t}
        eos = self._engine.token_to_id("<|endoftext|>")
        ids = {name: [*self._engine.encode(text).ids, eos] for name, text in told.items()}
        longest = SEQ_LEN if self.options["--long-documents"] == "drop" else 1 << 30
        return {name: own for name, own in ids.items() if len(own) <= longest}


@contextmanager
def killed_at(point: str, nth: int) -> Iterator[None]:
    """The n-th write of a file of this name is never made."""
    write, times = confined.write, 0

    def dying(base: str, inside: str, raw: bytes) -> None:
        nonlocal times
        times += inside.endswith(f"/{point}")
        if times == nth:
            raise Killed
        write(base, inside, raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confined, "write", dying)
        yield


def shown(output: Path) -> Ids:
    """What a reader finds."""
    if not (output / BUCKET / f"sequences-{SEQ_LEN}" / "_current.json").exists():
        return {}
    found = documents_of(shard_rows(current(output, BUCKET, f"sequences-{SEQ_LEN}")))
    return {name: [ids[place] for place in sorted(ids)] for name, ids in found.items()}


class Nights(RuleBasedStateMachine):
    """The rules; each example has a folder of its own."""

    bfpack: ClassVar[Bfpack]
    tokenizer: ClassVar[Path]
    folders: ClassVar[Iterator[Path]]
    matrix: ClassVar[Matrix]

    def __init__(self) -> None:
        super().__init__()
        folder = next(self.folders)
        self.source, self.output = folder / "in", folder / "out"
        self.source.mkdir()
        self.model, self.clock = Model(self.tokenizer), 1_700_000_000

    @rule(name=st.sampled_from(NAMES), texts=FILES)
    def add_or_change(self, name: str, texts: list[str]) -> None:
        rows = [{"id": f"{name}-{i}", "text": text} for i, text in enumerate(texts)]
        path = write_input(self.source / f"{name}.jsonl", rows)
        self.clock += 1
        os.utime(path, (self.clock, self.clock))
        self.model.files[name] = texts

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        (self.source / f"{name}.jsonl").unlink(missing_ok=True)
        self.model.files.pop(name, None)

    @rule(long=st.sampled_from(["split", "drop"]), seed=st.sampled_from(["0", "1"]))
    def change_options(self, long: str, seed: str) -> None:
        self.model.options = {"--long-documents": long, "--seed": seed}

    @rule()
    def pack(self) -> None:
        ran, wanted = self._pack(), self.model.wanted()
        assert ran.code == (0 if wanted else 2), ran.err
        self.model.published = wanted or self.model.published
        self._check()

    @rule(point=st.sampled_from(POINTS), nth=st.integers(1, 2), texts=FILES)
    def killed(self, point: str, nth: int, texts: list[str]) -> None:
        """With something to do, so that it comes to the point."""
        self.add_or_change(NAMES[0], texts)
        with killed_at(point, nth):
            try:
                self._pack()
            except Killed:
                self.matrix.add("killed run of the state machine", "as the model says")
        found = shown(self.output)
        assert found in (self.model.published, self.model.wanted())
        self.model.published = found

    @rule()
    def prune(self) -> None:
        ran = self.bfpack("prune", "--output", self.output, "--yes")
        assert ran.code in ((0,) if self.model.published else (0, 2)), ran.err
        self._check()

    @rule()
    def verify(self) -> None:
        ran = self.bfpack(*verify_command(self.output))
        assert ran.code == (0 if self.model.published else 2), ran.out + ran.err
        self._check()

    def _pack(self) -> Ran:
        options: list[Any] = [part for pair in self.model.options.items() for part in pair]
        where = ["--input", self.source, "--output", self.output, "--tokenizer", self.tokenizer]
        place = ["--bucket", BUCKET, "--id-column", "id", "--seq-len", SEQ_LEN]
        return self.bfpack("pack", *where, *place, *options)

    def _check(self) -> None:
        assert shown(self.output) == self.model.published
        self.matrix.add("step of the state machine", "as the model says")


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(2, 10), pytest.param(12, 20, marks=LONG)],
)
def test_what_is_published_is_what_the_model_says(
    bfpack: Bfpack,
    tiny_tokenizer: Path,
    tmp_path: Path,
    matrix: Matrix,
    examples: int,
    steps: int,
) -> None:
    def folders() -> Iterator[Path]:
        number = 0
        while True:
            (tmp_path / str(number)).mkdir()
            yield tmp_path / str(number)
            number += 1

    own = {"bfpack": staticmethod(bfpack), "tokenizer": tiny_tokenizer}
    own |= {"folders": folders(), "matrix": matrix}
    run_state_machine_as_test(
        type("TheseNights", (Nights,), own),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )
