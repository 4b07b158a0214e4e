"""Every invariant, checked by reading what is on disk, as Spark jobs that scale like the packing.

    0  of every input file all rows and bytes were read, and gave the documents in
    1  documents and tokens in = packed + left out, by reason; each (document, token) once
    2  every row: seq_len ids of the vocabulary, segments that sum to it, padding at the end
    3  a document that fits is whole; longer ones are cut where the policy says
    4  each group's number of sequences is best-fit decreasing's; shards within one row of another
    5  manifest = files = footers; hashes match; sequence_id is 0..N-1; plan = the rows' segments
    7  loss masks in the rows = those of the store, less what a policy took; a target in every row

Shards, plan and token files are each read once, in their own tasks, and nothing is shuffled. Rows
are checked by themselves, and shards, plan and token store are compared by sums (core.digest). They
are joined only if sums differ, to name the rows and documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.buckets.inputs import Input
from bfpack_spark.core.accounting import account, add_counts
from bfpack_spark.core.digest import hash_rows
from bfpack_spark.core.groups import packed_groups
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.rules import Rules
from bfpack_spark.explore.lengths import length_histogram
from bfpack_spark.explore.targets import targets_of
from bfpack_spark.plan.long_documents import lengths_to_plan
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.tokenizing.engines import EngineName
from bfpack_spark.tokens.find_repeated_ids import find_repeated_ids
from bfpack_spark.tokens.token_store import TokenStore, open_token_store
from bfpack_spark.verifying import check_manifests, naming
from bfpack_spark.verifying.check_exports import check_exports
from bfpack_spark.verifying.check_manifests import check_input_files
from bfpack_spark.verifying.check_targets import check_targets
from bfpack_spark.verifying.findings import LeftOut, Report, Violation
from bfpack_spark.verifying.listed_files import entries_frame
from bfpack_spark.verifying.retokenize import compared_bytes_max, retokenized
from bfpack_spark.verifying.scans import scan_plan, scan_shards, scan_tokens
from bfpack_spark.verifying.shard_rows import ShardRules
from bfpack_spark.verifying.sum_plan import sum_plan
from bfpack_spark.verifying.sum_quarantine import sum_quarantine
from bfpack_spark.verifying.sum_shards import sum_shards
from bfpack_spark.verifying.sum_tokens import sum_tokens
from bfpack_spark.verifying.sums import DigestSpec, Sums
from bfpack_spark.versions import publication
from bfpack_spark.versions.manifests import Manifest, SequencesManifest
from bfpack_spark.versions.publication import Home

Messages = list[dict[str, Any]]

_FIRST = 20  # violations that are named for a kind of file


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is verified: a version, and the token store from which it was made."""

    home: Home
    directory: str
    manifest: SequencesManifest
    store: TokenStore

    @property
    def rules(self) -> Rules:
        return publication.rules_of(self.home, self.manifest.inputs.configuration)

    @property
    def shard_rules(self) -> ShardRules:
        pad_id = self.manifest.inputs.configuration.pad_id
        return ShardRules(
            root=self.directory,
            rules=self.rules,
            bucket=self.home.bucket,
            vocabulary_size=self.store.tokenizer.vocabulary_size,
            pad_id=pad_id,
            metadata=self.store.shard_metadata(
                self.rules.seq_len, pad_id, self.manifest.format_version, self.rules.chosen()
            ),
            format_version=self.manifest.format_version,
            masks=self.store.masks,
            bos_id=self.store.tokenizer.bos_id if self.rules.bos else None,
        )

    @property
    def digest_task(self) -> DigestSpec:
        size = self.store.tokenizer.vocabulary_size
        return DigestSpec(root=self.store.directory, rules=self.rules, vocabulary_size=size)


def verify_bucket(
    spark: SparkSession,
    home: Home,
    *,
    version: str | None,
    text_input: Input | None,
    engine: EngineName,
) -> Report:
    """Check one version of one bucket and seq_len, and return what was found. With `text_input`,
    also tokenize the text anew and compare it."""
    directory, manifest = publication.current_sequences(home, version)
    store = open_token_store(home.output, home.bucket, manifest.tokens_version)
    subject = _Subject(home=home, directory=directory, manifest=manifest, store=store)
    return _verify(spark, subject, text_input, engine)


def _verify(
    spark: SparkSession, subject: _Subject, text_input: Input | None, engine: EngineName
) -> Report:
    home, manifest, store = subject.home, subject.manifest, subject.store
    violations = [*_check_manifests(subject), *_check_contents(spark, subject)]
    violations += check_exports(spark, home, subject.directory, manifest)
    compared, skipped = None, 0
    damaged = any(str(violation.shard).startswith("documents/") for violation in violations)
    if text_input is not None and not damaged:
        anew, compared, skipped = retokenized(spark, text_input, store, engine)
        violations += anew
    return Report(
        bucket=home.bucket,
        seq_len=subject.rules.seq_len,
        version=subject.directory.rpartition("/")[2],
        sequences=manifest.totals.sequences,
        tokens=manifest.totals.tokens,
        documents=store.manifest.totals.documents,
        compared_with_text=compared,
        not_compared=skipped,
        compared_bytes_max=None if compared is None else compared_bytes_max(engine),
        violations=violations,
        left_out=LeftOut(
            documents_dropped=manifest.accounting.num_documents_dropped,
            documents_truncated=manifest.accounting.num_documents_truncated,
            tokens=manifest.accounting.num_tokens_left_out,
        ),
        targets=targets_of(manifest),
    )


def _check_manifests(subject: _Subject) -> Iterator[Violation]:
    home, store = subject.home, subject.store
    tokens_place = Home(output=home.output, bucket=home.bucket)
    yield from check_manifests.check_manifest(home, subject.directory, subject.manifest)
    yield from check_manifests.check_manifest(tokens_place, store.directory, store.manifest)
    yield from check_manifests.check_tokenizer(store, subject.manifest)
    yield from check_input_files(store.manifest)


def _check_contents(spark: SparkSession, subject: _Subject) -> Iterator[Violation]:
    manifest, store = subject.manifest, subject.store
    shards = collect_messages(
        sum_shards(entries_frame(spark, manifest, "shards"), subject.shard_rules)
    )
    plan = collect_messages(sum_plan(entries_frame(spark, manifest, "plan"), subject.directory))
    documents = collect_messages(
        sum_tokens(entries_frame(spark, store.manifest, "documents"), subject.digest_task)
    )
    refused = _quarantine(spark, store.manifest, store.directory)
    without_target = _quarantine(spark, manifest, subject.directory)
    for messages in (shards, plan, documents, refused, without_target):
        yield from _faults(messages)
    every = (*shards, *plan, *documents, *refused, *without_target)
    if not all(message["readable"] for message in every):
        return
    yield from _check_plan(spark, subject, shards, plan)
    yield from _check_documents(spark, subject, shards, documents)
    histogram = length_histogram(spark, store)
    planned = lengths_to_plan(spark, store, subject.rules, histogram, None)
    groups = _expected_groups(planned.histogram, subject.rules)
    yield from _check_groups(plan, groups, subject.rules)
    cut = sum(message["documents_cut"] for message in shards)
    per_group = np.array([group.num_sequences for group in groups], dtype=np.int64)
    counted = account(histogram, subject.rules, per_group, planned.effect)
    if store.masks:
        yield from check_targets(shards, documents, refused, planned.kept, store, manifest)
    yield from check_manifests.check_accounting(counted, cut, store, manifest)
    told = [{"reasons": message["reasons"]} for message in refused]
    reasons = add_counts(told).get("reasons", {})
    yield from check_manifests.check_token_accounting(counted, store, reasons)
    yield from _check_ids(spark, store)


def _check_ids(spark: SparkSession, store: TokenStore) -> Iterator[Violation]:
    """Yield a violation of invariant 1 for ids that name two documents."""
    sources = files_frame(spark, {"ids": store.paths})
    messages = collect_messages(find_repeated_ids(sources, store.manifest.totals.documents))
    for doc_id, times in sorted(told for said in messages for told in said["repeated"])[:_FIRST]:
        problem = f"document {doc_id!r} is {times} times in the token store"
        yield Violation(invariant=1, problem=problem, shard="documents/")


def _quarantine(spark: SparkSession, manifest: Manifest, directory: str) -> Messages:
    if not manifest.files_of("quarantine"):
        return []
    return collect_messages(sum_quarantine(entries_frame(spark, manifest, "quarantine"), directory))


def _faults(messages: Messages) -> list[Violation]:
    faults = [Violation(**fault) for message in messages for fault in message["faults"]]
    return sorted(faults, key=lambda v: (v.row is not None, v.shard or "", v.row or 0))[:_FIRST]


def _check_plan(
    spark: SparkSession, subject: _Subject, shards: Messages, plan: Messages
) -> list[Violation]:
    """Return violations of invariant 5: the plan must name exactly the segments that the rows
    hold."""
    packed, planned = (sum(m["plan"] for m in messages) % 2**64 for messages in (shards, plan))
    if packed == planned:
        return []
    plan_rows = scan_plan(entries_frame(spark, subject.manifest, "plan"), subject.directory)
    violations = naming.name_plan_differences(plan_rows, _segments(spark, subject))
    unnamed = Violation(invariant=5, problem="plan and shards differ by their sums")
    return violations or [unnamed]


def _check_documents(
    spark: SparkSession, subject: _Subject, shards: Messages, documents: Messages
) -> list[Violation]:
    """Return violations of invariant 1: each (document, token) must be packed exactly once."""
    if _sums(shards) == _sums(documents):
        return []
    entries = entries_frame(spark, subject.store.manifest, "documents")
    stored = scan_tokens(entries, subject.digest_task)
    violations = naming.name_document_differences(stored, _segments(spark, subject), subject.rules)
    unnamed = Violation(invariant=1, problem="shards and token store differ by their sums")
    return violations or [unnamed]


def _sums(messages: Messages) -> Sums:
    each = (Sums(tokens=m["tokens"], lengths=m["lengths"]) for m in messages)
    return sum(each, start=Sums())


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The totals that the plan of a group must have."""

    num_sequences: int
    lengths_sum: int | None  # of hash_rows(length) of its fragments, modulo 2^64; best fit only


def _expected_groups(histogram: Histogram, rules: Rules) -> list[_Group]:
    hashes = hash_rows(np.arange(rules.seq_len + 1, dtype=np.int64))
    groups = []
    for group in packed_groups(histogram, rules):
        total = None
        if group.fragments is not None:
            each = hashes * group.fragments.astype(np.uint64)
            total = int(np.add.reduce(each, dtype=np.uint64))
        groups.append(_Group(num_sequences=group.num_sequences, lengths_sum=total))
    return groups


def _check_groups(plan: Messages, expected: list[_Group], rules: Rules) -> Iterator[Violation]:
    """Yield violations of invariant 4: each group must hold the documents dealt to it, in as many
    sequences as the packer makes of them."""
    planned: dict[int, tuple[int, int]] = {}
    for number, (sequences, lengths) in (g for m in plan for g in m["groups"].items()):
        before = planned.get(int(number), (0, 0))
        planned[int(number)] = (before[0] + sequences, (before[1] + lengths) % 2**64)
    for number in sorted(planned.keys() | set(range(len(expected)))):
        sequences, lengths = planned.get(number, (0, 0))
        if number >= len(expected):
            problem = f"group {number} has {sequences} sequences, there are {len(expected)} groups"
            yield Violation(invariant=4, problem=problem)
            continue
        wanted = expected[number]
        if sequences != wanted.num_sequences:
            problem = f"{sequences} sequences, {wanted.num_sequences} by {rules.packing}"
            yield Violation(invariant=4, problem=f"group {number} has {problem}")
        elif wanted.lengths_sum not in (None, lengths):
            problem = f"group {number} has fragments of other lengths than were dealt to it"
            yield Violation(invariant=4, problem=problem)


def _segments(spark: SparkSession, subject: _Subject) -> DataFrame:
    return scan_shards(entries_frame(spark, subject.manifest, "shards"), subject.shard_rules)
