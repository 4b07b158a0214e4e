"""What is made ready while the session of a run starts."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus
from pyspark.sql import SparkSession

from bfpack_spark.cli import running
from bfpack_spark.config import Settings
from bfpack_spark.tokens import make_tokens


def test_engines_are_loaded_while_a_session_starts_if_one_will_be_chosen(
    spark: SparkSession,
    corpus: Corpus,
    packed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not for a store that is there, nor for documents that are tokenized already, nor where a
    session is there, for which nobody waits."""
    loaded: list[str] = []
    call = tmp_path / "call"

    @contextmanager
    def engines_load(wanted: str, _: object) -> Iterator[None]:
        loaded.append(wanted)
        yield

    def new_session(_: object, meanwhile: Any) -> SparkSession:
        with meanwhile(call):
            return spark

    def loaded_for(output: Path, **more: object) -> list[str]:
        loaded.clear()
        where = {"input": str(corpus.path), "tokenizer": str(corpus.tokenizer)}
        where |= {"output": str(output), "id_column": "doc_id"}
        settings = Settings.model_validate({**where, "bucket": ["small"], **more})
        assert len(running.run_each_slice(lambda *_: None, settings)) == 1
        return list(loaded)

    monkeypatch.setattr(make_tokens, "engines_load", engines_load)
    assert loaded_for(tmp_path / "new", engine="tokenizers") == []
    monkeypatch.setattr(running, "get_session", new_session)
    assert loaded_for(tmp_path / "new", engine="tokenizers") == ["tokenizers"]
    assert pickle.loads(call.read_bytes()).args[0] == ("tokenizers",)  # for workers, too
    call.unlink()
    assert loaded_for(packed) == []
    ready = tmp_path / "ready.parquet"
    pq.write_table(pa.table({"doc_id": ["a"], "ids": [[1, 2, 3]]}), ready)
    assert loaded_for(tmp_path / "new", input=str(ready), tokens_column="ids") == []
    assert not call.exists()
