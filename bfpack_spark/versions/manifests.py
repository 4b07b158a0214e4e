"""What a complete version says of itself in _manifest.json: a token store, or sequences."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from bfpack_spark.versions.inputs import ExportInputs, Inputs, SequencesInputs, TokensInputs
from bfpack_spark.versions.metadata import Count, Metadata, Sha256

Kind: TypeAlias = Literal["tokens", "sequences", "megatron", "mds", "bridge"]
FileKind: TypeAlias = Literal["documents", "quarantine", "plan", "shards"]
ByReason: TypeAlias = dict[str, Count]

_PATH = (
    r"^(\.\./[0-9a-f]{16}/)?(documents|quarantine|plan|shards)/part-[A-Za-z0-9._-]+$"
    r"|^shards/index\.json$"
)


class FileEntry(Metadata):
    """A file of a version, with its path relative to the version's directory."""

    path: Annotated[str, Field(pattern=_PATH)]
    kind: FileKind
    rows: Count
    tokens: Count
    bytes: Count
    sha256: Sha256
    ids_sha256: Sha256 | None

    @model_validator(mode="after")
    def _lies_in_its_folder(self) -> "FileEntry":
        if self.path.split("/")[-2] != self.kind:
            raise ValueError(f"{self.path} is no file of {self.kind}")
        return self


class TokenizerFacts(Metadata):
    """What readers of tokens need to know of the tokenizer."""

    vocabulary_size: Annotated[int, Field(gt=0, lt=2**31)]
    eos_id: Count
    bos_id: Count | None
    own_pad_id: Count | None


class Totals(Metadata):
    """What a version holds."""

    tokens: Count


class Manifest(Metadata):
    """What both kinds of manifests say."""

    format_version: Count
    kind: Kind
    bucket: str
    seq_len: Count | None
    fingerprint: Sha256
    inputs: Inputs
    totals: Totals
    tokenizer: TokenizerFacts
    files: list[FileEntry]

    @field_validator("files")
    @classmethod
    def _each_once(cls, entries: list[FileEntry]) -> list[FileEntry]:
        if len({entry.path for entry in entries}) < len(entries):
            raise ValueError("a file is listed twice")
        return entries

    @property
    def version(self) -> str:
        """Return the name of the version."""
        return self.fingerprint[:16]

    def files_of(self, kind: FileKind) -> list[FileEntry]:
        """Return the entries of one kind. Shards are in order, though `part-100000` comes before
        `part-10001` as text."""
        files = [entry for entry in self.files if entry.kind == kind]
        return sorted(files, key=lambda e: (len(e.path), e.path)) if kind == "shards" else files


class TokensTotals(Totals):
    """What a token store holds."""

    documents: Count


class TokensAccounting(TokensTotals):
    """What became of the documents that came in. Earlier builds did not count bytes. Targets are
    counted where documents have loss masks, and earlier builds did not count those in quarantine:
    what the masks there mark. A conversation without tokens has none, so it is counted alone."""

    documents_in: Count
    documents_empty: Count
    documents_quarantined: ByReason
    tokens_inserted: Count
    bytes_in: Count = 0
    bytes_quarantined: ByReason = Field(default_factory=dict)
    targets: Count | None = None
    targets_quarantined: Count | None = None
    documents_with_unknown_targets: Count | None = None


class NewDocuments(Metadata):
    """What the run that made a token store read: all of its documents, or those that it added to an
    earlier store."""

    accounting: TokensAccounting
    first_places: dict[str, str]  # reason -> file and place of its first document


class ReadFile(Metadata):
    """An input file, and what was read of it (null: not known, or not counted in its format)."""

    name: str
    size: Count
    modified: int | None = None
    etag: str | None = None
    rows: Count | None = None
    bytes: Count | None = None
    documents: Count | None = None


class LeftOutFile(Metadata):
    """A visible file of the input that was not read."""

    name: str
    reason: str


class TokensManifest(Manifest):
    """The manifest of a token store. Earlier builds did not write the fields with defaults."""

    inputs: TokensInputs
    totals: TokensTotals
    accounting: TokensAccounting
    first_places: dict[str, str] = Field(default_factory=dict)
    increment: NewDocuments | None = None
    inventory: list[ReadFile] | None = None
    left_out: list[LeftOutFile] = Field(default_factory=list)

    @field_validator("accounting")
    @classmethod
    def _of_documents(cls, accounting: TokensAccounting) -> TokensAccounting:
        if not accounting.documents_in:
            raise ValueError("documents_in 0: should be greater than 0")
        return accounting


class PlanAccounting(Metadata):
    """What core.accounting.Accounting counts, in JSON."""

    seq_len: Count
    num_documents: Count
    num_documents_packed: Count
    num_documents_cut: Count
    num_documents_truncated: Count
    num_documents_dropped: Count
    num_documents_cut_by_concat: float
    num_tokens: Count
    num_tokens_packed: Count
    num_tokens_truncated: Count
    num_tokens_dropped: Count
    num_sequences: Count
    num_padding: Count
    lower_bound: Count
    num_tokens_repeated: Count = 0
    num_bos_at_fragments: Count = 0
    num_padding_sequences: Count = 0

    @property
    def num_tokens_left_out(self) -> int:
        """Return the tokens that are in no sequence."""
        return self.num_tokens_truncated + self.num_tokens_dropped


class TargetsAccounting(Metadata):
    """Where the targets of documents with loss masks went. The first token of a segment is never
    one: nothing predicts it."""

    num_targets: Count  # of the documents in the token store: the sum of the next four
    num_targets_packed: Count
    num_targets_truncated: Count
    num_targets_dropped: Count
    num_targets_at_cuts: Count  # a cut made them the first of a segment
    num_documents_without_target: Count  # truncated to none: dropped, and in quarantine/
    num_sequences_without_target: Count
    mean_targets: float  # of a sequence
    p1_targets: Count
    p99_targets: Count
    # Of the documents that did not come into the token store, where it tells:
    num_targets_quarantined: Count | None = None
    num_documents_with_unknown_targets: Count | None = None


class SequencesAccounting(PlanAccounting):
    """The same, with the documents that did not come into the token store."""

    num_documents_in: Count
    num_documents_empty: Count
    num_documents_quarantined: ByReason
    num_tokens_inserted: Count
    targets: TargetsAccounting | None = None  # set if documents have loss masks


class SequencesTotals(Totals):
    """What the shards of a version hold."""

    sequences: Count
    shards: Count


class SequencesTokenizer(TokenizerFacts):
    """The tokenizer, and the id that pads sequences."""

    pad_id: Count
    pad_is_eos: bool


class SequencesManifest(Manifest):
    """The manifest of a version of sequences."""

    inputs: SequencesInputs
    totals: SequencesTotals
    accounting: SequencesAccounting
    tokenizer: SequencesTokenizer

    @property
    def tokens_version(self) -> str:
        """Return the name of the token store from which it was made."""
        return self.inputs.tokens_fingerprint[:16]


class ExportManifest(Manifest):
    """The manifest of an export: rows of sequences in a trainer's format."""

    inputs: ExportInputs
    totals: SequencesTotals
    tokenizer: SequencesTokenizer
