"""A sample of conversations, or of prompts, is tokenized before the work begins: what would train a
model on the wrong tokens is refused here, and the engine is chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory, Split, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.encode_chats import outcomes_of
from bfpack_spark.tokenizing.engines import REFERENCE_BYTES, EngineName, Load, load_engine
from bfpack_spark.tokenizing.outcomes import Outcome, RefusedError
from bfpack_spark.tokenizing.parity import Choice, EngineChoice, choose_engine
from bfpack_spark.tokenizing.remedies import remedy_of
from bfpack_spark.tokenizing.tokenize_conversations import conversation_spec, stood_in_texts
from bfpack_spark.tokenizing.vocabulary import Vocabulary

Row: TypeAlias = tuple[Any, Any]  # messages and tools, or prompt and completion

_ROWS_MAX = 64
_CHARACTERS_MAX = 1 << 20
# Reasons that lie in the template or the options where all documents of a sample have them.
_OF_ALL = (Reason.NOT_ALIGNED, Reason.NOT_RENDERED, Reason.NOT_A_CONVERSATION)


@dataclass(frozen=True, kw_only=True)
class _Spec:
    """What a sample is tokenized with."""

    columns: Columns
    vocabulary: Vocabulary
    engine: EngineName = "tokenizers"
    load: Load = load_engine
    audit_share: float = 0.0
    max_bytes: int = REFERENCE_BYTES


def look_at_chats(
    wanted: EngineChoice, columns: Columns, vocabulary: Vocabulary, rows: Sequence[Row]
) -> Choice:
    """Return the engine, as parity.choose_engine does. Raises InputError, which says what to do, if
    no document of the sample can be taken, and for masks that are all 0 or all 1 in each."""
    spec = _Spec(columns=columns, vocabulary=vocabulary)
    _check(outcomes_of(rows, spec, "tokenizers"), columns)
    if columns.chat != "messages":
        texts = [text for row in rows for text in row if isinstance(text, str)]
        return choose_engine(wanted, vocabulary, texts)
    conversations = conversation_spec(vocabulary, "tokenizers")
    texts = stood_in_texts(rows, conversations)
    return choose_engine(wanted, conversations.stand_ins.vocabulary, texts)


def _check(outcomes: Sequence[Outcome], columns: Columns) -> None:
    if not outcomes:
        return
    what = f"{columns.content_option} {columns.content}: of {len(outcomes)} documents of a sample"
    good = [one for one in outcomes if not isinstance(one, RefusedError)]
    if not good:
        _refuse_all([one for one in outcomes if isinstance(one, RefusedError)], what)
        return
    if not any(one.loss_mask.any() for one in good):
        raise InputError(
            f"{what}, none has a token that the model is to say; put {{% generation %}} around "
            "what the assistant says, and look whether it says anything"
        )
    if all(one.loss_mask.all() for one in good):
        raise InputError(
            f"{what}, the model is to say all of each; put {{% generation %}} around what the "
            "assistant says alone"
        )


def _refuse_all(refusals: Sequence[RefusedError], what: str) -> None:
    reason, _ = Counter(one.reason for one in refusals).most_common(1)[0]
    first = next(one for one in refusals if one.reason == reason)
    if reason in _OF_ALL:
        raise InputError(f"{what}, none can be taken: {first}; {remedy_of(reason)}")


def sample_rows(inventory: Inventory, columns: Columns) -> list[Row]:
    """Return the first documents of up to eight places spread over the corpus."""
    splits = split_inventory(inventory)
    spread = splits[:: max(1, len(splits) // 8)][:8]
    most = _ROWS_MAX // len(spread)
    return [row for split in spread for row in _first_rows(split, inventory.format, columns, most)]


def _first_rows(split: Split, input_format: str, columns: Columns, most: int) -> list[Row]:
    rows: list[Row] = []
    room = _CHARACTERS_MAX
    for documents in read_documents([split], input_format, columns, _CHARACTERS_MAX):
        content = documents.content.to_pylist()
        beside = documents.beside.to_pylist() if documents.beside is not None else None
        for number, text in enumerate(content):
            if text and len(text) <= room and len(rows) < most:
                rows.append((text, beside[number] if beside else None))
                room -= len(text)
        if len(rows) == most or room < 1000:
            break
    return rows
