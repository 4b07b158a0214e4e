"""The lines above the tables of `bfpack stats`."""

from dataclasses import replace

import numpy as np
import pytest

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.report.headlines import headline

FAILS = "--long-documents error: bfpack pack fails at --seq-len"
LENGTHS = Histogram.of_counts(np.bincount([3, 8, 9, 20]))


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ("split", []),
        (
            "error",
            [
                f"{FAILS} 8, since 2 of the documents (50.0 %) are longer",
                f"{FAILS} 16, since 1 of the documents (25.0 %) are longer",
            ],
        ),
    ],
)
def test_a_policy_that_fails_the_run_is_said(policy: str, refused: list[str]) -> None:
    rules = replace(explore.rules_of(), long_documents=policy)
    stats = explore.corpus_stats(LENGTHS, (8, 16, 32), rules, bucket="b")
    assert headline(stats)[1:] == refused


def test_documents_with_masks_fail_the_run_by_default() -> None:
    settings = Settings.model_validate({"messages_column": "messages"})
    assert explore.rules_of(settings).long_documents == "error"
    asked = Settings.model_validate({"messages_column": "messages", "long_documents": "split"})
    assert explore.rules_of(asked).long_documents == "split"
    assert explore.rules_of().long_documents == "split"
