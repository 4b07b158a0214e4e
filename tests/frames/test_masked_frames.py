"""Conversations with loss masks as a DataFrame."""

from pathlib import Path

import pytest
from conversations import BUCKET, conversations, pieces_of, whole, write_tokenizer
from outputs import current
from pyspark.sql import SparkSession

from bfpack_spark import pack, verify
from bfpack_spark.errors import InputError

HELD = conversations(40)
SETTINGS = {"bucket": BUCKET, "id_column": "id", "tokens_column": "ids", "seq_len": [512]}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("loss_mask_column", "array<boolean>"),
        ("loss_mask_column", "binary"),
        ("labels_column", "array<int>"),
    ],
)
def test_a_frame_tells_its_targets(
    column: str, kind: str, spark: SparkSession, tmp_path: Path
) -> None:
    told = {
        "array<boolean>": lambda c: [bool(m) for m in c.mask],
        "binary": lambda c: bytes(c.mask),
        "array<int>": lambda c: c.labels,
    }[kind]
    rows = [(c.name, c.ids, told(c)) for c in HELD]
    frame = spark.createDataFrame(rows, f"id string, ids array<int>, told {kind}")
    output = str(tmp_path / "out")
    where = {"output": output, "tokenizer": str(write_tokenizer(tmp_path / "tokenizer"))}
    pack(frame, version="1", **SETTINGS, **where, **{column: "told"}, pad_token="<|pad|>")
    assert pieces_of(current(tmp_path / "out", BUCKET, "sequences-512")) == whole(HELD)
    (report,) = verify(frame, output=output, bucket=BUCKET, seq_len=[512])
    assert (report.holds, report.compared_with_text) == (True, len(HELD))
    assert report.targets is not None
    assert report.targets.whole_share == 1


@pytest.mark.parametrize("kind", ["array<boolean>", "binary"])
def test_masks_of_a_frame_that_mark_all_are_refused(
    kind: str, spark: SparkSession, tmp_path: Path
) -> None:
    told = bytes([1, 1]) if kind == "binary" else [True, True]
    frame = spark.createDataFrame([("a", [5, 6], told)], f"id string, ids array<int>, told {kind}")
    where = {
        "output": str(tmp_path / "out"),
        "tokenizer": str(write_tokenizer(tmp_path / "tokenizer")),
    }
    with pytest.raises(InputError, match="of 1 document of a sample, the model is to say all"):
        pack(frame, version="1", **SETTINGS, **where, loss_mask_column="told")
