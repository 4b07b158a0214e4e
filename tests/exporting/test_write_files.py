"""What a worker makes of a shard that is not what its manifest says: nothing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bfpack_spark.errors import JobError
from bfpack_spark.exporting.rows import ShardEntry
from bfpack_spark.exporting.write_files import WRITERS, ExportSpec
from bfpack_spark.files.parquet_output import ParquetOutput
from bfpack_spark.schema import SEQUENCES, ExportFormat, plain

IDS = np.arange(1, 25, dtype="<i4").reshape(3, 8)
EOS = 4


@pytest.fixture
def shard(tmp_path: Path) -> ShardEntry:
    rows = [
        {
            "sequence_id": number,
            "input_ids": ids.tolist(),
            "seq_lengths": [4, 4] if number == 0 else [8],
            "doc_ids": ["a", "b"] if number == 0 else ["c"],
            "doc_starts": [0, 0] if number == 0 else [0],
            "doc_lengths": [4, 4] if number == 0 else [8],
            "num_tokens": 8,
            "num_padding": 0,
            "bucket": "b",
        }
        for number, ids in enumerate(IDS)
    ]
    output = ParquetOutput(str(tmp_path / "from"), "shards/part-00000.parquet", SEQUENCES)
    output.write(pa.Table.from_pylist(rows, schema=plain(SEQUENCES)), 2)
    digest = hashlib.sha256(IDS.tobytes()).hexdigest()
    entry = output.close("shards", IDS.size, digest)
    path = str(tmp_path / "from" / entry["path"])
    return ShardEntry(shard=0, path=path, rows=len(IDS), ids_sha256=digest)


def spec(root: Path, form: ExportFormat, vocabulary_size: int) -> ExportSpec:
    return ExportSpec(
        root=str(root), form=form, seq_len=8, vocabulary_size=vocabulary_size, eos_id=EOS
    )


@pytest.mark.parametrize("vocabulary_size", [1000, 100_000])
@pytest.mark.parametrize("form", WRITERS)
def test_a_shard_of_other_ids_or_rows_is_not_exported(
    shard: ShardEntry, tmp_path: Path, form: ExportFormat, vocabulary_size: int
) -> None:
    written = WRITERS[form](shard, spec(tmp_path / "whole", form, vocabulary_size))
    assert (written["rows"], written["tokens"]) == (3, 24)

    others = replace(shard, ids_sha256="0" * 64), replace(shard, rows=4)
    for other in others:
        with pytest.raises(JobError, match="holds other ids than its manifest says"):
            WRITERS[form](other, spec(tmp_path / "refused", form, vocabulary_size))
    assert not list((tmp_path / "refused").glob("shards/*.bin"))


@pytest.mark.parametrize(("vocabulary_size", "kind"), [(1000, "<u2"), (100_000, "<i4")])
def test_the_entry_of_a_bin_has_the_hash_of_its_bytes(
    shard: ShardEntry, tmp_path: Path, vocabulary_size: int, kind: str
) -> None:
    written = WRITERS["megatron"](shard, spec(tmp_path, "megatron", vocabulary_size))
    (entry,) = (file for file in written["files"] if file["path"].endswith(".bin"))
    raw = (tmp_path / entry["path"]).read_bytes()
    assert raw == IDS.astype(kind).tobytes()
    assert entry["sha256"] == hashlib.sha256(raw).hexdigest()
    assert entry["ids_sha256"] == hashlib.sha256(IDS.tobytes()).hexdigest()
