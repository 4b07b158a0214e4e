"""One sequence of a packing: its documents, where each is cut, and their text."""

from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from bfpack_spark.errors import InputError
from bfpack_spark.storage import files, versions
from bfpack_spark.storage.token_store import open_token_store
from bfpack_spark.storage.versions import Place


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One document's piece of a sequence, as text."""

    doc_id: str | None  # None: padding
    doc_start: int | None  # first token, counted in the document
    doc_length: int | None
    offset: int  # first token, counted in the sequence
    length: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One row of a packing."""

    bucket: str
    seq_len: int
    sequence_id: int
    shard: str
    num_tokens: int
    num_padding: int
    segments: list[Segment]


def read_sequence(
    output: str, bucket: str, seq_len: int, sequence_id: int, version: str | None = None
) -> Sequence:
    """One sequence with its documents decoded. InputError if there is no such sequence."""
    place = Place(output=output, bucket=bucket, seq_len=seq_len)
    directory, manifest = versions.current(place, version)
    shard, row = _find_row(manifest, sequence_id)
    with files.open_parquet(f"{directory}/{shard}") as file:
        table = file.read_row_group(row // _group_rows(file), use_threads=False)
        found = table.slice(row % _group_rows(file), 1).to_pylist()[0]
    assert found["sequence_id"] == sequence_id, "rows of a shard are consecutive"
    tokenizer = Tokenizer.from_str(_tokenizer_json(output, bucket, manifest).decode())
    return Sequence(
        bucket=bucket,
        seq_len=seq_len,
        sequence_id=sequence_id,
        shard=shard,
        num_tokens=found["num_tokens"],
        num_padding=found["num_padding"],
        segments=_segments(found, tokenizer),
    )


def _group_rows(file: object) -> int:
    return int(file.metadata.row_group(0).num_rows)  # type: ignore[attr-defined]


def _find_row(manifest: versions.Manifest, sequence_id: int) -> tuple[str, int]:
    first = 0
    for entry in versions.files_of(manifest, "shards"):
        if first <= sequence_id < first + entry["rows"]:
            return str(entry["path"]), sequence_id - first
        first += entry["rows"]
    raise InputError(f"--sequence {sequence_id}: there are sequences 0 to {first - 1}")


def _tokenizer_json(output: str, bucket: str, manifest: versions.Manifest) -> bytes:
    return open_token_store(
        output, bucket, manifest["inputs"]["tokens_fingerprint"][:16]
    ).tokenizer_json()


def _segments(row: dict[str, Any], tokenizer: Tokenizer) -> list[Segment]:
    out, offset = [], 0
    columns = (row["seq_lengths"], row["doc_ids"], row["doc_starts"], row["doc_lengths"])
    for length, doc_id, start, doc_length in zip(*columns, strict=True):
        ids = row["input_ids"][offset : offset + length]
        out.append(
            Segment(
                doc_id=doc_id,
                doc_start=start,
                doc_length=doc_length,
                offset=offset,
                length=length,
                text=tokenizer.decode(ids, skip_special_tokens=False),
            )
        )
        offset += length
    return out
