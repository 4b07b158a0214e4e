"""What a report says of tokens that are packed twice, of BOS before fragments, and of padding."""

from typing import Any

import numpy as np
import pytest
from core.oracle import rules

from bfpack_spark.core.accounting import account, counts_of
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.report.sections import accounting_section
from bfpack_spark.versions.manifests import SequencesAccounting


def accounting_of(**options: Any) -> SequencesAccounting:
    """Two documents of 17 tokens and one of 3, at 8."""
    documents = Histogram(values=np.array([3, 17]), counts=np.array([1, 2]))
    counts = {"num_documents_in": 3, "num_documents_empty": 0, "num_documents_quarantined": {}}
    made = counts_of(account(documents, rules(8, **options)))
    return SequencesAccounting(**made, **counts, num_tokens_inserted=3)


def test_each_token_counts_once_and_what_is_added_is_said() -> None:
    options = {"overlap": 3, "bos_at": "fragment", "num_sequences_multiple": 5}
    accounting = accounting_of(**{"long_documents": "slide", **options})
    section = accounting_section(accounting, "slide")
    (packed, *_), foot = section.tables[1].rows, section.tables[1].foot
    assert packed[:2] == ("packed", "37")
    assert foot is not None
    assert foot[2] == "100.0 %"
    assert section.notes[1:] == [
        "18 of the tokens packed are repeated by --overlap.",
        "6 of the tokens packed are BOS before fragments that go on.",
        "2 of the sequences are padding alone.",
    ]


def test_eos_is_counted_in_all_documents_and_not_in_those_packed_alone() -> None:
    (note,) = accounting_section(accounting_of(long_documents="drop"), "drop").notes
    assert note.startswith("3 tokens were packed into 1 sequences of 8, ")
    assert note.endswith(
        "The documents have 37 tokens before --long-documents leaves any out; 3 of these are EOS "
        "or BOS that were put in, once a document."
    )


def test_without_options_nothing_is_added() -> None:
    assert len(accounting_section(accounting_of(), "split").notes) == 1


@pytest.mark.parametrize(
    ("policy", "why"), [("drop", "longer than seq_len"), ("truncate_turns", "no target is left")]
)
def test_documents_are_dropped_for_the_reason_of_their_policy(
    policy: LongDocuments, why: str
) -> None:
    table, _ = accounting_section(accounting_of(long_documents="drop"), policy).tables
    assert [row[:2] for row in table.rows if str(row[0]).startswith("dropped")] == [
        (f"dropped: {why}", "2")
    ]
