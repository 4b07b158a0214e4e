"""A complete token store, as the later stages and the commands see it."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from bfpack_spark.schema import TOKENS, spark_ddl
from bfpack_spark.storage import files, versions
from bfpack_spark.storage.versions import Manifest, Place


@dataclass(frozen=True, kw_only=True)
class TokenStore:
    """Directory and manifest of a complete version."""

    directory: str
    manifest: Manifest

    @property
    def paths(self) -> list[str]:
        """The token files, in the order that `places` numbers them."""
        return [
            f"{self.directory}/{entry['path']}"
            for entry in versions.files_of(self.manifest, "documents")
        ]

    @property
    def tokenizer(self) -> dict[str, Any]:
        """vocabulary_size, eos_id, bos_id, own_pad_id."""
        return dict(self.manifest["tokenizer"])

    def tokenizer_json(self) -> bytes:
        """The tokenizer that made it, kept beside the data so that rows can be read as text."""
        raw = files.read_bytes(f"{self.directory}/tokenizer.json")
        assert raw is not None, "a token store holds its tokenizer.json"
        return raw

    def lengths(self, spark: SparkSession) -> DataFrame:
        """doc_id, length of every document; the tokens are not read."""
        return self._read(spark).select("doc_id", "length")

    def places(self, spark: SparkSession) -> DataFrame:
        """doc_id, length, file (index into paths), row (in the file) of every document."""
        names = [(path.rpartition("/")[2], number) for number, path in enumerate(self.paths)]
        numbers = spark.createDataFrame(names, "file_name string, file int")
        located = self._read(spark).select(
            "doc_id",
            "length",
            sf.col("_metadata.file_name").alias("file_name"),
            sf.col("_metadata.row_index").alias("row"),
        )
        return located.join(sf.broadcast(numbers), "file_name", "inner").drop("file_name")

    def _read(self, spark: SparkSession) -> DataFrame:
        return spark.read.schema(spark_ddl(TOKENS)).parquet(*self.paths)


def open_token_store(output: str, bucket: str, version: str | None = None) -> TokenStore:
    """The bucket's current token store, or the version named. InputError if there is none."""
    directory, manifest = versions.current(Place(output=output, bucket=bucket), version)
    return TokenStore(directory=directory, manifest=manifest)
