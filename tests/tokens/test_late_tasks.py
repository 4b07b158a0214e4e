"""A task that outlives its run, while another run publishes the version, changes nothing."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from cli.commands import rows
from conftest import Bfpack, Corpus
from inputs import write_input
from outputs import current, tree

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.files import access
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.schema import TOKENIZED, plain
from bfpack_spark.tokens.token_files import write_token_files

Pack = Callable[[str], Path]
SEQ_LEN = 64


@pytest.fixture
def pack(bfpack: Bfpack, demo_corpus: Corpus, tmp_path: Path) -> Pack:
    """Pack tmp_path/corpus to a folder of tmp_path."""
    what = ("--tokenizer", demo_corpus.tokenizer, "--id-column", "doc_id", "--seq-len", SEQ_LEN)

    def run(name: str) -> Path:
        where = ("--input", tmp_path / "corpus", "--output", tmp_path / name, "--bucket", "b")
        bfpack("pack", *where, *what).succeeds()
        return tmp_path / name

    return run


hashes = functools.partial(tree, reports=True)


class Held:
    """A worker's task that stands still in the middle, until it is told to go on to its end. Its
    rows are none of the corpus, so whatever it published would be seen."""

    def __init__(self, root: Path, prefix: str = "") -> None:
        self._stands, self._goes_on = threading.Event(), threading.Event()
        self._messages: list[pa.RecordBatch] = []
        write = functools.partial(
            write_token_files, root=str(root), metadata={}, num_high=0, tally=Tally(), prefix=prefix
        )
        self._thread = threading.Thread(target=self._work, args=(write,), daemon=True)
        self._thread.start()
        assert self._stands.wait(60)

    def _work(self, write: Callable[..., Iterator[pa.RecordBatch]]) -> None:
        self._messages += write(self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        values = {"doc_id": "late", "length": 2, "tokens": b"\1\0\0\0\0\0\0\0", "num_bytes": 4}
        row = {name: values.get(name) for name in TOKENIZED.names}
        yield pa.RecordBatch.from_pylist([row], plain(TOKENIZED))
        self._stands.set()
        self._goes_on.wait()
        yield pa.RecordBatch.from_pylist([row], plain(TOKENIZED))

    def goes_on(self) -> str:
        """It does, to its end; the path that it says to have written."""
        self._goes_on.set()
        self._thread.join(60)
        (message,) = self._messages
        (entry,) = json.loads(message.column("message")[0].as_py())["files"]
        return str(entry["path"])


def test_workers_that_stood_still_over_a_whole_run_change_nothing(
    pack: Pack, bfpack: Bfpack, tmp_path: Path
) -> None:
    """One of each kind of file: it had not begun its temporary file, or had; then the run made
    another try, and was complete."""
    write_input(tmp_path / "corpus" / "a.jsonl", rows(0, 20))
    first, output = pack("first"), tmp_path / "second"
    store, version = (
        output / current(first, "b", kind).relative_to(first)
        for kind in ("tokens", f"sequences-{SEQ_LEN}")
    )
    worker = Held(store)
    files = [HashingFile(str(version), f"{kind}/part-00000.parquet") for kind in ("plan", "shards")]
    for file in files:
        file.write(b"of a dead run")
    pack("second")
    before = hashes(output)
    assert worker.goes_on() == "documents/part-00000-000.parquet"
    for file in files:
        file.publish()
    assert hashes(output) == before
    assert not list(output.rglob("_temporary"))
    where = ("--output", output, "--bucket", "b", "--seq-len", SEQ_LEN)
    assert bfpack("verify", *where).code == 0


def test_runs_beside_different_earlier_versions_write_different_names(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of the one is late for the other, and comes between its look for the manifest and
    its rename, as if there were none."""
    write_input(tmp_path / "corpus" / "a.jsonl", rows(1, 3))
    first = current(pack("output"), "b", "tokens")
    write_input(tmp_path / "corpus" / "b.jsonl", rows(3, 5))
    second = current(pack("output"), "b", "tokens")
    write_input(tmp_path / "corpus" / "c.jsonl", rows(5, 7))
    third = current(pack("output"), "b", "tokens")
    before = hashes(tmp_path / "output")
    own = f"{third.relative_to(tmp_path / 'output')}/documents"
    assert f"{own}/part-{second.name}-00000-000.parquet" in before
    with monkeypatch.context() as patch:
        patch.setattr(access, "exists", lambda path: False)
        extra = Held(third, prefix=f"{first.name}-").goes_on()
    after = hashes(tmp_path / "output")
    assert after.keys() - before.keys() == {f"{third.relative_to(tmp_path / 'output')}/{extra}"}
    assert {path: after[path] for path in before} == before
    pack("output")
    assert hashes(tmp_path / "output").keys() == before.keys()
