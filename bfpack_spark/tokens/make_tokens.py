"""Text -> token store: a complete token store is found and used, or the new text is tokenized."""

import functools
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any, get_args

from pyspark.sql import SparkSession

from bfpack_spark.buckets.find_slices import FindSlice
from bfpack_spark.buckets.slices import columns_of
from bfpack_spark.config import Settings
from bfpack_spark.corpus import coverage
from bfpack_spark.corpus.columns import columns_in_files
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.corpus.take_inventory import check_apart
from bfpack_spark.errors import InputError
from bfpack_spark.files import own_files
from bfpack_spark.files.locks import Lock
from bfpack_spark.logs import facts, say_done_before
from bfpack_spark.spark.disk_space import check_space, need_of_tokens
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame, splits_frame
from bfpack_spark.spark.progress import Work, watched
from bfpack_spark.tokenizing.engines import EngineName, Limits, limits_of
from bfpack_spark.tokenizing.parity import Choice, engine_for
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary
from bfpack_spark.tokenizing.vocabulary import Vocabulary, pad_id
from bfpack_spark.tokens.find_repeated_ids import find_repeated_ids
from bfpack_spark.tokens.increments import Increment, add_accounting, take_over
from bfpack_spark.tokens.quarantine import check_quarantine, most_frequent
from bfpack_spark.tokens.refused import Places, account_documents, first_places
from bfpack_spark.tokens.say_tokenizer import say_engine, warn_of_limit
from bfpack_spark.tokens.token_files import write_token_files
from bfpack_spark.tokens.token_store import FORMAT_METADATA, TokenStore
from bfpack_spark.tokens.tokenize_text import tokenize_text
from bfpack_spark.versions import versions
from bfpack_spark.versions.say_changes import say_changes
from bfpack_spark.versions.versions import Place, Version
from bfpack_spark.versions.whole import check_whole

log = logging.getLogger("bfpack")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The text of a bucket, checked and ready to be read."""

    place: Place
    inventory: Inventory
    columns: Columns
    vocabulary: Vocabulary


def look_at(settings: Settings, bucket: str, find: FindSlice) -> Source:
    """Return the text of a bucket, ready to be read. Raise InputError for the mistakes of the user
    that can be found before the work begins."""
    place = Place(output=settings.need("output"), bucket=bucket)
    slice_ = find()
    check_apart(settings.need("input"), slice_.inventory, place.output)
    columns = columns_of(settings, slice_, bucket)
    vocabulary = read_vocabulary(settings)
    if settings.pad_token is not None:  # raises before the work, not after
        pad_id(vocabulary.json, None, vocabulary.eos_id, settings.pad_token)
    versions.check_output(place.output, place.bucket)
    check_columns(slice_.inventory, columns)
    return Source(
        place=place,
        inventory=slice_.inventory,
        columns=columns_in_files(slice_.inventory, columns),
        vocabulary=vocabulary,
    )


def make_tokens(spark: SparkSession, settings: Settings, source: Source, lock: Lock) -> TokenStore:
    """Return the published token store of a bucket. The text is tokenized only if no complete
    version exists."""
    made = _made_before(settings, source)
    if made is None:
        made = _tokenize(spark, settings, source)
    else:
        check_whole(made.place, made.name, versions.need_manifest(made))
        say_done_before("tokens", made.name, stage="tokenize")
    manifest = versions.need_manifest(made)
    check_quarantine(manifest, settings.max_quarantined, made.directory)
    lock.check()
    versions.publish(made)
    return TokenStore(directory=made.directory, manifest=manifest)


def _made_before(settings: Settings, source: Source) -> Version | None:
    """Return a complete version for these settings, or None. The engines have different size
    limits, and `auto` may have taken either engine, so the versions of both are looked for."""
    engine: EngineName
    for engine in get_args(EngineName):
        if settings.engine in ("auto", engine) or settings.tokens_column:
            version = _tokens_version(settings, source, limits_of(engine, source.vocabulary))
            if version.manifest() is not None:
                return version
    return None


def _tokens_version(settings: Settings, source: Source, limits: Limits) -> Version:
    """Return the version for these limits. Its fingerprint holds every limit that can change the
    result."""
    inventory, vocabulary = source.inventory, source.vocabulary
    configuration = {
        "input_format": inventory.format,
        "text_column": None if settings.tokens_column else settings.text_column,
        "tokens_column": settings.tokens_column,
        "id_column": settings.id_column,
        "eos_id": vocabulary.eos_id,
        "bos_id": vocabulary.bos_id,
        "control_tokens": settings.control_tokens,
        "max_document_bytes": min(settings.max_document_bytes, limits.max_bytes),
    }
    uncut = limits.max_uncut_bytes
    if uncut is not None and settings.max_document_bytes > uncut:
        configuration["max_uncut_bytes"] = uncut
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


def _tokenize(spark: SparkSession, settings: Settings, source: Source) -> Version:
    choice = engine_for(settings.engine, source.inventory, source.columns, source.vocabulary)
    limits = limits_of(choice.engine, source.vocabulary)
    say_engine(settings, source.vocabulary, choice, limits)
    version = _tokens_version(settings, source, limits)
    say_changes("tokens", version)
    earlier = versions.current_manifest(source.place)
    increment, why = take_over(version, source.inventory, earlier)
    if earlier is not None and increment.entries:
        check_whole(source.place, earlier["fingerprint"][:16], earlier)
    if why is not None:
        log.info("tokens: %s", why)
    need = need_of_tokens(increment.inventory, len(settings.seq_len))
    what = "tokens and sequences" if settings.seq_len else "tokens"
    check_space(spark, version.directory, need, what)
    started = time.monotonic()
    found = _write(spark, settings, source, version, choice, limits, increment)
    entries = [*increment.entries, *(entry for said in found for entry in said["files"])]
    vocabulary = source.vocabulary
    new = account_documents(found, vocabulary.num_inserted)
    read = _read_of_each_file(source, increment, found, new["documents_in"])
    accounting = add_accounting(increment.accounting, new)
    places = first_places(found)
    warn_of_limit(settings, limits, new)
    if not accounting["documents"]:
        raise InputError(_nothing_to_pack(settings, accounting, places))
    own_files.write_bytes(version.place.output, f"{version.inside}/tokenizer.json", vocabulary.json)
    if settings.id_column is not None:
        store = TokenStore(directory=version.directory, manifest={"files": entries})
        _check_unique(spark, store, accounting["documents_in"])
    look_again(source.inventory)
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
        left_out=[asdict(left) for left in source.inventory.left_out],
        first_places=places | increment.first_places,
        increment={"accounting": new, "first_places": places},
        inventory=coverage.entries(source.inventory, read, increment.read),
    )
    passed_over = sum(message["not_audited"] for message in found)
    if passed_over:
        log.info("tokens: the audit did not check %s documents of over 1 MB", f"{passed_over:,}")
    _say_done(version, accounting, time.monotonic() - started)
    return version


def _write(
    spark: SparkSession,
    settings: Settings,
    source: Source,
    version: Version,
    choice: Choice,
    limits: Limits,
    increment: Increment,
) -> list[dict[str, Any]]:
    """Read, tokenize and write what is new, and return the messages of the workers."""
    spec = TokenizeSpec(
        input_format=source.inventory.format,
        columns=source.columns,
        vocabulary=source.vocabulary,
        engine=choice.engine,
        max_document_bytes=min(settings.max_document_bytes, limits.max_bytes),
        max_uncut_bytes=limits.max_uncut_bytes,
        audit_share=settings.audit_share,
    )
    writer = functools.partial(
        write_token_files,
        root=version.directory,
        metadata={"bfpack.tokenizer_sha256": source.vocabulary.sha256, **FORMAT_METADATA},
        prefix=increment.prefix,
    )
    amount = increment.inventory.num_bytes
    work = Work(bucket=source.place.bucket, stage="tokenize", amount=amount, unit="bytes")
    with watched(spark, work):
        splits = splits_frame(spark, increment.inventory)
        return collect_messages(tokenize_text(splits, spec, writer))


def _nothing_to_pack(settings: Settings, accounting: dict[str, Any], places: Places) -> str:
    refused = accounting["documents_quarantined"]
    why = f" ({most_frequent(refused, places)})" if refused else ""
    return (
        f"--input {', '.join(settings.input)}: not one document with text in "
        f"{accounting['documents_in']}{why}; nothing to pack"
    )


def _read_of_each_file(
    source: Source, increment: Increment, found: list[dict[str, Any]], documents_in: int
) -> Tally:
    """Return what was read of each file. Raise InputError, which names the file, if a file was not
    read whole, and JobError if documents are missing."""
    read = coverage.add_up(said["read"] for said in found)
    coverage.check_coverage(increment.inventory, read, bucket_column=source.columns.bucket)
    coverage.check_documents(read, documents_in)
    return read


def _say_done(version: Version, accounting: dict[str, Any], seconds: float) -> None:
    log.info(
        "tokens: %s documents, %s tokens in %.1f s; %s empty, %s quarantined",
        *(f"{accounting[k]:,}" for k in ("documents", "tokens")),
        seconds,
        f"{accounting['documents_empty']:,}",
        f"{sum(accounting['documents_quarantined'].values()):,}",
        extra=facts(stage="tokenize", version=version.name, seconds=seconds, **accounting),
    )


def _check_unique(spark: SparkSession, store: TokenStore, num_documents: int) -> None:
    sources = files_frame(spark, store.id_files())
    messages = collect_messages(find_repeated_ids(sources, num_documents))
    repeated = sorted(told for said in messages for told in said["repeated"])[:5]
    if repeated:
        named = ", ".join(f"{doc_id!r} ({times} times)" for doc_id, times in repeated)
        raise InputError(
            f"--id-column: documents share ids: {named}; make ids unique, or leave the option out "
            "and documents are named by their place"
        )
