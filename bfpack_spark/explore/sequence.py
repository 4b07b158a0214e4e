"""One sequence of a packing: its documents, where each is cut, and their text."""

from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from bfpack_spark.errors import InputError
from bfpack_spark.explore.document import num_covered, without_bos
from bfpack_spark.files.stored_parquet import damaged, open_own_parquet, rows_of_documents
from bfpack_spark.tokens.token_store import open_token_store
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The tokens start .. start + length of a document, and the sequence that holds them."""

    sequence_id: int
    start: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment of a sequence, as text."""

    doc_id: str | None  # None: padding
    doc_start: int | None  # its first token in the document
    doc_length: int | None
    offset: int  # its first token in the sequence
    length: int
    text: str
    num_bos: int = 0  # before a fragment that goes on with its document, 0 or 1
    elsewhere: tuple[Piece, ...] = ()  # the other pieces of the document, in order

    @property
    def is_cut(self) -> bool:
        """Return whether this is only a part of its document."""
        return self.doc_length is not None and self.length < self.doc_length

    @property
    def doc_end(self) -> int:
        """Return where it ends in its document."""
        return (self.doc_start or 0) + self.length - self.num_bos

    @property
    def part(self) -> str:
        """Return in words which part of its document this is."""
        if self.doc_id is None or self.doc_start is None:
            return "padding"
        held = f"{self.doc_start}:{self.doc_end} of {self.doc_length}"
        return f"tokens {held}" if self.is_cut else "whole"

    @property
    def num_left_out(self) -> int:
        """Return how many tokens of the document are in no sequence."""
        spans = [(piece.start, piece.start + piece.length) for piece in self.elsewhere]
        packed = num_covered([(self.doc_start or 0, self.doc_end), *spans])
        return (self.doc_length or packed) - packed


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One sequence of a packing, with its segments."""

    bucket: str
    seq_len: int
    sequence_id: int
    shard: str
    num_tokens: int
    num_padding: int
    segments: list[Segment]


def read_sequence(
    output: str | Path, bucket: str, seq_len: int, sequence_id: int, version: str | None = None
) -> Sequence:
    """Return one sequence with its documents decoded. For a document that is cut, the plan is
    searched for its other pieces. Raise InputError if there is no such sequence."""
    output = str(output)
    home = Home(output=output, bucket=bucket, seq_len=seq_len)
    directory, manifest = publication.current_sequences(home, version)
    shard, row = _find_row(manifest, sequence_id)
    columns = _read_row(f"{directory}/{shard}", row, sequence_id)
    store = open_token_store(output, bucket, manifest.tokens_version)
    tokenizer = Tokenizer.from_str(store.tokenizer_json().decode())
    bos = int(manifest.inputs.configuration.bos_at == "fragment")
    return Sequence(
        bucket=bucket,
        seq_len=seq_len,
        sequence_id=sequence_id,
        shard=shard,
        num_tokens=columns["num_tokens"],
        num_padding=columns["num_padding"],
        segments=_with_rest(_segments(columns, tokenizer, bos), sequence_id, directory, manifest),
    )


def _with_rest(
    segments: list[Segment], sequence_id: int, directory: str, manifest: SequencesManifest
) -> list[Segment]:
    cut = sorted({segment.doc_id or "" for segment in segments if segment.is_cut})
    if not cut:
        return segments
    paths = [f"{directory}/{entry.path}" for entry in manifest.files_of("plan")]
    rows = rows_of_documents(paths, cut, ["doc_id", "sequence_id", "start", "length"])
    pieces: dict[str, list[Piece]] = {name: [] for name in cut}
    for row in sorted(rows, key=itemgetter("start")):
        pieces[row.pop("doc_id")].append(Piece(**without_bos(row, manifest)))
    return [
        replace(s, elsewhere=_others(pieces[s.doc_id or ""], s, sequence_id)) if s.is_cut else s
        for s in segments
    ]


def _others(pieces: list[Piece], segment: Segment, sequence_id: int) -> tuple[Piece, ...]:
    here = (sequence_id, segment.doc_start)
    return tuple(piece for piece in pieces if (piece.sequence_id, piece.start) != here)


def _read_row(path: str, row: int, sequence_id: int) -> dict[str, Any]:
    """Return a row of a shard. Raise JobError if it is not this sequence."""
    with open_own_parquet(path) as file:
        group_rows = int(file.metadata.row_group(0).num_rows) if file.num_row_groups else 1
        group, at = divmod(row, group_rows)
        if group < file.num_row_groups and file.metadata.row_group(group).num_rows > at:
            (held,) = file.read_row_group(group, use_threads=False).slice(at, 1).to_pylist()
            if held.get("sequence_id") == sequence_id:
                return dict(held)
    raise damaged(path, f"does not have sequence {sequence_id} in row {row}")


def _find_row(manifest: SequencesManifest, sequence_id: int) -> tuple[str, int]:
    first = 0
    for entry in manifest.files_of("shards"):
        if first <= sequence_id < first + entry.rows:
            return entry.path, sequence_id - first
        first += entry.rows
    raise InputError(f"--sequence {sequence_id}: there are sequences 0 to {first - 1}")


def _segments(row: dict[str, Any], tokenizer: Tokenizer, bos: int) -> list[Segment]:
    out, offset = [], 0
    columns = (row["seq_lengths"], row["doc_ids"], row["doc_starts"], row["doc_lengths"])
    for length, doc_id, start, doc_length in zip(*columns, strict=True):
        ids = row["input_ids"][offset : offset + length]
        out.append(
            Segment(
                doc_id=doc_id,
                doc_start=None if doc_id is None else start,
                doc_length=None if doc_id is None else doc_length,
                offset=offset,
                length=length,
                text=tokenizer.decode(ids, skip_special_tokens=False),
                num_bos=bos if start else 0,
            )
        )
        offset += length
    return out
