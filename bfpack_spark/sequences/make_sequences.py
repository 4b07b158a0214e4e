"""Plan + token store -> shards and their manifest."""

import functools
import logging
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.core.halves import num_high_bytes
from bfpack_spark.core.rows import shard_starts
from bfpack_spark.errors import JobError
from bfpack_spark.files.holders import Lock
from bfpack_spark.plan.kept_plan import Plan
from bfpack_spark.printable import counted
from bfpack_spark.sequences.assemble_sequences import CutSpec, assemble_sequences
from bfpack_spark.sequences.locate_fragments import locate_fragments
from bfpack_spark.sequences.row_targets import by_targets
from bfpack_spark.sequences.shard_files import ShardSpec, write_shards
from bfpack_spark.spark.disk_space import check_space, need_of_sequences
from bfpack_spark.spark.messages import Writer, write_partitions
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.spark.progress import Work, step
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import (
    FileEntry,
    SequencesAccounting,
    SequencesTokenizer,
    SequencesTotals,
    TargetsAccounting,
)

log = logging.getLogger("bfpack")


def make_sequences(spark: SparkSession, store: TokenStore, plan: Plan, lock: Lock) -> None:
    """Move the tokens to their shards and write the manifest. The version is then complete, and not
    yet published. Raise JobError if not all planned tokens came."""
    version, accounting = plan.version, plan.note.accounting
    stored = sum(entry.bytes for entry in store.manifest.files_of("documents"))
    what = f"sequences of {accounting.seq_len}"
    in_rows = accounting.num_sequences * accounting.seq_len - accounting.num_padding
    share = in_rows / max(store.manifest.totals.tokens, 1)
    check_space(spark, version.directory, need_of_sequences(stored, share), what)
    pad = publication.configuration_of(version).pad_id
    pad_is_eos = pad == store.tokenizer.eos_id
    if pad_is_eos:
        log.warning("padding has the id of EOS: only segments with a null doc_id are padding")
    work = Work(
        bucket=version.home.bucket,
        stage="assemble",
        seq_len=accounting.seq_len,
        amount=accounting.num_tokens_packed,
    )
    with step(spark, work, version.name) as ending:
        messages = write_partitions(*_shards(spark, store, plan, pad))
        shards = [FileEntry(**entry) for message in messages for entry in message["files"]]
        assert len(shards) == plan.note.num_shards, f"{len(shards)} shards written"
        totals = SequencesTotals(
            sequences=sum(entry.rows for entry in shards),
            tokens=sum(entry.tokens for entry in shards),
            shards=len(shards),
        )
        _check_all_came(totals.tokens, sum(m["documents_cut"] for m in messages), plan)
        counts = {**accounting.as_json(), **store.carried_counts()}
        if store.masks:
            counts["targets"] = _account_targets([m["targets"] for m in messages], store, plan)
        tokenizer = {**store.tokenizer.as_json(), "pad_id": pad, "pad_is_eos": pad_is_eos}
        publication.complete(
            version,
            [*plan.note.files, *plan.note.quarantine, *shards],
            lock,
            totals=totals,
            accounting=SequencesAccounting(**counts),
            tokenizer=SequencesTokenizer(**tokenizer),
        )
        ending.line = (
            f"sequences of {accounting.seq_len}: {counted(totals.shards, 'shard')}, "
            f"{counted(totals.tokens, 'token')} in {{seconds}}"
        )
        ending.counts = {"seq_len": accounting.seq_len, **totals.as_json()}


def _shards(
    spark: SparkSession, store: TokenStore, plan: Plan, pad: int
) -> tuple[DataFrame, Writer]:
    """Return blocks of SEGMENTS, a partition a shard, and what writes them."""
    version, accounting = plan.version, plan.note.accounting
    rules = publication.configuration_of(version).rules(accounting.seq_len)
    starts = shard_starts(accounting.num_sequences, plan.note.num_shards)
    paths = [f"{version.directory}/{entry.path}" for entry in plan.note.files]
    sources = files_frame(spark, {"plan": paths, "documents": store.paths})
    documents = store.manifest.totals.documents
    located = locate_fragments(sources, plan.num_fragments, documents, len(store.paths))
    spec = ShardSpec(
        root=version.directory,
        bucket=version.home.bucket,
        seq_len=accounting.seq_len,
        pad_id=pad,
        starts=starts,
        metadata=store.shard_metadata(
            accounting.seq_len, pad, version.format_version, rules.chosen()
        ),
        num_high=num_high_bytes(store.tokenizer.vocabulary_size),
        masks=store.masks,
        align=rules.align,
        num_planned=accounting.num_sequences - accounting.num_padding_sequences,
    )
    cut = CutSpec(
        token_paths=store.paths,
        starts=starts,
        num_high=spec.num_high,
        masks=store.masks,
        bos_id=store.tokenizer.bos_id if rules.bos else None,
    )
    return assemble_sequences(located, cut), functools.partial(write_shards, spec=spec)


def _check_all_came(tokens: int, cut: int, plan: Plan) -> None:
    """Raise JobError if not the planned tokens came, or not as many documents are cut. A document
    that the token store has lost since the plan may leave a gap only at the end of its row, where
    it looks like padding."""
    planned = plan.note.accounting
    if (tokens, cut) != (planned.num_tokens_packed, planned.num_documents_cut):
        raise JobError(
            f"{tokens:,} tokens and {cut:,} cut documents came to the shards, "
            f"{planned.num_tokens_packed:,} and {planned.num_documents_cut:,} were planned: the "
            f"token store has changed since; remove {plan.version.directory} and run it again"
        )


def _account_targets(
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
        **store.quarantined_targets(),
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
