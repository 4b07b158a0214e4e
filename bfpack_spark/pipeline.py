"""The stages in order: start reading here.

    documents --tokenize_text--> TOKENS                        text is tokenized once, ever
    TOKENS.length --measure_lengths--> histogram               the number of sequences is known
    from here TOKENS(doc_id, length) --group_documents--> --plan_sequences--> PLAN
    token files + PLAN --locate_fragments--> --assemble_sequences--> SEQUENCES, _current.json
    where asked for, the same rows --publish_to_delta--> a commit to a Delta table

Each step looks for its earlier result by its fingerprint, and if it finds it, does nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.delta.output import DeltaTable
from bfpack_spark.delta.publish import open_tables, publish_to_delta
from bfpack_spark.errors import InputError
from bfpack_spark.explore.lengths import length_histogram
from bfpack_spark.files.holders import Lock
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.logs import about, say_done_before
from bfpack_spark.plan.kept_plan import Plan, find_plan
from bfpack_spark.plan.make_plan import make_plan, sequences_version
from bfpack_spark.report.keep import keep_costs, keep_report
from bfpack_spark.report.svg import pictures_ahead
from bfpack_spark.sequences.make_sequences import make_sequences
from bfpack_spark.spark.costs import StageCost, metered
from bfpack_spark.tokens.make_tokens import make_tokens
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.versions.changes import Move, publish_and_say
from bfpack_spark.versions.publication import Home, Version
from bfpack_spark.versions.whole import check_whole


@dataclass(frozen=True, kw_only=True)
class Published:
    """A version that is current now, and the move if another one was current before."""

    version: Version
    move: Move | None


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A run on a bucket whose tokens are there."""

    spark: SparkSession
    settings: Settings
    store: TokenStore
    lock: Lock
    tables: list[DeltaTable] = field(default_factory=list)  # they take what is published
    costs: list[StageCost] = field(default_factory=list)

    @cached_property
    def histogram(self) -> Histogram:
        """Return the histogram of lengths. It is counted once, and only if it is needed."""
        return length_histogram(self.spark, self.store)


def pack(spark: SparkSession, settings: Settings, source: Source) -> list[Published]:
    """Do everything for a bucket: read its text, and publish a version for each seq_len."""
    seq_lens = settings.need("seq_len")
    tables = open_tables(spark, settings)
    home, costs = source.home, list[StageCost]()
    with about(bucket=home.bucket), hold_bucket(home.output, home.bucket) as lock:
        with metered(spark, costs, "tokenize"):
            store = make_tokens(spark, settings, source, lock)
        run = _Run(
            spark=spark, settings=settings, store=store, lock=lock, tables=tables, costs=costs
        )
        keep_costs(home, store.name, costs)
        return _publish_each(run, (_sequences(run, seq_len) for seq_len in seq_lens))


def _sequences(run: _Run, seq_len: int) -> Version:
    """Return the complete version of a seq_len, which is made if it is not there."""
    version = sequences_version(run.settings, run.store, seq_len)
    if not _is_whole(version):
        _assemble(run, _plan(run, seq_len))
    else:
        what = f"sequences of {seq_len}"
        say_done_before(what, version.name, stage="assemble", seq_len=seq_len)
    return version


def plan_bucket(spark: SparkSession, settings: Settings, bucket: str) -> list[Version]:
    """Plan the sequences of an existing token store, for every seq_len."""
    _whole_store(settings, bucket)  # a mistake is found without the lock, too
    with about(bucket=bucket), hold_bucket(settings.need("output"), bucket) as lock:
        store = _whole_store(settings, bucket)
        run = _Run(spark=spark, settings=settings, store=store, lock=lock)
        planned = [sequences_version(settings, store, n) for n in settings.need("seq_len")]
        for version in planned:
            if not _is_whole(version):
                assert version.home.seq_len is not None, "sequences have one"
                _plan(run, version.home.seq_len)
    return planned


def assemble_bucket(spark: SparkSession, settings: Settings, bucket: str) -> list[Published]:
    """Assemble and publish what was planned, for every seq_len."""
    _whole_store(settings, bucket)  # a mistake is found without the lock, too
    tables = open_tables(spark, settings)
    with about(bucket=bucket), hold_bucket(settings.need("output"), bucket) as lock:
        store = _whole_store(settings, bucket)
        asked = [sequences_version(settings, store, n) for n in settings.need("seq_len")]
        for version in asked:  # finds a missing plan before the work begins
            if version.manifest() is None:
                _planned(version)
        run = _Run(spark=spark, settings=settings, store=store, lock=lock, tables=tables)
        return _publish_each(run, (_assembled(run, version) for version in asked))


def _assembled(run: _Run, version: Version) -> Version:
    if not _is_whole(version):
        _assemble(run, _planned(version))
    return version


def _is_whole(version: Version) -> bool:
    """Tell whether the version is complete. Raises InputError if a file that it lists is gone."""
    manifest = version.manifest()
    if manifest is not None:
        check_whole(version.home, version.name, manifest)
    return manifest is not None


def _whole_store(settings: Settings, bucket: str) -> TokenStore:
    """Return the published token store. Raises InputError if it is not there, or not whole."""
    store = open_token_store(settings.need("output"), bucket)
    check_whole(Home(output=settings.need("output"), bucket=bucket), store.name, store.manifest)
    return store


def _plan(run: _Run, seq_len: int) -> Plan:
    with metered(run.spark, run.costs, "plan", seq_len):
        plan = make_plan(run.spark, run.settings, run.store, seq_len, lambda: run.histogram)
    _keep_costs(run, plan.version)
    return plan


def _assemble(run: _Run, plan: Plan) -> None:
    seq_len = plan.version.home.seq_len
    with metered(run.spark, run.costs, "assemble", seq_len), pictures_ahead():
        make_sequences(run.spark, run.store, plan, run.lock)
    _keep_costs(run, plan.version)


def _keep_costs(run: _Run, version: Version) -> None:
    seq_len = version.home.seq_len
    keep_costs(version.home, version.name, [cost for cost in run.costs if cost.seq_len == seq_len])


def _publish_each(run: _Run, versions: Iterable[Version]) -> list[Published]:
    """Publish each version as soon as it is made. Then write their reports, which name each other,
    also if a later version fails."""
    published: list[Published] = []
    try:
        for version in versions:
            run.lock.check()
            move = publish_and_say(f"sequences of {version.home.seq_len}", version)
            published.append(Published(version=version, move=move))
            publish_to_delta(run.spark, run.tables, version)
    except Exception:
        _report(run, published)
        raise
    _report(run, published)
    return published


def _report(run: _Run, published: list[Published]) -> None:
    """Write the reports: all anew if this run has made a version, else those that are missing."""
    anew = any(cost.stage == "assemble" for cost in run.costs)
    for each in published:
        keep_report(each.version, lambda: run.histogram, run.settings.seq_len, anew=anew)


def _planned(version: Version) -> Plan:
    plan = find_plan(version)
    if plan is None:
        seq_len = version.home.seq_len
        raise InputError(
            f"--seq-len {seq_len}: not planned with these options yet; run "
            "bfpack plan first, with the same options as here"
        )
    return plan


def tokenize(spark: SparkSession, settings: Settings, source: Source) -> TokenStore:
    """Tokenize a bucket, unless that is done already, and publish its token store."""
    home, costs = source.home, list[StageCost]()
    with about(bucket=home.bucket), hold_bucket(home.output, home.bucket) as lock:
        with metered(spark, costs, "tokenize"):
            store = make_tokens(spark, settings, source, lock)
        keep_costs(home, store.name, costs)
    return store
