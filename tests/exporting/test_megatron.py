"""The bytes of an IndexedDataset, written by hand from its layout."""

from dataclasses import replace

import numpy as np
import pytest
from exporting.rows_by_hand import ROWS

from bfpack_spark.exporting.megatron import (
    bytes_of_ids,
    bytes_of_index,
    restarts_elsewhere,
    type_of_ids,
)


@pytest.mark.parametrize(("size", "kind"), [(65499, "<u2"), (65500, "<i4"), (200_000, "<i4")])
def test_ids_have_two_bytes_where_the_vocabulary_allows(size: int, kind: str) -> None:
    assert type_of_ids(size) == kind


def test_the_bin_is_all_ids_end_to_end() -> None:
    assert (
        bytes_of_ids(ROWS, "<u2").tobytes().hex(" ", 2) == "0500 0000 0700 0000 0600 0000 0900 0900"
    )
    assert bytes_of_ids(ROWS, "<i4").tobytes() == ROWS.ids.tobytes()


def test_the_index_has_a_document_a_row() -> None:
    expected = (
        "4d 4d 49 44 49 44 58 00 00"  # MMIDIDX
        "01 00 00 00 00 00 00 00"  # version
        "08"  # uint16
        "02 00 00 00 00 00 00 00"  # sequences
        "03 00 00 00 00 00 00 00"  # document indices
        "04 00 00 00 04 00 00 00"  # ids of each
        "00 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00"  # where each begins
        "00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00"
    )
    assert bytes_of_index(2, 4, "<u2") == bytes.fromhex(expected)
    wide = bytes_of_index(2, 4, "<i4")
    assert (wide[17], wide[50]) == (4, 16)


def test_a_document_without_eos_before_another_segment_is_found() -> None:
    assert restarts_elsewhere(ROWS, eos_id=0) == (None, 0)
    cut = replace(ROWS, seq_lengths=np.array([4, 2, 2], np.int32), num_segments=np.array([1, 2]))
    cut = replace(cut, is_padding=np.array([False, False, True]))
    assert restarts_elsewhere(cut, eos_id=0) == (None, 1)
    assert restarts_elsewhere(ROWS, eos_id=8) == (3, 0)
    for row, place, first in ((0, 1, 3), (0, 3, None), (1, 1, 4)):
        ids = ROWS.ids.copy()
        ids[row, place] = 8
        assert restarts_elsewhere(replace(ROWS, ids=ids), eos_id=0)[0] == first


def test_padding_that_is_eos_restarts_nothing_inside_documents() -> None:
    ids = np.where(ROWS.ids == 9, 0, ROWS.ids)
    assert restarts_elsewhere(replace(ROWS, ids=ids), eos_id=0) == (None, 0)
