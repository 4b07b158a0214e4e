"""The settings that say which columns hold the documents, and which of these go together."""

from pydantic import BaseModel, Field, model_validator

from bfpack_spark.printable import option_of

# What a column beside another one goes with.
BESIDE = {
    "labels_column": "tokens_column",
    "loss_mask_column": "tokens_column",
    "tools_column": "messages_column",
    "chat_template": "messages_column",
    "completion_column": "prompt_column",
    "prompt_column": "completion_column",
}
# Of each of these groups, one is given.
ONE_OF = (
    ("tokens_column", "messages_column", "prompt_column", "text_column"),
    ("labels_column", "loss_mask_column"),
)


class ColumnSettings(BaseModel):
    """The settings of columns. Each field is a key of the TOML file and, with dashes, an option."""

    text_column: str = Field("text", description="Names the column that holds the text.")
    id_column: str | None = Field(
        None,
        description="Names the column that holds the id of a document. Without it the id is the "
        "document's place in the input.",
    )
    tokens_column: str | None = Field(
        None,
        description="Names a column of ready token ids, as list<int> or little-endian int32 "
        "binary, and reads no text.",
    )
    labels_column: str | None = Field(
        None,
        description="Names a column beside --tokens-column that holds a label for each token: its "
        "id, or -100 where it is no target.",
    )
    loss_mask_column: str | None = Field(
        None,
        description="Names a column beside --tokens-column that holds 1 for each token that is a "
        "target, and 0 for the others.",
    )
    messages_column: str | None = Field(
        None,
        description="Names a column of conversations, as lists of messages with role and content, "
        "which the chat template makes into text.",
    )
    tools_column: str | None = Field(
        None,
        description="Names a column beside --messages-column that holds the tools of each "
        "conversation.",
    )
    chat_template: str | None = Field(
        None,
        description="Takes the chat template in this file. Without it, it is the one beside the "
        "tokenizer.",
    )
    prompt_column: str | None = Field(
        None, description="Names a column of prompts, in which no token is a target."
    )
    completion_column: str | None = Field(
        None,
        description="Names a column beside --prompt-column that holds the completions, whose "
        "tokens are the targets.",
    )

    @property
    def has_masks(self) -> bool:
        """Return whether documents have loss masks."""
        return bool(self.labels_column or self.loss_mask_column) or self.is_chat

    @property
    def is_chat(self) -> bool:
        """Return whether documents are conversations, or prompts with completions."""
        return bool(self.messages_column or self.prompt_column)

    @model_validator(mode="after")
    def _columns_that_go_together(self) -> "ColumnSettings":
        fields = type(self).model_fields
        for names in ONE_OF:
            given = [
                name for name in names if getattr(self, name) not in ("", fields[name].default)
            ]
            if len(given) > 1:
                one, other = map(option_of, given[:2])
                raise ValueError(f"{one} and {other} exclude each other: give one of them")
        for name, needed in BESIDE.items():
            if getattr(self, name) and not getattr(self, needed):
                raise ValueError(
                    f"{option_of(name)}: goes with {option_of(needed)} COLUMN: give that too"
                )
        return self
