"""Invariant 0: every count of the manifest's inventory, changed by hand, is named."""

from collections.abc import Callable
from typing import Any

import pytest
from made_versions import token_inputs, tokens_manifest

from bfpack_spark.verifying.check_manifests import check_input_files
from bfpack_spark.versions.manifests import TokensManifest

Held = dict[str, Any]


def manifest(bucket_column: str | None = None) -> Held:
    """Two files of lines, of 3 and 2 documents, and a table's of 4 rows, of which 1 is deleted."""
    lines = {"rows": 3, "documents": 3, "bytes": 9}
    files: list[list[str | int]] = [["a", 9, 70], ["b", 8, "tag"], ["c", 7, 71, "of deleted rows"]]
    held = tokens_manifest(token_inputs(files, bucket_column=bucket_column))
    inventory = [
        {"name": "a", "size": 9, "modified": 70, **lines},
        {"name": "b", "size": 8, "etag": "tag", "rows": 2, "documents": 2, "bytes": 8},
        {"name": "c", "size": 7, "modified": 71, "rows": 4, "documents": 3, "bytes": None},
    ]
    accounting = {**held["accounting"], "documents_in": 8}
    return {**held, "accounting": accounting, "inventory": inventory}


def problems(held: Held) -> list[str]:
    found = check_input_files(TokensManifest.model_validate(held))
    assert all((v.invariant, v.shard) == (0, "tokens/_manifest.json") for v in found)
    return [v.problem for v in found]


def test_what_a_run_writes_holds() -> None:
    assert problems(manifest()) == []


def no_inventory(held: Held) -> None:
    del held["inventory"]


def nothing_told_of_one(held: Held) -> None:
    held["inventory"][0] |= {"rows": None, "documents": None, "bytes": None}


@pytest.mark.parametrize("change", [no_inventory, nothing_told_of_one])
def test_what_an_earlier_build_has_not_told_is_passed_over(
    change: Callable[[Held], None],
) -> None:
    held = manifest()
    held["accounting"]["documents_in"] = 80
    assert problems(held)
    change(held)
    assert problems(held) == []


OTHERS: list[tuple[int, str, object]] = [
    (0, "name", "z"),
    (0, "size", 10),
    (0, "modified", 69),
    (1, "etag", "other"),
]


@pytest.mark.parametrize(("file", "key", "value"), OTHERS)
def test_a_file_that_the_inputs_do_not_name_is_named(file: int, key: str, value: object) -> None:
    held = manifest()
    name = held["inventory"][file]["name"]
    held["inventory"][file][key] = value
    assert f"inventory: {name} is not the file that the inputs name" in problems(held)


def test_a_file_that_is_missing_or_told_twice_is_found() -> None:
    held = manifest()
    gone = held["inventory"].pop()
    held["accounting"]["documents_in"] -= gone["documents"]
    assert problems(held) == ["inventory: c is not the file that the inputs name"]
    held = manifest()
    held["inventory"].append(held["inventory"][0])
    held["accounting"]["documents_in"] += 3
    assert problems(held) == ["inventory: its files are not in the order of the inputs, each once"]


COUNTS: list[tuple[int, str, int, str]] = [
    (0, "rows", 4, "inventory: 3 documents came of 4 rows of a"),
    (1, "rows", 1, "inventory: 2 documents came of 1 rows of b"),
    (2, "rows", 2, "inventory: 3 documents came of 2 rows of c"),
    (0, "bytes", 8, "inventory: 8 of 9 bytes of a were read"),
    (1, "bytes", 9, "inventory: 9 of 8 bytes of b were read"),
    (2, "documents", 2, "inventory: its files gave 7 documents, accounting.documents_in 8"),
    (2, "documents", 4, "inventory: its files gave 9 documents, accounting.documents_in 8"),
]


@pytest.mark.parametrize(("file", "key", "value", "says"), COUNTS)
def test_a_count_that_is_not_what_the_file_gave_is_named(
    file: int, key: str, value: int, says: str
) -> None:
    held = manifest()
    held["inventory"][file][key] = value
    assert problems(held) == [says]


def test_rows_of_other_buckets_are_no_documents() -> None:
    held = manifest(bucket_column="lang")
    held["inventory"][0]["rows"] = 30
    assert problems(held) == []
    held["inventory"][0]["rows"] = 2
    assert problems(held) == ["inventory: 3 documents came of 2 rows of a"]
