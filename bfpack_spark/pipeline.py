"""The stages in order: start reading here.

    documents --tokenize_text--> TOKENS                        text is tokenized once, ever
    TOKENS.length --measure_lengths--> histogram               the number of sequences is known
    from here TOKENS(doc_id, length) --group_documents--> --plan_sequences--> PLAN
    token files + PLAN --assemble_sequences--> SEQUENCES shards, manifest, _current.json

Each step finds what it made before, by its fingerprint, and then does nothing.
"""

import functools
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.buckets import FindSlice
from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import Accounting, account, sequences_per_group
from bfpack_spark.core.rows import default_num_shards, shard_starts
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.explore import length_histogram
from bfpack_spark.logs import about, facts
from bfpack_spark.progress import Work, watched
from bfpack_spark.stages.assemble_sequences import assemble_sequences
from bfpack_spark.stages.group_documents import group_documents
from bfpack_spark.stages.plan_sequences import PlanTask, plan_sequences
from bfpack_spark.stages.tokenize_text import TokenizeTask, tokenize_text
from bfpack_spark.storage import files, versions
from bfpack_spark.storage.changes import changes
from bfpack_spark.storage.corpus import check_columns, sample_texts, splits_frame
from bfpack_spark.storage.documents import Columns
from bfpack_spark.storage.increments import add_accounting, take_over
from bfpack_spark.storage.inventory import Inventory, check_apart
from bfpack_spark.storage.locks import Lock, hold_bucket
from bfpack_spark.storage.messages import collect_messages, write_partitions
from bfpack_spark.storage.plan_files import read_plan, write_plan
from bfpack_spark.storage.plans import Plan, find_plan, keep_plan
from bfpack_spark.storage.shards import ShardTask, write_shards
from bfpack_spark.storage.token_files import account_documents, write_token_files
from bfpack_spark.storage.token_store import FORMAT_METADATA, TokenStore, open_token_store
from bfpack_spark.storage.tokenizer_file import read_tokenizer
from bfpack_spark.storage.versions import Manifest, Place, Version
from bfpack_spark.tokenizing.engines import MAX_BYTES
from bfpack_spark.tokenizing.parity import Choice, choose_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary, pad_id

log = logging.getLogger("bfpack")


def pack(spark: SparkSession, settings: Settings, bucket: str, find: FindSlice) -> list[Version]:
    """Everything: a bucket's text in, published sequences out, one version a seq_len."""
    seq_lens = settings.need("seq_len")
    source = _look_at(settings, bucket, find)
    with about(bucket=bucket), hold_bucket(source.place.output, bucket) as lock:
        store = _tokens(spark, settings, source, lock)
        return [_sequences(spark, settings, store, seq_len, lock) for seq_len in seq_lens]


def _sequences(
    spark: SparkSession, settings: Settings, store: TokenStore, seq_len: int, lock: Lock
) -> Version:
    version = sequences_version(settings, store, seq_len)
    if version.manifest() is None:
        assemble(spark, store, plan(spark, settings, store, seq_len))
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
                plan(spark, settings, store, version.place.seq_len)
    return made


def assemble_bucket(spark: SparkSession, settings: Settings, bucket: str) -> list[Version]:
    """Assemble and publish what was planned, for every seq_len."""
    store = open_token_store(settings.need("output"), bucket)
    made = [sequences_version(settings, store, n) for n in settings.need("seq_len")]
    for version in made:  # a mistake to find before the work
        if version.manifest() is None:
            _planned(version)
    with about(bucket=bucket), hold_bucket(settings.need("output"), bucket) as lock:
        for version in made:
            if version.manifest() is None:
                assemble(spark, store, _planned(version))
            lock.check()
            versions.publish(version)
    return made


def _planned(version: Version) -> Plan:
    found = find_plan(version)
    if found is None:
        seq_len = version.place.seq_len
        raise InputError(f"--seq-len {seq_len}: not planned yet; run bfpack plan first")
    return found


def say_changes(what: str, version: Version) -> None:
    """Say what makes this version another than the current one, and what it begins with."""
    earlier = versions.current_manifest(version.place)
    if earlier is not None and earlier["fingerprint"] != version.fingerprint:
        why = "; ".join(changes(earlier["inputs"], version.inputs))
        before = earlier["fingerprint"][:16]
        log.info("%s: new version %s beside %s: %s", what, version.name, before, why)
    if version.name in versions.names_in(version.place):
        log.info("%s: %s is unfinished, continued in place", what, version.name)


# Text -> token store


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A bucket's text, looked at and found fit to be read."""

    place: Place
    inventory: Inventory
    columns: Columns
    vocabulary: Vocabulary


def tokenize(spark: SparkSession, settings: Settings, bucket: str, find: FindSlice) -> TokenStore:
    """Tokenize a bucket, unless that was done, and publish its token store."""
    source = _look_at(settings, bucket, find)
    with about(bucket=bucket), hold_bucket(source.place.output, bucket) as lock:
        return _tokens(spark, settings, source, lock)


def _look_at(settings: Settings, bucket: str, find: FindSlice) -> _Source:
    """Find the mistakes that can be found before the work."""
    place = Place(output=settings.need("output"), bucket=bucket)
    slice_ = find()
    check_apart(settings.need("input"), slice_.inventory, place.output)
    columns = Columns(
        content=settings.tokens_column or settings.text_column,
        doc_id=settings.id_column,
        tokens=settings.tokens_column is not None,
        bucket=slice_.column,
        wanted=bucket if slice_.column else None,
    )
    vocabulary = read_vocabulary(settings)
    if settings.pad_token is not None:  # a mistake to find before the work, not after
        pad_id(vocabulary.json, None, vocabulary.eos_id, settings.pad_token)
    versions.check_output(place.output, place.bucket)
    check_columns(slice_.inventory, columns)
    return _Source(place=place, inventory=slice_.inventory, columns=columns, vocabulary=vocabulary)


def _tokens(spark: SparkSession, settings: Settings, source: _Source, lock: Lock) -> TokenStore:
    made = _made_before(settings, source)
    if made is None:
        made = _tokenize(spark, settings, source)
    else:
        done = facts(stage="tokenize", version=made.name, done_before=True)
        log.info("tokens: nothing to do, %s is complete", made.name, extra=done)
    manifest = made.manifest()
    assert manifest is not None, "made or found complete"
    _check_quarantine(manifest["accounting"], settings.max_quarantined, made.directory)
    lock.check()
    versions.publish(made)
    return TokenStore(directory=made.directory, manifest=manifest)


def read_vocabulary(settings: Settings) -> Vocabulary:
    """The tokenizer file and the names of its EOS, BOS and control-token policy."""
    path = settings.need("tokenizer")
    raw, companion = read_tokenizer(path)
    return load_vocabulary(
        raw,
        companion,
        eos_token=settings.eos_token,
        bos_token=settings.bos_token,
        control_tokens=settings.control_tokens,
    )


def _made_before(settings: Settings, source: _Source) -> Version | None:
    """A complete version for these settings. The engines' size limits differ, and `auto` may have
    taken either, so both are looked for."""
    for engine, limit in MAX_BYTES.items():
        version = _tokens_version(settings, source, limit)
        if settings.engine in ("auto", engine) and version.manifest() is not None:
            return version
    return None


def _tokens_version(settings: Settings, source: _Source, limit: int) -> Version:
    inventory, vocabulary = source.inventory, source.vocabulary
    configuration = {
        "input_format": inventory.format,
        "text_column": None if settings.tokens_column else settings.text_column,
        "tokens_column": settings.tokens_column,
        "id_column": settings.id_column,
        "eos_id": vocabulary.eos_id,
        "bos_id": vocabulary.bos_id,
        "control_tokens": settings.control_tokens,
        "max_document_bytes": min(settings.max_document_bytes, limit),
    }
    if settings.bucket_column is not None:
        told = {"bucket_column": settings.bucket_column, "bucket": source.place.bucket}
        configuration |= told
    return Version(
        place=source.place,
        inputs={
            "configuration": configuration,
            "tokenizer_sha256": vocabulary.sha256,
            "inventory": inventory.for_fingerprint(),
        },
    )


def _tokenize(spark: SparkSession, settings: Settings, source: _Source) -> Version:
    inventory, vocabulary, bucket = source.inventory, source.vocabulary, source.place.bucket
    choice = _choose(settings, source)
    log.info("tokens: engine %s, %s", choice.engine, choice.why)
    limit = MAX_BYTES[choice.engine]
    version = _tokens_version(settings, source, limit)
    say_changes("tokens", version)
    earlier = versions.current_manifest(source.place)
    increment, why = take_over(version, inventory, earlier)
    if why is not None:
        log.info("tokens: %s", why)
    task = TokenizeTask(
        input_format=inventory.format,
        columns=source.columns,
        vocabulary=vocabulary,
        engine=choice.engine,
        max_document_bytes=min(settings.max_document_bytes, limit),
        audit_share=settings.audit_share,
    )
    metadata = {"bfpack.tokenizer_sha256": vocabulary.sha256, **FORMAT_METADATA}
    started = time.monotonic()
    writer = functools.partial(
        write_token_files,
        root=version.directory,
        metadata=metadata,
        first_part=increment.first_part,
    )
    amount = increment.inventory.num_bytes
    with watched(spark, Work(bucket=bucket, stage="tokenize", amount=amount, unit="bytes")):
        splits = splits_frame(spark, increment.inventory)
        found = collect_messages(tokenize_text(splits, task, writer))
    entries = [*increment.entries, *(entry for said in found for entry in said["files"])]
    accounting = add_accounting(
        increment.accounting, account_documents(found, vocabulary.num_inserted)
    )
    if not accounting["documents"]:
        raise InputError(
            f"--input {settings.input}: not one document with text in "
            f"{accounting['documents_in']}; nothing to pack"
        )
    files.write_bytes(f"{version.directory}/tokenizer.json", vocabulary.json)
    if settings.id_column is not None:
        _check_unique(spark, TokenStore(directory=version.directory, manifest={"files": entries}))
    versions.complete(
        version,
        entries,
        totals={k: accounting[k] for k in ("documents", "tokens")},
        accounting=accounting,
        tokenizer={
            "vocabulary_size": vocabulary.size,
            "eos_id": vocabulary.eos_id,
            "bos_id": vocabulary.bos_id,
            "own_pad_id": vocabulary.own_pad_id,
        },
    )
    seconds = time.monotonic() - started
    passed_over = sum(message["not_audited"] for message in found)
    if passed_over:
        log.info("tokens: audit passed over %s documents of over 1 MB", f"{passed_over:,}")
    log.info(
        "tokens: %s documents, %s tokens in %.1f s; %s empty, %s quarantined",
        *(f"{accounting[k]:,}" for k in ("documents", "tokens")),
        seconds,
        f"{accounting['documents_empty']:,}",
        f"{sum(accounting['documents_quarantined'].values()):,}",
        extra=facts(stage="tokenize", version=version.name, seconds=seconds, **accounting),
    )
    return version


def _choose(settings: Settings, source: _Source) -> Choice:
    if source.columns.tokens:
        return Choice(engine="fastokens", why="not used: the documents are tokenized already")
    sample: list[str] = []
    if settings.engine != "tokenizers":
        sample = sample_texts(source.inventory, source.columns)
    return choose_engine(settings.engine, source.vocabulary, sample)


def _check_unique(spark: SparkSession, store: TokenStore) -> None:
    counted = store.doc_ids(spark).groupBy("doc_id").agg(sf.count(sf.lit(1)).alias("times"))
    twice = counted.where("times > 1").orderBy("doc_id").limit(5).collect()
    if twice:
        named = ", ".join(f"{row['doc_id']!r} ({row['times']} times)" for row in twice)
        raise InputError(
            f"--id-column: documents share ids: {named}; make ids unique, or leave the option out "
            "and documents are named by their place"
        )


def _check_quarantine(accounting: dict[str, Any], limit: float, directory: str) -> None:
    refused = accounting["documents_quarantined"]
    share = sum(refused.values()) / accounting["documents_in"]
    if share > limit:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(refused.items()))
        raise InputError(
            f"--max-quarantined {limit:g}: {share:.2%} of the documents are in quarantine "
            f"({reasons}); see {directory}/quarantine, mend the input or raise the limit"
        )


# Token store -> plan


def sequences_version(settings: Settings, store: TokenStore, seq_len: int) -> Version:
    """The version that these settings make of this token store."""
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


def plan(spark: SparkSession, settings: Settings, store: TokenStore, seq_len: int) -> Plan:
    """Plan the sequences of one seq_len, unless that was done; no token is read."""
    version = sequences_version(settings, store, seq_len)
    found = find_plan(version)
    if found is not None:
        done = facts(stage="plan", seq_len=seq_len, version=version.name, done_before=True)
        nothing = "plan of %d: nothing to do, that of %s is complete"
        log.info(nothing, seq_len, version.name, extra=done)
        return found
    say_changes(f"sequences of {seq_len}", version)
    started = time.monotonic()
    rules = versions.rules_of(version.place, version.inputs)
    histogram = length_histogram(spark, store)
    accounting = account(histogram, rules)
    num_shards = _num_shards(settings, accounting)
    per_group = sequences_per_group(histogram, rules)
    groups = group_documents(store.lengths(spark), histogram, len(per_group), rules.seed)
    writer = functools.partial(write_plan, root=version.directory)
    planner = PlanTask(rules=rules, sequences_per_group=per_group)
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


# Plan -> shards


def assemble(spark: SparkSession, store: TokenStore, made: Plan) -> Manifest:
    """Move the tokens to their shards and write the manifest: complete, not yet published."""
    version = made.version
    seq_len = made.accounting["seq_len"]
    started = time.monotonic()
    starts = shard_starts(made.accounting["num_sequences"], made.num_shards)
    paths = [f"{version.directory}/{entry['path']}" for entry in made.entries]
    segments = assemble_sequences(read_plan(spark, paths), store.places(spark), store.paths, starts)
    pad = version.inputs["configuration"]["pad_id"]
    pad_is_eos = pad == store.tokenizer["eos_id"]
    if pad_is_eos:
        log.warning("padding is EOS, the tokenizer has no pad token: tell it by num_padding")
    task = ShardTask(
        root=version.directory,
        bucket=version.place.bucket,
        seq_len=seq_len,
        pad_id=pad,
        starts=starts,
        metadata=store.shard_metadata(seq_len, pad),
    )
    work = Work(
        bucket=version.place.bucket,
        stage=f"assemble {seq_len}",
        amount=made.accounting["num_tokens_packed"],
        unit="tokens",
    )
    with watched(spark, work):
        written = write_partitions(segments, functools.partial(write_shards, task=task))
    shards = [entry for message in written for entry in message["files"]]
    assert len(shards) == made.num_shards, f"{len(shards)} shards written of {made.num_shards}"
    _check_all_came(shards, made)
    cut = sum(entry.pop("documents_cut") for entry in shards)
    if version.inputs["configuration"]["packing"] == "best_fit":
        assert cut == made.accounting["num_documents_cut"], f"{cut} documents cut"
    accounting = {**made.accounting, "num_documents_cut": cut, **store.carried_counts()}
    manifest = versions.complete(
        version,
        [*made.entries, *shards],
        totals={
            "sequences": sum(entry["rows"] for entry in shards),
            "tokens": sum(entry["tokens"] for entry in shards),
            "shards": len(shards),
        },
        accounting=accounting,
        tokenizer={
            **store.tokenizer,
            "pad_id": pad,
            "pad_is_eos": pad == store.tokenizer["eos_id"],
        },
    )
    seconds = time.monotonic() - started
    log.info(
        "sequences of %d: %s shards, %s tokens in %.1f s",
        seq_len,
        f"{len(shards):,}",
        f"{manifest['totals']['tokens']:,}",
        seconds,
        extra=facts(
            stage="assemble",
            seq_len=seq_len,
            version=version.name,
            **{"seconds": seconds, **manifest["totals"]},
        ),
    )
    return manifest


def _check_all_came(shards: list[dict[str, Any]], made: Plan) -> None:
    """A document that the token store has lost since it was planned leaves no gap but at the end
    of its row."""
    tokens, planned = sum(entry["tokens"] for entry in shards), made.accounting["num_tokens_packed"]
    if tokens != planned:
        raise JobError(
            f"{tokens:,} tokens came to the shards, {planned:,} were planned: the token store has "
            f"changed since; remove {made.version.directory} and run it again"
        )
