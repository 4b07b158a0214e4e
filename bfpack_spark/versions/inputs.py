"""All that decides a version. It is written, read and fingerprinted here alone."""

import hashlib
import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.core.rules import Rules
from bfpack_spark.schema import EXPORT_FORMATS, SEQUENCES_FORMATS, TOKENS_FORMATS, ExportFormat
from bfpack_spark.versions.metadata import Count, Metadata, Sha256


class TokensConfiguration(Metadata):
    """The options that decide a token store. Those with a default stand in it only where they
    decide something."""

    input_format: str
    text_column: str | None
    tokens_column: str | None = None
    id_column: str | None
    eos_id: Count
    bos_id: Count | None
    control_tokens: Literal["text", "quarantine", "allow"]
    max_document_bytes: Count
    max_uncut_bytes: Count | None = None
    own_pad_id: Count | None = None  # where it is kept out of text though it is no control token
    bucket_column: str | None = None
    bucket: str | None = None
    labels_column: str | None = None
    loss_mask_column: str | None = None
    messages_column: str | None = None
    tools_column: str | None = None
    chat_template_sha256: Sha256 | None = None
    prompt_column: str | None = None
    completion_column: str | None = None

    @property
    def is_chat(self) -> bool:
        """Return whether documents are conversations, or prompts with completions."""
        return bool(self.messages_column or self.prompt_column)

    @property
    def masks(self) -> bool:
        """Return whether documents have loss masks."""
        beside_tokens = self.labels_column or self.loss_mask_column
        return bool(beside_tokens) or self.is_chat


class TokensInputs(Metadata):
    """What decides a token store: options, tokenizer, and the files of its input."""

    configuration: TokensConfiguration
    tokenizer_sha256: Sha256
    # Of each file: name, size, ETag or modification time, and a hash of its deleted rows if any.
    inventory: list[Annotated[list[str | int], Field(min_length=3)]]


class SequencesConfiguration(Metadata):
    """The options that decide sequences. num_shards and rows_per_shard are null if the number of
    sequences decides. The options after them stand in it only if they are set."""

    packing: Literal["best_fit", "concat"]
    long_documents: LongDocuments
    group_documents_max: Annotated[int, Field(gt=0)]
    seed: Count
    pad_id: Count
    num_shards: Count | None = None
    rows_per_shard: Count | None = None
    max_documents: Annotated[int, Field(gt=0)] | None = None
    bos_at: Literal["document", "fragment"] = "document"
    overlap: Count = 0
    align: Annotated[int, Field(gt=0)] = 1
    num_sequences_multiple: Annotated[int, Field(gt=0)] = 1

    def rules(self, seq_len: int) -> Rules:
        """Return the part that decides the plan."""
        return Rules.of(self, seq_len=seq_len)


class SequencesInputs(Metadata):
    """What decides sequences: options, and the token store from which they are made."""

    configuration: SequencesConfiguration
    tokens_fingerprint: Sha256


class ExportInputs(Metadata):
    """What decides an export: the trainer's format, and the sequences of which it is made."""

    form: ExportFormat
    sequences_fingerprint: Sha256


Inputs: TypeAlias = TokensInputs | SequencesInputs | ExportInputs


def formats_of(inputs: Inputs) -> tuple[int, ...]:
    """Return the formats that such a version may have on disk, first the one that is written."""
    if isinstance(inputs, ExportInputs):
        return EXPORT_FORMATS
    return TOKENS_FORMATS if isinstance(inputs, TokensInputs) else SEQUENCES_FORMATS


def fingerprint(inputs: Inputs, seq_len: int | None, format_version: int) -> str:
    """Return the sha256 of the canonical JSON of the inputs, the seq_len (None: a token store) and
    the format version."""
    decides: dict[str, Any] = {
        "format_version": format_version,
        "seq_len": seq_len,
        "inputs": inputs.as_json(),
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
