"""A sample of conversations, of prompts or of ready masks is looked at before the work begins: what
would train a model on the wrong tokens is refused here, and the engine is chosen."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from bfpack_spark.corpus.documents import Columns, Documents
from bfpack_spark.corpus.inventory import Inventory, Split, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError
from bfpack_spark.printable import counted
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.encode_chats import EncodeSpec, outcomes_of
from bfpack_spark.tokenizing.ends import Encoded, Mask
from bfpack_spark.tokenizing.engines import REFERENCE_BYTES
from bfpack_spark.tokenizing.outcomes import RefusedError, Row
from bfpack_spark.tokenizing.parity import Choice, EngineChoice, choose_engine
from bfpack_spark.tokenizing.ready_ids import ready_ids
from bfpack_spark.tokenizing.ready_masks import with_ready_masks
from bfpack_spark.tokenizing.remedies import REMEDIES
from bfpack_spark.tokenizing.tokenize_conversations import conversation_spec, stood_in_texts
from bfpack_spark.tokenizing.vocabulary import Vocabulary

_ROWS_MAX = 64
_CHARACTERS_MAX = 1 << 20
# Reasons that lie in the template or the options where all documents of a sample have them.
_OF_ALL = (Reason.NOT_ALIGNED, Reason.NOT_RENDERED, Reason.NOT_A_CONVERSATION)


def look_at_chats(
    wanted: EngineChoice, columns: Columns, vocabulary: Vocabulary, rows: Sequence[Row]
) -> Choice:
    """Return the engine, as parity.choose_engine does. Raises InputError, which says what to do, if
    no document of the sample can be taken, and for masks that are all 0 or all 1 in each."""
    spec = EncodeSpec(
        columns=columns,
        vocabulary=vocabulary,
        engine="tokenizers",
        max_document_bytes=REFERENCE_BYTES,
        audit_share=0,
    )
    outcomes = outcomes_of(rows, spec, "tokenizers")
    refusals = [one for one in outcomes if isinstance(one, RefusedError)]
    if rows and len(refusals) == len(rows):
        _refuse_all(refusals, columns)
    masks = [one.loss_mask for one in outcomes if not isinstance(one, RefusedError)]
    _check_masks(masks, columns, len(rows))
    if columns.chat != "messages":
        texts = [text for row in rows for text in row if isinstance(text, str)]
        return choose_engine(wanted, vocabulary, texts)
    conversations = conversation_spec(vocabulary, "tokenizers")
    texts = stood_in_texts(rows, conversations)
    return choose_engine(wanted, conversations.stand_ins.vocabulary, texts)


def look_at_masks(columns: Columns, vocabulary: Vocabulary, rows: Sequence[Row]) -> None:
    """Raise InputError, which says what to do, if the ready masks of the sample are all 0 or all 1
    in each document. What is wrong in a single document is left to the run."""
    masks = [_ready_mask(columns, vocabulary, row) for row in rows]
    _check_masks([mask for mask in masks if len(mask)], columns, len(rows))


def _ready_mask(columns: Columns, vocabulary: Vocabulary, row: Row) -> Mask:
    """Return the mask of a document, which is empty if the document is refused."""
    assert columns.beside_is is not None, "a column holds the masks"
    content, beside = row
    one = Documents(
        content=pa.array([content]),
        doc_id=[None],
        source=[""],
        reason=[None],
        detail=[None],
        beside=pa.array([beside]),
    )
    ids, lengths = ready_ids(one, vocabulary)
    encoded = with_ready_masks(one, Encoded(ids=ids, lengths=lengths), columns.beside_is)
    assert encoded.loss_mask is not None, "it has masks"
    return encoded.loss_mask


def _check_masks(masks: Sequence[Mask], columns: Columns, num_rows: int) -> None:
    if not masks:
        return
    what, (none, every) = _of_sample(columns, num_rows), _targets_are_said_by(columns)
    if not any(mask.any() for mask in masks):
        raise InputError(f"{what}, none has a token that the model is to say; {none}")
    if all(mask.all() for mask in masks):
        raise InputError(f"{what}, the model is to say all of each; {every}")


def _of_sample(columns: Columns, num_rows: int) -> str:
    drawn = counted(num_rows, "document")
    return f"{columns.content_option} {columns.content}: of {drawn} of a sample"


def _targets_are_said_by(columns: Columns) -> tuple[str, str]:
    """Return what to do where no token is a target, and where every token is one."""
    if columns.chat == "messages":
        return (
            "put {% generation %} around what the assistant says, and look whether it says "
            "anything",
            "put {% generation %} around what the assistant says alone",
        )
    given = f"{columns.beside_option} {columns.beside}"
    if columns.chat == "prompt":
        return (
            f"look whether {given} names the column of what it is to say",
            "look whether the prompts are empty; texts without prompts go with --text-column",
        )
    return (
        f"look whether {given} names the column that marks what it is to say",
        f"{given} must mark what it is to say alone; without the option every token is learned",
    )


def _refuse_all(refusals: Sequence[RefusedError], columns: Columns) -> None:
    reason, _ = Counter(one.reason for one in refusals).most_common(1)[0]
    first = next(one for one in refusals if one.reason == reason)
    if reason in _OF_ALL:
        what = _of_sample(columns, len(refusals))
        raise InputError(f"{what}, none can be taken: {first}; {REMEDIES[reason]}")


def sample_rows(inventory: Inventory, columns: Columns) -> list[Row]:
    """Return the first documents of up to eight places spread over the corpus."""
    splits = split_inventory(inventory)
    spread = splits[:: max(1, len(splits) // 8)][:8]
    most = _ROWS_MAX // len(spread)
    return [row for split in spread for row in _first_rows(split, inventory.format, columns, most)]


def _first_rows(split: Split, input_format: str, columns: Columns, most: int) -> list[Row]:
    rows: list[Row] = []
    room = _CHARACTERS_MAX  # or ids
    for documents in read_documents([split], input_format, columns, _CHARACTERS_MAX):
        beside = documents.beside
        for number in range(len(documents)):
            content = documents.content[number].as_py()
            if content and len(content) <= room:
                rows.append((content, None if beside is None else beside[number].as_py()))
                room -= len(content)
            if len(rows) == most or room < 1000:
                return rows
    return rows
