"""A batch of conversations, or of prompts with completions -> their tokens, one after another."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Columns, Documents
from bfpack_spark.errors import JobError
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.ends import Encoded
from bfpack_spark.tokenizing.engines import (
    MAX_BYTES,
    REFERENCE_BYTES,
    EngineName,
    Load,
    load_engine,
)
from bfpack_spark.tokenizing.outcomes import Outcome, RefusedError, Row, Targeted
from bfpack_spark.tokenizing.tokenize_conversations import conversation_spec, tokenize_conversations
from bfpack_spark.tokenizing.tokenize_prompts import tokenize_prompts
from bfpack_spark.tokenizing.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class EncodeSpec:
    """What a worker needs to know to make tokens of documents."""

    columns: Columns
    vocabulary: Vocabulary
    engine: EngineName
    max_document_bytes: int  # UTF-8; larger documents are refused, and longer lines not parsed
    max_compared_bytes: int = 1 << 62  # larger ones are refused too, but their lines are parsed
    audit_share: float  # 0 to 1; share of documents that the reference tokenizes too
    load: Load = load_engine

    @property
    def max_bytes(self) -> int:
        """Return the UTF-8 bytes of the largest document that the engine is given."""
        return min(self.max_document_bytes, self.max_compared_bytes, MAX_BYTES)


def encode_chats(documents: Documents, spec: EncodeSpec) -> tuple[Encoded, Int64]:
    """Return the tokens of the good documents with their loss masks, and how many were put around
    each document. Documents without tokens are refused in place."""
    _refuse_by_size(documents, spec.max_bytes)
    good = documents.good()
    content = documents.content.to_pylist()
    beside = [None] * len(content) if documents.beside is None else documents.beside.to_pylist()
    rows = [(content[index], beside[index]) for index in good]
    outcomes = outcomes_of(rows, spec, spec.engine)
    _audit(documents, good, rows, outcomes, spec)
    lengths = np.zeros(len(documents), dtype=np.int64)
    inserted = np.zeros(len(documents), dtype=np.int64)
    kept: list[Targeted] = []
    for index, outcome in zip(good, outcomes, strict=True):
        if isinstance(outcome, RefusedError):
            documents.refuse(index, outcome.reason, str(outcome))
        elif not len(outcome.ids):
            documents.refuse(index, Reason.EMPTY, "no tokens")
        else:
            kept.append(outcome)
            lengths[index], inserted[index] = len(outcome.ids), outcome.num_inserted
    ids = [np.empty(0, dtype=np.int32), *(one.ids for one in kept)]
    masks = [np.empty(0, dtype=np.uint8), *(one.loss_mask for one in kept)]
    whole = Encoded(ids=np.concatenate(ids), lengths=lengths, loss_mask=np.concatenate(masks))
    return whole, inserted


def outcomes_of(rows: Sequence[Row], spec: EncodeSpec, engine: EngineName) -> list[Outcome]:
    """Return what becomes of each conversation with its tools, or prompt with its completion."""
    if spec.columns.chat == "messages":
        conversations = conversation_spec(spec.vocabulary, engine, spec.load)
        return tokenize_conversations(rows, conversations)
    refused = {number: _refusal(*row, spec) for number, row in enumerate(rows)}
    pairs = [row for number, row in enumerate(rows) if refused[number] is None]
    tokenized = iter(tokenize_prompts(pairs, spec.vocabulary, engine, spec.load))
    return [refused[number] or next(tokenized) for number in range(len(rows))]


def _refusal(prompt: str, completion: str | None, spec: EncodeSpec) -> RefusedError | None:
    """Return why a prompt and its completion are not tokenized, or None."""
    if completion is None:
        return RefusedError(Reason.NULL, "null instead of a completion")
    size, limit = len((prompt + completion).encode()), min(spec.max_bytes, REFERENCE_BYTES)
    if size > limit:
        return RefusedError(Reason.TOO_LARGE, f"{size} bytes, limit {limit}")
    if spec.vocabulary.control_tokens == "quarantine":
        match = spec.vocabulary.special_pattern.search(prompt + completion)
        return match and RefusedError(Reason.CONTROL_TOKEN, match.group())
    return None


def _refuse_by_size(documents: Documents, max_bytes: int) -> None:
    for index in documents.good():
        content = documents.content[index]
        if not content.is_valid:
            documents.refuse(index, Reason.NULL, "null instead of a conversation or prompt")
        elif content.as_buffer().size > max_bytes:
            size = content.as_buffer().size
            documents.refuse(index, Reason.TOO_LARGE, f"{size} bytes, limit {max_bytes}")


def _audit(
    documents: Documents,
    good: list[int],
    rows: list[Row],
    outcomes: list[Outcome],
    spec: EncodeSpec,
) -> None:
    """Tokenize a share of the documents by the reference too. Raises JobError if it differs."""
    if spec.engine == "tokenizers" or not spec.audit_share:
        return
    limit = spec.audit_share * 2**32
    ids = [(documents.doc_id[index] or "").encode() for index in good]
    drawn = [number for number, doc_id in enumerate(ids) if zlib.crc32(doc_id) < limit]
    again = outcomes_of([rows[number] for number in drawn], spec, "tokenizers") if drawn else []
    for number, other in zip(drawn, again, strict=True):
        if not _alike(outcomes[number], other):
            index = good[number]
            raise JobError(
                f"document {documents.doc_id[index]} ({documents.source[index]}): {spec.engine} "
                "and tokenizers disagree; use --engine tokenizers"
            )


def _alike(one: Outcome, other: Outcome) -> bool:
    if isinstance(one, RefusedError) or isinstance(other, RefusedError):
        return getattr(one, "reason", None) == getattr(other, "reason", None)
    same_ids = np.array_equal(one.ids, other.ids)
    return same_ids and np.array_equal(one.loss_mask, other.loss_mask)
