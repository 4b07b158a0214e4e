"""A worker that tokenizes files of a folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from inputs import write_input
from tokenizers import Tokenizer
from trained import byte_level, vocabulary

from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.tokenize_text import read_splits, tokenize_rows

EOS, PAD = 0, 1


@dataclass
class Worker:
    """A tokenizer and the files it is given."""

    folder: Path
    tokenizer: Tokenizer = field(default_factory=byte_level)

    def run(self, *names: str, columns: Columns | None = None, **more: Any) -> list[dict[str, Any]]:
        spec = self.task(names[0].rpartition(".")[2], columns, **more)
        splits = [
            {
                "task": 0,
                "name": name,
                "path": str(self.folder / name),
                "start": 0,
                "end": (self.folder / name).stat().st_size,
                "size": (self.folder / name).stat().st_size,
            }
            for name in names
        ]
        batches = iter([pa.RecordBatch.from_pylist(splits)])
        tokenized = tokenize_rows(batches, spec=spec, read=read_splits, tally=Tally())
        return [row for batch in tokenized for row in batch.to_pylist()]

    def task(self, suffix: str, columns: Columns | None, **more: Any) -> TokenizeSpec:
        names = ("eos_token", "bos_token", "control_tokens")
        own = {name: more.pop(name) for name in names if name in more}
        settings = {"engine": "fastokens", "max_document_bytes": 1 << 20, "audit_share": 0.0}
        return TokenizeSpec(
            input_format={"txt": "text"}.get(suffix, suffix),
            columns=columns or Columns(content="text", doc_id=None),
            vocabulary=vocabulary(self.tokenizer, **own),
            **{**settings, **more},
        )

    def write_lines(self, *records: object) -> str:
        return write_input(self.folder / "a.jsonl", records).name

    def known(self, text: str) -> list[int]:
        """The ids by the library itself, control tokens taken as text."""
        self.tokenizer.encode_special_tokens = True
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def ids(row: dict[str, Any]) -> list[int] | None:
    if row["tokens"] is None:
        assert row["length"] is None
        assert row["reason"]
        return None
    found = np.frombuffer(row["tokens"], dtype="<i4").tolist()
    assert row["length"] == len(found)
    assert (row["reason"], row["detail"]) == (None, None)
    return found
