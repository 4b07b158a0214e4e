"""Every row and byte of every input file is read once, and the driver sees where it is not."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.reading import TEXT
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.corpus.coverage import (
    Tally,
    add_up,
    check_coverage,
    check_documents,
    check_rows,
)
from bfpack_spark.corpus.inventory import InputFile, Inventory, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.row_groups import check_footer, places_of
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError, JobError

DATA = Path(__file__).parents[1] / "data"


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50),
    st.integers(1, 10_000),
    st.lists(st.integers(1, 9_999), max_size=9),
)
def test_each_row_group_lies_in_one_split(
    sizes: list[int], num_bytes: int, cuts: list[int]
) -> None:
    places = places_of(sizes, num_bytes)
    edges = sorted({0, num_bytes, *(cut for cut in cuts if cut < num_bytes)})
    splits = list(itertools.pairwise(edges))
    owners = [[s for s in splits if s[0] <= place < s[1]] for place in places]
    assert len(owners) == len(sizes)
    assert all(len(own) == 1 for own in owners)
    assert places == sorted(places)


def test_the_places_of_row_groups_follow_their_sizes() -> None:
    assert places_of([30, 10], 100) == [37, 87]
    assert places_of([0, -5], 100) == [25, 75]
    assert places_of([], 100) == []


def read(path: Path) -> tuple[Inventory, Tally, list[str]]:
    """The inventory, the tally of all its splits, one a task, and the documents."""
    inventory = take_inventory(str(path), None)
    told, texts = [], []
    for split in split_inventory(inventory):
        tally = Tally()
        for batch in read_documents([split], inventory.format, TEXT, 1 << 20, tally):
            texts += batch.content.to_pylist()
        told.append(json.loads(json.dumps(tally.told())))
    return inventory, add_up(told), texts


def test_columns_in_another_order_than_the_schemas_lose_no_rows(
    tmp_path: Path,
) -> None:
    """Of this file the first column of the footer lies behind the second, so a middle reckoned from
    its offset lies beyond the end."""
    path = tmp_path / "a.parquet"
    shutil.copy(DATA / "columns_in_another_order.parquet", path)
    inventory, total, texts = read(path)
    assert [text[:11] for text in texts] == [f"document {n} " for n in range(6)]
    assert (total.rows, total.footers) == ({"a.parquet": 6}, {"a.parquet": 6})
    check_coverage(inventory, total, bucket_column=None)


def of_one_file(input_format: str = "parquet", **told: Any) -> Inventory:
    file = InputFile(**{"name": "a", "path": "/a", "size": 10, "modified": 7, **told})
    return Inventory(format=input_format, files=(file,))


def tally(**told: Any) -> Tally:
    footer = told.pop("footer", None)
    made = Tally()
    made.add("a", **told)
    if footer is not None:
        made.footer("a", footer)
    return made


def test_what_was_read_must_be_all_there_is() -> None:
    whole = tally(rows=5, documents=5, footer=5)
    check_coverage(of_one_file(), whole, bucket_column=None)
    for rows in (4, 6):
        wrong = tally(rows=rows, documents=rows, footer=5)
        with pytest.raises(InputError, match=f"a: {rows} rows were read, its footer tells 5; wri"):
            check_coverage(of_one_file(), wrong, bucket_column=None)
    with pytest.raises(JobError, match="a was not read"):
        check_coverage(of_one_file(), Tally(), bucket_column=None)


def test_rows_of_other_buckets_are_no_documents_and_all_else_is() -> None:
    check_coverage(of_one_file(), tally(rows=5, documents=3, footer=5), bucket_column="lang")
    for documents, column in ((6, None), (4, None), (6, "lang")):
        wrong = tally(rows=5, documents=documents, footer=5)
        with pytest.raises(JobError, match=f"a gave 5 documents, {documents} were worked on"):
            check_coverage(of_one_file(), wrong, bucket_column=column)


def test_the_rows_of_a_table_are_those_that_spark_counts() -> None:
    check_rows("a", 5, tally(rows=5, documents=5))
    for read, counted in ((5, 6), (5, 4), (0, 1)):
        with pytest.raises(InputError, match=f"a: {read} rows were read, Spark counts {counted}"):
            check_rows("a", counted, tally(rows=read, documents=read))
    with pytest.raises(JobError, match="a gave 5 documents, 4 were worked on"):
        check_rows("a", 5, tally(rows=5, documents=4))


def test_documents_that_are_accounted_for_are_those_that_were_read() -> None:
    check_documents(tally(rows=5, documents=5), 5)
    with pytest.raises(JobError, match="5 documents were read, 4 are accounted for"):
        check_documents(tally(rows=5, documents=5), 4)


def test_a_footer_that_changes_between_tasks_is_an_error() -> None:
    parts = [tally(rows=1, footer=rows).told() for rows in (2, 3)]
    with pytest.raises(InputError, match="a was replaced while it was read"):
        add_up(parts)


def mislead(path: Path, offset: int, other: int) -> None:
    """Replace an offset of the footer of a file (zigzag varints of thrift)."""

    def varint(number: int) -> bytes:
        number, out = number << 1, b""
        while number > 127:
            out, number = out + bytes([number & 127 | 128]), number >> 7
        return out + bytes([number])

    raw = path.read_bytes()
    size = int.from_bytes(raw[-8:-4], "little")
    footer = raw[-8 - size : -8]
    assert varint(offset) in footer
    assert len(varint(offset)) == len(varint(other))
    path.write_bytes(raw[: -8 - size] + footer.replace(varint(offset), varint(other)) + raw[-8:])


def write_misleading(path: Path, column: str) -> None:
    """Write three row groups, of which the footer leads to the second twice. Its pages are whole,
    and their checksums right: only that they are read twice tells."""
    table = pa.table({column: [f"document {n} " + 200 * str(n) for n in range(6)]})
    told = {"use_dictionary": False, "write_page_checksum": True, "write_statistics": False}
    pq.write_table(table, path, row_group_size=2, **told)
    held = pq.read_metadata(path)
    first, second = (held.row_group(n).column(0).data_page_offset for n in (1, 2))
    mislead(path, second, first)
    assert pq.read_table(path).column(column).to_pylist()[4:] == table[column].to_pylist()[2:4]


def test_a_footer_that_leads_into_another_row_groups_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_misleading(path, "text")
    with pytest.raises(InputError, match=r"a\.parquet: its footer is damaged \(two of its columns"):
        read(path)


def test_a_footer_whose_columns_lie_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x", "y"]}), path)
    held = pq.read_metadata(path)
    check_footer(held, path.stat().st_size, [0], "a")
    with pytest.raises(InputError, match=r"its footer is damaged \(its columns lie beyond its"):
        check_footer(held, 20, [0], "a")
