"""A file that is not what the inventory saw is named, by who reads it and by the driver."""

import dataclasses
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus.reading import documents_in

from bfpack_spark.corpus.inventory import Inventory, Split, split_inventory
from bfpack_spark.corpus.second_look import look_again, unchanged
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError, JobError

LINES = b'{"text": "one"}\n{"text": "two"}\n'


def replace(path: Path) -> None:
    """Other bytes of the same size, by rename, a second later."""
    new = path.with_name("new")
    new.write_bytes(LINES.replace(b"one", b"eno"))
    then = path.stat().st_mtime_ns + 10**9
    os.utime(new, ns=(then, then))
    new.rename(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "had 32 bytes when it was listed, it has 16": lambda path: path.write_bytes(LINES[:16]),
    "had 32 bytes when it was listed, it has 64": lambda path: path.write_bytes(LINES * 2),
    "has been written since it was listed": replace,
    "has vanished since it was listed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("says", CHANGES)
def test_a_file_that_is_another_is_named_whoever_looks(says: str, tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(LINES)
    (tmp_path / "a.jsonl").write_bytes(LINES)
    inventory = take_inventory(str(tmp_path), None)
    look_again(inventory)
    reading = documents_in(tmp_path)
    CHANGES[says](path)
    line = rf"--input: b\.jsonl {says}; run it again when nothing writes there"
    with pytest.raises(JobError, match=line):
        look_again(inventory)
    with pytest.raises(JobError, match=line):
        list(reading)


@pytest.mark.parametrize("says", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_named(says: str, tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(LINES)
    documents = documents_in(path)
    assert len(next(documents)) == 2
    CHANGES[says](path)
    with pytest.raises(JobError, match=says):
        next(documents)


def fail_within(split: Split, change: Callable[[], None] = lambda: None) -> None:
    with unchanged(split):
        change()
        raise InputError("--input: b.jsonl cannot be read")


def test_a_file_that_cannot_be_read_since_it_changed_has_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(LINES)
    (split,) = split_inventory(take_inventory(str(path), None))
    with pytest.raises(JobError, match="has vanished") as raised:
        fail_within(split, path.unlink)
    told = "".join(traceback.format_exception(raised.value))  # what Spark hands to the driver
    assert "InputError" not in told
    path.write_bytes(LINES)
    os.utime(path, ns=(split.modified or 0,) * 2)
    with pytest.raises(InputError, match="cannot be read"):
        fail_within(split)


def test_of_a_file_without_a_time_the_size_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(LINES)
    inventory = take_inventory(str(path), None)
    replace(path)
    (file,) = inventory.files
    untold = dataclasses.replace(file, modified=0)
    look_again(Inventory(format="jsonl", files=(untold,)))
    with pytest.raises(JobError, match="has been written"):
        look_again(inventory)
