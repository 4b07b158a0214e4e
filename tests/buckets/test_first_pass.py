"""The first pass over a column of buckets looks at its files as the tokenizing does."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.test_coverage import write_misleading

from bfpack_spark.buckets.slices import read_buckets
from bfpack_spark.corpus.inventory import Split, split_inventory
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError, JobError

LINES = b'{"lang": "de"}\n{"lang": "en"}\n'


def buckets_in(split: Split) -> list[str]:
    """What the pass over a column `lang` finds in a split."""
    splits = pa.RecordBatch.from_pylist([dataclasses.asdict(split)])
    input_format = "jsonl" if split.name.endswith(".jsonl") else "parquet"
    (found,) = read_buckets(iter([splits]), input_format=input_format, column="lang")
    return list(found.column("bucket").to_pylist())


@pytest.fixture(params=["jsonl", "parquet"])
def split(request: pytest.FixtureRequest, tmp_path: Path) -> Split:
    """A file with a document in each of two buckets."""
    path = tmp_path / f"a.{request.param}"
    path.write_bytes(LINES)
    if request.param == "parquet":
        pq.write_table(pa.table({"lang": ["de", "en"]}), path)
    (only,) = split_inventory(take_inventory(str(tmp_path), None))
    assert buckets_in(only) == ["de", "en"]
    return only


def touch(path: Path) -> None:
    then = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(then, then))


CHANGES: dict[str, Callable[[Path], object]] = {
    "bytes when it was listed, it has 0": lambda path: path.write_bytes(b""),
    "has been written since it was listed": touch,
    "has vanished since it was listed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("says", CHANGES)
def test_a_file_that_changed_after_it_was_listed_is_named(split: Split, says: str) -> None:
    CHANGES[says](Path(split.path))
    with pytest.raises(JobError, match=rf"--input: {split.name} .*{says}; run it again"):
        buckets_in(split)


def test_a_footer_that_leads_into_another_row_groups_pages_is_refused(tmp_path: Path) -> None:
    write_misleading(tmp_path / "a.parquet", "lang")
    (split,) = split_inventory(take_inventory(str(tmp_path), None))
    with pytest.raises(InputError, match=r"a\.parquet: its footer is damaged \(two of its columns"):
        buckets_in(split)
