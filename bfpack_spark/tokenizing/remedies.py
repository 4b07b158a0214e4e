"""What to do about documents that are refused, by the reason."""

from typing import Protocol

from bfpack_spark.schema import Reason

# REFERENCE_BYTES of engines.py, which a command that only looks at an output need not load.
_CHAT_BYTES_MAX = 8_388_608
_BYTES_MAX = 268_435_456  # the most that --max-document-bytes may be
_GENERATION = "put {% generation %} around what the assistant says in the chat template"

REMEDIES: dict[str, str] = {
    Reason.NULL: "leave such rows out, or name another column",
    Reason.TOO_LARGE: "raise --max-document-bytes, or cut such documents",
    Reason.CONTROL_TOKEN: "take such words or characters out of the documents",
    Reason.INVALID_TOKENS: "give by --tokenizer the one that made the ids",
    Reason.INVALID_MASK: "give each token a value: a label, or 0 or 1",
    Reason.NO_TARGET: "leave out documents without a target",
    Reason.NOT_A_CONVERSATION: "name the column of the messages by --messages-column, "
    "and leave out rows without a message",
    Reason.NOT_RENDERED: "name another template by --chat-template",
    Reason.NOT_ALIGNED: "let what the model says begin and end where a token does, such as behind "
    "the end of a line, or at a control word that is an added token of tokenizer.json; let a "
    "prompt end without a blank",
}


class Chosen(Protocol):
    """What of the options decides which remedy helps."""

    @property
    def control_tokens(self) -> str: ...
    @property
    def max_document_bytes(self) -> int: ...
    @property
    def messages_column(self) -> str | None: ...
    @property
    def is_chat(self) -> bool: ...


def remedy_of(reason: str, chosen: Chosen) -> str:
    """Return what to do about documents that are refused for a reason, under these options."""
    if reason == Reason.CONTROL_TOKEN and chosen.control_tokens == "quarantine":
        return "--control-tokens text reads such words as plain text"
    if reason == Reason.NO_TARGET and chosen.messages_column:
        return f"{REMEDIES[reason]}, or {_GENERATION}"
    if reason == Reason.TOO_LARGE and chosen.is_chat:
        return (
            "cut such documents, or raise --max-document-bytes; a conversation or prompt has "
            f"{_CHAT_BYTES_MAX} bytes at most, whatever it says"
        )
    if reason == Reason.TOO_LARGE and chosen.max_document_bytes == _BYTES_MAX:
        return "cut such documents"
    return REMEDIES.get(reason, "repair or remove them")
