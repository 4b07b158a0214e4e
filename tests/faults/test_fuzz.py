"""Mutated metadata, settings and Parquet footers: read for what they say, or refused in one line,
and never a crash.

Footers are read in a process of its own, since Arrow reads them in C++.
"""

import json
import multiprocessing as mp
import random
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faults.corpora import documents
from faults.matrix import LONG, SLOW, Matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from bfpack_spark.corpus.coverage import Tally, check_coverage
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.load_settings import load_settings
from bfpack_spark.plan.kept_plan import PlanNote
from bfpack_spark.versions.manifests import SequencesManifest, TokensManifest
from bfpack_spark.versions.metadata import Metadata, Pointer, parse_metadata
from bfpack_spark.versions.snapshots import Snapshot

VERSION = "0123456789abcdef"
POINTER = {"version": VERSION, "manifest": f"{VERSION}/_manifest.json", "manifest_sha256": "a" * 64}
ENTRY = {"path": "shards/part-00000.parquet", "kind": "shards", "rows": 2, "tokens": 9, "bytes": 7}
ENTRY |= {"sha256": "b" * 64, "ids_sha256": "c" * 64}
SNAPSHOT = {"buckets": {"b": {"128": {"version": VERSION, "fingerprint": "d" * 64}}}}
MODELS: list[type[Metadata]] = [Pointer, TokensManifest, SequencesManifest, PlanNote, Snapshot]
TOML = b"""input = "in"
output = "out"
bucket = ["a", "b"]
seq_len = [128, 256]
seed = 3
max_quarantined = 0.5
[spark]
"spark.master" = "local[2]"
sql.shuffle.partitions = 4
"""
SAMPLES = [json.dumps(each).encode() for each in (POINTER, {"files": [ENTRY]}, SNAPSHOT)]

MUTATIONS = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 4), st.binary(max_size=6)),
    min_size=1,
    max_size=6,
)


def mutated(raw: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Some bytes taken out here and there, and others put in."""
    for place, taken, put in changes:
        at = place % (len(raw) + 1)
        raw = raw[:at] + put + raw[at + taken :]
    return raw


@settings(max_examples=1500)
@given(sample=st.sampled_from(SAMPLES), changes=MUTATIONS, model=st.sampled_from(MODELS))
def test_mutated_metadata_has_its_shape_or_is_refused(
    sample: bytes, changes: list[tuple[int, int, bytes]], model: type[Metadata]
) -> None:
    refused_or_right(mutated(sample, changes), model)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["files", "version", "inputs", "buckets", "accounting", "b", "128"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=500)
@given(value=JSON_VALUES, model=st.sampled_from(MODELS))
def test_json_of_any_shape_has_the_shape_of_metadata_or_is_refused(
    value: object, model: type[Metadata]
) -> None:
    refused_or_right(json.dumps(value).encode(), model)


def refused_or_right(raw: bytes, model: type[Metadata]) -> None:
    said = ""
    try:
        found = parse_metadata(raw, "OUTPUT/file", model)
    except InputError as error:
        said = str(error)
    if said:
        assert said.startswith("OUTPUT/file: ")
        assert "\n" not in said
    else:
        assert found.as_json() == json.loads(raw)


@settings(max_examples=800)
@given(changes=MUTATIONS)
def test_mutated_settings_are_settings_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(mutated(TOML, changes))
    with suppress(InputError):
        assert load_settings(path, {}).spark is not None


def test_the_unchanged_samples_are_taken(tmp_path: Path) -> None:
    """Else the tests above would hold for a parser that refuses everything."""
    assert parse_metadata(SAMPLES[0], "p", Pointer).as_json() == POINTER
    assert parse_metadata(SAMPLES[2], "p", Snapshot).as_json() == SNAPSHOT
    (tmp_path / "s.toml").write_bytes(TOML)
    assert load_settings(tmp_path / "s.toml", {}).seed == 3


# Footers

ROWS = [row for row in documents("f", 40) if row["text"]]
WITH_ID = Columns(content="text", doc_id="id")


class Reader:
    """Reads in a process that may be ended by what it reads; then there is another."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = mp.get_context("forkserver")
        self.pool = ProcessPoolExecutor(1, context, initializer=_bounded)

    def read(self, path: Path) -> tuple[str, object]:
        try:
            return self.pool.submit(read_all, path).result()
        except BrokenProcessPool:
            self.pool.shutdown()
            self._start()
            return "aborted", None


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    started = Reader()
    yield started
    started.pool.shutdown()


def _bounded() -> None:
    """A footer that lies about sizes takes no more memory than this from the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


def seen_by_driver(path: Path) -> Path:
    """Is there once the driver has done all that it does with a file."""
    return path.with_suffix(".seen")


def read_all(path: Path) -> tuple[str, object]:
    """As driver and workers do: look, divide, check, read, compare."""
    try:
        inventory = take_inventory(str(path), "parquet")
        check_columns(inventory, WITH_ID)
        seen_by_driver(path).touch()
        found: list[tuple[str | None, str | None]] = []
        tally = Tally()
        for batch in read_documents(split_inventory(inventory), "parquet", WITH_ID, 1 << 20, tally):
            found += list(zip(batch.doc_id, batch.content.to_pylist(), strict=True))
        check_coverage(inventory, tally, bucket_column=None)
        return "rows", found
    except InputError as error:
        return "refused", str(error)
    except MemoryError as error:
        return "memory", str(error)


@pytest.mark.parametrize(
    "batch", [0, *(pytest.param(n, marks=SLOW if n < 2 else LONG) for n in (1, 2, 3))]
)
def test_a_mutated_footer_is_refused_or_loses_no_row(
    reader: Reader, matrix: Matrix, tmp_path: Path, batch: int
) -> None:
    whole = tmp_path / "whole.parquet"
    lean = {"store_schema": False, "write_statistics": False, "row_group_size": 20}
    pq.write_table(pa.Table.from_pylist(ROWS), whole, **lean)
    assert pq.ParquetFile(whole).num_row_groups == 2
    raw = whole.read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    right = [(row["id"], row["text"]) for row in ROWS]
    assert reader.read(whole) == ("rows", right)
    chosen = random.Random(batch)
    outcomes: Counter[str] = Counter()
    for number in range(250):
        damaged = bytearray(raw)
        bit = chosen.randrange(footer * 8, len(raw) * 8)
        damaged[bit // 8] ^= 1 << bit % 8
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(damaged)
        outcome, found = reader.read(path)
        path.unlink()
        assert outcome != "aborted" or seen_by_driver(path).exists(), f"bit {bit}: the driver died"
        if outcome == "rows" and found != right:
            outcome = "others"
        outcomes[outcome] += 1
        if outcome in ("rows", "others"):
            assert isinstance(found, list)
            assert len(found) == len(ROWS), f"bit {bit}: rows were lost"
        elif outcome == "refused":
            assert path.name in str(found), f"bit {bit}: {found}"
    assert min(outcomes["rows"], outcomes["refused"]) > 20, outcomes
    assert outcomes["aborted"] < 10, outcomes
    for outcome, times in outcomes.items():
        matrix.add("footer of Parquet with a flipped bit", OUTCOMES[outcome], times)


# Arrow's binding calls what throws as what does not, and so ends the process where the sizes of
# levels in a footer do not fit: a worker's, which is one line and exit 5. (The driver reads these
# sizes for samples alone.)
OUTCOMES = {
    "aborted": "Arrow ends the worker: one line, without the name",
    "rows": "right rows",
    "others": "as many rows, not the same: no checksum tells",
    "refused": "refused by name",
    "memory": "out of memory, refused",
}
