"""What the ending of a file's name tells: the format, and how the file is compressed.

Endings count in upper and lower case: `D.JSONL.GZ` is the same as `d.jsonl.gz`.
"""

CODECS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".xz": "xz"}
ENDINGS = {
    "parquet": (".parquet", ".parq", ".pq"),
    "jsonl": tuple(e + c for e in (".jsonl", ".ndjson", ".json") for c in ("", *CODECS)),
    "text": (".txt", ".md", ".text"),
}


def format_of(name: str) -> str | None:
    """Return the format that a file's name tells (parquet, jsonl, text), or None if it tells
    none."""
    lowered = name.lower()
    return next((known for known, ends in ENDINGS.items() if lowered.endswith(ends)), None)


def codec_of(name: str) -> str | None:
    """Return how a file of this name is compressed (gzip, zstd, bz2, xz), or None if it is not."""
    lowered = name.lower()
    return next((codec for ending, codec in CODECS.items() if lowered.endswith(ending)), None)
