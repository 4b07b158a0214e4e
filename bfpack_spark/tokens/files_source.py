"""Text in files, which workers read by ranges of bytes. The text never passes the JVM."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession

from bfpack_spark.corpus import coverage
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.spark.disk_space import Need, need_of_tokens
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import splits_frame
from bfpack_spark.spark.progress import Unit
from bfpack_spark.tokenizing.look_at_chats import sample_rows
from bfpack_spark.tokenizing.outcomes import Row
from bfpack_spark.tokenizing.parity import sample_texts
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.source import Source
from bfpack_spark.tokens.tokenize_text import CountingWriter, read_splits, tokenize_text
from bfpack_spark.tokens.unique_ids import find_ids
from bfpack_spark.versions.manifests import TokensManifest


@dataclass(frozen=True, kw_only=True)
class FilesSource(Source):
    """The files of the inventory."""

    def sample(self) -> list[str]:
        return sample_texts(self.inventory, self.columns)

    def sample_rows(self) -> list[Row]:
        return sample_rows(self.inventory, self.columns)

    def amount(self) -> tuple[int, Unit]:
        return self.inventory.num_bytes, "bytes"

    def need(self, num_seq_lens: int) -> Need:
        return need_of_tokens(self.inventory, num_seq_lens, whole=self.columns.bucket is None)

    def added_to(self, earlier: TokensManifest) -> tuple[Source, str] | None:
        before = {name: rest for name, *rest in earlier.inputs.inventory}
        now = {name: rest for name, *rest in self.inventory.for_fingerprint()}
        if any(now.get(name) != rest for name, rest in before.items()):
            return None
        files = tuple(file for file in self.inventory.files if file.name not in before)
        said = f"{len(files):,} new beside {len(before):,} that are unchanged; only they are read"
        return replace(self, inventory=replace(self.inventory, files=files)), said

    def tokenized(
        self, spark: SparkSession, spec: TokenizeSpec, write: CountingWriter | None = None
    ) -> DataFrame:
        return tokenize_text(splits_frame(spark, self.inventory), spec, read_splits, write)

    def check_read(self, read: Tally) -> None:
        coverage.check_coverage(self.inventory, read, bucket_column=self.columns.bucket)

    def places_of(self, spark: SparkSession, ids: Sequence[str]) -> list[tuple[str, str]]:
        splits = splits_frame(spark, self.inventory)
        told = collect_messages(find_ids(splits, self.inventory.format, self.columns, ids))
        return sorted((doc_id, place) for said in told for doc_id, place in said["places"])

    def look_again(self) -> None:
        look_again(self.inventory)
