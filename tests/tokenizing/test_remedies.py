"""What is said of refused documents helps under the options that the run has."""

import pytest

from bfpack_spark.config import Settings
from bfpack_spark.schema import Reason
from bfpack_spark.tokenizing.engines import REFERENCE_BYTES
from bfpack_spark.tokenizing.remedies import remedy_of

TEXT = Settings()
SMALL = Settings(max_document_bytes=1000)
CHATS = Settings(messages_column="m")
PROMPTS = Settings(prompt_column="p", completion_column="c")
READY = Settings(tokens_column="i", labels_column="l")
LIMIT = f"a conversation or prompt has {REFERENCE_BYTES} bytes at most, whatever it says"


@pytest.mark.parametrize(
    ("reason", "chosen", "says"),
    [
        (Reason.TOO_LARGE, TEXT, "cut such documents"),
        (Reason.TOO_LARGE, SMALL, "raise --max-document-bytes, or cut such documents"),
        (Reason.TOO_LARGE, CHATS, f"cut such documents, or raise --max-document-bytes; {LIMIT}"),
        (Reason.TOO_LARGE, PROMPTS, f"cut such documents, or raise --max-document-bytes; {LIMIT}"),
        (Reason.CONTROL_TOKEN, CHATS, "take such words or characters out of the documents"),
        (
            Reason.CONTROL_TOKEN,
            Settings(control_tokens="quarantine"),
            "--control-tokens text reads such words as plain text",
        ),
        (Reason.NO_TARGET, READY, "leave out documents without a target"),
        (Reason.NO_TARGET, PROMPTS, "leave out documents without a target"),
        (
            Reason.NO_TARGET,
            CHATS,
            "leave out documents without a target, or put {% generation %} around what the "
            "assistant says in the chat template",
        ),
        (Reason.BROKEN_LINE, TEXT, "repair or remove them"),
    ],
)
def test_a_remedy_is_one_that_helps_under_the_options(
    reason: str, chosen: Settings, says: str
) -> None:
    assert remedy_of(reason, chosen) == says
