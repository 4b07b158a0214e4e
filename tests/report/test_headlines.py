"""The lines above the tables of `bfpack stats`."""

from dataclasses import replace

import numpy as np
import pytest

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.report.cut_sections import truncations_section
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


@pytest.mark.parametrize(
    ("policy", "masks", "unknown"),
    [
        ("truncate_turns", True, "where turns end"),
        ("truncate", True, "which tokens are targets"),
        ("truncate", False, None),
        ("drop", True, None),
    ],
)
def test_numbers_that_lengths_do_not_tell_are_called_an_upper_bound(
    policy: LongDocuments, masks: bool, unknown: str | None
) -> None:
    rules = replace(explore.rules_of(), long_documents=policy)
    stats = replace(explore.corpus_stats(LENGTHS, (8, 16), rules, bucket="b"), has_masks=masks)
    together = replace(explore.with_total([stats, stats])[-1], rules=explore.rules_of())
    mixed = replace(together, policies=("split", policy))
    for notes in (headline(stats), headline(mixed), truncations_section([stats]).notes):
        said = [note for note in notes if "an upper bound of what is packed" in note]
        assert len(said) == (unknown is not None)
        for note in said:
            assert note.startswith(f"--long-documents {policy}: lengths do not tell {unknown}, ")


def test_documents_with_masks_fail_the_run_by_default() -> None:
    settings = Settings.model_validate({"messages_column": "messages"})
    assert explore.rules_of(settings).long_documents == "error"
    asked = Settings.model_validate({"messages_column": "messages", "long_documents": "split"})
    assert explore.rules_of(asked).long_documents == "split"
    assert explore.rules_of().long_documents == "split"
