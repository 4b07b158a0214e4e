"""verify --input: the text is tokenized anew, by the reference engine unless --engine names
another, and compared with the token store."""

from dataclasses import replace
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.buckets.find_slices import one_of, slices_by
from bfpack_spark.buckets.inputs import Input, open_input
from bfpack_spark.buckets.slices import Slice, columns_of
from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason
from bfpack_spark.spark.frames import version_of
from bfpack_spark.tokenizing.engines import MAX_BYTES, EngineName
from bfpack_spark.tokenizing.parity import REFERENCE_BYTES_MAX
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.vocabulary import Vocabulary, compress
from bfpack_spark.tokens.look_at import source_of
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.token_store import TokenStore
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.verifying.listed_files import entries_frame
from bfpack_spark.verifying.scans import digest_documents, scan_tokens
from bfpack_spark.verifying.sums import DigestSpec
from bfpack_spark.versions.publication import Home

_FIRST = 10
# What a token store may be made of that has a stamp, as a user says it. All else are files.
_STAMPED = {"delta": "a table", "table": "a table", "frame": "a DataFrame"}


def retokenized(
    spark: SparkSession, text: Input, store: TokenStore, engine: EngineName
) -> tuple[list[Violation], int, int]:
    """Return the violations, the number of documents compared, and the number too large for the
    engine to compare.

    The text is read as the manifest of the token store says it was read. With the reference engine,
    documents over 1 MB are counted and not compared, since it takes 154 bytes of memory for each
    byte of text. Every document that the run accounted for must come again. That includes the
    documents without tokens, whose loss the comparison by doc_id would not show. Raise InputError
    if the text is another kind of input or another version of a table, and, naming the file, if one
    changes meanwhile.
    """
    inputs = store.manifest.inputs
    configuration = inputs.configuration
    source = _source(spark, text, store)
    moved = []
    if configuration.input_format not in _STAMPED:  # of tables the stamps are compared
        moved = _inventory_differs(inputs.inventory, source.inventory.for_fingerprint())
    spec = TokenizeSpec(
        input_format=source.inventory.format,
        columns=source.columns,
        vocabulary=source.vocabulary,
        engine=engine,
        max_document_bytes=configuration.max_document_bytes,
        audit_share=0.0,
        max_compared_bytes=compared_bytes_max(engine),
        max_uncut_bytes=configuration.max_uncut_bytes,
    )
    size = store.tokenizer.vocabulary_size
    digests = DigestSpec(root=store.directory, rules=None, vocabulary_size=size)
    anew = digest_documents(source.tokenized(spark, spec), digests)
    anew = anew.persist(StorageLevel.DISK_ONLY)
    stored = scan_tokens(entries_frame(spark, store.manifest, "documents"), digests)
    try:
        wrong, compared, skipped = _compare(anew, stored)
        again = anew.count()
    finally:
        anew.unpersist()
    source.look_again()
    moved = moved or _count_differs(store, again)
    return moved + wrong, compared, skipped


def _source(spark: SparkSession, text: Input, store: TokenStore) -> Source:
    """Return the text, of which only the place is the user's."""
    configuration, bucket = store.manifest.inputs.configuration, store.manifest.bucket
    _check_kind(text, store)
    stamp = _stamp_read(store)
    slice_ = _opened(spark, text, store, stamp)
    now = slice_.frame.stamp if slice_.frame is not None else None
    if now != stamp:
        raise InputError(
            f"--input {', '.join(text.patterns)}: is {now}, and {bucket} was made of {stamp}; "
            "leave --input-version out, name the table that was packed, or leave --input out"
        )
    home = Home(output=store.directory.rpartition("/")[0], bucket=bucket)
    return source_of(slice_, home, columns_of(configuration, slice_, bucket), _vocabulary(store))


def _check_kind(text: Input, store: TokenStore) -> None:
    """Raise InputError if the user gives another kind of input than was packed."""
    bucket, packed = store.manifest.bucket, store.manifest.inputs.configuration.input_format
    what = _STAMPED.get(packed, "files")
    if packed == "frame" and text.frame is None:
        raise InputError(
            f"--input {', '.join(text.patterns)}: {bucket} was made of {what}; hand it to "
            "bfpack_spark.verify, or leave --input out"
        )
    if packed != "frame" and text.frame is not None:
        raise InputError(
            f"documents: {bucket} was made of {what}; give input=... in place of the DataFrame"
        )
    if packed not in _STAMPED and text.version is not None:
        raise InputError(
            f"--input-version {text.version}: {bucket} was made of {what}, which have no versions; "
            "leave it out"
        )


def _stamp_read(store: TokenStore) -> str | None:
    """Return the stamp of the table or frame that the token store was made of, or None for
    files."""
    inputs = store.manifest.inputs
    if inputs.configuration.input_format not in _STAMPED:
        return None
    stamp = inputs.inventory[0][2]
    if not isinstance(stamp, str):  # a time of a file
        raise InputError(
            f"--input: {store.name} was made of the files of a Delta table, by an earlier bfpack; "
            "pack the table again to compare its text, or leave --input out"
        )
    return stamp


def _opened(spark: SparkSession, text: Input, store: TokenStore, stamp: str | None) -> Slice:
    """Return the slice of the bucket, of the version that is named, or else of the one that was
    packed. If that one is not there, the InputError says why it was looked for."""
    configuration, bucket = store.manifest.inputs.configuration, store.manifest.bucket
    version = text.version
    if version is None and stamp is not None:
        version = stamp if text.frame is not None else version_of(stamp)
    wanted = replace(text, format=configuration.input_format, version=version)
    column = configuration.bucket_column
    try:
        if column is None:
            return open_input(lambda: spark, wanted)
        return one_of(slices_by(lambda: spark, wanted, column), bucket)
    except InputError as error:
        if version == text.version:
            raise
        raise InputError(f"{error}; {bucket} was made of {stamp}") from None


def compared_bytes_max(engine: EngineName) -> int:
    """Return the UTF-8 bytes of the largest document that this engine compares."""
    return REFERENCE_BYTES_MAX if engine == "tokenizers" else MAX_BYTES


def _vocabulary(store: TokenStore) -> Vocabulary:
    inputs, tokenizer = store.manifest.inputs, store.tokenizer
    return Vocabulary(
        compressed=compress(store.tokenizer_json()),
        sha256=inputs.tokenizer_sha256,
        size=tokenizer.vocabulary_size,
        eos_id=tokenizer.eos_id,
        bos_id=tokenizer.bos_id,
        own_pad_id=tokenizer.own_pad_id,
        control_tokens=inputs.configuration.control_tokens,
        template=store.chat_template() if inputs.configuration.messages_column else None,
    )


def _inventory_differs(then: list[list[str | int]], now: list[list[str | int]]) -> list[Violation]:
    """Return a violation for each file that came, went or changed in size. Times are not compared,
    so a copy of the input will do."""
    before, after = (
        {(name, size, *deleted) for name, size, _, *deleted in files} for files in (then, now)
    )
    problem = "the input has changed since it was tokenized"
    return [
        Violation(invariant=1, problem=problem, shard=name)
        for name in sorted({str(name) for name, *_ in before ^ after})[:_FIRST]
    ]


def _count_differs(store: TokenStore, again: int) -> list[Violation]:
    documents_in = store.manifest.accounting.documents_in
    if again == documents_in:
        return []
    problem = f"the text gives {again} documents, accounting.documents_in is {documents_in}"
    return [Violation(invariant=0, problem=problem, shard="tokens/_manifest.json")]


def _compare(anew: DataFrame, stored: DataFrame) -> tuple[list[Violation], int, int]:
    """Join by doc_id and return the violations, the documents compared and the documents skipped.
    `again` is the length that the text gives now; it is null where the document is refused."""
    now = anew.select(
        "doc_id",
        "refused",
        sf.col("doc_length").alias("again"),
        sf.col("digest").alias("again_digest"),
    ).where("doc_id is not null")
    kept = stored.select("doc_id", "doc_length", "digest")
    joined = kept.join(now, "doc_id", "full_outer")
    too_large = sf.col("refused").eqNullSafe(Reason.TOO_LARGE)
    equal = sf.col("again").eqNullSafe(sf.col("doc_length")) & sf.col("again_digest").eqNullSafe(
        sf.col("digest")
    )
    both_refuse = sf.col("doc_length").isNull() & sf.col("refused").isNotNull()
    wrong = joined.where(~(too_large | both_refuse | equal))
    violations = [
        Violation(invariant=1, problem=_problem(row), document=row["doc_id"])
        for row in wrong.orderBy("doc_id").limit(_FIRST).collect()
    ]
    compared = joined.where("doc_length is not null and again is not null").count()
    skipped = joined.where(too_large & sf.col("doc_length").isNotNull()).count()
    return violations, compared, skipped


def _problem(row: Any) -> str:
    if row["doc_length"] is None:
        return "in the text, not in the token store"
    if row["again"] is None:
        return f"in the token store, not in the text ({row['refused'] or 'no such document'})"
    if row["again"] != row["doc_length"]:
        return f"{row['doc_length']} tokens stored, {row['again']} when tokenized anew"
    return "its tokens differ from its text tokenized anew"
