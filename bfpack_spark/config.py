"""Every setting, in one frozen value. Its fields are keys of the TOML file and options."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from bfpack_spark.column_settings import ColumnSettings
from bfpack_spark.core.fragments import LongDocuments, default_policy
from bfpack_spark.core.rules import Rules
from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import as_it_travels, check_no_credentials, divide
from bfpack_spark.files.bucket_names import check_bucket
from bfpack_spark.files.toml_file import flatten
from bfpack_spark.printable import option_of

MAX_SEQ_LEN = 1 << 20


class Settings(ColumnSettings):
    """The settings of a run. Each field is a key of the TOML file and, with dashes, an option."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: tuple[str, ...] = Field(
        (),
        description="Reads this directory, file or pattern, or this table. {bucket} in it stands "
        "for the names of buckets. Give it several times for several inputs.",
    )
    output: str | None = Field(None, description="Sets the directory below which all results are.")
    tokenizer: str | None = Field(
        None, description="Takes this tokenizer.json, or the one in this directory."
    )
    bucket: tuple[str, ...] = Field(
        (),
        description="Names the slice of the corpus that is packed by itself. Give it several times "
        "for several slices.",
    )
    bucket_column: str | None = Field(
        None,
        description="Takes the bucket of a document from this column, or from directories named "
        "COLUMN=VALUE.",
    )
    seq_len: tuple[int, ...] = Field(
        (),
        description="Sets the tokens of a sequence, 1 to 1048576. Give it several times for "
        "several lengths.",
    )

    input_format: Literal["parquet", "jsonl", "text", "delta", "table"] | None = Field(
        None,
        description="Sets the format of the input. Without it the names of the files tell. delta "
        "is a Delta table by its path, table one of Spark's catalog by its name.",
    )
    input_version: str | None = Field(
        None,
        description="Reads this snapshot of a table, and not the newest. For a table without "
        "snapshots it is any text that stands for what the table holds.",
    )
    eos_token: str | None = Field(
        None,
        description="Sets the token that is appended to every document. Without it the tokenizer's "
        "files tell.",
    )
    bos_token: str | None = Field(
        None,
        description="Sets a token that is put before every document. Default: none.",
    )
    pad_token: str | None = Field(
        None,
        description="Sets the token that fills sequences that have room left. Without it the "
        "tokenizer's files tell.",
    )
    control_tokens: Literal["text", "quarantine", "allow"] = Field(
        "text",
        description="Sets what becomes of text that looks like a control token: text reads it as "
        "plain text, quarantine refuses the document, and allow makes it the token.",
    )
    max_document_bytes: int = Field(
        256 * 2**20,
        ge=1,
        le=256 * 2**20,
        description="Sets the UTF-8 bytes of the largest document, at most 268435456; longer ones "
        "go to quarantine. Other engines than fastokens take no stretch of over 8388608 that "
        "cannot be cut.",
    )
    max_quarantined: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Sets the share of documents, and of bytes, that may go to quarantine before "
        "the run fails, of all and of what is new.",
    )
    engine: Literal["auto", "fastokens", "gigatoken", "words", "tokenizers"] = Field(
        "auto",
        description="Sets the engine that tokenizes; auto takes the fastest that agrees with "
        "tokenizers, and in verify tokenizers itself.",
    )
    audit_share: float = Field(
        0.001,
        ge=0,
        le=1,
        description="Sets the share of documents that tokenizers tokenizes too during the run.",
    )

    packing: Literal["best_fit", "concat"] = Field(
        "best_fit",
        description="Sets how documents are packed; concat is the baseline, one stream that is cut "
        "every seq_len tokens.",
    )
    long_documents: LongDocuments | None = Field(
        None,
        description="Sets what becomes of documents that are longer than seq_len: split cuts "
        "them, truncate keeps their beginning, truncate_turns keeps them up to the last whole turn "
        "of targets that fits, drop leaves them out, error fails the run, and slide cuts them and "
        "repeats --overlap tokens at each cut. Default: split, and error for documents with loss "
        "masks.",
    )
    overlap: int = Field(
        0,
        ge=0,
        description="Sets how many of the tokens before it each later fragment repeats. It goes "
        "with --long-documents slide.",
    )
    bos_at: Literal["document", "fragment"] = Field(
        "document",
        description="Sets where BOS stands: before documents, or before each later fragment too.",
    )
    max_documents: int | None = Field(
        None,
        ge=1,
        description="Sets how many documents a sequence holds at most. Default: as many as fit.",
    )
    align: int = Field(
        1,
        ge=1,
        description="Makes each document begin at a multiple of this many tokens in its row.",
    )
    num_sequences_multiple: int = Field(
        1,
        ge=1,
        description="Makes the number of sequences a multiple of this, by adding rows of padding.",
    )
    group_documents_max: int | None = Field(
        None,
        ge=1,
        description="Sets how many documents the packer sees at once. Default: 2000000, or fewer "
        "where documents are much longer than seq_len.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Sets the seed of all pseudo-random orders.")
    num_shards: int | None = Field(
        None,
        ge=1,
        description="Sets the number of files of sequences. Default: as their size demands.",
    )
    rows_per_shard: int | None = Field(
        None, ge=1, description="Sets the most sequences of a file, in place of --num-shards."
    )

    publish_delta: str | None = Field(
        None, description="Publishes the sequences to this Delta table too, by its path or name."
    )
    publish_plan: bool = Field(
        default=False, description="Publishes the plan too, to the Delta table TABLE_plan."
    )

    spark: Mapping[str, str] = Field(
        default_factory=dict, description="Passes a setting on to Spark."
    )

    @field_validator(
        *("input", "output", "tokenizer", "chat_template", "publish_delta"), mode="before"
    )
    @classmethod
    def _without_credentials(cls, value: Any) -> Any:
        for text in re.findall(r"[^\s'\"]+", str(value)):  # of any type, since errors repeat it
            check_no_credentials(text)
        return value

    @field_validator("input", "seq_len", "bucket", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | str) else value

    @field_validator("input_version", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value

    @field_validator("input", "output", "tokenizer", "chat_template", "publish_delta")
    @classmethod
    def _addresses(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(value, tuple):
            return tuple(dict.fromkeys(map(as_it_travels, value)))
        return None if value is None else as_it_travels(value)

    @field_validator("output")
    @classmethod
    def _of_plain_parts(cls, value: str | None) -> str | None:
        address = divide(value or "")
        parts = address.key.strip("/").split("/")
        if not address.is_local and address.key and {"", ".", ".."} & set(parts):
            raise ValueError(
                f"{value}: has a part that is empty, . or .., which no object's path has"
            )
        return value

    @field_validator("seq_len")
    @classmethod
    def _in_range(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for seq_len in value:
            if not 1 <= seq_len <= MAX_SEQ_LEN:
                raise ValueError(f"{seq_len}; must be 1 to {MAX_SEQ_LEN}")
        return tuple(dict.fromkeys(value))

    @field_validator("bucket")
    @classmethod
    def _plain_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            check_bucket(name)
        return tuple(dict.fromkeys(value))

    @field_validator("spark", mode="before")
    @classmethod
    def _as_strings(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        pairs = flatten(value)
        return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in pairs}

    @model_validator(mode="after")
    def _go_together(self) -> "Settings":
        if self.num_shards is not None and self.rows_per_shard is not None:
            raise ValueError("num_shards and rows_per_shard exclude each other: give one of them")
        if self.has_masks and self.publish_delta is not None:
            raise ValueError("--publish-delta: takes no loss masks; leave it out")
        if self.publish_plan and self.publish_delta is None:
            raise ValueError("--publish-plan: goes with --publish-delta TABLE: give that too")
        self.rules(MAX_SEQ_LEN).check()
        for seq_len in self.seq_len:
            self.rules(seq_len).check_seq_len()
        return self

    def policy(self, *, masks: bool) -> LongDocuments:
        """Return the policy for long documents that is named, or else the one by default for
        documents with loss masks or without."""
        return self.long_documents or default_policy(masks=masks)

    def rules(self, seq_len: int, *, masks: bool = False) -> Rules:
        """Return the rules that these settings give to a plan. `masks`: the documents are known to
        have loss masks, also if no setting names them."""
        policy = self.policy(masks=masks or self.has_masks)
        return Rules.of(self, seq_len=seq_len, long_documents=policy)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all settings, those of columns last."""
        columns = list(ColumnSettings.model_fields)
        return [name for name in cls.model_fields if name not in columns] + columns

    def need(self, name: str) -> Any:
        """Return the value of a field that the command needs. Raises InputError if it is
        missing."""
        value = getattr(self, name)
        if value is None or value == ():
            raise InputError(
                f"{option_of(name)} is missing: give it as an option or in the file of "
                f"--config. {description(name)}"
            )
        return value


def description(name: str) -> str:
    """Return what a setting does, as --help says it."""
    return Settings.model_fields[name].description or name
