"""What is said where documents are too long and nothing names what becomes of them."""

import re
from typing import Any

import pytest
from core.oracle import histogram_of

from bfpack_spark.config import MAX_SEQ_LEN, Settings
from bfpack_spark.core.rules import Rules
from bfpack_spark.errors import InputError
from bfpack_spark.plan.long_documents import check_all_fit


def rules_of(**more: Any) -> Rules:
    return Settings(long_documents="error", **more).rules(8)


@pytest.mark.parametrize(
    ("longest", "more", "masks", "says"),
    [
        (13, {}, False, "has 13; --seq-len 13 takes all, or name --long-documents drop, truncate"),
        (13, {"align": 8}, False, "; --seq-len 16 takes all, or name"),
        (16, {"align": 8}, False, "; --seq-len 16 takes all, or name"),
        (MAX_SEQ_LEN + 1, {"align": 8}, False, "; name --long-documents drop, truncate or split"),
        (13, {}, True, "--long-documents drop, truncate, truncate_turns or split"),
        (13, {"packing": "concat"}, True, "or name --long-documents drop or split"),
        (13, {"packing": "concat"}, False, "--long-documents drop, truncate or split"),
    ],
)
def test_each_remedy_is_one_that_the_next_run_takes(
    longest: int, more: dict[str, Any], masks: bool, says: str
) -> None:
    histogram = histogram_of([5, 8, longest])
    with pytest.raises(InputError, match=re.escape(says)) as error:
        check_all_fit(histogram, rules_of(**more), masks=masks)
    assert "1 of 3 documents (33.33 %) have more than 8 tokens" in str(error.value)
    check_all_fit(histogram_of([5, 8]), rules_of(**more), masks=masks)
