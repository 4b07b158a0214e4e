"""Ids that the user's own tokenizer made."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus
from tokens.worker import EOS, PAD, Worker, ids

from bfpack_spark.corpus.documents import READING, Columns, Document, batches
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.tokenizing.ready_ids import ready_ids

READY = Columns(content="ids", doc_id=None, tokens=True)


KINDS = [pa.list_(pa.int32()), pa.list_(pa.int64()), pa.large_list(pa.uint16()), pa.binary()]


def write_ids(worker: Worker, lists: list[list[int] | None], kind: pa.DataType | None) -> str:
    """Write the lists as a column of this type, which the driver takes; None: as JSON lines."""
    if kind is None:
        name = worker.write_lines(*({"ids": one} for one in lists))
    else:
        if kind == pa.binary():
            lists = [None if i is None else np.array(i, dtype="<i4").tobytes() for i in lists]
        name = "a.parquet"
        pq.write_table(pa.table({"ids": pa.array(lists, kind)}), worker.folder / name)
    check_columns(take_inventory(str(worker.folder / name), None), READY)
    return name


@pytest.mark.parametrize("kind", [*KINDS, None], ids=str)
def test_ready_tokens_get_what_they_lack_and_nothing_twice(
    kind: pa.DataType | None, worker: Worker
) -> None:
    lists = [[5, 6], [5, 6, EOS], [PAD, 5, 6], [PAD, 5, 6, EOS], [5, EOS, 6], [], [EOS], None]
    reasons = [None] * 5 + ["empty", "empty", "null_text"]
    name = write_ids(worker, lists, kind)
    found = worker.run(name, columns=READY)
    assert [ids(row) for row in found] == [
        [5, 6, EOS],
        [5, 6, EOS],
        [PAD, 5, 6, EOS],
        [PAD, 5, 6, EOS],
        [5, EOS, 6, EOS],
        None,
        None,
        None,
    ]
    assert [row["reason"] for row in found] == reasons
    both = worker.run(name, columns=READY, bos_token="<|pad|>")
    assert [ids(row) for row in both] == [
        *[[PAD, 5, 6, EOS]] * 4,
        [PAD, 5, EOS, 6, EOS],
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.list_(pa.int64()), pa.binary(), None])
def test_ids_outside_the_vocabulary_are_refused(kind: pa.DataType | None, worker: Worker) -> None:
    size = worker.tokenizer.get_vocab_size()
    name = write_ids(worker, [[5, size - 1], [5, size], [-1], [7]], kind)
    found = worker.run(name, columns=READY)
    assert [ids(row) for row in found] == [[5, size - 1, EOS], None, None, [7, EOS]]
    assert [(row["reason"], row["detail"]) for row in found[1:3]] == [
        ("invalid_tokens", f"id {size} at token 1, vocabulary of {size}"),
        ("invalid_tokens", f"id -1 at token 0, vocabulary of {size}"),
    ]
    assert [row["doc_id"] for row in found] == [row["source"] for row in found]


def test_tokens_that_are_no_ids_are_refused(worker: Worker) -> None:
    table = {"ids": pa.array([[1, None], [5]], pa.list_(pa.int32()))}
    pq.write_table(pa.table(table), worker.folder / "a.parquet")
    pq.write_table(pa.table({"ids": [b"12345", b""]}), worker.folder / "b.parquet")
    details = {
        row["source"]: (row["reason"], row["detail"])
        for row in worker.run("a.parquet", "b.parquet", columns=READY)
    }
    assert details == {
        "a.parquet#0": ("invalid_tokens", "a null among the ids"),
        "a.parquet#1": (None, None),
        "b.parquet#0": ("invalid_tokens", "5 bytes, not a multiple of 4"),
        "b.parquet#1": ("empty", "no tokens"),
    }


def test_more_ready_ids_than_a_row_can_hold_are_too_large(worker: Worker) -> None:
    (documents,) = batches([ready([5] * 3), ready([5] * 4)], READY, READING)
    ready_ids(documents, worker.task("jsonl", READY).vocabulary, ids_max=3)
    assert documents.reason == [None, "too_large"]


def ready(ids: list[int]) -> Document:
    return Document(source="a", doc_id="a", content=ids)


def test_text_and_its_tokens_are_the_same_rows(worker: Worker, corpus: Corpus) -> None:
    texts = list(corpus.texts().values())[:50]
    lists = [worker.known(text) + [EOS] * (n % 2) for n, text in enumerate(texts)]
    (worker.folder / "text").mkdir()
    pq.write_table(pa.table({"text": texts}), worker.folder / "text" / "a.parquet")
    expected = [row["tokens"] for row in worker.run("text/a.parquet", max_document_bytes=1 << 30)]
    assert None not in expected
    for kind in (pa.list_(pa.int32()), pa.binary(), None):
        name = write_ids(worker, lists, kind)
        assert [row["tokens"] for row in worker.run(name, columns=READY)] == expected


def test_an_eos_that_the_text_brings_is_not_doubled(worker: Worker) -> None:
    name = worker.write_lines({"text": "some words<|endoftext|>"}, {"text": "some words"})
    one, other = worker.run(name, control_tokens="allow")
    assert ids(one) == ids(other) == [*worker.known("some words"), EOS]
