"""What becomes of documents that are longer than seq_len, before anything is packed."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from bfpack_spark.config import MAX_SEQ_LEN, Settings
from bfpack_spark.core.accounting import PolicyEffect
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.core.kept_targets import BY_MASK
from bfpack_spark.core.rules import Rules
from bfpack_spark.errors import InputError
from bfpack_spark.printable import counted
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import files_frame
from bfpack_spark.tokens.measure_targets import Kept, kept_by, measure_targets
from bfpack_spark.tokens.token_places import Keep
from bfpack_spark.tokens.token_store import TokenStore


@dataclass(frozen=True, kw_only=True)
class LengthsToPlan:
    """What is packed of the documents of a token store."""

    histogram: Histogram  # of the lengths that are dealt to groups
    keep: Keep | None = None  # set if a document's length is what is kept of it by its mask
    kept: Kept | None = None  # what the policy keeps and takes, where targets are to be counted

    @property
    def effect(self) -> PolicyEffect | None:
        """Return what the policy does, where lengths alone do not tell it."""
        return self.kept.effect if self.kept is not None else None


def policy_of(settings: Settings, store: TokenStore) -> LongDocuments:
    """Return the policy that the settings name. By default, documents with loss masks are packed
    whole, and others are split. Raise InputError for a policy that needs masks where none are."""
    policy = settings.policy(masks=store.masks)
    if policy == "truncate_turns" and not store.masks:
        raise InputError(
            "--long-documents truncate_turns: the documents have no loss masks, so nothing tells "
            "where a turn ends; name split, truncate or drop"
        )
    if store.masks and settings.packing == "concat" and policy in BY_MASK:
        raise InputError(
            f"--long-documents {policy}: goes with --packing best_fit where documents have loss "
            "masks; concatenation cuts them anyway, so name split"
        )
    return policy


def lengths_to_plan(
    spark: SparkSession, store: TokenStore, rules: Rules, histogram: Histogram, root: str | None
) -> LengthsToPlan:
    """Return what is packed by these rules, of documents of these lengths. With `root`, the
    directory of the version, the documents that are left without a target are written to its
    quarantine/."""
    if not store.masks or rules.long_documents in ("split", "error"):
        return LengthsToPlan(histogram=histogram)
    keep = Keep(seq_len=rules.seq_len, long_documents=rules.long_documents)
    sources = files_frame(spark, {"documents": store.paths})
    kept = kept_by(collect_messages(measure_targets(sources, keep, root)))
    if rules.long_documents in BY_MASK:
        return LengthsToPlan(histogram=kept.histogram, keep=keep, kept=kept)
    return LengthsToPlan(histogram=histogram, kept=kept)


def check_all_fit(histogram: Histogram, rules: Rules, *, masks: bool) -> None:
    """Raise InputError if a document is too long and the policy is `error`. The line says which
    seq_len takes all, and which policies there are for documents with loss masks or without."""
    seq_len = rules.seq_len
    longer = int(histogram.counts[histogram.values > seq_len].sum())
    if rules.long_documents != "error" or not longer:
        return
    longest = int(histogram.values.max())
    share = 100 * longer / histogram.count
    enough = longest + -longest % rules.align
    takes_all = f"--seq-len {enough} takes all, or " if enough <= MAX_SEQ_LEN else ""
    raise InputError(
        f"--long-documents error: {longer:,} of {counted(histogram.count, 'document')} "
        f"({share:.4g} %) have more than {seq_len:,} tokens, and the longest "
        f"has {longest:,}; {takes_all}name --long-documents {_policies(rules, masks=masks)}"
    )


def _policies(rules: Rules, *, masks: bool) -> str:
    """Return the policies that can be named in place of `error`."""
    if not masks:
        return "drop, truncate or split"
    if rules.packing == "concat":
        return "drop or split"
    return "drop, truncate, truncate_turns or split"
