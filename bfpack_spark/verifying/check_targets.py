"""Invariant 7 over a whole version: the loss masks in the shards are those of the token store, less
what a policy took, and the accounts of both say so."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bfpack_spark.sequences.row_targets import by_targets
from bfpack_spark.tokens.measure_targets import Kept
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.versions.manifests import SequencesManifest

Messages = list[dict[str, Any]]


def check_targets(
    shards: Messages,
    documents: Messages,
    refused: Messages,
    kept: Kept | None,
    store: TokenStore,
    manifest: SequencesManifest,
) -> Iterator[Violation]:
    """Yield violations by count. shards, documents, refused: what was read of them (sum_shards,
    sum_tokens, sum_quarantine). kept: what the policy keeps by the masks in the store; None:
    all."""
    wrong = partial(Violation, invariant=7)
    told = [message["targets"] for message in shards]
    marked, stored = sum(t["marked"] for t in told), sum(m["marked"] for m in documents)
    if marked != stored:
        yield wrong(problem=f"loss masks mark {marked:,} tokens in shards, {stored:,} in the store")
    came = sum(message["targets"] for message in documents)
    yield from _store_differences(store, documents, refused)
    rows = by_targets(told)
    truncated, dropped, without = (
        (0, 0, 0)
        if kept is None
        else (
            kept.num_targets_truncated,
            kept.num_targets_dropped,
            kept.num_documents_without_target,
        )
    )
    expected = {
        "num_targets": came,
        "num_targets_packed": rows.total,
        "num_targets_truncated": truncated,
        "num_targets_dropped": dropped,
        "num_targets_at_cuts": came - rows.total - truncated - dropped,
        "num_documents_without_target": without,
        "num_sequences_without_target": int(rows.counts[rows.values == 0].sum()),
        "mean_targets": rows.total / max(rows.count, 1),
        "p1_targets": rows.quantile(0.01),
        "p99_targets": rows.quantile(0.99),
        **store.quarantined_targets(),
    }
    account = manifest.accounting.targets
    held = {} if account is None else account.as_json()
    for name in expected:
        if held.get(name) != expected[name]:
            problem = f"accounting.targets.{name} is {held.get(name)}, should be {expected[name]}"
            yield wrong(problem=problem, shard="_manifest.json")
    set_aside = sum(entry.rows for entry in manifest.files_of("quarantine"))
    if set_aside != without:
        yield wrong(problem=f"{without} documents have no target left, {set_aside} in quarantine/")


def _store_differences(
    store: TokenStore, documents: Messages, refused: Messages
) -> Iterator[Violation]:
    """Yield violations of the token store's own account of targets. Stores of earlier builds do not
    tell those in quarantine."""
    accounting = store.manifest.accounting
    held = {
        "targets": (accounting.targets, sum(message["targets"] for message in documents)),
        "targets_quarantined": (
            accounting.targets_quarantined,
            sum(message["targets"] for message in refused),
        ),
        "documents_with_unknown_targets": (
            accounting.documents_with_unknown_targets,
            sum(message["unknown"] for message in refused),
        ),
    }
    for name, (said, should) in held.items():
        if said != should and (said is not None or name == "targets"):
            problem = f"accounting.{name} is {said}, should be {should}"
            yield Violation(invariant=7, problem=problem, shard="tokens/_manifest.json")
