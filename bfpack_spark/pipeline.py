"""The stages in order: start reading here.

    documents --tokenize_text--> TOKENS                        text is tokenized once, ever
    TOKENS.length --measure_lengths--> histogram               the number of sequences is known
    from here TOKENS(doc_id, length) --group_documents--> --plan_sequences--> PLAN
    token files + PLAN --locate_fragments--> --assemble_sequences--> SEQUENCES, _current.json
    where asked for, the same rows --publish_to_delta--> a commit to a Delta table

Each step finds what it made before, by its fingerprint, and then does nothing.
"""

import logging

from pyspark.sql import SparkSession

from bfpack_spark.buckets import FindSlice
from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.logs import about, facts
from bfpack_spark.making.delta import open_tables, publish_to_delta
from bfpack_spark.making.plan import make_plan, sequences_version
from bfpack_spark.making.sequences import make_sequences
from bfpack_spark.making.tokens import look_at, make_tokens
from bfpack_spark.storage import versions
from bfpack_spark.storage.locks import Lock, hold_bucket
from bfpack_spark.storage.plans import Plan, find_plan
from bfpack_spark.storage.token_store import TokenStore, open_token_store
from bfpack_spark.storage.versions import Version

log = logging.getLogger("bfpack")


def pack(spark: SparkSession, settings: Settings, bucket: str, find: FindSlice) -> list[Version]:
    """Everything: a bucket's text in, published sequences out, one version a seq_len."""
    seq_lens = settings.need("seq_len")
    source = look_at(settings, bucket, find)
    tables = open_tables(spark, settings)
    with about(bucket=bucket), hold_bucket(source.place.output, bucket) as lock:
        store = make_tokens(spark, settings, source, lock)
        made = []
        for seq_len in seq_lens:
            made.append(_sequences(spark, settings, store, seq_len, lock))
            publish_to_delta(spark, tables, made[-1])
    return made


def _sequences(
    spark: SparkSession, settings: Settings, store: TokenStore, seq_len: int, lock: Lock
) -> Version:
    version = sequences_version(settings, store, seq_len)
    if version.manifest() is None:
        make_sequences(spark, store, make_plan(spark, settings, store, seq_len))
    else:
        done = facts(stage="assemble", seq_len=seq_len, version=version.name, done_before=True)
        nothing = "sequences of %d: nothing to do, %s is complete"
        log.info(nothing, seq_len, version.name, extra=done)
    lock.check()
    versions.publish(version)
    return version


def plan_bucket(spark: SparkSession, settings: Settings, bucket: str) -> list[Version]:
    """Plan the sequences of an existing token store, for every seq_len."""
    store = open_token_store(settings.need("output"), bucket)
    with about(bucket=bucket), hold_bucket(settings.need("output"), bucket):
        made = [sequences_version(settings, store, n) for n in settings.need("seq_len")]
        for version in made:
            if version.manifest() is None:
                assert version.place.seq_len is not None, "sequences have one"
                make_plan(spark, settings, store, version.place.seq_len)
    return made


def assemble_bucket(spark: SparkSession, settings: Settings, bucket: str) -> list[Version]:
    """Assemble and publish what was planned, for every seq_len."""
    store = open_token_store(settings.need("output"), bucket)
    made = [sequences_version(settings, store, n) for n in settings.need("seq_len")]
    for version in made:  # a mistake to find before the work
        if version.manifest() is None:
            _planned(version)
    tables = open_tables(spark, settings)
    with about(bucket=bucket), hold_bucket(settings.need("output"), bucket) as lock:
        for version in made:
            if version.manifest() is None:
                make_sequences(spark, store, _planned(version))
            lock.check()
            versions.publish(version)
            publish_to_delta(spark, tables, version)
    return made


def _planned(version: Version) -> Plan:
    found = find_plan(version)
    if found is None:
        seq_len = version.place.seq_len
        raise InputError(f"--seq-len {seq_len}: not planned yet; run bfpack plan first")
    return found


def tokenize(spark: SparkSession, settings: Settings, bucket: str, find: FindSlice) -> TokenStore:
    """Tokenize a bucket, unless that was done, and publish its token store."""
    source = look_at(settings, bucket, find)
    with about(bucket=bucket), hold_bucket(source.place.output, bucket) as lock:
        return make_tokens(spark, settings, source, lock)
