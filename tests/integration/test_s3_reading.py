"""A training run reads from S3 what it would read from a disk."""

from pathlib import Path

import pytest
from made_output import SEQ_LEN, write_output
from s3_store import Store

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.reading import PackedSequences


def test_rows_come_from_a_store_as_from_a_disk(within: Store, tmp_path: Path) -> None:
    write_output(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            name = f"data/trained/{path.relative_to(tmp_path).as_posix()}"
            with within.fs.open_output_stream(name, compression=None) as stream:
                stream.write(path.read_bytes())
    place = {"bucket": "b", "seq_len": SEQ_LEN, "seed": 1}
    there = PackedSequences("s3://data/trained", verify="sha256", **place)
    local = [
        batch["sequence_id"].tolist() for batch in PackedSequences(tmp_path, **place).batches(4)
    ]
    assert [batch["sequence_id"].tolist() for batch in there.batches(4)] == local
    assert there.documents(3) == PackedSequences(tmp_path, **place).documents(3)
    with pytest.raises(InputError, match="no sequences of 8 are published in s3://data/trained"):
        PackedSequences("s3://data/trained", bucket="b", seq_len=8)
    (shard, *_) = [name for name in within.objects("data/trained") if name.endswith("parquet")]
    within.fs.delete_file(f"data/trained/{shard}")
    with pytest.raises(JobError, match=rf"s3://data/trained/{shard}: row group"):
        list(there.batches(4, start=0))
