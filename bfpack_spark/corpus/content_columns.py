"""Which columns hold the content of documents, and what they hold."""

from typing import Any, Protocol

from bfpack_spark.corpus.documents import Beside, Chat


class Named(Protocol):
    """What names columns: the settings of a run, or the configuration of a token store."""

    @property
    def text_column(self) -> str | None: ...
    @property
    def tokens_column(self) -> str | None: ...
    @property
    def labels_column(self) -> str | None: ...
    @property
    def loss_mask_column(self) -> str | None: ...
    @property
    def messages_column(self) -> str | None: ...
    @property
    def tools_column(self) -> str | None: ...
    @property
    def prompt_column(self) -> str | None: ...
    @property
    def completion_column(self) -> str | None: ...


def content_columns(named: Named) -> dict[str, Any]:
    """Return the fields of Columns that say where the content is, and what it is."""
    chat: Chat | None = "messages" if named.messages_column else None
    chat = "prompt" if named.prompt_column else chat
    every: dict[Beside, str | None] = {
        "labels": named.labels_column,
        "loss_mask": named.loss_mask_column,
        "tools": named.tools_column,
        "completion": named.completion_column,
    }
    kind, beside = next(((k, name) for k, name in every.items() if name), (None, None))
    ready = named.tokens_column or named.messages_column or named.prompt_column
    return {
        "content": ready or named.text_column,
        "tokens": named.tokens_column is not None,
        "chat": chat,
        "beside": beside,
        "beside_is": kind,
    }
