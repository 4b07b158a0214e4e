"""What is wrong with segments that are read back, which is invariant 3 and the BOS before
fragments, and with the loss mask of each row by itself, which is invariant 7."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bfpack_spark.core.fragments import Int64
from bfpack_spark.core.rules import Rules
from bfpack_spark.sequences.row_targets import Targets
from bfpack_spark.verifying.findings import Violation

Mask: TypeAlias = npt.NDArray[np.bool_]

_FAULTS_MAX = 20  # of a kind in a part, so that a broken file does not list every row


def cut_faults(segments: pa.RecordBatch, rules: Rules) -> Iterator[Violation]:
    """Yield faults of invariant 3: a document that fits is whole, and a longer one is cut where the
    policy says."""
    start, length, whole = (_numbers(segments, name) for name in ("start", "length", "doc_length"))
    end = start + length - np.where(start > 0, rules.bos, 0)
    wrong = (start < 0) | (end > whole)
    problem = "the segment lies outside its document"
    if rules.packing == "best_fit":
        fits = whole <= rules.seq_len
        wrong |= fits & ((start != 0) | (length != whole))
        wrong |= ~fits & ~_policy_allows(start, length, whole, rules)
        problem = (
            f"a document that fits is cut, or one is cut where {rules.long_documents} does not"
        )
    yield from _named(wrong, segments, invariant=3, problem=problem)


def bos_faults(
    segments: pa.RecordBatch, ids: npt.NDArray[np.int32], first_row: int, bos_id: int | None
) -> Iterator[Violation]:
    """Yield faults of fragments that go on with a document and do not begin with BOS, if they have
    to. `ids`, [rows, seq_len], are those of the rows, of which the first is `first_row`."""
    if bos_id is None:
        return
    row, offset, start = (_numbers(segments, name) for name in ("row", "offset", "start"))
    first = ids[row - first_row, offset]
    wrong = (start > 0) & (first != bos_id)
    problem = "a fragment that goes on with its document does not begin with BOS"
    yield from _named(wrong, segments, invariant=1, problem=problem)


def mask_faults(
    mask: npt.NDArray[np.integer], in_padding: Mask, first_row: int, targets: Targets, rules: Rules
) -> Iterator[Violation]:
    """Yield violations of rows whose mask, [rows, seq_len], has another value than 0 and 1, marks
    padding, or leaves no target where conversations are packed whole."""
    wrong = ((mask != 0) & (mask != 1)).any(axis=1)
    yield from faulty_rows(wrong, first_row, "the loss mask has another value than 0 and 1", 7)
    marked = (in_padding.reshape(mask.shape) & (mask != 0)).any(axis=1)
    yield from faulty_rows(marked, first_row, "the loss mask makes padding a target", 7)
    if rules.packing == "best_fit" and rules.long_documents != "split":
        without = (targets.targets == 0) & (targets.num_tokens > 0)
        yield from faulty_rows(without, first_row, "no token of the row is a target", 7)


def faulty_rows(
    wrong: Mask, first_row: int, problem: str, invariant: int = 2
) -> Iterator[Violation]:
    """Yield a violation for each of the first rows that are wrong."""
    for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist():
        yield Violation(invariant=invariant, problem=problem, row=first_row + at)


def _policy_allows(start: Int64, length: Int64, whole: Int64, rules: Rules) -> Mask:
    if rules.long_documents in ("split", "slide"):
        first = (start == 0) & (length == rules.seq_len)
        new = start + rules.overlap  # the first token that no earlier fragment holds
        at_cut = (new >= rules.seq_len) & ((new - rules.seq_len) % rules.new_tokens == 0)
        full = length == np.minimum(rules.seq_len, whole - new + rules.prefix)
        return np.asarray(first | ((start > 0) & at_cut & full))
    if rules.long_documents == "truncate":
        return np.asarray((start == 0) & (length == rules.seq_len))
    if rules.long_documents == "truncate_turns":  # the sums of the store tell where
        return np.asarray((start == 0) & (length <= rules.seq_len))
    return np.zeros(len(start), dtype=bool)


def _numbers(segments: pa.RecordBatch, name: str) -> Int64:
    return np.asarray(segments.column(name).to_numpy(), dtype=np.int64)


def _named(
    wrong: Mask, segments: pa.RecordBatch, *, invariant: int, problem: str
) -> Iterator[Violation]:
    for at in np.flatnonzero(wrong)[:_FAULTS_MAX].tolist():
        row, doc_id = (segments.column(name)[at].as_py() for name in ("row", "doc_id"))
        yield Violation(invariant=invariant, problem=problem, row=row, document=doc_id)
