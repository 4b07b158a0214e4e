"""The text of a bucket, checked and ready to be read, wherever it lies: in files that workers read,
or in a table or frame whose rows Spark hands over."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory
from bfpack_spark.spark.disk_space import Need
from bfpack_spark.spark.progress import Unit
from bfpack_spark.tokenizing.outcomes import Row
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokenizing.vocabulary import Vocabulary
from bfpack_spark.tokens.tokenize_text import CountingWriter
from bfpack_spark.versions.manifests import TokensManifest
from bfpack_spark.versions.publication import Home


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """The text of a bucket. Everything that depends on where it lies is a method."""

    home: Home
    inventory: Inventory  # what identifies the text
    columns: Columns
    vocabulary: Vocabulary

    @abstractmethod
    def sample(self) -> list[str]:
        """Return some texts, for a comparison of engines."""

    @abstractmethod
    def sample_rows(self) -> list[Row]:
        """Return some documents with what stands beside them: conversations with their tools,
        prompts with their completions, or ready ids with their masks."""

    @abstractmethod
    def amount(self) -> tuple[int, Unit]:
        """Return how much there is to read."""

    def need(self, num_seq_lens: int) -> Need | None:  # noqa: ARG002  # nothing tells
        """Return about how many bytes a run will write, or None if nothing tells."""
        return None

    @abstractmethod
    def added_to(self, earlier: TokensManifest) -> "tuple[Source, str] | None":
        """Return the part of the text that an earlier token store lacks, and a line that tells what
        it is. Return None if more has happened to the text than that some was added."""

    @abstractmethod
    def tokenized(
        self, spark: SparkSession, spec: TokenizeSpec, write: CountingWriter | None = None
    ) -> DataFrame:
        """Return the stage that reads and tokenizes the text: TOKENIZED, or with `write` the
        messages that it yields."""

    @abstractmethod
    def check_read(self, read: Tally) -> None:
        """Raise InputError or JobError if not all of the text was read and handed on, each row
        once."""

    def places_of(
        self,
        spark: SparkSession,  # noqa: ARG002
        ids: Sequence[str],  # noqa: ARG002
    ) -> list[tuple[str, str]]:
        """Return pairs of an id and the place of a document that has it, for these ids. There are
        none if documents have no place but their id."""
        return []

    def how_ids_differ(self) -> str:
        """Return what to do about documents that share ids."""
        return "make ids unique, or leave the option out and documents are named by their place"

    def look_again(self) -> None:  # noqa: B027  # a snapshot stays what it is
        """Raise InputError if the text is no longer what the inventory saw."""
