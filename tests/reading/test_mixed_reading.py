"""A mixture as a training run reads it: on real files, at any number of ranks, past a change."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_mixtures import mix, write_bucket, write_buckets
from made_output import GROUP_ROWS, SEQ_LEN, ids_of
from outputs import manifest, publish

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences
from bfpack_spark.versions.manifests import TargetsAccounting

TWO = ("--weight", "web=0.7", "--weight", "code=0.3")
Row = tuple[str, int]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`blend` reads `web` twice and `code` 2.9 times; `more` continues it at position 40."""
    folder = tmp_path_factory.mktemp("mixed")
    write_buckets(folder, {"web": (10, 11, 9), "code": (9,), "math": (8,)})
    mix(folder, "blend", *TWO, "--epochs", "web=2").succeeds()
    other = ("--weight", "math=1", "--weight", "web=1", "--tokens", str(20 * SEQ_LEN))
    mix(folder, "more", *other, "--continues", "blend@40").succeeds()
    return folder


def opened(output: Path, name: str = "blend", **more: Any) -> PackedSequences:
    return PackedSequences(output, **{"mixture": name, "seed": 3, "lanes": 4, **more})


def rows_of(data: PackedSequences, rows: int = 4) -> list[Row]:
    """Bucket and sequence_id of each row that a rank trains on."""
    taken = []
    for batch in data.batches(rows):
        for at, (source, number) in enumerate(
            zip(batch["source"].tolist(), batch["sequence_id"].tolist(), strict=True)
        ):
            assert (batch["input_ids"][at] == ids_of(number)).all()
            taken.append((data.sources[source], number))
    return taken


def test_each_bucket_is_read_in_epochs_of_different_orders(output: Path) -> None:
    rows = rows_of(opened(output))
    web = [number for bucket, number in rows if bucket == "web"]
    code = Counter(number for bucket, number in rows if bucket == "code")
    assert len(rows) == len(opened(output)) == 86
    assert set(Counter(web).values()) == {2}
    assert (code.total(), len(code), min(code.values()), max(code.values())) == (26, 9, 2, 3)
    assert Counter(web[:22]).total() - len(set(web[:22])) <= 1, "the first epoch, but for its end"
    assert web[:30] != web[30:]


def test_all_rows_have_the_names_that_one_bucket_has(tmp_path: Path) -> None:
    """Rows of a bucket without loss masks are all targets, whatever rows are beside them."""
    write_bucket(tmp_path, "plain", (30,))
    with_masks(write_bucket(tmp_path, "chat", (9,)))
    weights = ("--weight", "plain=0.9", "--weight", "chat=0.1")
    mix(tmp_path, "blend", *weights).succeeds()
    data = opened(tmp_path)
    seen = Counter[str]()
    for at, batch in enumerate(data.batches(1)):
        bucket = data.sources[batch["source"][0]]
        assert batch["loss_mask"].dtype == np.int8
        assert int(batch["loss_mask"].sum()) == (SEQ_LEN if bucket == "plain" else SEQ_LEN // 2)
        again = [4 if bucket == "chat" else 0] * int(batch["num_segments"][0])
        assert batch["num_repeated"].tolist() == again
        row = data[at]
        assert row.keys() | {"num_segments"} == batch.keys()
        assert np.array_equal(row["loss_mask"], batch["loss_mask"][0])
        assert np.array_equal(row["num_repeated"], batch["num_repeated"])
        seen[bucket] += 1
    assert min(seen["plain"], seen["chat"]) >= 3


def with_masks(version: Path) -> None:
    """Make this a version of documents with loss masks and an overlap: half of the tokens are
    targets, and each fragment begins with tokens of the one before."""
    for path in (version / "shards").iterdir():
        table = pq.read_table(path)
        rows, masks = len(table), np.tile(np.array([0, 1], dtype=np.int8), SEQ_LEN // 2)
        starts = [[1] * len(lengths) for lengths in table["seq_lengths"].to_pylist()]
        at = table.column_names.index("doc_starts")
        table = table.set_column(at, "doc_starts", pa.array(starts, table.schema.field(at).type))
        table = table.append_column("loss_mask", pa.array([masks] * rows, pa.list_(pa.int8())))
        pq.write_table(table, path, row_group_size=GROUP_ROWS[2])
    held = manifest(version)
    counted = TargetsAccounting.model_fields.items()
    held["accounting"]["targets"] = {name: 0 for name, one in counted if one.is_required()}
    held["inputs"]["configuration"] |= {"long_documents": "slide", "overlap": 4}
    publish(version, held)


def test_what_cannot_be_begun_changes_nothing(output: Path) -> None:
    """The epoch of a mixture is 0."""
    data = opened(output)
    batches = data.batches(2)
    next(batches)
    state = data.state_dict()
    for begin in (lambda: data.set_epoch(1), lambda: data.load_state_dict({**state, "epoch": 3})):
        with pytest.raises(InputError, match="epoch"):
            begin()
        assert data.state_dict() == state


@pytest.mark.parametrize("world_size", [2, 3, 8])
def test_a_mixture_is_the_same_at_any_number_of_ranks(world_size: int, output: Path) -> None:
    whole = rows_of(opened(output))
    views = [opened(output, rank=rank, world_size=world_size) for rank in range(world_size)]
    streams = [rows_of(view) for view in views]
    woven = [row for step in zip(*streams, strict=True) for row in step]
    assert woven == whole[: len(woven)]
    assert len(whole) - len(woven) == 86 % world_size == len(views[0].left_over())


def test_a_stopped_mixture_goes_on_with_other_ranks_and_batches(output: Path) -> None:
    whole = rows_of(opened(output))
    first = opened(output)
    batches = first.batches(5)
    for _ in range(6):
        next(batches)
    state = first.state_dict()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("bfpack-reader") == 1, "for all buckets together"
    batches.close()
    assert state["position"] == 30
    ranks = [opened(output, rank=rank, world_size=2) for rank in range(2)]
    for rank in ranks:
        rank.load_state_dict(state)
    woven = [row for step in zip(*map(rows_of, ranks), strict=True) for row in step]
    assert woven == whole[30:]


def test_new_weights_begin_at_exactly_the_position_that_they_continue(output: Path) -> None:
    old, new = opened(output), opened(output, "more")
    whole = rows_of(new)
    assert len(whole) == 60
    assert whole[:40] == rows_of(old)[:40]
    behind = Counter(bucket for bucket, _ in whole[40:])
    assert behind == {"math": 10, "web": 10}
    web = Counter(number for bucket, number in whole if bucket == "web")
    assert max(web.values()) - min(web.values()) <= 1, "none again before all have come"
    again = opened(output, "more")
    again.load_state_dict({**old.state_dict(), "position": 40})
    assert rows_of(again) == whole[40:]
    with pytest.raises(InputError, match="state: is at position 39 of the older mixture, and"):
        again.load_state_dict({**old.state_dict(), "position": 39})


def test_single_rows_are_those_of_the_stream(output: Path) -> None:
    data = opened(output, "more")
    whole = rows_of(data)
    for position in (0, 39, 40, 59):
        row = data[position] if data.position == 0 else opened(output, "more")[position]
        assert (data.sources[row["source"]], row["sequence_id"]) == whole[position]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"mixture": "x"}, "mixture x: there is none in"),
        ({"mixture": "../x"}, r"mixture \.\./x: there is none in"),
        ({"bucket": "web"}, "bucket web: mixture blend names its buckets"),
        ({"seq_len": 64}, "seq_len 64: mixture blend has 32768"),
        ({"lanes": 3}, "mixture blend: lanes 3: take a power of two"),
        ({"epoch": 1}, "epoch 1: a mixture has epoch 0"),
    ],
)
def test_what_is_no_mixture_is_refused(more: dict[str, Any], said: str, output: Path) -> None:
    with pytest.raises(InputError, match=said):
        opened(output, **more)


def test_a_mixture_that_does_not_fit_its_data_is_refused(tmp_path: Path) -> None:
    version = write_bucket(tmp_path, "web", (10,))
    mix(tmp_path, "blend", "--weight", "web=1")
    path = tmp_path / "_mixtures/blend.json"
    held = path.read_text()
    path.write_text(held.replace('"rows": 10', '"rows": 11'))
    with pytest.raises(InputError, match=rf"blend\.json: version '{version.name}' is another one"):
        opened(tmp_path)
    path.write_text(held.replace('"rows_drawn": 10', '"rows_drawn": -1'))
    with pytest.raises(InputError, match=r"blend\.json: rows_drawn -1 is no count"):
        opened(tmp_path)
