"""Text -> token store: a complete token store is found and used, or the new text is tokenized."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import add_counts
from bfpack_spark.core.halves import num_high_bytes
from bfpack_spark.corpus import coverage
from bfpack_spark.errors import InputError
from bfpack_spark.files import access, write_own_files
from bfpack_spark.files.holders import Lock
from bfpack_spark.logs import say_done_before
from bfpack_spark.printable import counted, one_line
from bfpack_spark.spark.disk_space import check_space
from bfpack_spark.spark.left_call import leave_call
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.progress import Work, step
from bfpack_spark.spark.starting_workers import workers_start
from bfpack_spark.tokenizing.engines import Limits
from bfpack_spark.tokenizing.look_at_chats import look_at_chats, look_at_masks
from bfpack_spark.tokenizing.parity import (
    Choice,
    engine_for,
    engines_load,
    first_engines,
    load_engines,
)
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.account_documents import account_documents, first_places
from bfpack_spark.tokens.find_store import find_store, limits_for, tokens_inputs
from bfpack_spark.tokens.increments import Increment, files_read, take_over
from bfpack_spark.tokens.quarantine import (
    OverLimitError,
    about_first,
    check_quarantine,
    most_frequent,
)
from bfpack_spark.tokens.say_tokenizer import say_engine, say_passed_over
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.token_files import Places, write_token_files
from bfpack_spark.tokens.token_store import CHAT_TEMPLATE, TokenStore, open_token_store
from bfpack_spark.tokens.unique_ids import check_unique
from bfpack_spark.versions import publication
from bfpack_spark.versions.changes import publish_and_say, say_changes
from bfpack_spark.versions.manifests import (
    FileEntry,
    LeftOutFile,
    NewDocuments,
    TokenizerFacts,
    TokensAccounting,
    TokensManifest,
    TokensTotals,
)
from bfpack_spark.versions.publication import Version
from bfpack_spark.versions.refusals import note_refusal
from bfpack_spark.versions.whole import check_whole

log = logging.getLogger("bfpack")


def make_tokens(spark: SparkSession, settings: Settings, source: Source, lock: Lock) -> TokenStore:
    """Return the published token store of a bucket. The text is tokenized only if no complete
    version exists."""
    version = find_store(settings, source)
    is_new = version is None
    if version is None:
        version = _tokenize(spark, settings, source, lock)
    store = open_token_store(source.home.output, source.home.bucket, version.name)
    if not is_new:
        check_whole(version.home, version.name, store.manifest)
        say_done_before("tokens", version.name, stage="tokenize")
    try:
        check_quarantine(store, settings.max_quarantined)
    except OverLimitError as over:
        note_refusal(version, f"{over.share}, limit {settings.max_quarantined:g}")
        raise
    lock.check()
    publish_and_say("tokens", version)
    return store


@contextmanager
def engines_ahead(settings: Settings, source: Source, call: Path) -> Iterator[None]:
    """Load engines during what is done inside, if `make_tokens` will choose one of them. Then leave
    a call for the parent of the Python workers, which loads them, too (left_call.py)."""
    if settings.tokens_column or find_store(settings, source) is not None:
        yield
    else:
        with engines_load(settings.engine, source.vocabulary):
            yield
        names = first_engines(settings.engine, source.vocabulary)
        leave_call(call, partial(load_engines, names, source.vocabulary))


def _choose(settings: Settings, source: Source) -> Choice:
    """Return the engine. Raise InputError if the chat template, what it makes of a sample, or the
    masks of a sample are not what a model can be trained on."""
    if settings.is_chat:
        rows = source.sample_rows()
        return look_at_chats(settings.engine, source.columns, source.vocabulary, rows)
    if source.columns.masks:
        look_at_masks(source.columns, source.vocabulary, source.sample_rows())
    return engine_for(settings.engine, source.columns, source.vocabulary, source.sample)


def _tokenize(spark: SparkSession, settings: Settings, source: Source, lock: Lock) -> Version:
    with workers_start(spark, one_line(f"{source.home.bucket}: start workers")):
        choice = _choose(settings, source)
    limits = limits_for(settings, choice.engine, source)
    say_engine(settings, source.vocabulary, choice, limits)
    inputs = tokens_inputs(settings, source, limits)
    version = Version(home=source.home, inputs=inputs)
    say_changes("tokens", version)
    earlier = publication.current_manifest(source.home)
    assert earlier is None or isinstance(earlier, TokensManifest), "read as one"
    increment, why = take_over(inputs, source, earlier)
    if earlier is not None and increment.entries:
        check_whole(source.home, earlier.version, earlier)
    if why is not None:
        log.info("tokens: %s", why)
    if (need := increment.source.need(len(settings.seq_len))) is not None:
        what = "tokens and sequences" if settings.seq_len else "tokens"
        check_space(spark, version.directory, need, what)
    amount, unit = increment.source.amount()
    work = Work(bucket=source.home.bucket, stage="tokenize", amount=amount, unit=unit)
    messages: list[dict[str, Any]] = []
    try:
        with step(spark, work, version.name) as ending:
            messages += _write(spark, settings, version, increment, choice, limits)
            accounting = _complete(spark, settings, source, version, increment, messages, lock)
            refused = sum(accounting.documents_quarantined.values())
            ending.line = (
                f"tokens: {counted(accounting.documents, 'document')}, "
                f"{counted(accounting.tokens, 'token')} in {{seconds}}; "
                f"{accounting.documents_empty:,} empty, {refused:,} quarantined"
            )
            ending.counts = accounting.as_json()
    finally:  # also where there is nothing to pack, since this may be why
        say_passed_over(settings, limits, messages)
    return version


def _complete(
    spark: SparkSession,
    settings: Settings,
    source: Source,
    version: Version,
    increment: Increment,
    messages: list[dict[str, Any]],
    lock: Lock,
) -> TokensAccounting:
    """Check that all was read, write the manifest, and return what became of the documents. Raise
    InputError, which names it, if a file or table was not read whole, and JobError if documents are
    missing."""
    vocabulary = source.vocabulary
    written = [FileEntry(**entry) for said in messages for entry in said["files"]]
    new = NewDocuments(
        accounting=account_documents(messages, written, vocabulary.num_inserted),
        first_places=first_places(messages),
    )
    accounting = new.accounting
    read = coverage.add_up(said["read"] for said in messages)
    increment.source.check_read(read)
    coverage.check_documents(read, accounting.documents_in)
    if increment.accounting is not None:
        both = [increment.accounting.as_json(), accounting.as_json()]
        accounting = TokensAccounting(**add_counts(both))
    if not accounting.documents:
        refused = [f"{version.directory}/{e.path}" for e in written if e.kind == "quarantine"]
        raise InputError(_nothing_to_pack(settings, source, accounting, new.first_places, refused))
    write_own_files.write_bytes(
        version.home.output, f"{version.inside}/tokenizer.json", vocabulary.json
    )
    if vocabulary.template is not None:
        path = f"{version.inside}/{CHAT_TEMPLATE}"
        write_own_files.write_bytes(version.home.output, path, vocabulary.template.as_json())
    entries = [*increment.entries, *written]
    if source.columns.doc_id is not None:
        paths = [access.resolve(version.directory, entry.path) for entry in entries]
        check_unique(spark, source, paths, accounting.documents_in)
    source.look_again()
    publication.complete(
        version,
        entries,
        lock,
        totals=TokensTotals(documents=accounting.documents, tokens=accounting.tokens),
        accounting=accounting,
        tokenizer=TokenizerFacts(
            vocabulary_size=vocabulary.size,
            eos_id=vocabulary.eos_id,
            bos_id=vocabulary.bos_id,
            own_pad_id=vocabulary.own_pad_id,
        ),
        left_out=[LeftOutFile(**asdict(left)) for left in source.inventory.left_out],
        first_places=new.first_places | increment.first_places,
        increment=new,
        inventory=files_read(source.inventory, read, increment.read),
    )
    return accounting


def _write(
    spark: SparkSession,
    settings: Settings,
    version: Version,
    increment: Increment,
    choice: Choice,
    limits: Limits,
) -> list[dict[str, Any]]:
    """Read, tokenize and write what is new, and return the messages of the workers."""
    source = increment.source
    spec = TokenizeSpec(
        input_format=source.inventory.format,
        columns=source.columns,
        vocabulary=source.vocabulary,
        engine=choice.engine,
        max_document_bytes=min(settings.max_document_bytes, limits.max_bytes),
        max_uncut_bytes=limits.max_uncut_bytes,
        audit_share=settings.audit_share,
    )
    writer = partial(
        write_token_files,
        root=version.directory,
        metadata={
            "bfpack.tokenizer_sha256": source.vocabulary.sha256,
            "bfpack.format_version": str(version.format_version),
        },
        num_high=num_high_bytes(source.vocabulary.size),
        prefix=increment.prefix,
    )
    return collect_messages(source.tokenized(spark, spec, writer))


def _nothing_to_pack(
    settings: Settings,
    source: Source,
    accounting: TokensAccounting,
    places: Places,
    paths: list[str],
) -> str:
    refused = accounting.documents_quarantined
    why = f" ({most_frequent(refused, places)})" if refused else ""
    first = f"; {about_first(refused, places, paths, settings)}" if refused else ""
    named = settings.input or [source.inventory.files[0].name]
    return (
        f"--input {', '.join(named)}: not one document with text in "
        f"{accounting.documents_in}{why}; nothing to pack{first}"
    )
