"""What to do about documents that are refused, by the reason."""

from bfpack_spark.schema import Reason

_GENERATION = "put {% generation %} around what the assistant says in the chat template"

REMEDIES: dict[str, str] = {
    Reason.NULL: "leave such rows out, or name another column",
    Reason.TOO_LARGE: "raise --max-document-bytes, or cut such documents",
    Reason.CONTROL_TOKEN: "--control-tokens text reads such words as plain text",
    Reason.INVALID_TOKENS: "give by --tokenizer the one that made the ids",
    Reason.INVALID_MASK: "give each token a value: a label, or 0 or 1",
    Reason.NO_TARGET: f"leave out documents without a target, or {_GENERATION}",
    Reason.NOT_A_CONVERSATION: "name the column of the messages by --messages-column, "
    "and leave out rows without a message",
    Reason.NOT_RENDERED: "name another template by --chat-template",
    Reason.NOT_ALIGNED: "let what the model says begin and end where a token does, such as behind "
    "the end of a line, or at a control word that is an added token of tokenizer.json; let a "
    "prompt end without a blank",
}


def remedy_of(reason: str) -> str:
    """Return what to do about documents that are refused for a reason."""
    return REMEDIES.get(reason, "repair or remove them")
