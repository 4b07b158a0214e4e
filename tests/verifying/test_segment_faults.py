"""Segments that are cut where the rules say are right, and moved by a token they are wrong."""

from typing import Any

import numpy as np
import pyarrow as pa
from core.test_later_fragments import Cut, cut_slowly, rules_drawn
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.rules import Rules
from bfpack_spark.schema import SCANNED_SEGMENTS, plain
from bfpack_spark.verifying.segment_faults import bos_faults, cut_faults

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def segments(cuts: list[tuple[int, Cut]]) -> pa.RecordBatch:
    """One segment a row, of documents of these lengths."""
    values: dict[str, list[Any]] = {
        "file": ["f"] * len(cuts),
        "row": list(range(len(cuts))),
        "sequence_id": list(range(len(cuts))),
        "doc_id": [f"d{number}" for number in range(len(cuts))],
        "start": [cut.start for _, cut in cuts],
        "length": [cut.length for _, cut in cuts],
        "doc_length": [whole for whole, _ in cuts],
    }
    zeros = [0] * len(cuts)
    schema = plain(SCANNED_SEGMENTS)
    return pa.RecordBatch.from_pydict({n: values.get(n, zeros) for n in schema.names}, schema)


def cuts_of(lengths: list[int], rules: Rules) -> list[tuple[int, Cut]]:
    return [
        (n, cut) for n in lengths for cut in cut_slowly(n, rules.seq_len, rules.overlap, rules.bos)
    ]


@given(LENGTHS, rules_drawn())
def test_what_the_rules_cut_is_right(lengths: list[int], rules: Rules) -> None:
    assert list(cut_faults(segments(cuts_of(lengths, rules)), rules)) == []


@given(LENGTHS, rules_drawn(), st.sampled_from(["start", "end", "both"]), st.sampled_from([-1, 1]))
def test_a_segment_that_is_moved_by_a_token_is_wrong(
    lengths: list[int], rules: Rules, which: str, by: int
) -> None:
    cuts = cuts_of(lengths, rules)
    moved = []
    for whole, cut in cuts:
        start = cut.start + by * (which != "end")
        end = cut.end + by * (which != "start")
        moved.append((whole, cut._replace(start=start, end=end, bos=rules.bos * (start > 0))))
    legal = {(whole, cut.start, cut.length) for whole, cut in cuts}  # that of another fragment
    wrong = [(whole, cut.start, cut.length) not in legal for whole, cut in moved]
    faults = list(cut_faults(segments(moved), rules))
    assert len(faults) == min(sum(wrong), 20)
    assert {fault.invariant for fault in faults} <= {3}


@given(LENGTHS, rules_drawn())
def test_bos_is_missed_where_a_fragment_goes_on(lengths: list[int], rules: Rules) -> None:
    cuts = cuts_of(lengths, rules)
    held = segments(cuts)
    ids = np.full((len(cuts), rules.seq_len), 7, dtype=np.int32)
    faults = list(bos_faults(held, ids, 0, 5 if rules.bos else None))
    later = sum(cut.start > 0 for _, cut in cuts) if rules.bos else 0
    assert len(faults) == min(later, 20)
    ids[:, 0] = 5
    assert list(bos_faults(held, ids, 0, 5)) == []
