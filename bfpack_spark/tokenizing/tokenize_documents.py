"""From documents to TOKENIZED: their ids, or why they are refused. Samples use it without Spark."""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Beside, Documents
from bfpack_spark.errors import JobError
from bfpack_spark.schema import TOKENIZED, Reason, plain, with_masks
from bfpack_spark.tokenizing.encode_chats import EncodeSpec, encode_chats
from bfpack_spark.tokenizing.ends import Encoded, num_targets, only_good, with_ends, without_ends
from bfpack_spark.tokenizing.ids_of_texts import Ids
from bfpack_spark.tokenizing.parity import REFERENCE_BYTES_MAX, compare
from bfpack_spark.tokenizing.ready_ids import ready_ids
from bfpack_spark.tokenizing.ready_masks import marked, with_ready_masks
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_FEW = 8  # up to so many numbers are looked for one by one


@dataclass(frozen=True, kw_only=True)
class TokenizeSpec(EncodeSpec):
    """What a worker needs to know to read and tokenize. It travels with the function."""

    input_format: str
    max_uncut_bytes: int | None = None  # of a stretch without a place to cut it

    def tokenize(self, documents: Documents) -> pa.RecordBatch:
        """Return TOKENIZED, one row per document."""
        return _rows(documents, self)


def _rows(documents: Documents, spec: TokenizeSpec) -> pa.RecordBatch:
    sizes = documents.sizes()
    not_audited = np.zeros(len(documents), dtype=bool)
    inserted = np.full(len(documents), spec.vocabulary.num_inserted)
    if spec.columns.tokens:
        encoded = _ready(documents, spec)
    elif spec.columns.chat:
        encoded, inserted = encode_chats(documents, spec)
    else:
        _refuse(documents, spec)
        drawn = _draw(documents, spec, not_audited)
        ids, counts = _encode(documents, spec)
        _audit(documents, drawn, spec)
        encoded = Encoded(ids=ids, lengths=counts)
    ends_given = spec.columns.tokens or spec.vocabulary.control_tokens == "allow"
    if ends_given and not spec.columns.chat:
        encoded = without_ends(documents, encoded, spec.vocabulary)
    if not spec.columns.chat:
        encoded = with_ends(encoded, spec.vocabulary)
    masks = {}
    if encoded.loss_mask is not None:
        encoded, targets = _with_targets(documents, encoded)
        masks["num_targets"] = _told_targets(documents, targets, spec.columns.beside_is)
    good = np.array([reason is None for reason in documents.reason], dtype=bool)
    lengths = encoded.lengths
    if encoded.loss_mask is not None:
        masks["loss_mask"] = _binary(encoded.loss_mask, lengths, good)
        masks["num_inserted"] = pa.array(inserted, pa.int64(), mask=~good)
    columns = {
        "doc_id": pa.array(documents.doc_id, pa.string()),
        "length": pa.array(lengths, pa.int32(), mask=~good),
        "tokens": _binary(encoded.ids, lengths * 4, good),
        "source": pa.array(documents.source, pa.string()),
        "reason": pa.array(documents.reason, pa.string()),
        "detail": pa.array(documents.detail, pa.string()),
        "num_bytes": pa.array(sizes, pa.int64()),
        "not_audited": pa.array(not_audited & good),
        **masks,
    }
    schema = with_masks(TOKENIZED, masks=spec.columns.masks)
    return pa.RecordBatch.from_pydict(columns, schema=plain(schema))


def _ready(documents: Documents, spec: TokenizeSpec) -> Encoded:
    """Return the tokens that the user gives, with their loss masks if there are any."""
    ids, lengths = ready_ids(documents, spec.vocabulary)
    encoded = Encoded(ids=ids, lengths=lengths)
    kind = spec.columns.beside_is
    return encoded if kind is None else with_ready_masks(documents, encoded, kind)


def _with_targets(documents: Documents, encoded: Encoded) -> tuple[Encoded, Int64]:
    """Return the documents that have a target, and the targets of each. The others are refused."""
    targets = num_targets(encoded)
    for index in documents.good():
        if not targets[index]:
            documents.refuse(index, Reason.NO_TARGET, "no token is a target")
    return only_good(encoded, targets > 0), targets


def _told_targets(documents: Documents, targets: Int64, kind: Beside | None) -> pa.Array:
    """Return the targets of all documents. Of one that is refused, they are what its own mask
    marks, and null where nothing tells them: a conversation without tokens has no mask."""
    told: list[int | None] = targets.tolist()
    for index, reason in enumerate(documents.reason):
        if reason is None or reason in (Reason.EMPTY, Reason.NO_TARGET):
            continue
        given = kind in ("labels", "loss_mask")
        told[index] = marked(documents, index, kind) if kind and given else None
    return pa.array(told, pa.int64())


def _binary(values: npt.NDArray[Any], sizes: Int64, good: npt.NDArray[np.bool_]) -> pa.Array:
    """Return a BINARY column of values end to end, so many bytes a document, null if not good."""
    offsets = np.zeros(len(sizes) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    buffers = [pa.array(good).buffers()[1], pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(sizes), buffers)


def _refuse(documents: Documents, spec: TokenizeSpec) -> None:
    """Refuse, in place, what is not to be tokenized."""
    _refuse_by_size(documents, spec.max_bytes)
    if spec.max_uncut_bytes is not None:
        _refuse_uncut(documents, spec.max_uncut_bytes, spec.vocabulary)
    if spec.vocabulary.control_tokens == "quarantine":
        _refuse_control_tokens(documents, spec.vocabulary)


def _encode(documents: Documents, spec: TokenizeSpec) -> tuple[Ids, Int64]:
    """Return the ids of all good documents, and the lengths of all (0 where refused). It refuses
    documents in place, and takes the texts out of the documents."""
    good = documents.good()
    engine = spec.load(spec.engine, spec.vocabulary)
    ids, counts = engine.encode(documents.take_texts())
    lengths = np.zeros(len(documents), dtype=np.int64)
    lengths[good] = counts
    for index in np.flatnonzero(lengths <= 0).tolist():
        if lengths[index] < 0:
            detail = "some of the text is no token, and the tokenizer has none for the unknown"
            documents.refuse(index, Reason.NOT_SPELLED, detail)
        elif documents.reason[index] is None:
            documents.refuse(index, Reason.EMPTY, "no tokens")
    lengths = np.maximum(lengths, 0)
    if spec.vocabulary.control_tokens != "allow":
        ids, lengths = _refuse_forged(documents, ids, lengths, spec.vocabulary)
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
    """Refuse texts that have a longer stretch than `limit` bytes that cannot be cut. It is done for
    both engines, so that what goes to quarantine does not depend on the engine."""
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
    for index in documents.good():
        match = vocabulary.special_pattern.search(documents.content[index].as_py())
        if match:
            detail = f"{match.group()} at character {match.start()}"
            documents.refuse(index, Reason.CONTROL_TOKEN, detail)


def _refuse_forged(
    documents: Documents, ids: Ids, lengths: Int64, vocabulary: Vocabulary
) -> tuple[Ids, Int64]:
    """Refuse documents whose text gives EOS, BOS or a control token by itself. A vocabulary in
    which EOS or BOS is an ordinary token lets text produce it, and nobody could tell it from ours.
    A control token of one character cannot be kept out of reach of the text either."""
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
    """Return where an id is one of the numbers, which are mostly two or three."""
    if len(numbers) > _FEW:
        return np.isin(ids, list(numbers))
    mask = np.zeros(len(ids), dtype=bool)
    for number in numbers:
        mask |= ids == number
    return mask


def _draw(
    documents: Documents, spec: TokenizeSpec, too_large: npt.NDArray[np.bool_]
) -> dict[int, str]:
    """Return index and text of the documents that the reference tokenizes too. Those that are too
    large for it are set in `too_large`."""
    if spec.engine == "tokenizers" or not spec.audit_share:
        return {}
    limit = spec.audit_share * 2**32
    sizes = pc.binary_length(documents.content)
    drawn = {}
    for index in documents.good():
        if zlib.crc32((documents.doc_id[index] or "").encode()) < limit:
            if sizes[index].as_py() > REFERENCE_BYTES_MAX:
                too_large[index] = True
            else:
                drawn[index] = documents.content[index].as_py()
    return drawn


def _audit(documents: Documents, drawn: dict[int, str], spec: TokenizeSpec) -> None:
    """Tokenize the drawn documents with the reference too. Raises JobError if it differs."""
    drawn = {index: text for index, text in drawn.items() if documents.reason[index] is None}
    if not drawn or spec.engine == "tokenizers":
        return
    different = compare(list(drawn.values()), spec.vocabulary, spec.engine, spec.load)
    if different is not None:
        index = list(drawn)[different[0]]
        raise JobError(
            f"document {documents.doc_id[index]} ({documents.source[index]}): {spec.engine} and "
            f"tokenizers disagree at {different[1]}; use --engine tokenizers"
        )
