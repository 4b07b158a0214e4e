"""Documents and segments -> the numbers by which copies of the tokens are compared."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bfpack_spark.core.digest import digest_segments, hash_rows, weigh, with_mask
from bfpack_spark.core.fragments import Int64, cut_documents, kept_lengths
from bfpack_spark.core.kept_targets import kept_targets
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.shuffle import UInt64
from bfpack_spark.files.parquet_output import binary_values, token_values
from bfpack_spark.schema import SCANNED_DOCUMENTS, plain
from bfpack_spark.tokens.token_files import slices


@dataclass(frozen=True, kw_only=True)
class DigestSpec:
    """What a worker needs to know to digest documents."""

    root: str  # the token store's directory
    rules: Rules | None  # None: digest the whole document
    vocabulary_size: int


@dataclass(kw_only=True)
class Sums:
    """Two sums modulo 2^64, over the segments in shards or over the documents in the token store.
    They are equal if both hold the same tokens at the same places of the same documents."""

    tokens: int = 0
    lengths: int = 0  # over the lengths, and the doc_length that each names

    def add(self, key: UInt64, digest: Int64, length: Int64, doc_length: Int64) -> None:
        """Add segments or documents, of which each array has one number. key: hash_ids of the
        document."""
        self.tokens = (self.tokens + weigh(digest.view(np.uint64), key)) % 2**64
        lengths_sum = weigh(length.view(np.uint64), hash_rows(key, doc_length))
        self.lengths = (self.lengths + lengths_sum) % 2**64

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            tokens=(self.tokens + other.tokens) % 2**64,
            lengths=(self.lengths + other.lengths) % 2**64,
        )


def digest_batch(batch: pa.RecordBatch, spec: DigestSpec) -> pa.RecordBatch:
    """Return SCANNED_DOCUMENTS of a batch that has doc_id and tokens, and maybe loss masks."""
    tokens = batch.column("tokens")
    length = token_lengths(tokens)
    kept = length
    if spec.rules is not None:
        kept = _kept(batch, length, spec.rules)
    row = np.flatnonzero(kept)
    start, own = np.zeros(len(row), dtype=np.int64), kept[row]
    if spec.rules is not None and spec.rules.overlap:
        row, start, own = _pieces(kept, spec.rules)
        kept = np.bincount(row, own, minlength=len(length)).astype(np.int64)
    digest = np.zeros(len(length), dtype=np.uint64)
    if len(row):
        ids = token_values(slices(tokens, row, start, own))
        if "loss_mask" in batch.schema.names:
            cut = slices(batch.column("loss_mask"), row, start, own, kind="u1")
            ids = with_mask(ids, binary_values(cut))
        np.add.at(digest, row, digest_segments(ids, own, start))
    columns = {
        "doc_id": batch.column("doc_id"),
        "refused": pa.nulls(len(length), pa.string()),
        "doc_length": pa.array(length),
        "kept": pa.array(kept),
        "digest": pa.array(digest.view(np.int64)),
    }
    return pa.RecordBatch.from_pydict(columns, schema=plain(SCANNED_DOCUMENTS))


def _kept(batch: pa.RecordBatch, length: Int64, rules: Rules) -> Int64:
    """Return how many tokens of each document are packed, by its loss mask if it has one."""
    if "loss_mask" not in batch.schema.names:
        return kept_lengths(length, rules.seq_len, rules.long_documents)
    mask = binary_values(batch.column("loss_mask"))
    return kept_targets(length, mask, rules.seq_len, rules.long_documents).kept


def marked_and_targets(batch: pa.RecordBatch, kept: Int64) -> tuple[int, int]:
    """Return how many tokens the masks mark in what is kept of documents, and the targets of the
    whole documents."""
    length = token_lengths(batch.column("tokens"))
    mask = binary_values(batch.column("loss_mask"))
    place = np.arange(len(mask)) - np.repeat(np.cumsum(length) - length, length)
    marked = mask[place < np.repeat(kept, length)].sum(dtype=np.int64)
    return int(marked), int(mask[place > 0].sum(dtype=np.int64))


def _pieces(kept: Int64, rules: Rules) -> tuple[Int64, Int64, Int64]:
    """Return document, start and length of each fragment, without the BOS before it: repeated
    tokens are digested as often as they are packed."""
    cut = cut_documents(kept, rules.seq_len, rules.overlap, rules.bos)
    return cut.document, cut.start, cut.length - np.where(cut.start > 0, rules.bos, 0)


def token_lengths(tokens: pa.Array) -> Int64:
    """Return the number of tokens in each value of a BINARY column."""
    offsets = np.frombuffer(tokens.buffers()[1], dtype=np.int32)
    return np.diff(offsets[tokens.offset : tokens.offset + len(tokens) + 1]).astype(np.int64) // 4
