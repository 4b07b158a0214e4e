"""The script of jobs/README.md that packs a DataFrame."""

from pathlib import Path

import pytest
from conftest import Corpus
from outputs import current, shard_hashes
from pyspark.sql import SparkSession
from readmes import block


def test_the_script_on_a_frame_runs_as_printed(
    spark: SparkSession,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / ".demo").mkdir()
    for name in ("corpus", "tokenizer"):
        (tmp_path / ".demo" / name).symlink_to(getattr(corpus, name.replace("corpus", "path")))
    # The parent of the workers is there now, in a folder that is another one than the script's.
    assert spark.range(1).mapInArrow(lambda batches: batches, "id long").count() == 1
    monkeypatch.chdir(tmp_path)
    source = block("jobs/README.md", "This script is run by tests/frames", "python")
    source = source.replace('".demo/corpus"', repr(str(corpus.path)))  # the JVM has its own folder
    exec(compile(source, "jobs/README.md", "exec"), {"spark": spark})  # our own text
    version = current(tmp_path / ".demo" / "of-frames", "code", "sequences-2048")
    assert shard_hashes(version)
    assert f"sequences in {version}/shards" in capsys.readouterr().out
