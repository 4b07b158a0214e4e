"""Loss masks from the user's columns to the rows of shards, and to labels."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from conftest import Bfpack
from conversations import BUCKET, conversations, options, pack, pieces_of, whole, write
from outputs import current, manifest, shard_hashes

from bfpack_spark.reading import PackedSequences, layouts

HELD = conversations(120)
TARGETS = ("--loss-mask-column", "mask")


def test_masks_come_to_the_shards_whole_and_at_their_tokens(bfpack: Bfpack, tmp_path: Path) -> None:
    version = pack(bfpack, tmp_path, write(tmp_path / "in", HELD), *TARGETS)
    assert pieces_of(version) == whole(HELD)
    shard = next((version / "shards").glob("*"))
    schema = pq.read_schema(shard)
    assert schema.field("loss_mask").type == pa.list_(pa.field("element", pa.int8()))
    assert json.loads(schema.metadata[b"bfpack.loss_mask"]) is True
    bfpack("verify", "--output", tmp_path / "out", "--seq-len", 512).succeeds()
    store = current(tmp_path / "out", BUCKET, "tokens")
    stored = pq.read_table(store / "documents").to_pylist()
    assert {row["doc_id"]: list(row["loss_mask"]) for row in stored} == {
        c.name: c.stored[1] for c in HELD
    }
    targets = sum(sum(c.stored[1][1:]) for c in HELD)
    assert manifest(store)["accounting"]["targets"] == targets
    data = PackedSequences(tmp_path / "out", bucket=BUCKET, seq_len=512)
    labels = [layouts.labels(batch) for batch in data.batches(1)]
    assert sum(int((each != -100).sum()) for each in labels) == targets


def test_new_conversations_beside_old_ones_are_added_with_their_targets(
    bfpack: Bfpack, tmp_path: Path
) -> None:
    """And the stages one by one make the same shards; the text anew is compared with its masks."""
    given = write(tmp_path / "in", HELD[:80])
    pack(bfpack, tmp_path, given, *TARGETS)
    (write(tmp_path / "more", HELD[80:]) / "a.parquet").rename(given / "b.parquet")
    version = pack(bfpack, tmp_path, given, *TARGETS)
    assert pieces_of(version) == whole(HELD)
    account = manifest(version)["accounting"]["targets"]
    assert account["num_targets_packed"] == sum(sum(c.stored[1][1:]) for c in HELD)
    where = ("--output", tmp_path / "out", "--seq-len", 512)
    ran = bfpack("verify", *where, "--input", given).succeeds()
    assert f"{len(HELD)} documents equal their text" in ran.out
    anew = tmp_path / "anew"
    anew.mkdir()
    told = [o for o in options(anew, given, *TARGETS) if o not in ("--pad-token", "<|pad|>")]
    bfpack("tokenize", *told).succeeds()
    where = ("--output", anew / "out", "--bucket", BUCKET, "--seq-len", 512)
    for stage in ("plan", "assemble"):
        bfpack(stage, *where, "--pad-token", "<|pad|>").succeeds()
    one_by_one = current(anew / "out", BUCKET, "sequences-512")
    assert shard_hashes(one_by_one) == shard_hashes(version)
