"""What an earlier version of the token store spares a later one."""

from dataclasses import replace
from typing import Any

import pytest
from made_versions import token_inputs, tokens_manifest
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf
from trained import byte_level, vocabulary

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.files.access import resolve
from bfpack_spark.spark.frames import Frame
from bfpack_spark.tokens.files_source import FilesSource
from bfpack_spark.tokens.frame_source import FrameSource
from bfpack_spark.tokens.increments import files_read, take_over
from bfpack_spark.versions.manifests import ReadFile, TokensManifest
from bfpack_spark.versions.publication import Home


def of_files(sizes: dict[str, int]) -> Inventory:
    files = [InputFile(name=n, path=f"/x/{n}", size=s, modified=1) for n, s in sizes.items()]
    return Inventory(format="jsonl", files=tuple(files))


def source_of(inventory: Inventory) -> FilesSource:
    return FilesSource(
        home=Home(output="o", bucket="b"),
        inventory=inventory,
        columns=Columns(content="text", doc_id=None),
        vocabulary=vocabulary(byte_level()),
    )


def manifest(inventory: Inventory, *paths: str, **changed: Any) -> TokensManifest:
    """Of a published version of these files."""
    inputs = token_inputs(inventory.for_fingerprint(), **changed)
    return TokensManifest.model_validate(tokens_manifest(inputs, *paths))


OLD = of_files({"a": 1, "b": 2})
NAME = "ab" * 8


def test_only_new_files_are_tokenized_and_others_listed_as_they_lie() -> None:
    new = of_files({"a": 1, "b": 2, "c": 3})
    name = f"../{'0' * 16}/documents/part-00007-000.parquet"
    held = manifest(OLD, name, "documents/part-00002-001.parquet")
    made, said = take_over(token_inputs(new.for_fingerprint()), source_of(new), held)
    assert [file.name for file in made.source.inventory.files] == ["c"]
    paths = [entry.path for entry in made.entries]
    assert paths == [name, f"../{NAME}/documents/part-00002-001.parquet"]
    assert resolve("o/b/tokens/V3", paths[1]) == (
        f"o/b/tokens/{NAME}/documents/part-00002-001.parquet"
    )
    assert (made.prefix, made.accounting) == (f"{NAME}-", held.accounting)
    assert said == "1 new beside 2 that are unchanged; only they are read"


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"a": 1, "b": 3, "c": 3}, "1 file changed (b)"),
        ({"b": 2, "c": 3}, "1 file gone (a)"),
    ],
)
def test_a_file_that_changed_or_went_makes_everything_anew(
    sizes: dict[str, int], says: str
) -> None:
    new = of_files(sizes)
    held = manifest(OLD, "documents/part-0.parquet")
    made, said = take_over(token_inputs(new.for_fingerprint()), source_of(new), held)
    assert (made.source.inventory, [*made.entries], made.prefix) == (new, [], "")
    assert said == f"everything is tokenized anew: of the earlier input {says}"


def test_copies_with_other_times_say_so_and_how_a_copy_keeps_them() -> None:
    files = [replace(file, modified=file.modified + 1) for file in of_files({"a": 1, "b": 2}).files]
    new = replace(of_files({}), files=tuple(files))
    held = manifest(OLD, "documents/part-0.parquet")
    _, said = take_over(token_inputs(new.for_fingerprint()), source_of(new), held)
    assert said is not None
    assert "of the earlier input 2 files of the same size, but with another time (a, b); " in said
    assert said.endswith("a copy keeps its time with cp -p or rsync -t")


def test_other_settings_or_no_earlier_version_spare_nothing() -> None:
    new = of_files({"a": 1, "b": 2, "c": 3})
    other = manifest(OLD, "documents/part-00000-000.parquet", eos_id=1)
    for earlier in (other, None):
        made, said = take_over(token_inputs(new.for_fingerprint()), source_of(new), earlier)
        assert (made.source.inventory, [*made.entries], said) == (new, [], None)


def test_the_inventory_of_files_that_were_read_before_is_kept() -> None:
    files = [InputFile(name=n, path=n, size=1, modified=7) for n in "abc"]
    total = Tally()
    total.add("a", rows=5, documents=4)
    earlier = [ReadFile(name="b", size=1, rows=3, documents=2)]
    inventory = Inventory(format="parquet", files=tuple(files))
    stamp = {"size": 1, "modified": 7}
    assert [file.as_json() for file in files_read(inventory, total, earlier)] == [
        {"name": "a", **stamp, "rows": 5, "bytes": None, "documents": 4},
        {"name": "b", **stamp, "rows": 3, "bytes": None, "documents": 2},
        {"name": "c", **stamp, "rows": None, "bytes": None, "documents": None},
    ]


def test_rows_that_were_added_to_a_table_are_counted_with_those_before() -> None:
    total = Tally()
    total.add("docs", rows=5, documents=5)
    earlier = [ReadFile(name="docs", size=0, etag="delta x 1", rows=3, documents=3)]
    table = InputFile(name="docs", path="", size=0, etag="delta x 2")
    (held,) = files_read(Inventory(format="delta", files=(table,)), total, earlier)
    assert (held.etag, held.rows, held.documents) == ("delta x 2", 8, 8)


@pytest.mark.parametrize(
    ("name", "documents_in", "num_before"),
    [("docs", 3, 3), ("renamed", 3, None), ("docs", 9, None)],
)
def test_rows_are_added_to_a_table_of_one_name_that_was_counted_whole(
    spark: SparkSession, name: str, documents_in: int, num_before: int | None
) -> None:
    rows = spark.range(8).selectExpr("cast(id as string) as text", "id as doc_id")
    frame = Frame(
        format="delta",
        name=name,
        stamp="delta x 2",
        rows=rows,
        added_since=lambda _: sf.col("doc_id") >= 3,
    )
    source = FrameSource(
        home=Home(output="o", bucket="b"),
        inventory=frame.inventory(),
        columns=Columns(content="text", doc_id="doc_id"),
        vocabulary=vocabulary(byte_level()),
        frame=frame,
    )
    inputs = token_inputs([["docs", 0, "delta x 1"]])
    read = {"inventory": [{"name": "docs", "size": 0, "etag": "delta x 1", "rows": 3}]}
    told = {**tokens_manifest(inputs), **read}
    told["accounting"] = {**told["accounting"], "documents_in": documents_in}
    held = TokensManifest.model_validate(told)
    added = source.added_to(held)
    assert (added[0].num_before if added is not None else None) == num_before
