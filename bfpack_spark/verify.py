"""Every invariant checked by reading what is on disk, as Spark jobs that scale like the packing.

    1  documents and tokens in = packed + left out, by reason; each (document, token) once
    2  every row: seq_len ids of the vocabulary, segments that sum to it, padding at the end
    3  a document that fits is whole; longer ones are cut where the policy says
    4  each group's number of sequences is best-fit decreasing's; shards within one row of each
    other 5  manifest = files = footers; hashes match; sequence_id is 0..N-1; the plan = the rows'
    segments

The shards and the token files are each read once. Their tokens meet as digests (core.digest), one
number a document; plan and rows meet in a join on (sequence_id, position).
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.core.accounting import Rules, account
from bfpack_spark.core.best_fit import pack_counts
from bfpack_spark.explore import length_histogram
from bfpack_spark.retokenize import retokenized
from bfpack_spark.schema import PLAN, spark_ddl
from bfpack_spark.stages.scan_shards import ScanTask, scan_shards
from bfpack_spark.stages.scan_tokens import scan_tokens
from bfpack_spark.storage import files, versions
from bfpack_spark.storage.digests import DigestTask
from bfpack_spark.storage.listed_files import check_file, entries_frame
from bfpack_spark.storage.token_store import TokenStore, open_token_store
from bfpack_spark.storage.versions import Manifest, Place, Version
from bfpack_spark.tokenizing.engines import EngineName

_FIRST = 10  # violations named a check


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One thing that does not hold, and where."""

    invariant: int
    problem: str
    shard: str | None = None  # or another file, relative to its version
    row: int | None = None
    document: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What verify found in one version."""

    bucket: str
    seq_len: int
    version: str
    sequences: int
    tokens: int
    documents: int
    compared_with_text: int | None  # documents; None without --input
    not_compared: int
    violations: list[Violation]

    @property
    def holds(self) -> bool:
        return not self.violations

    def text(self) -> str:
        """A line if all holds, else a line a violation."""
        what = f"{self.bucket} {self.seq_len} {self.version}"
        if self.holds:
            with_text = ""
            if self.compared_with_text is not None:
                with_text = (
                    f"; {self.compared_with_text:,} documents equal their text tokenized anew"
                )
                with_text += f", {self.not_compared:,} too large to compare"
            return (
                f"{what}: every invariant holds for {self.sequences:,} sequences, "
                f"{self.tokens:,} tokens, {self.documents:,} documents{with_text}"
            )
        return "\n".join(f"{what}: {_line(violation)}" for violation in self.violations)


def verify_bucket(
    spark: SparkSession,
    place: Place,
    *,
    version: str | None,
    text_input: str | None,
    engine: EngineName,
) -> Report:
    """Check one version of one bucket and seq_len; with `text_input`, tokenize the text anew
    too."""
    directory, manifest = versions.current(place, version)
    fingerprint = manifest["inputs"]["tokens_fingerprint"]
    store = open_token_store(place.output, place.bucket, fingerprint[:16])
    tokens_place = Place(output=place.output, bucket=place.bucket)
    found = [
        *_check_manifest(place, directory, manifest),
        *_check_manifest(tokens_place, store.directory, store.manifest),
        *_check_files(spark, directory, manifest, "plan"),
        *_check_files(spark, store.directory, store.manifest, "quarantine"),
    ]
    segments = _scan_shards(spark, place, directory, manifest).persist(StorageLevel.DISK_ONLY)
    documents = _scan_documents(spark, store, place, manifest).persist(StorageLevel.DISK_ONLY)
    try:
        found += _problems(segments, 2) + _problems(documents, 5)
        if not any(_unreadable(v) for v in found):
            plan = _plan(spark, directory, manifest)
            found += _check_plan(plan, segments)
            found += _check_documents(documents, segments)
            found += _check_groups(plan, versions.rules_of(place, manifest["inputs"]))
            found += _check_accounting(spark, store, place, manifest)
        compared, skipped = None, 0
        if text_input is not None:
            anew, compared, skipped = retokenized(spark, text_input, store, engine)
            found += [Violation(invariant=1, **violation) for violation in anew]
    finally:
        segments.unpersist()
        documents.unpersist()
    return Report(
        bucket=place.bucket,
        seq_len=place.seq_len or 0,
        version=directory.rpartition("/")[2],
        sequences=manifest["totals"]["sequences"],
        tokens=manifest["totals"]["tokens"],
        documents=store.manifest["totals"]["documents"],
        compared_with_text=compared,
        not_compared=skipped,
        violations=found,
    )


# Invariant 5: the files and the manifest


def _check_manifest(place: Place, directory: str, manifest: Manifest) -> Iterator[Violation]:
    """The pointer names this manifest, the manifest's inputs this version, and no file is extra."""
    wrong = functools.partial(Violation, invariant=5, shard="_manifest.json")
    name = directory.rpartition("/")[2]
    if Version(place=place, inputs=manifest["inputs"]).fingerprint != manifest["fingerprint"]:
        yield wrong(problem="fingerprint is not that of the inputs")
    if not str(manifest["fingerprint"]).startswith(name):
        yield wrong(problem=f"fingerprint does not begin with {name}")
    pointer = files.read_json(f"{place.directory}/_current.json") or {}
    raw = files.read_bytes(f"{directory}/_manifest.json") or b""
    if pointer.get("version") == name and pointer.get("manifest_sha256") != (
        hashlib.sha256(raw).hexdigest()
    ):
        yield wrong(problem="its sha256 is not the one in _current.json")
    for kind in ("documents", "quarantine", "plan", "shards"):
        listed = {entry["path"] for entry in versions.files_of(manifest, kind)}
        for path in versions.files_on_disk(directory, kind) - listed:
            yield Violation(invariant=5, problem="on disk, not in the manifest", shard=path)
    rows = [entry["rows"] for entry in versions.files_of(manifest, "shards")]
    if rows and max(rows) - min(rows) > 1:
        yield Violation(invariant=4, problem=f"shards of {min(rows)} to {max(rows)} rows")


def _check_files(
    spark: SparkSession, directory: str, manifest: Manifest, kind: str
) -> list[Violation]:
    """Hash and footer of the files whose rows are checked elsewhere."""
    if not versions.files_of(manifest, kind):
        return []
    check = functools.partial(_file_problems, root=directory)
    rows = entries_frame(spark, manifest, kind).mapInPandas(check, "file string, problem string")
    return [
        Violation(invariant=5, problem=row["problem"], shard=row["file"]) for row in rows.collect()
    ]


def _file_problems(frames: Iterator[pd.DataFrame], *, root: str) -> Iterator[pd.DataFrame]:
    for frame in frames:
        found = [
            (str(e["path"]), check_file(root, {str(k): v for k, v in e.items()}))
            for e in frame.to_dict("records")
        ]
        bad = [row for row in found if row[1] is not None]
        yield pd.DataFrame(bad, columns=["file", "problem"])


# Invariants 2 and 3, and the digests


def _scan_shards(
    spark: SparkSession, place: Place, directory: str, manifest: Manifest
) -> DataFrame:
    task = ScanTask(
        root=directory,
        rules=versions.rules_of(place, manifest["inputs"]),
        bucket=place.bucket,
        vocabulary_size=manifest["tokenizer"]["vocabulary_size"],
        pad_id=manifest["tokenizer"]["pad_id"],
    )
    return scan_shards(entries_frame(spark, manifest, "shards"), task)


def _scan_documents(
    spark: SparkSession, store: TokenStore, place: Place, manifest: Manifest
) -> DataFrame:
    task = DigestTask(
        root=store.directory,
        rules=versions.rules_of(place, manifest["inputs"]),
        vocabulary_size=store.tokenizer["vocabulary_size"],
    )
    return scan_tokens(entries_frame(spark, store.manifest, "documents"), task)


def _problems(scanned: DataFrame, invariant: int) -> list[Violation]:
    rows = scanned.where("problem is not null").select("file", "row", "doc_id", "problem")
    return [
        Violation(
            invariant=invariant,
            problem=row["problem"],
            shard=row["file"],
            row=row["row"],
            document=row["doc_id"],
        )
        for row in rows.orderBy("file", "row").limit(_FIRST).collect()
    ]


# Invariant 5: the plan names exactly the segments that the rows hold


def _check_plan(plan: DataFrame, segments: DataFrame) -> list[Violation]:
    keys = ("sequence_id", "position")
    values = ("offset", "doc_id", "start", "length")
    planned = plan.select(*keys, *(sf.col(name).alias(f"plan_{name}") for name in values))
    held = segments.where("problem is null")
    same = functools.reduce(
        lambda one, two: one & two, (sf.col(n).eqNullSafe(sf.col(f"plan_{n}")) for n in values)
    )
    wrong = planned.join(held, list(keys), "full_outer").where(~same)
    return [
        Violation(
            invariant=5,
            problem=_plan_problem(row),
            shard=row["file"],
            row=row["row"],
            document=row["doc_id"] or row["plan_doc_id"],
        )
        for row in wrong.orderBy(*keys).limit(_FIRST).collect()
    ]


def _plan_problem(row: Any) -> str:
    place = f"sequence {row['sequence_id']}, segment {row['position']}"
    if row["doc_id"] is None:
        return f"{place}: in the plan, not in the shards"
    if row["plan_doc_id"] is None:
        return f"{place}: in the shards, not in the plan"
    return f"{place}: the plan has {row['plan_doc_id']} from {row['plan_start']}"


# Invariant 1: each (document, token) exactly once, and the accounts


def _check_documents(documents: DataFrame, segments: DataFrame) -> list[Violation]:
    """A document's segments begin at 0, add up to what is kept, and digest to the same tokens."""
    packed = (
        segments.where("problem is null")
        .groupBy("doc_id")
        .agg(
            sf.min("file").alias("shard"),
            sf.min("start").alias("first"),
            sf.max(sf.col("start") + sf.col("length")).alias("end"),
            sf.sum("length").alias("packed"),
            sf.bit_xor("digest").alias("packed_digest"),
            sf.min("doc_length").alias("claimed"),
            sf.max("doc_length").alias("claimed_max"),
        )
    )
    stored = documents.where("problem is null").select("doc_id", "doc_length", "kept", "digest")
    absent = sf.col("packed").isNull() & (sf.col("kept") == 0)
    equal = (
        ("first", sf.lit(0)),
        ("end", "kept"),
        ("packed", "kept"),
        ("packed_digest", "digest"),
        ("claimed", "doc_length"),
        ("claimed_max", "doc_length"),
    )
    right = functools.reduce(
        lambda one, two: one & two,
        (sf.col(a).eqNullSafe(sf.col(b) if isinstance(b, str) else b) for a, b in equal),
    )
    wrong = stored.join(packed, "doc_id", "full_outer").where(~(absent | right))
    return [
        Violation(
            invariant=1, problem=_document_problem(row), shard=row["shard"], document=row["doc_id"]
        )
        for row in wrong.orderBy("doc_id").limit(_FIRST).collect()
    ]


def _document_problem(row: Any) -> str:
    if row["kept"] is None:
        return "packed, but not in the token store"
    if row["packed"] is None:
        return f"{row['kept']} tokens to pack, none packed"
    if row["claimed"] != row["doc_length"] or row["claimed_max"] != row["doc_length"]:
        return f"doc_lengths says {row['claimed']}, the token store {row['doc_length']}"
    if row["packed"] != row["kept"] or row["first"] or row["end"] != row["kept"]:
        span = f"{row['packed']} tokens packed from {row['first']} to {row['end']}"
        return f"{span}, {row['kept']} to pack"
    return "its tokens differ from the token store's"


def _check_accounting(
    spark: SparkSession, store: TokenStore, place: Place, manifest: Manifest
) -> Iterator[Violation]:
    """The accounts follow from the token store's lengths, and add up."""
    wrong = functools.partial(Violation, invariant=1, shard="_manifest.json")
    written, totals = manifest["accounting"], manifest["totals"]
    counted = account(length_histogram(spark, store), versions.rules_of(place, manifest["inputs"]))
    for name, value in vars(counted).items():
        by_order = name == "num_documents_cut" and counted.num_sequences and _is_concat(manifest)
        if written.get(name) != value and not by_order:
            yield wrong(problem=f"accounting.{name} is {written.get(name)}, counted {value}")
    shards = versions.files_of(manifest, "shards")
    for name, value in (
        ("sequences", sum(entry["rows"] for entry in shards)),
        ("tokens", sum(entry["tokens"] for entry in shards)),
        ("shards", len(shards)),
    ):
        if totals.get(name) != value:
            yield wrong(problem=f"totals.{name} is {totals.get(name)}, files say {value}")
    if (totals["sequences"], totals["tokens"]) != (
        counted.num_sequences,
        counted.num_tokens_packed,
    ):
        yield wrong(problem=f"totals {totals} are not {counted.num_sequences} sequences")
    yield from _check_documents_in(store, wrong)


def _check_documents_in(store: TokenStore, wrong: Callable[..., Violation]) -> Iterator[Violation]:
    accounts = store.manifest["accounting"]
    refused = sum(accounts["documents_quarantined"].values())
    rows = {
        kind: sum(entry["rows"] for entry in versions.files_of(store.manifest, kind))
        for kind in ("documents", "quarantine")
    }
    if rows["quarantine"] != refused:
        yield wrong(problem=f"{refused} documents quarantined, {rows['quarantine']} in quarantine/")
    if accounts["documents_in"] != rows["documents"] + refused + accounts["documents_empty"]:
        yield wrong(problem="documents in are not the sum of packed, empty and quarantined")


def _is_concat(manifest: Manifest) -> bool:
    return bool(manifest["inputs"]["configuration"]["packing"] == "concat")


# Invariant 4: as few sequences as best-fit decreasing makes


def _check_groups(plan: DataFrame, rules: Rules) -> list[Violation]:
    histograms = plan.groupBy("group", "length").agg(
        sf.count(sf.lit(1)).alias("fragments"),
        sf.sum(sf.when(sf.col("position") == 0, 1).otherwise(0)).alias("sequences"),
    )
    expect = functools.partial(_expected_sequences, rules=rules)
    counted = histograms.repartition("group").mapInPandas(
        expect, "group int, sequences long, expected long"
    )
    return [
        Violation(
            invariant=4,
            problem=f"group {row['group']} has {row['sequences']} sequences, "
            f"{row['expected']} by {rules.packing}",
        )
        for row in counted.where("sequences != expected").limit(_FIRST).collect()
    ]


def _expected_sequences(frames: Iterator[pd.DataFrame], *, rules: Rules) -> Iterator[pd.DataFrame]:
    """One row a group: the sequences it has, and those it should have."""
    received = list(frames)
    for _, histogram in pd.concat(received).groupby("group") if received else ():
        yield _expected_of_group(histogram, rules)


def _expected_of_group(histogram: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    lengths = histogram["length"].to_numpy(np.int64)
    fragments = histogram["fragments"].to_numpy(np.int64)
    if rules.packing == "concat":
        expected = -(-int((lengths * fragments).sum()) // rules.seq_len)
    else:
        counts = np.zeros(rules.seq_len + 1, dtype=np.int64)
        counts[lengths] = fragments
        expected = pack_counts(counts).num_bins
    row = (int(histogram["group"].iloc[0]), int(histogram["sequences"].sum()), expected)
    return pd.DataFrame([row], columns=["group", "sequences", "expected"])


def _plan(spark: SparkSession, directory: str, manifest: Manifest) -> DataFrame:
    paths = [f"{directory}/{entry['path']}" for entry in versions.files_of(manifest, "plan")]
    return spark.read.schema(spark_ddl(PLAN)).parquet(*paths)


def _unreadable(violation: Violation) -> bool:
    gone = ("not on disk", "cannot be read")
    return any(word in violation.problem for word in gone)


def _line(violation: Violation) -> str:
    where = {
        "shard": violation.shard,
        "row": violation.row,
        "document": violation.document,
    }
    named = ", ".join(f"{key} {value}" for key, value in where.items() if value is not None)
    return f"invariant {violation.invariant}: {violation.problem}" + (
        f" ({named})" if named else ""
    )
