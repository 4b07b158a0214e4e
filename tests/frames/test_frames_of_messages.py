"""Conversations in a DataFrame, as Spark reads them from anywhere."""

import json
from pathlib import Path

import pytest
from chat_inputs import SEQ_LEN, expected, some_lines, write_tokenizer
from conversations import BUCKET, pieces_of
from outputs import current
from pyspark.sql import SparkSession

from bfpack_spark import pack, verify
from bfpack_spark.errors import InputError

STYLE = "chatml"
SETTINGS = {"bucket": BUCKET, "id_column": "id", "seq_len": [SEQ_LEN], "max_quarantined": 1.0}
KINDS = {
    "array<struct<role string, content string>>": lambda messages: messages,
    "array<map<string, string>>": lambda messages: messages,
    "string": json.dumps,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_of_messages_is_packed(kind: str, spark: SparkSession, tmp_path: Path) -> None:
    lines = some_lines(STYLE, 30)
    for line in lines:
        line["messages"] = [{"role": m["role"], "content": m["content"]} for m in line["messages"]]
    rows = [(line["id"], KINDS[kind](line["messages"])) for line in lines]
    frame = spark.createDataFrame(rows, f"id string, said {kind}")
    output = str(tmp_path / "out")
    where = {"output": output, "tokenizer": str(write_tokenizer(tmp_path / "tokenizer", STYLE))}
    pack(frame, version="1", **SETTINGS, **where, messages_column="said")
    pieces, _ = expected(lines, STYLE)
    assert len(pieces) > 20
    assert pieces_of(current(tmp_path / "out", BUCKET, f"sequences-{SEQ_LEN}")) == pieces
    (report,) = verify(frame, output=output, bucket=BUCKET, seq_len=[SEQ_LEN])
    assert (report.holds, report.compared_with_text) == (True, len(pieces))


def test_a_column_of_another_type_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([("a", [5])], "id string, said array<int>")
    where = {
        "output": str(tmp_path / "out"),
        "tokenizer": str(write_tokenizer(tmp_path / "tokenizer", STYLE)),
    }
    with pytest.raises(InputError, match="--messages-column said: has type array<int>"):
        pack(frame, version="1", **SETTINGS, **where, messages_column="said")
