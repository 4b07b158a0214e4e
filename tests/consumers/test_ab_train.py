"""The training run that compares packings: its arms, what they are asked, and its tables."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences
from bfpack_spark.tokens.stored_ids import ids_of_row
from bfpack_spark.tokens.token_store import open_token_store
from bfpack_spark.versions.publication import Home

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

import ab_tasks  # noqa: E402  (it lies in scripts/)
import ab_train  # noqa: E402

STORED = ROOT / "tests/data/output-1/output"
SMALL = [
    *("--seeds", "2", "--steps", "4", "--every", "2", "--rows", "3"),
    *("--layers", "1", "--width", "8", "--heads", "2"),
]
CONCAT, MASKED, BEST_FIT, CUT = ab_train.ARMS
TINY = ab_train.Size(layers=2, width=8, heads=2, rows=3, steps=3, every=1, learning_rate=0.01)


def ids_of(*lengths: int) -> list[np.ndarray]:
    """Documents of these lengths, whose ids are all different."""
    ends = np.cumsum(lengths)
    return [np.arange(end - n, end) + 1 for n, end in zip(lengths, ends, strict=True)]


def batch_of(*lengths: int) -> dict[str, Any]:
    """One row of documents that fill it."""
    return {
        "input_ids": np.arange(1, sum(lengths) + 1, dtype=np.int32)[None],
        "seq_lengths": np.array(lengths, dtype=np.int32),
        "num_segments": np.array([len(lengths)], dtype=np.int32),
        "is_padding": np.zeros(len(lengths), dtype=bool),
    }


def cells(table: str) -> list[list[str]]:
    return [re.split(r" \| ", line.strip("| ")) for line in table.strip().splitlines()]


@pytest.mark.parametrize(
    ("packing", "rows"),
    [
        ("best_fit", [[3, 5], [8], [6, 2], [7]]),
        ("concat", [[8], [6, 2], [5, 3], [2, 2, 3]]),
    ],
)
def test_documents_are_packed_as_the_paper_says(packing: str, rows: list[list[int]]) -> None:
    documents = ids_of(14, 7, 5, 2, 3)
    batch = ab_tasks.packed(documents, packing, 8)
    ends = np.cumsum(batch["num_segments"])
    real = batch["seq_lengths"] * ~batch["is_padding"]
    held = [row[row > 0].tolist() for row in np.split(real, ends[:-1])]
    in_order = held if packing == "concat" else map(sorted, held)
    assert sorted(in_order) == sorted(rows if packing == "concat" else map(sorted, rows))
    flat, reached = batch["input_ids"].reshape(-1), 0
    segments = zip(batch["document"], batch["start"], batch["seq_lengths"], strict=True)
    for document, start, length in segments:
        ids = flat[reached : reached + length]
        expected = documents[document][start : start + length] if document >= 0 else [0] * length
        assert ids.tolist() == list(expected)
        reached += length
    assert reached == flat.size


def test_both_buckets_of_a_lookup_hold_the_same_documents(tmp_path: Path) -> None:
    task = ab_tasks.lookup_task(str(tmp_path), 64, 3000, seed=1)
    held = {}
    for packing, bucket in task.buckets.items():
        data = PackedSequences(tmp_path, bucket=bucket, seq_len=64)
        rows = np.concatenate([batch["input_ids"] for batch in data.batches(8)]).reshape(-1)
        places = [one for one in data.documents(0, data.num_rows) if one.doc_id is not None]
        reached = np.array([one.position * 64 + one.offset for one in places])
        pieces: dict[tuple[str | None, int], list[int]] = {
            (one.doc_id, one.doc_start): rows[at : at + one.length].tolist()
            for one, at in zip(places, reached, strict=True)
        }
        documents: dict[str | None, list[int]] = {}
        for doc_id, _ in sorted(pieces, key=str):
            documents[doc_id] = []
        for doc_id, start in sorted(pieces):
            documents[doc_id] += pieces[doc_id, start]
        held[packing] = documents
        is_whole = all(one.length == one.doc_length for one in places)
        assert is_whole == (packing == "best_fit")
    assert held["concat"] == held["best_fit"]
    assert len(held["concat"]) > 30


@pytest.mark.parametrize("uses", [1, 2, 7])
def test_a_conflict_is_a_use_of_what_the_document_alone_defines(uses: int) -> None:
    generator = np.random.default_rng(3)
    usual = generator.integers(ab_tasks.VALUES, size=ab_tasks.NAMES)
    conflicts = 0
    for _ in range(40):
        ids, kinds = ab_tasks.lookup_document(generator, usual, 64, uses)
        assert len(ids) == len(kinds) <= 64
        assert (ids[-1], kinds[-1]) == (ab_tasks.EOS, 0)
        defined: dict[int, int] = {}
        for at in range(0, len(ids) - 1, 2):
            name, value = ids[at : at + 2].tolist()
            is_use = name in defined
            assert defined.setdefault(name, value) == value
            unusual = value != ab_tasks.FIRST + ab_tasks.NAMES + usual[name - ab_tasks.FIRST]
            assert kinds[at : at + 2].tolist() == [0, is_use * (2 if unusual else 1)]
            conflicts += is_use and unusual
        used = np.unique_counts(ids[: 2 * len(defined) * (1 + uses) : 2])
        assert len(defined) >= 2
        assert (used.counts == 1 + uses).all()
        assert len(ids) == 2 * len(defined) * (1 + uses) + 1
    assert conflicts > 40


def test_a_row_is_cut_once_more_and_not_where_a_document_ends() -> None:
    generator = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        cut = ab_train.cut_once(batch_of(3, 1, 2), generator)
        assert cut["num_segments"].tolist() == [4]
        assert len(cut["is_padding"]) == 4
        seen.add(tuple(cut["seq_lengths"].tolist()))
    assert seen == {(1, 2, 1, 2), (2, 1, 1, 2), (3, 1, 1, 1)}


def test_padding_is_not_cut() -> None:
    batch = batch_of(1, 5) | {"is_padding": np.array([False, True])}
    cut = ab_train.cut_once(batch, np.random.default_rng(0))
    assert cut["seq_lengths"].tolist() == [1, 5]
    assert cut["num_segments"].tolist() == [2]


def test_a_mask_hides_other_documents_and_nothing_else() -> None:
    torch.manual_seed(0)
    model = ab_train.Gpt(TINY, vocabulary=20, seq_len=8)
    row, alone = batch_of(3, 5), batch_of(5)
    alone["input_ids"] = row["input_ids"][:, 3:]
    with torch.no_grad():
        masked, labels = ab_train.predicted(model, row, MASKED)
        whole, _ = ab_train.predicted(model, row, CONCAT)
        expected, _ = ab_train.predicted(model, alone, CONCAT)
    assert torch.allclose(masked[:, 3:], expected, atol=1e-6)
    assert torch.allclose(masked[:, :3], whole[:, :3], atol=1e-6)
    assert not torch.allclose(whole[:, 3:], expected, atol=1e-3)
    assert labels.tolist() == [[2, 3, -100, 5, 6, 7, 8, -100]]


def test_the_smallest_lookup_prints_its_three_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "lookup.svg"
    ab_train.main(["--lookup", *SMALL, "--seq-len", "64", "--plot", str(drawn)])
    about, by_step, at_end, compared = capsys.readouterr().out.strip().split("\n\n")
    assert about.startswith("2 seeds, 4 steps of 3 x 64 tokens, ")
    assert cells(by_step)[0] == ["right: conflicts, at step", *(arm.name for arm in ab_train.ARMS)]
    assert [row[0] for row in cells(by_step)[2:]] == ["2", "4"]
    last = {row[0]: row[1:] for row in cells(at_end)[2:]}
    assert last["right: conflicts"] == cells(by_step)[-1][1:]
    assert last["steps until half of conflicts are right"] == ["0 of 2 seeds"] * 4
    assert len({*last["loss: conflicts"]}) > 1, "arms differ"
    for row in cells(compared)[2:-1]:
        for cell in row[1:]:
            lower, higher = map(int, re.findall(r"(\d+) (?:lower|higher)", cell))
            assert lower + higher <= 2
    assert "best fit, masked, cut" in drawn.read_text()


def test_arms_of_a_seed_begin_alike_and_are_the_same_when_run_again(tmp_path: Path) -> None:
    task = ab_tasks.lookup_task(str(tmp_path), 64, 3000, seed=0)
    first = [ab_train.train(task, MASKED, TINY, seed) for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
    still = ab_train.Size(layers=2, width=8, heads=2, rows=3, steps=1, every=1, learning_rate=0.0)
    begins = [ab_train.train(task, arm, still, 0) for arm in ab_train.ARMS]
    assert begins == [begins[0]] * 4


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ([1.0, 2.0], [2.0, 4.0], "-1.500 ± 0.707; 2 lower, 0 higher"),
        ([1.0, 2.0], [1.0, 1.0], "0.500 ± 0.707; 0 lower, 1 higher"),
        ([30.0, ab_train.NEVER], [50.0, ab_train.NEVER], "1 lower, 0 higher"),
        ([30.0, 20.0], [50.0, ab_train.NEVER], "2 lower, 0 higher"),
    ],
)
def test_a_difference_has_its_deviation_and_its_signs(
    one: list[float], other: list[float], said: str
) -> None:
    score = np.array([other, one, other, other])
    assert next(ab_train.differences(score)) == said


def test_half_is_reached_between_two_times_of_asking() -> None:
    points = [{"right": value} for value in (0.0, 0.25, 0.75, 1.0)]
    assert ab_train.half_way(points, "right", every=10) == 25
    assert ab_train.half_way(points[:2], "right", every=10) == ab_train.NEVER


@pytest.fixture(scope="module")
def two_packings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored output, whose bucket `b` is packed by best fit, and `c` of the same documents."""
    output = tmp_path_factory.mktemp("two")
    for bucket in ("b", "c"):
        shutil.copytree(STORED / "b" / "tokens", output / bucket / "tokens")
    shutil.copytree(STORED / "b" / "sequences-64", output / "b" / "sequences-64")
    store = open_token_store(str(STORED), "b")
    rows = [row for path in store.paths for row in pq.read_table(path).to_pylist()]
    documents = {row["doc_id"]: ids_of_row(row) for row in rows}
    home = Home(output=str(output), bucket="c", seq_len=64)
    ab_tasks.write_bucket(home, "concat", documents, store.manifest.fingerprint)
    other = Home(output=str(output), bucket="other", seq_len=64)
    ab_tasks.write_bucket(other, "concat", documents, "1" * 64)
    return output


def test_two_packings_of_an_output_are_compared_by_loss(
    two_packings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buckets = ["--bucket", "c", "--bucket", "b", "--seq-len", "64"]
    ab_train.main(["--output", str(two_packings), *buckets, *SMALL])
    _, by_step, at_end, _ = capsys.readouterr().out.strip().split("\n\n")
    assert cells(by_step)[0][0] == "loss: all, at step"
    measures = {row[0]: row[1:] for row in cells(at_end)[2:]}
    # b-21 is the one that is held out and fits; it has 22 tokens.
    assert {name for name in measures if name.startswith("loss")} == {
        *("loss: all", "loss: tokens 0 to 15", "loss: tokens 16 to 31"),
    }
    assert all(0 < float(cell.split()[0]) < 20 for cell in measures["loss: all"])


def test_documents_that_are_held_out_are_no_targets(two_packings: Path) -> None:
    task = ab_tasks.buckets_task(str(two_packings), ["b", "c"], 64)
    for arm in (CONCAT, BEST_FIT):
        bucket = task.buckets[arm.packing]
        data = PackedSequences(two_packings, bucket=bucket, seq_len=64, seed=5)
        batch = next(ab_train.rows_of(task, arm, data.num_rows, 5))
        segments = data.documents(0, data.num_rows)
        held = [s.doc_id is None or ab_tasks.is_held_out(s.doc_id) for s in segments]
        assert 3 < sum(held) < len(held)
        assert batch["is_padding"].tolist() == held


@pytest.mark.parametrize("buckets", [["b"], ["b", "b"], ["b", "other"], ["c", "other"]])
def test_two_buckets_of_one_token_store_are_asked_for(
    two_packings: Path, buckets: list[str]
) -> None:
    with pytest.raises(InputError, match=r"--bucket .*: need the same documents packed by"):
        ab_tasks.buckets_task(str(two_packings), buckets, 64)


def test_uses_of_names_are_found_in_tokens() -> None:
    store = open_token_store(str(STORED), "b")
    engine = ab_tasks.Tokenizer.from_str(store.tokenizer_json().decode())
    text = "learn = 1\nprint(learn, documents)\nlearn += 2\n"
    ids = np.array([*engine.encode(text, add_special_tokens=False).ids, store.tokenizer.eos_id])
    uses = ab_tasks.uses_of_names(ids, store)
    assert uses.sum() == 2
    for at in np.flatnonzero(uses).tolist():
        assert engine.decode(ids[at:-1].tolist()).lstrip("(").startswith("learn")
    assert not ab_tasks.uses_of_names(ids[3:], store).all()


def test_rows_that_hold_no_lookup_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--seq-len 19: two names, used 4 times, need 21 or more"):
        ab_tasks.lookup_task(str(tmp_path), 19, 100, seed=0, uses=4)
