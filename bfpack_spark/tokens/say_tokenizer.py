"""What the log says of the tokenizer and its engine: the choice, its limits and their cost."""

import logging
from typing import Any

from bfpack_spark.config import Settings
from bfpack_spark.core.accounting import add_counts
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.engines import Limits
from bfpack_spark.tokenizing.parity import Choice
from bfpack_spark.tokenizing.vocabulary import Vocabulary

log = logging.getLogger("bfpack")


def say_engine(settings: Settings, vocabulary: Vocabulary, choice: Choice, limits: Limits) -> None:
    """Log, before the work, the engine, the largest document that is taken, and the tokens that are
    not put around documents."""
    cost = f"; {choice.cost}" if choice.cost else ""
    log.info("tokens: engine %s, %s%s", choice.engine, choice.why, cost)
    if vocabulary.template is not None:
        log.info("tokens: the chat template is that of %s", vocabulary.template.name)
    if settings.tokens_column:
        return
    most = min(settings.max_document_bytes, limits.max_bytes)
    uncut = limits.max_uncut_bytes
    least = f", and at most {uncut:,} without a place to cut them" if uncut and uncut < most else ""
    log.info("tokens: the largest document that is taken has %s bytes%s", f"{most:,}", least)
    if vocabulary.inserted_beside and not settings.is_chat:
        log.info(
            "tokens: the tokenizer's post-processor would also put %s around each document; only "
            "--eos-token and --bos-token are",
            " ".join(vocabulary.inserted_beside),
        )


def say_passed_over(settings: Settings, limits: Limits, messages: list[dict[str, Any]]) -> None:
    """Log, after the work, how many documents the engine's own limit refused, and how many the
    audit did not check. messages: what the workers sent."""
    counts = add_counts([said["counts"] for said in messages])
    refused = counts.get("documents_by_reason", {})
    count = refused.get(Reason.UNCUT, 0)
    if limits.max_bytes < settings.max_document_bytes:
        count += refused.get(Reason.TOO_LARGE, 0)
    if count:
        log.warning(
            "tokens: %s documents were refused, because the engine takes at most %s bytes of text "
            "without a place to cut them; --engine fastokens takes them if it can",
            f"{count:,}",
            f"{limits.max_uncut_bytes or limits.max_bytes:,}",
        )
    if counts.get("not_audited"):
        log.info(
            "tokens: the audit did not check %s documents of over 1 MB",
            f"{counts['not_audited']:,}",
        )
