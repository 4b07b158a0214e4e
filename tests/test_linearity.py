"""What the job moves and holds, as counts: linear in the corpus, bounded a batch."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bfpack_spark.schema import SEGMENTS, TOKENS, plain
from bfpack_spark.stages import assemble_sequences
from bfpack_spark.storage.corpus import read_documents
from bfpack_spark.storage.documents import Columns
from bfpack_spark.storage.inventory import split_inventory, take_inventory
from bfpack_spark.storage.parquet_output import ParquetOutput, token_values
from bfpack_spark.storage.segment_blocks import to_blocks

SHARDS = 64


def moved_bytes(num_segments: int) -> tuple[int, int]:
    """Bytes of the blocks of so many segments of 500 tokens, and of their tokens. The ids are drawn
    from 128k, so nothing repeats that LZ4 could take out."""
    generator = np.random.default_rng(0)
    ids = generator.integers(0, 1 << 17, 500 * num_segments).astype("<i4")
    number = np.arange(num_segments)
    columns = {
        "shard": number % SHARDS,
        "sequence_id": number,
        "position": number % 4,
        "offset": number % 2048,
        "doc_id": [f"corpus/part-00000.parquet#{n}" for n in number],
        "start": number * 0,
        "length": np.full(num_segments, 500),
        "doc_length": np.full(num_segments, 500),
        "tokens": [part.tobytes() for part in np.split(ids, num_segments)],
    }
    table = pa.Table.from_pydict(columns, schema=plain(SEGMENTS))
    blocks = to_blocks(iter(table.to_batches(max_chunksize=1000)))
    return sum(block.nbytes for block in blocks), ids.nbytes


def test_tokens_cross_the_network_once_and_what_goes_with_them_is_small() -> None:
    moved, tokens = moved_bytes(4000)
    assert 0.5 * tokens < moved <= 1.15 * tokens


def test_what_is_moved_is_linear_in_the_corpus() -> None:
    (once, _), (twice, _) = moved_bytes(4000), moved_bytes(8000)
    assert twice == pytest.approx(2 * once, rel=0.01)


@pytest.mark.parametrize("seq_len", [64, 4096])
def test_a_long_document_is_cut_once_in_batches_of_bounded_size(
    seq_len: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300,000 tokens in pieces of seq_len: every token leaves once, at most 2^14 and a piece at a
    time."""
    monkeypatch.setattr(assemble_sequences, "_BATCH_TOKENS", 1 << 14)
    length = 300_000
    output = ParquetOutput(str(tmp_path), "part-0.parquet", TOKENS)
    raw = np.arange(length, dtype="<i4").tobytes()
    rows = {"doc_id": ["long"], "length": [length], "tokens": [raw]}
    output.write(pa.Table.from_pydict(rows, schema=plain(TOKENS)))
    output.close("documents", length, None)
    start = np.arange(0, length, seq_len)
    planned = {
        "doc_id": ["long"] * len(start),
        "sequence_id": np.arange(len(start)),
        "position": np.zeros(len(start), np.int32),
        "offset": np.zeros(len(start), np.int32),
        "start": start,
        "length": np.minimum(seq_len, length - start).astype(np.int32),
        "doc_length": np.full(len(start), length),
        "file": np.zeros(len(start), np.int32),
        "row": np.zeros(len(start), np.int64),
    }
    made = assemble_sequences._cut_tokens(
        iter([pa.RecordBatch.from_pydict(planned)]),
        token_paths=[f"{tmp_path}/part-0.parquet"],
        starts=np.array([0, len(start)]),
    )
    sizes = [len(token_values(batch.column("tokens"))) for batch in made]
    assert len(sizes) > 10
    assert sum(sizes) == length
    assert max(sizes) <= (1 << 14) + seq_len


def largest_batch(folder: Path, num_documents: int) -> int:
    """Bytes of text of the largest batch that a worker holds; one row group of documents of
    10 kB."""
    folder.mkdir()
    texts = [f"{number:08d}" * 1250 for number in range(num_documents)]
    pq.write_table(pa.table({"text": texts}), folder / "part-0.parquet")
    inventory = take_inventory(str(folder), "parquet")
    columns = Columns(content="text", doc_id=None, tokens=False)
    batches = read_documents(split_inventory(inventory, 1), "parquet", columns, 1 << 28)
    return max(documents.content.nbytes for documents in batches)


def test_the_largest_batch_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    sizes = [largest_batch(tmp_path / str(count), count) for count in (5000, 10_000)]
    assert sizes[1] <= 1.01 * sizes[0] < 5000 * 10_000
