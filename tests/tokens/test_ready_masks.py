"""Loss masks beside ready tokens: what is taken, and what goes to quarantine, with its place."""

from pathlib import Path
from typing import Any

import conversations as chats
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack
from tokens.worker import EOS, PAD, Worker, ids

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.look_at_chats import look_at_masks, sample_rows

MASKED = Columns(content="ids", doc_id=None, tokens=True, beside="mask", beside_is="loss_mask")
LABELLED = Columns(content="ids", doc_id=None, tokens=True, beside="mask", beside_is="labels")


def mask_of(row: dict[str, object]) -> list[int] | None:
    raw = row["loss_mask"]
    return None if raw is None else np.frombuffer(raw, dtype=np.uint8).tolist()  # type: ignore[call-overload,no-any-return]


def write(worker: Worker, rows: list[tuple[object, object]], kind: pa.DataType | None) -> str:
    if kind is None:
        return worker.write_lines(*({"ids": one, "mask": mask} for one, mask in rows))
    masks: list[Any] = [mask for _, mask in rows]
    if kind == pa.binary():
        masks = list(map(bytes, masks))
    elif kind == pa.list_(pa.bool_()):
        masks = [list(map(bool, mask)) for mask in masks]
    ids_of_rows = pa.array([one for one, _ in rows], pa.list_(pa.int32()))
    table = {"ids": ids_of_rows, "mask": pa.array(masks, kind)}
    pq.write_table(pa.table(table), worker.folder / "a.parquet")
    return "a.parquet"


LISTS = [pa.list_(pa.int8()), pa.large_list(pa.int64()), pa.list_(pa.bool_())]
KINDS = [*LISTS, pa.binary(), None]


@pytest.mark.parametrize("bos", [None, "<|pad|>"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_mask_follows_what_is_put_around_a_document(
    kind: pa.DataType | None, bos: str | None, worker: Worker
) -> None:
    given = [
        ([5, 6], [0, 1]),
        ([5, 6, EOS], [0, 1, 0]),
        ([5, 6, EOS], [0, 0, 1]),
        ([PAD, 5, 6], [1, 1, 0]),
    ]
    name = write(worker, given, kind)
    check_columns(take_inventory(str(worker.folder / name), None), MASKED)
    found = worker.run(name, columns=MASKED, bos_token=bos)
    bare = [
        ([5, 6, EOS], [0, 1, 1]),  # EOS is a target if the token before it is
        ([5, 6, EOS], [0, 1, 0]),  # the input's own EOS keeps what the input says of it
        ([5, 6, EOS], [0, 0, 1]),
    ]
    if bos is not None:
        bare = [([PAD, *own], [0, *mask]) for own, mask in bare]
    expected = [*bare, ([PAD, 5, 6, EOS], [1, 1, 0, 0])]
    assert [(ids(row), mask_of(row)) for row in found] == expected
    assert [row["num_targets"] for row in found] == [sum(mask[1:]) for _, mask in expected]


CASES: list[tuple[object, object, str, str, int | None]] = [
    ([5, 6], [1], "invalid_mask", "1 values of the loss mask for 2 tokens", 1),
    ([5, 6], [0, 1, 0], "invalid_mask", "3 values of the loss mask for 2 tokens", 1),
    ([5, 6], [0, 2], "invalid_mask", "2 in the loss mask at token 1, wanted 0 or 1", 0),
    ([5, 6], None, "invalid_mask", "null instead of a loss mask", None),
    ([5, 6], [0, None], "invalid_mask", "a null in a loss mask", None),
    ([5, 6], [0, 0], "no_target", "no token is a target", 0),
    ([5, 6], [1, 0], "no_target", "no token is a target", 0),
    ([5, 999], [0, 1], "invalid_tokens", "id 999 at token 1, vocabulary of 320", 1),
    ([], [], "empty", "no tokens", 0),
    (None, [1], "null_text", "null instead of tokens", 1),
]


def test_a_wrong_mask_is_refused_with_place_and_reason(worker: Worker) -> None:
    good = ([7, 8], [0, 1])
    rows = [pair for one, mask, *_ in CASES for pair in ((one, mask), good)]
    found = worker.run(write(worker, rows, pa.list_(pa.int8())), columns=MASKED)
    size = worker.tokenizer.get_vocab_size()
    for number, (_, _, reason, detail, targets) in enumerate(CASES):
        row = found[2 * number]
        said = detail.replace("320", str(size))
        assert (row["reason"], row["detail"], row["num_targets"]) == (reason, said, targets)
        assert (row["source"], mask_of(row)) == (f"a.parquet#{2 * number}", None)
        assert (ids(found[2 * number + 1]), mask_of(found[2 * number + 1])) == (
            [7, 8, EOS],
            [0, 1, 1],
        )


def test_labels_are_the_ids_or_minus_100(worker: Worker) -> None:
    given = [([5, 6, 7], [-100, 6, -100]), ([5, 6], [-100, 7]), ([5, 6], [-100])]
    found = worker.run(write(worker, given, pa.list_(pa.int64())), columns=LABELLED)
    assert (ids(found[0]), mask_of(found[0])) == ([5, 6, 7, EOS], [0, 1, 0, 0])
    assert [(row["reason"], row["detail"]) for row in found[1:]] == [
        ("invalid_mask", "label 7 at token 1, which is 6 there or -100 where it is no target"),
        ("invalid_mask", "1 labels for 2 tokens"),
    ]


def test_lines_of_json_may_have_booleans_and_tell_what_is_wrong(worker: Worker) -> None:
    lines = [
        {"ids": [5, 6], "mask": [False, True]},
        {"ids": [5, 6], "mask": [0, "1"]},
        {"ids": [5, 6]},
        {"ids": [5] * 2_500_000, "mask": [True] * 2_500_000},  # a long line
        {"ids": [5] * 2_500_000, "mask": [0.5] * 2_500_000},
    ]
    found = worker.run(worker.write_lines(*lines), columns=MASKED, max_document_bytes=1 << 26)
    assert mask_of(found[0]) == [0, 1, 1]
    assert (found[3]["length"], sum(mask_of(found[3]) or [])) == (2_500_001, 2_500_001)
    assert [(row["reason"], row["detail"]) for row in (found[1], found[2], found[4])] == [
        ("invalid_mask", "mask is not a list of integers or booleans"),
        ("invalid_mask", "null instead of a loss mask"),
        ("invalid_mask", "not a list of integers"),
    ]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            [([5, 6], [1, 1])] * 3,
            "of 3 documents of a sample, the model is to say all of each; --l",
        ),
        ([([5, 6], [0, 0])] * 3, "of 3 documents of a sample, none has a token that the model is"),
        ([([5, 6], [1, 1]), ([5, 6], [1])], "the model is to say all of each"),
        ([([5, 6], [1, 1]), ([5, 6], [0, 1])], None),
        ([([5, 6], [1, 1]), ([5, 6], [0, 0])], None),
        ([([5, 6], [1]), ([5, 999], [1, 1])], None),  # quarantine tells of each what is wrong
        ([], None),
    ],
)
@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), None], ids=str)
def test_masks_that_mark_all_or_nothing_are_refused_before_the_work(
    rows: list[tuple[object, object]], why: str | None, kind: pa.DataType | None, worker: Worker
) -> None:
    inventory = take_inventory((str(worker.folder / write(worker, rows, kind)),), None)
    sample = sample_rows(inventory, MASKED)
    assert sample == rows
    given = worker.task("jsonl", MASKED).vocabulary
    if why is None:
        look_at_masks(MASKED, given, sample)
    else:
        with pytest.raises(InputError, match=why):
            look_at_masks(MASKED, given, sample)


def test_a_sample_is_the_first_documents_whatever_their_number(worker: Worker) -> None:
    name = write(worker, [([5], [1])] * 100, pa.list_(pa.int8()))
    inventory = take_inventory((str(worker.folder / name),), None)
    assert sample_rows(inventory, MASKED) == [([5], [1])] * 64


def test_labels_that_are_all_targets_are_refused_by_the_run(bfpack: Bfpack, tmp_path: Path) -> None:
    held = [chats.Conversation(f"c{n}", [7, 8, 9], [1, 1, 1]) for n in range(3)]
    given = chats.options(tmp_path, chats.write(tmp_path / "in", held), "--seq-len", 8)
    bfpack("pack", *given, "--labels-column", "labels").refuses(
        "--tokens-column ids: of 3 documents of a sample, the model is to say all",
        "--labels-column labels must mark what it is to say alone",
    )
