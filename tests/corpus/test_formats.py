"""Formats and codecs by the endings of names."""

import pytest

from bfpack_spark.corpus.formats import codec_of, format_of


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("x.parquet", ("parquet", None)),
        ("x.PARQ", ("parquet", None)),
        ("x.pq", ("parquet", None)),
        ("D.JSONL", ("jsonl", None)),
        ("x.json.gz", ("jsonl", "gzip")),
        ("x.ndjson.Zst", ("jsonl", "zstd")),
        ("x.jsonl.zstd", ("jsonl", "zstd")),
        ("x.jsonl.bz2", ("jsonl", "bz2")),
        ("x.JSON.XZ", ("jsonl", "xz")),
        ("x.md", ("text", None)),
        ("x.parquet.gz", (None, "gzip")),
        ("x.parquet.tmp", (None, None)),
        ("jsonl", (None, None)),
    ],
)
def test_an_ending_in_any_case_tells_format_and_codec(
    name: str, wanted: tuple[str | None, str | None]
) -> None:
    assert (format_of(name), codec_of(name)) == wanted
