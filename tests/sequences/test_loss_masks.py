"""Loss masks from the user's columns to the rows of shards, and to labels."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conversations import BUCKET, Bfpack, conversations, pack, pieces_of, whole, write
from outputs import current, manifest

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
    ran = bfpack("verify", "--output", tmp_path / "out", "--seq-len", 512)
    assert ran.code == 0, ran.out
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


@pytest.mark.parametrize("column", ["labels", "JSONL", "bytes", "bools"])
def test_every_way_to_tell_targets_gives_the_same_shards(
    column: str, bfpack: Bfpack, tmp_path: Path
) -> None:
    expected = whole(HELD)
    more: tuple[object, ...] = TARGETS
    given = tmp_path / "in"
    if column == "JSONL":
        given.mkdir()
        lines = [{"id": c.name, "ids": c.ids, "mask": [bool(m) for m in c.mask]} for c in HELD]
        (given / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    elif column == "labels":
        more = ("--labels-column", "labels")
        write(given, HELD)
    else:
        kind = pa.binary() if column == "bytes" else pa.list_(pa.bool_())
        change = bytes if column == "bytes" else lambda mask: [bool(m) for m in mask]
        table = pq.read_table(write(given, HELD) / "a.parquet")
        masks = pa.array([change(c.mask) for c in HELD], kind)
        table = table.set_column(table.schema.get_field_index("mask"), "mask", masks)
        pq.write_table(table, given / "a.parquet")
    assert pieces_of(pack(bfpack, tmp_path, given, *more)) == expected
