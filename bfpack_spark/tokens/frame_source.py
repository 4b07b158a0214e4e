"""Text in a table or frame, whose rows Spark hands over to the workers.

No footer tells how many rows there are, so Spark counts them, in a job of its own. What Spark gives
a task may differ between two runs, and so may the files of the token store. Their names therefore
carry the run and the attempt, so that no other attempt overwrites what the manifest lists.
"""

import functools
import uuid
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.types import ArrayType

from bfpack_spark.corpus import coverage
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.spark.frames import Frame, column
from bfpack_spark.spark.progress import Unit
from bfpack_spark.tokenizing.outcomes import Row
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.token_files import attempt_name
from bfpack_spark.tokens.tokenize_text import CountingWriter, read_frame, tokenize_text
from bfpack_spark.versions.manifests import TokensManifest

PLACE = "_bfpack_place"  # the column of ids that are made where no column of ids is named
_SAMPLE_ROWS = 64
_SAMPLE_CHARACTERS = 1 << 15  # of each, or ids


@dataclass(frozen=True, kw_only=True)
class FrameSource(Source):
    """The rows of a frame. The inventory has one entry, which stands for it."""

    frame: Frame
    added: Column | None = None  # which rows are read; None: all
    num_before: int = 0  # rows that an earlier version has read of the others

    @property
    def rows(self) -> DataFrame:
        """Return the rows that are read."""
        return self.frame.rows if self.added is None else self.frame.rows.where(self.added)

    @functools.cached_property
    def num_rows(self) -> int:
        """Return the number of rows to be read: as Spark counts them all, less those that were read
        before."""
        return self.frame.rows.count() - self.num_before

    def sample(self) -> list[str]:
        content = column(self.columns.content).cast("string")
        texts = self.rows.where(content.isNotNull()).limit(_SAMPLE_ROWS)
        rows = texts.select(sf.substring(content, 1, _SAMPLE_CHARACTERS).alias("text")).collect()
        return [row["text"] for row in rows]

    def sample_rows(self) -> list[Row]:
        names = [name for name in (self.columns.content, self.columns.beside) if name]
        rows = self.rows.where(column(names[0]).isNotNull())
        if self.columns.tokens:
            rows = rows.where(_length(rows, names[0]) <= _SAMPLE_CHARACTERS)
            shown = [column(name) for name in names]
        else:
            shown = [_as_text(rows, name).alias(name) for name in names]
        held = rows.limit(_SAMPLE_ROWS).select(*shown).collect()
        return [(row[0], row[1] if len(names) > 1 else None) for row in held if row[0]]

    def amount(self) -> tuple[int, Unit]:
        return self.num_rows, "documents"

    def added_to(self, earlier: TokensManifest) -> tuple[Source, str] | None:
        stamp, read = str(earlier.inputs.inventory[0][2]), earlier.inventory
        num_before = earlier.accounting.documents_in
        # Rows are counted by the name of the table, and an earlier build took no notice of another.
        if read is None or (read[0].name, read[0].rows) != (self.frame.name, num_before):
            return None
        added = self.frame.added_since(stamp)
        if added is None:
            return None
        said = f"{self.frame.name}: only what was added since {stamp} is read"
        return replace(self, added=added, num_before=num_before), said

    def tokenized(
        self,
        spark: SparkSession,  # noqa: ARG002  # the rows have theirs
        spec: TokenizeSpec,
        write: CountingWriter | None = None,
    ) -> DataFrame:
        read = functools.partial(read_frame, name=self.frame.name)
        if write is not None:
            name = functools.partial(attempt_name, uuid.uuid4().hex[:8])
            write = functools.partial(write, part_name=name)
        wanted = self.rows.select(*map(column, self.columns.names))
        return tokenize_text(wanted, spec, read, write)

    def how_ids_differ(self) -> str:
        if self.columns.doc_id == PLACE:
            return (
                "files of the table in several folders have one name; give the option with a "
                "column of unique ids"
            )
        if self.frame.place is None:
            return "make ids unique, or name another column, since a row has no place to name it by"
        return super().how_ids_differ()

    def check_read(self, read: Tally) -> None:
        coverage.check_rows(self.frame.name, self.num_rows, read)


def _length(rows: DataFrame, name: str) -> Column:
    is_list = isinstance(rows.schema[name].dataType, ArrayType)
    return sf.size(column(name)) if is_list else sf.length(column(name))


def _as_text(rows: DataFrame, name: str) -> Column:
    is_list = isinstance(rows.schema[name].dataType, ArrayType)
    return sf.to_json(column(name)) if is_list else column(name).cast("string")
