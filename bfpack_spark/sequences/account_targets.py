"""Where the targets of documents with loss masks went, added up from what the shards hold."""

from collections.abc import Sequence
from typing import Any

from bfpack_spark.errors import JobError
from bfpack_spark.plan.kept_plan import Plan
from bfpack_spark.sequences.row_targets import by_targets
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions.manifests import TargetsAccounting


def quarantined_targets(store: TokenStore) -> dict[str, int]:
    """Return what is known of the targets of the documents that the store has set aside, as fields
    of TargetsAccounting. Stores of earlier builds tell nothing."""
    accounting = store.manifest.accounting
    told = {
        "num_targets_quarantined": accounting.targets_quarantined,
        "num_documents_with_unknown_targets": accounting.documents_with_unknown_targets,
    }
    return {name: value for name, value in told.items() if value is not None}


def account_targets(
    told: Sequence[dict[str, Any]], store: TokenStore, plan: Plan
) -> TargetsAccounting:
    """Return the accounting of what each shard told of its targets. Raise JobError if the shards
    have more targets than came, or fewer than the policy left."""
    rows, note = by_targets(told), plan.note
    came = store.manifest.accounting.targets or 0
    at_cuts = came - rows.total - note.num_targets_truncated - note.num_targets_dropped
    whole = note.accounting.num_documents_cut == note.accounting.num_documents_truncated
    if at_cuts < 0 or (whole and at_cuts):
        raise JobError(
            f"{rows.total:,} targets are in the shards, {rows.total + at_cuts:,} should be: the "
            f"token store has changed since; remove {plan.version.directory} and run it again"
        )
    return TargetsAccounting(
        **quarantined_targets(store),
        num_targets=came,
        num_targets_packed=rows.total,
        num_targets_truncated=note.num_targets_truncated,
        num_targets_dropped=note.num_targets_dropped,
        num_targets_at_cuts=at_cuts,
        num_documents_without_target=note.num_documents_without_target,
        num_sequences_without_target=int(rows.counts[rows.values == 0].sum()),
        mean_targets=rows.total / rows.count,
        p1_targets=rows.quantile(0.01),
        p99_targets=rows.quantile(0.99),
    )
