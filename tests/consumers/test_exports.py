"""Exports read by the code of the trainers that they are for: megatron-core and mosaicml-streaming.

The rows are those of tests/data/output-1 at 64: 78 rows of 60 documents. EOS is 0, and padding is
EOS, or in a copy another id, 300, which no text has.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import DType, IndexedDataset, IndexedDatasetBuilder
from megatron.core.datasets.utils import Split
from streaming import MDSWriter, StreamingDataset
from streaming.base.compression import decompress

from bfpack_spark.exporting.mds import index_of
from bfpack_spark.exporting.rows import ShardEntry
from bfpack_spark.exporting.write_files import WRITERS, ExportSpec

KEPT = Path(__file__).parents[1] / "data" / "output-1" / "output" / "b" / "sequences-64"
SEQ_LEN = 64
EOS = 0
LARGE = 200_000  # a vocabulary that needs int32


@dataclass(frozen=True)
class Packed:
    """A shard, and its rows: ids [78, 64], and the lengths of the segments of each."""

    path: Path
    ids: np.ndarray
    lengths: list[list[int]]
    pad: int


@pytest.fixture(scope="module", params=[EOS, 300], ids=["padding is EOS", "padding is no EOS"])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    (source,) = KEPT.glob("*/shards/*.parquet")
    rows = pq.read_table(source).to_pylist()
    for row in rows:
        row["input_ids"][row["num_tokens"] :] = [request.param] * row["num_padding"]
    path = tmp_path_factory.mktemp("shards") / "part-00000.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(source)), path)
    assert sum(row["num_padding"] > 0 for row in rows) > 5
    ids = np.array([row["input_ids"] for row in rows], dtype=np.int32)
    return Packed(path, ids, [row["seq_lengths"] for row in rows], request.param)


def export(form: str, packed: Packed, work: Path, vocabulary_size: int = 305) -> Path:
    """What a worker writes of the shard; the directory of the files."""
    root = work / "b" / f"{form}-64" / "0123456789abcdef"
    spec = ExportSpec(
        root=str(root),
        form=form,  # type: ignore[arg-type]
        seq_len=SEQ_LEN,
        vocabulary_size=vocabulary_size,
        eos_id=EOS,
    )
    digest = hashlib.sha256(packed.ids.tobytes()).hexdigest()
    entry = ShardEntry(shard=0, path=str(packed.path), rows=len(packed.ids), ids_sha256=digest)
    said = WRITERS[spec.form](entry, spec)
    if form == "mds":
        (root / "shards" / "index.json").write_bytes(index_of(said["described"]))
    return root / "shards"


@pytest.mark.parametrize("vocabulary_size", [305, LARGE])
def test_an_indexed_dataset_is_the_bytes_of_megatrons_own_builder(
    packed: Packed, tmp_path: Path, vocabulary_size: int
) -> None:
    shards = export("megatron", packed, tmp_path, vocabulary_size)
    kind = DType.optimal_dtype(vocabulary_size)
    builder = IndexedDatasetBuilder(str(tmp_path / "own.bin"), dtype=kind)
    for row in packed.ids:
        builder.add_document(torch.from_numpy(row), [len(row)])
    builder.finalize(str(tmp_path / "own.idx"))
    for ending in ("bin", "idx"):
        own = (tmp_path / f"own.{ending}").read_bytes()
        assert (shards / f"part-00000.{ending}").read_bytes() == own
    dataset = IndexedDataset(str(shards / "part-00000"))
    assert np.array_equal(np.stack([dataset[n] for n in range(len(dataset))]), packed.ids)
    assert dataset.document_indices.tolist() == list(range(len(packed.ids) + 1))


def samples_of(packed: Packed, work: Path, extra_token: bool) -> Iterator[dict[str, torch.Tensor]]:
    """One epoch of GPTDataset, with the settings that exporting/README.md gives."""
    prefix = str(export("megatron", packed, work) / "part-00000")
    pad = packed.pad if packed.pad != EOS else -1
    # A stub of a tokenizer: what GPTDataset asks one for.
    special = {"eod": EOS, "pad": pad, "vocab_size": 305, "special_tokens_dict": {}}
    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=SEQ_LEN,
        split="1,0,0",
        path_to_cache=str(work / "cache"),
        tokenizer=SimpleNamespace(**special, unique_identifiers={}),
        reset_position_ids=True,
        reset_attention_mask=True,
        eod_mask_loss=True,
        add_extra_token_to_sequence=extra_token,
    )
    indices = np.arange(len(packed.ids), dtype=np.int32)
    found = GPTDataset(IndexedDataset(prefix), prefix, indices, None, Split.train, config)
    return (found[number] for number in range(len(found)))


def test_megatron_trains_on_each_row_as_it_was_packed(packed: Packed, tmp_path: Path) -> None:
    """Positions and attention start again in each segment; no label lies across a border, and none
    on padding."""
    # Megatron gives the model 0 for a pad token of its own.
    seen_as = np.where(packed.ids == packed.pad, 0, packed.ids) if packed.pad else packed.ids
    rows = {row.astype(np.int64).tobytes(): number for number, row in enumerate(seen_as)}
    assert len(rows) == len(packed.ids)
    seen, labels = set(), 0
    for sample in samples_of(packed, tmp_path, extra_token=False):
        number = rows[sample["tokens"].numpy().tobytes()]
        seen.add(number)
        positions, targets, document = expected(packed, number)
        assert sample["position_ids"].tolist() == positions
        assert (sample["loss_mask"] > 0).tolist() == targets
        following = np.roll(packed.ids[number], -1)[targets]
        assert sample["labels"].numpy()[targets].tolist() == following.tolist()
        visible = (document[:, None] == document) & np.tril(np.ones((SEQ_LEN, SEQ_LEN), bool))
        assert np.array_equal(~sample["attention_mask"][0].numpy(), visible)
        labels += sum(targets)
    assert seen == set(range(len(packed.ids)))
    assert labels > packed.ids.size / 2


def expected(packed: Packed, number: int) -> tuple[list[int], list[bool], np.ndarray]:
    """Position, whether the next token is a target, and the document of each token. Where padding
    is EOS, or is given to the model as EOS, each token of it is a document for Megatron."""
    positions: list[int] = []
    targets: list[bool] = []
    documents: list[int] = []
    for length in packed.lengths[number]:
        own = packed.ids[number][len(positions) : len(positions) + length]
        is_padding = bool((own == packed.pad).all())
        apart = is_padding and packed.pad == EOS
        first = max(documents, default=-1) + 1
        targets += [not is_padding] * (length - 1) + [False]
        positions += [0] * length if apart else list(range(length))
        documents += [first + (n if apart else 0) for n in range(length)]
    return positions, targets, np.array(documents)


def test_an_extra_token_trains_the_last_label_on_another_row(
    packed: Packed, tmp_path: Path
) -> None:
    """Why exporting/README.md says add_extra_token_to_sequence=False."""
    samples = list(samples_of(packed, tmp_path, extra_token=True))
    assert len(samples) == len(packed.ids) - 1
    across = [sample for sample in samples if sample["loss_mask"][-1] > 0]
    firsts = set(packed.ids[:, 0].tolist())
    assert across
    assert {int(sample["labels"][-1]) for sample in across} <= firsts


def test_streaming_reads_rows_from_the_bytes_of_its_own_writer(
    packed: Packed, tmp_path: Path
) -> None:
    shards = export("mds", packed, tmp_path)
    ends = np.cumsum([0, *map(len, packed.lengths)])
    flat = np.concatenate(packed.lengths).astype(np.int32)
    samples = [
        {"tokens": ids, "seq_lengths": flat[begin:end]}
        for ids, (begin, end) in zip(packed.ids, pairwise(ends), strict=True)
    ]
    columns = {"tokens": f"ndarray:int32:{SEQ_LEN}", "seq_lengths": "ndarray:int32"}
    how = {"compression": "zstd:1", "hashes": ["sha256"], "size_limit": None}
    with MDSWriter(out=str(tmp_path / "own"), columns=columns, **how) as writer:
        for sample in samples:
            writer.write(sample)
    ours, own = (
        json.loads((folder / "index.json").read_text())["shards"][0]
        for folder in (shards, tmp_path / "own")
    )
    assert raw_of(shards, ours) == raw_of(tmp_path / "own", own)
    told = [{**one, "zip_data": None, "raw_data": one["raw_data"]["hashes"]} for one in (ours, own)]
    assert told[0] == told[1]
    local = str(tmp_path / "local")
    dataset = StreamingDataset(
        remote=str(shards), local=local, batch_size=1, validate_hash="sha256"
    )
    assert len(dataset) == len(samples)
    for number, wanted in enumerate(samples):
        for name, values in wanted.items():
            assert dataset[number][name].dtype == np.int32
            assert np.array_equal(dataset[number][name], values)


def raw_of(folder: Path, shard: dict[str, dict[str, str]]) -> bytes:
    return decompress("zstd:1", (folder / shard["zip_data"]["basename"]).read_bytes())
