"""Token store -> plan of one seq_len. No token is read."""

import functools
from collections.abc import Callable
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import Accounting, account, counts_of
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.groups import default_group_documents, sequences_per_group
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rows import default_num_shards
from bfpack_spark.core.rules import Rules
from bfpack_spark.core.stretches import stretches_of
from bfpack_spark.core.tasks import TASKS
from bfpack_spark.errors import InputError
from bfpack_spark.logs import say_done_before
from bfpack_spark.plan.count_stretches import count_stretches
from bfpack_spark.plan.group_documents import group_documents
from bfpack_spark.plan.kept_plan import Plan, PlanNote, find_plan, keep_plan
from bfpack_spark.plan.long_documents import check_all_fit, lengths_to_plan, policy_of
from bfpack_spark.plan.plan_files import write_plan
from bfpack_spark.plan.plan_sequences import PlanSpec, plan_sequences
from bfpack_spark.printable import counted
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.spark.progress import Work, step
from bfpack_spark.tokenizing.vocabulary import pad_id
from bfpack_spark.tokens.measure_targets import Kept
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions import publication
from bfpack_spark.versions.changes import say_changes
from bfpack_spark.versions.inputs import SequencesConfiguration, SequencesInputs
from bfpack_spark.versions.manifests import FileEntry, PlanAccounting
from bfpack_spark.versions.publication import Home, Version
from bfpack_spark.versions.whole import in_any_format


def sequences_version(settings: Settings, store: TokenStore, seq_len: int) -> Version:
    """Return the version that these settings make of this token store, or have made of it in an
    earlier format."""
    tokenizer, rules = store.tokenizer, settings.rules(seq_len, masks=store.masks)
    totals = store.manifest.totals
    _check_store(rules, store)
    pad = pad_id(store.tokenizer_json(), tokenizer.own_pad_id, tokenizer.eos_id, settings.pad_token)
    configuration = SequencesConfiguration(
        packing=settings.packing,
        long_documents=policy_of(settings, store),
        group_documents_max=settings.group_documents_max
        or default_group_documents(totals.documents, totals.tokens, rules),
        seed=settings.seed,
        pad_id=pad,
        num_shards=settings.num_shards,
        rows_per_shard=settings.rows_per_shard,
        **rules.chosen(),
    )
    version = Version(
        home=Home(output=settings.need("output"), bucket=store.manifest.bucket, seq_len=seq_len),
        inputs=SequencesInputs(
            configuration=configuration, tokens_fingerprint=store.manifest.fingerprint
        ),
    )
    return in_any_format(version)


def _check_store(rules: Rules, store: TokenStore) -> None:
    """Raise InputError if the token store does not have what the rules need."""
    if rules.bos and store.tokenizer.bos_id is None:
        raise InputError(
            "--bos-at fragment: the documents of this token store have no BOS; tokenize them with "
            "--bos-token, or leave it out"
        )
    if rules.prefix and store.masks:
        option = f"--overlap {rules.overlap}" if rules.overlap else "--bos-at fragment"
        raise InputError(
            f"{option}: the documents have loss masks, which say nothing of tokens that are added; "
            "leave it out" + (", and choose another --long-documents" if rules.overlap else "")
        )


def make_plan(
    spark: SparkSession,
    settings: Settings,
    store: TokenStore,
    seq_len: int,
    count_lengths: Callable[[], Histogram],
) -> Plan:
    """Return the plan of the sequences of one seq_len, which is made if no complete one is there;
    no token is read. `count_lengths` gives the histogram of the store, and is called only then."""
    version = sequences_version(settings, store, seq_len)
    kept = find_plan(version)
    if kept is not None:
        say_done_before(f"plan of {seq_len}", version.name, stage="plan", seq_len=seq_len)
        return kept
    say_changes(f"sequences of {seq_len}", version)
    # The tokens to plan are those of the store, or fewer: long documents may be cut or dropped.
    amount = store.manifest.totals.tokens
    work = Work(bucket=version.home.bucket, stage="plan", seq_len=seq_len, amount=amount)
    with step(spark, work, version.name) as ending:
        rules = publication.configuration_of(version).rules(seq_len)
        histogram = count_lengths()
        check_all_fit(histogram, rules, masks=store.masks)
        planned = lengths_to_plan(spark, store, rules, histogram, version.directory)
        per_group = sequences_per_group(planned.histogram, rules)
        accounting = account(histogram, rules, per_group, planned.effect)
        num_shards = _num_shards(settings, accounting, rules.long_documents)
        sources = files_frame(spark, {"documents": store.paths})
        stretches = stretches_of(planned.histogram, TASKS.stretch_documents)
        if len(per_group) > 1 and stretches.within is None:
            sizes = count_stretches(sources, stretches, rules.seed, planned.keep)
            stretches = stretches.counted(collect_messages(sizes))
        groups = group_documents(sources, stretches, len(per_group), rules.seed, planned.keep)
        writer = functools.partial(write_plan, root=version.directory)
        spec = PlanSpec(rules=rules, sequences_per_group=per_group)
        messages = collect_messages(plan_sequences(groups, spec, writer))
        files = [FileEntry(**entry) for message in messages for entry in message["files"]]
        tokens = sum(entry.tokens for entry in files)
        assert tokens == accounting.num_tokens_packed, "plan loses tokens"
        cut = sum(message.get("documents_cut", 0) for message in messages)
        if planned.keep is not None:  # the plan takes what is kept of a document for the whole
            cut += accounting.num_documents_truncated
        counts = {**counts_of(accounting), "num_documents_cut": cut}
        note = PlanNote(
            files=files,
            accounting=PlanAccounting(**counts),
            num_shards=num_shards,
            **_left_out(planned.kept),
        )
        plan = Plan(version=version, note=note)
        keep_plan(plan)
        ending.line = (
            f"plan of {seq_len}: {counted(accounting.num_sequences, 'sequence')} in "
            f"{counted(len(per_group), 'group')}, {100 * accounting.overhead:.4f} % over the lower "
            "bound, in {seconds}"
        )
        ending.counts = counts
    return plan


def _left_out(kept: Kept | None) -> dict[str, Any]:
    """Return what the note of a plan says of targets that a policy took."""
    if kept is None:
        return {}
    counts = ("num_targets_truncated", "num_targets_dropped", "num_documents_without_target")
    quarantine = [FileEntry(**entry) for entry in kept.files]
    return {"quarantine": quarantine, **{name: getattr(kept, name) for name in counts}}


def _num_shards(settings: Settings, accounting: Accounting, policy: LongDocuments) -> int:
    sequences, seq_len = accounting.num_sequences, accounting.seq_len
    if not sequences:
        raise InputError(
            f"--long-documents {policy}: leaves no document at {seq_len}; "
            "raise --seq-len or choose split"
        )
    num_shards = settings.num_shards or default_num_shards(sequences, seq_len)
    if settings.rows_per_shard:
        num_shards = -(-sequences // settings.rows_per_shard)
    if num_shards > sequences:
        raise InputError(f"--num-shards {num_shards}: there are only {sequences} sequences")
    tokens = -(-sequences // num_shards) * seq_len
    if tokens > 2**30:
        by_rows, rows = settings.rows_per_shard, 2**30 // seq_len
        option = f"--rows-per-shard {by_rows}" if by_rows else f"--num-shards {num_shards}"
        least = f"at least {-(-sequences // rows)}"
        raise InputError(
            f"{option}: makes shards of {tokens:,} tokens, limit {2**30:,}; "
            f"take {f'at most {rows}' if by_rows else least}"
        )
    return num_shards
