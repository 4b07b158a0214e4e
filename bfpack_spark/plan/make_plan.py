"""Token store -> plan of one seq_len. No token is read."""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import asdict

from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import Accounting, account
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.packed_groups import sequences_per_group
from bfpack_spark.core.rows import default_num_shards
from bfpack_spark.errors import InputError
from bfpack_spark.logs import facts, say_done_before
from bfpack_spark.plan.group_documents import group_documents
from bfpack_spark.plan.kept_plan import Plan, find_plan, keep_plan
from bfpack_spark.plan.plan_files import write_plan
from bfpack_spark.plan.plan_sequences import PlanSpec, plan_sequences
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.spark.progress import Work, watched
from bfpack_spark.tokenizing.vocabulary import pad_id
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.versions import versions
from bfpack_spark.versions.say_changes import say_changes
from bfpack_spark.versions.versions import Place, Version

log = logging.getLogger("bfpack")


def sequences_version(settings: Settings, store: TokenStore, seq_len: int) -> Version:
    """Return the version that these settings make of this token store."""
    own = store.tokenizer
    pad = pad_id(store.tokenizer_json(), own["own_pad_id"], own["eos_id"], settings.pad_token)
    configuration = {
        "packing": settings.packing,
        "long_documents": settings.long_documents,
        "group_documents_max": settings.group_documents_max,
        "seed": settings.seed,
        "pad_id": pad,
        "num_shards": settings.num_shards,
        "rows_per_shard": settings.rows_per_shard,
    }
    return Version(
        place=Place(
            output=settings.need("output"), bucket=store.manifest["bucket"], seq_len=seq_len
        ),
        inputs={
            "configuration": configuration,
            "tokens_fingerprint": store.manifest["fingerprint"],
        },
    )


def make_plan(
    spark: SparkSession,
    settings: Settings,
    store: TokenStore,
    seq_len: int,
    count_lengths: Callable[[], Histogram],
) -> Plan:
    """Return the plan of the sequences of one seq_len. It is made only if no complete plan is
    there, and no token is read. `count_lengths` gives the length histogram of the store; it is
    called only if a plan must be made."""
    version = sequences_version(settings, store, seq_len)
    found = find_plan(version)
    if found is not None:
        say_done_before(f"plan of {seq_len}", version.name, stage="plan", seq_len=seq_len)
        return found
    say_changes(f"sequences of {seq_len}", version)
    started = time.monotonic()
    rules = versions.rules_of(version.place, version.inputs)
    histogram = count_lengths()
    per_group = sequences_per_group(histogram, rules)
    accounting = account(histogram, rules, per_group)
    num_shards = _num_shards(settings, accounting)
    sources = files_frame(spark, {"documents": store.paths})
    groups = group_documents(sources, histogram, len(per_group), rules.seed)
    writer = functools.partial(write_plan, root=version.directory)
    planner = PlanSpec(rules=rules, sequences_per_group=per_group)
    amount = accounting.num_tokens_packed
    work = Work(bucket=version.place.bucket, stage=f"plan {seq_len}", amount=amount, unit="tokens")
    with watched(spark, work):
        written = collect_messages(plan_sequences(groups, planner, writer))
    entries = [entry for message in written for entry in message["files"]]
    assert sum(e["tokens"] for e in entries) == accounting.num_tokens_packed, "plan loses tokens"
    made = Plan(
        version=version, entries=entries, accounting=asdict(accounting), num_shards=num_shards
    )
    keep_plan(made)
    seconds = time.monotonic() - started
    log.info(
        "plan of %d: %s sequences in %s group(s), %.4f %% over the lower bound, in %.1f s",
        seq_len,
        f"{accounting.num_sequences:,}",
        len(per_group),
        100 * accounting.overhead,
        seconds,
        extra=facts(stage="plan", version=version.name, seconds=seconds, **asdict(accounting)),
    )
    return made


def _num_shards(settings: Settings, accounting: Accounting) -> int:
    sequences, seq_len = accounting.num_sequences, accounting.seq_len
    if not sequences:
        raise InputError(
            f"--long-documents {settings.long_documents}: leaves no document at {seq_len}; "
            "raise --seq-len or choose split"
        )
    num_shards = settings.num_shards or default_num_shards(sequences, seq_len)
    if settings.rows_per_shard:
        num_shards = -(-sequences // settings.rows_per_shard)
    if num_shards > sequences:
        raise InputError(f"--num-shards {num_shards}: there are only {sequences} sequences")
    tokens = -(-sequences // num_shards) * seq_len
    if tokens > 2**30:
        raise InputError(
            f"--num-shards {num_shards}: makes shards of {tokens:,} tokens, limit {2**30:,}; "
            f"take at least {-(-sequences * seq_len // 2**30)}"
        )
    return num_shards
