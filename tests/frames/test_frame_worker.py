"""What a worker makes of rows that Spark hands over, without Spark."""

import functools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from trained import byte_level, vocabulary

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.token_files import attempt_name, write_token_files
from bfpack_spark.tokens.tokenize_text import read_frame, tokenize_and_write

SPEC = TokenizeSpec(
    input_format="frame",
    columns=Columns(content="text", doc_id="n"),
    vocabulary=vocabulary(byte_level()),
    engine="fastokens",
    max_document_bytes=100,
    audit_share=0.0,
)


def run(root: Path, name: str, *rows: tuple[int, str | None]) -> dict[str, Any]:
    """The message of an attempt of a run of this name."""
    batch = pa.RecordBatch.from_pylist([{"n": n, "text": text} for n, text in rows])
    write = functools.partial(
        write_token_files,
        root=str(root),
        metadata={},
        num_high=0,
        part_name=functools.partial(attempt_name, name),
    )
    read = functools.partial(read_frame, name="docs")
    (said,) = tokenize_and_write(iter([batch]), spec=SPEC, read=read, write=write)
    return dict(json.loads(said.column("message")[0].as_py()))


def test_rows_are_counted_and_refused_by_their_ids(tmp_path: Path) -> None:
    said = run(tmp_path, "first", (1, "a b"), (2, None), (3, "x" * 101), (4, ""))
    assert said["read"] == [["docs", 4, 0, 4, None]]
    assert said["counts"]["documents_by_reason"] == {"null_text": 1, "too_large": 1, "empty": 1}
    assert said["places"]["too_large"] == "docs#3"
    files = {entry["kind"]: entry["path"] for entry in said["files"]}
    assert pq.read_table(tmp_path / files["documents"])["doc_id"].to_pylist() == ["1"]
    assert pq.read_table(tmp_path / files["quarantine"])["doc_id"].to_pylist() == ["2", "3"]


def test_another_run_does_not_write_over_the_files_of_the_first(tmp_path: Path) -> None:
    first, second = (run(tmp_path, name, (1, "a b")) for name in ("first", "second"))
    assert first["files"][0]["path"] == "documents/part-first-00000-0-000.parquet"
    assert second["files"][0]["path"] == "documents/part-second-00000-0-000.parquet"
    assert len(list(tmp_path.glob("documents/*"))) == 2
