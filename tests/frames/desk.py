"""Documents as a DataFrame and as a file, and settings to pack them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Ran
from inputs import write_input
from outputs import current, shard_hashes
from pyspark.sql import DataFrame, SparkSession

TEXTS = {"a": "some words to learn", "b": "été 漢字 and don't", "c": "x = f(y) " * 30}
SEQ_LEN = 16


def frame_of(spark: SparkSession, texts: Mapping[str, Any] = TEXTS) -> DataFrame:
    return spark.createDataFrame(list(texts.items()), "doc_id string, text string")


@dataclass(frozen=True)
class FrameDesk:
    """An output of its own, and one tokenizer."""

    bfpack: Bfpack
    tokenizer: Path
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        """What `pack` is given beside a frame."""
        where = {"tokenizer": str(self.tokenizer), "output": str(self.folder / "out")}
        return {**where, "bucket": "b", "id_column": "doc_id", "seq_len": [SEQ_LEN]}

    @property
    def place(self) -> dict[str, Any]:
        """What `verify` is given beside a frame."""
        return {"output": str(self.folder / "out"), "seq_len": [SEQ_LEN]}

    def run(self, command: str, *arguments: object) -> Ran:
        where = ("--output", self.folder / "out", "--bucket", "b", "--seq-len", SEQ_LEN)
        return self.bfpack(command, *where, *arguments)

    def pack_table(self, *arguments: object) -> Ran:
        how = ("--input-format", "table", "--tokenizer", self.tokenizer, "--id-column", "doc_id")
        return self.run("pack", *how, *arguments)

    def version(self, bucket: str = "b", kind: str = f"sequences-{SEQ_LEN}") -> Path:
        return current(self.folder / "out", bucket, kind)

    def of_files(self, texts: Mapping[str, str]) -> list[tuple[str, str]]:
        """Names and hashes of the shards of documents in a file."""
        own = self.folder / f"files-{len(list(self.folder.iterdir()))}"
        rows = ({"doc_id": name, "text": text} for name, text in texts.items())
        write_input(own / "a.jsonl", rows)
        where = ("--input", own / "a.jsonl", "--tokenizer", self.tokenizer, "--output", own / "out")
        more = ("--id-column", "doc_id", "--bucket", "b", "--seq-len", SEQ_LEN)
        self.bfpack("pack", *where, *more).succeeds()
        return shard_hashes(current(own / "out", "b", f"sequences-{SEQ_LEN}"))


@pytest.fixture
def frame_desk(bfpack: Bfpack, tiny_tokenizer: Path, tmp_path: Path) -> FrameDesk:
    return FrameDesk(bfpack, tiny_tokenizer, tmp_path)


@pytest.fixture(scope="session")
def shards_of_texts(
    bfpack: Bfpack, tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, str]]:
    """Return names and hashes of the shards of TEXTS in a file."""
    return FrameDesk(bfpack, tiny_tokenizer, tmp_path_factory.mktemp("texts")).of_files(TEXTS)
