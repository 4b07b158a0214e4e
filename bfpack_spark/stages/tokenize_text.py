"""Stage 1, text -> TOKENIZED: a row a document, tokenized once, ever.

In: a table of splits (task, name, path, start, end), partitioned by task; each task reads its own
files. Out: doc_id, length, tokens (EOS and BOS included), and reason, detail, source of those that
are refused. Documents never pass the JVM as text. Batches are bounded by bytes, so one of 256 MB
does not kill a worker. A fixed share of documents, chosen by hash of doc_id, is tokenized by both
engines.
"""

import functools
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from bfpack_spark.core.fragments import Int64
from bfpack_spark.errors import JobError
from bfpack_spark.schema import MESSAGES, NOT_AUDITED, TOKENIZED, Reason, plain, spark_ddl
from bfpack_spark.storage.corpus import read_documents
from bfpack_spark.storage.coverage import Tally
from bfpack_spark.storage.documents import Columns, Documents
from bfpack_spark.storage.inventory import Split
from bfpack_spark.tokenizing.engines import MAX_BYTES, EngineName, Ids, load_engine
from bfpack_spark.tokenizing.parity import REFERENCE_BYTES_MAX, compare
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_BATCH_BYTES_MAX = 64 << 20
_FEW = 8  # numbers that are sought one by one
_MAX_READY_IDS = 1 << 28  # a GiB of tokens in one document

# Rows, and the tally of what they were made of -> messages.
CountingWriter: TypeAlias = Callable[..., Iterator[pa.RecordBatch]]


@dataclass(frozen=True, kw_only=True)
class TokenizeTask:
    """What a worker needs to know; travels with the function."""

    input_format: str
    columns: Columns
    vocabulary: Vocabulary
    engine: EngineName
    max_document_bytes: int  # UTF-8; larger documents are refused, and longer lines not parsed
    audit_share: float  # 0 to 1; of documents tokenized by the reference as well
    max_compared_bytes: int = 1 << 62  # larger ones are refused as well, but their lines are parsed
    max_uncut_bytes: int | None = None  # of a stretch without a place to cut it at

    @property
    def max_bytes(self) -> int:
        """UTF-8 bytes of the largest document that the engine is given."""
        return min(self.max_document_bytes, self.max_compared_bytes, MAX_BYTES)

    def tokenize(self, documents: Documents) -> pa.RecordBatch:
        """TOKENIZED, a row a document."""
        return _rows(documents, self)


def tokenize_text(
    splits: DataFrame, task: TokenizeTask, write: CountingWriter | None = None
) -> DataFrame:
    """Read and tokenize; one task a value of `task` in the splits. With `write`, which is given the
    rows in the same worker, the result is its messages instead."""
    if write is not None:
        worker = functools.partial(_tokenize_and_write, task=task, write=write)
        return splits.mapInArrow(worker, spark_ddl(MESSAGES))
    worker = functools.partial(_tokenize_splits, task=task, tally=Tally())
    return splits.mapInArrow(worker, spark_ddl(TOKENIZED))


def _tokenize_and_write(
    batches: Iterator[pa.RecordBatch], *, task: TokenizeTask, write: CountingWriter
) -> Iterator[pa.RecordBatch]:
    """MESSAGES of a partition of splits. What was read of each file is counted in one tally, which
    the writer's message tells once all is read."""
    tally = Tally()
    yield from write(_tokenize_splits(batches, task=task, tally=tally), tally=tally)


def _tokenize_splits(
    batches: Iterator[pa.RecordBatch], *, task: TokenizeTask, tally: Tally
) -> Iterator[pa.RecordBatch]:
    splits = [Split(**row) for batch in batches for row in batch.to_pylist()]
    limit = task.max_document_bytes
    for documents in read_documents(splits, task.input_format, task.columns, limit, tally):
        # Parquet batches are cut by rows of mean size; cut again where a few rows are huge.
        for part in documents.split(_BATCH_BYTES_MAX):
            yield task.tokenize(part)


def _rows(documents: Documents, task: TokenizeTask) -> pa.RecordBatch:
    sizes = documents.sizes()
    if task.columns.tokens:
        ids, lengths = _ready_ids(documents, task.vocabulary)
    else:
        _refuse(documents, task)
        drawn = _draw(documents, task)
        ids, lengths = _encode(documents, task)
        _audit(documents, drawn, task)
    if task.columns.tokens or task.vocabulary.control_tokens == "allow":
        ids, lengths = _without_ends(documents, ids, lengths, task.vocabulary)
    ids, lengths = _insert(ids, lengths, task.vocabulary)
    good = [reason is None for reason in documents.reason]
    offsets = np.zeros(len(documents) + 1, dtype=np.int32)
    np.cumsum(lengths * 4, out=offsets[1:])
    tokens = pa.Array.from_buffers(
        pa.binary(),
        len(documents),
        [pa.array(good).buffers()[1], pa.py_buffer(offsets), pa.py_buffer(ids)],
    )
    columns = {
        "doc_id": pa.array(documents.doc_id, pa.string()),
        "length": pa.array(lengths, pa.int32(), mask=~np.array(good, dtype=bool)),
        "tokens": tokens,
        "source": pa.array(documents.source, pa.string()),
        "reason": pa.array(documents.reason, pa.string()),
        "detail": pa.array(documents.detail, pa.string()),
        "num_bytes": pa.array(sizes, pa.int64()),
    }
    return pa.RecordBatch.from_pydict(columns, schema=plain(TOKENIZED))


# Text


def _refuse(documents: Documents, task: TokenizeTask) -> None:
    """Refuse, in place, what is not to be tokenized."""
    _refuse_by_size(documents, task.max_bytes)
    if task.max_uncut_bytes is not None:
        _refuse_uncut(documents, task.max_uncut_bytes, task.vocabulary)
    if task.vocabulary.control_tokens == "quarantine":
        _refuse_control_tokens(documents, task.vocabulary)


def _encode(documents: Documents, task: TokenizeTask) -> tuple[Ids, Int64]:
    """Ids of all documents that are good, lengths of all (0 where refused); refuses in place, and
    takes the texts out of the documents."""
    good = documents.good()
    engine = load_engine(task.engine, task.vocabulary)
    ids, found = engine.encode(documents.take_texts())
    lengths = np.zeros(len(documents), dtype=np.int64)
    lengths[good] = found
    for index in np.flatnonzero(lengths <= 0).tolist():
        if lengths[index] < 0:
            detail = "some of the text is no token, and the tokenizer has none for the unknown"
            documents.refuse(index, Reason.NOT_SPELLED, detail)
        elif documents.reason[index] is None:
            documents.refuse(index, Reason.EMPTY, "no tokens")
    lengths = np.maximum(lengths, 0)
    if task.vocabulary.control_tokens != "allow":
        ids, lengths = _refuse_forged(documents, ids, lengths, task.vocabulary)
    return ids, lengths


def _refuse_by_size(documents: Documents, max_bytes: int) -> None:
    sizes = pc.fill_null(pc.binary_length(documents.content), -1).to_numpy()
    for index in np.flatnonzero((sizes <= 0) | (sizes > max_bytes)).tolist():
        size = int(sizes[index])
        if documents.reason[index] is not None:
            continue
        if size > max_bytes:
            documents.refuse(index, Reason.TOO_LARGE, f"{size} bytes, limit {max_bytes}")
        elif size == 0:
            documents.refuse(index, Reason.EMPTY, "no text")
        else:
            documents.refuse(index, Reason.NULL, "null instead of a text")


def _refuse_uncut(documents: Documents, limit: int, vocabulary: Vocabulary) -> None:
    """Of no stretch of a text more than this, whichever engine it is: what is in quarantine does
    not depend on it."""
    sizes = pc.fill_null(pc.binary_length(documents.content), -1).to_numpy()
    for index in np.flatnonzero(sizes > limit).tolist():
        if documents.reason[index] is None:
            text = documents.content[index].as_py()
            pieces = vocabulary.cuts.pieces(text) if vocabulary.cuts else [text]
            longest = max(len(piece.encode()) for piece in pieces)
            if longest > limit:
                detail = f"{longest} bytes without a place to cut at, limit {limit}"
                documents.refuse(index, Reason.UNCUT, detail)


def _refuse_control_tokens(documents: Documents, vocabulary: Vocabulary) -> None:
    tokens = vocabulary.special_tokens
    if not tokens:
        return
    pattern = re.compile("|".join(map(re.escape, tokens)))
    for index in documents.good():
        found = pattern.search(documents.content[index].as_py())
        if found:
            detail = f"{found.group()} at character {found.start()}"
            documents.refuse(index, Reason.CONTROL_TOKEN, detail)


def _refuse_forged(
    documents: Documents, ids: Ids, lengths: Int64, vocabulary: Vocabulary
) -> tuple[Ids, Int64]:
    """A vocabulary in which EOS or BOS is an ordinary token lets text produce it; nobody could tell
    it from ours, so such documents are refused. So are those that give a control token of one
    character, which cannot be kept out of the text's reach."""
    ours = _is_one_of(ids, vocabulary.guarded_ids)
    if not ours.any():
        return ids, lengths
    document = np.repeat(np.arange(len(lengths)), lengths)
    forged = np.unique(document[ours])
    for index in forged.tolist():
        detail = "the text's own tokens include the id of EOS, BOS or another control token"
        documents.refuse(index, Reason.CONTROL_TOKEN, detail)
    kept = ~np.isin(document, forged)
    lengths = lengths.copy()
    lengths[forged] = 0
    return ids[kept], lengths


def _is_one_of(ids: Ids, numbers: Collection[int]) -> npt.NDArray[np.bool_]:
    """Where an id is one of the numbers, which mostly are two or three."""
    if len(numbers) > _FEW:
        return np.isin(ids, list(numbers))
    found = np.zeros(len(ids), dtype=bool)
    for number in numbers:
        found |= ids == number
    return found


def _draw(documents: Documents, task: TokenizeTask) -> dict[int, str]:
    """Index and text of the documents that are tokenized by the reference as well."""
    if task.engine == "tokenizers" or not task.audit_share:
        return {}
    limit = task.audit_share * 2**32
    sizes = pc.binary_length(documents.content)
    drawn = {}
    for index in documents.good():
        if zlib.crc32((documents.doc_id[index] or "").encode()) < limit:
            if sizes[index].as_py() > REFERENCE_BYTES_MAX:
                documents.detail[index] = NOT_AUDITED
            else:
                drawn[index] = documents.content[index].as_py()
    return drawn


def _audit(documents: Documents, drawn: dict[int, str], task: TokenizeTask) -> None:
    """Tokenize the drawn documents by both engines; JobError where they differ."""
    drawn = {index: text for index, text in drawn.items() if documents.reason[index] is None}
    found = compare(list(drawn.values()), task.vocabulary) if drawn else None
    if found is not None:
        index = list(drawn)[found[0]]
        raise JobError(
            f"document {documents.doc_id[index]} ({documents.source[index]}): fastokens and "
            f"tokenizers disagree at {found[1]}; use --engine tokenizers"
        )


# Ready tokens


def _ready_ids(documents: Documents, vocabulary: Vocabulary) -> tuple[Ids, Int64]:
    """Ids given by the user, checked."""
    content = documents.content
    parts: list[Ids] = []
    lengths = np.zeros(len(documents), dtype=np.int64)
    for index in documents.good():
        ids, problem = _one_documents_ids(content[index], vocabulary.size)
        if ids is None:
            documents.refuse(index, Reason.NULL, "null instead of tokens")
        elif len(ids) > _MAX_READY_IDS:
            documents.refuse(index, Reason.TOO_LARGE, f"{len(ids)} ids, limit {_MAX_READY_IDS}")
        elif problem:
            documents.refuse(index, Reason.INVALID_TOKENS, problem)
        else:
            lengths[index] = len(ids)
            if not len(ids):
                documents.refuse(index, Reason.EMPTY, "no tokens")
            parts.append(ids)
    flat = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    return flat.astype(np.int32, copy=False), lengths


def _one_documents_ids(value: pa.Scalar, size: int) -> tuple[np.ndarray | None, str | None]:
    if not value.is_valid:
        return None, None
    if pa.types.is_binary(value.type) or pa.types.is_large_binary(value.type):
        raw = value.as_buffer()
        if raw.size % 4:
            return np.empty(0), f"{raw.size} bytes, not a multiple of 4"
        ids = np.frombuffer(raw, dtype="<i4")
    else:
        if value.values.null_count:
            return np.empty(0), "a null among the ids"
        ids = value.values.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((ids < 0) | (ids >= size))
    if len(wrong):
        place = int(wrong[0])
        return ids, f"id {ids[place]} at token {place}, vocabulary of {size}"
    return ids, None


def _without_ends(
    documents: Documents, ids: Ids, lengths: Int64, vocabulary: Vocabulary
) -> tuple[Ids, Int64]:
    """Take off an EOS at the end and a BOS at the beginning that a document brings itself: _insert
    puts one in every document."""
    lengths = lengths.copy()
    kept = np.ones(len(ids), dtype=bool)
    ends = np.cumsum(lengths)
    some = np.flatnonzero(lengths)
    ended = some[ids[ends[some] - 1] == vocabulary.eos_id]
    kept[ends[ended] - 1] = False
    begins = ends - lengths
    lengths[ended] -= 1
    if vocabulary.bos_id is not None:
        some = np.flatnonzero(lengths)
        begun = some[ids[begins[some]] == vocabulary.bos_id]
        kept[begins[begun]] = False
        lengths[begun] -= 1
    for index in documents.good():
        if not lengths[index]:
            documents.refuse(index, Reason.EMPTY, "no tokens")
    return ids[kept], lengths


def _insert(ids: Ids, lengths: Int64, vocabulary: Vocabulary) -> tuple[Ids, Int64]:
    """Put EOS, and BOS if there is one, around every document that has tokens."""
    whole = np.where(lengths > 0, lengths + vocabulary.num_inserted, 0)
    out = np.empty(int(whole.sum()), dtype=np.int32)
    ends = np.cumsum(whole)[lengths > 0]
    text = np.ones(len(out), dtype=bool)
    text[ends - 1] = False
    if vocabulary.bos_id is not None:
        begins = ends - whole[lengths > 0]
        text[begins] = False
        out[begins] = vocabulary.bos_id
    out[ends - 1] = vocabulary.eos_id
    out[text] = ids
    return out, whole
