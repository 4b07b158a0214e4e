"""What grows and what must not, as counts: bytes and rows moved, the largest batch."""

import functools
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack
from core.oracle import rules
from outputs import current, manifest
from plan.stored import write_tokens
from pyspark.sql import SparkSession
from trained import byte_level, vocabulary

from bfpack_spark.core.fragments import cut_documents
from bfpack_spark.core.groups import sequences_per_group
from bfpack_spark.core.histogram import Histogram
from bfpack_spark.corpus.coverage import Tally
from bfpack_spark.corpus.documents import Columns, ReadingSizes
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.plan.plan_sequences import PlanSpec, plan_blocks
from bfpack_spark.schema import DEALT_IDS, GROUPED, LOCATED, SEGMENTS
from bfpack_spark.sequences.assemble_sequences import CutSpec, cut_file
from bfpack_spark.sequences.shard_files import ShardSpec, write_shards
from bfpack_spark.spark.blocks import to_blocks
from bfpack_spark.tokenizing.tokenize_documents import TokenizeSpec
from bfpack_spark.tokens.find_repeated_ids import count_ids
from bfpack_spark.tokens.tokenize_text import read_splits, tokenize_rows

LARGEST_ID = 2**30  # random ids up to here do not compress
SEQ_LEN = 1024


# What crosses the network


@dataclass
class Shuffled:
    """Written by all stages of a command."""

    rows: int = 0
    num_bytes: int = 0


@contextmanager
def counted(spark: SparkSession) -> Iterator[Shuffled]:
    """What Spark shuffles in this block, by its own metrics."""
    total = Shuffled()
    before = {stage.stageId() for stage in stages(spark)}
    yield total
    for stage in stages(spark):
        if stage.stageId() not in before:
            total.rows += stage.shuffleWriteRecords()
            total.num_bytes += stage.shuffleWriteBytes()


def stages(spark: SparkSession) -> list:  # type: ignore[type-arg]
    gateway, context = spark.sparkContext._gateway, spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    none, quantiles = gateway.jvm.java.util.ArrayList(), gateway.new_array(gateway.jvm.double, 0)
    found = context.statusStore().stageList(none, False, False, quantiles, none)
    return [found.apply(n) for n in range(found.size())]


def token_store(bfpack: Bfpack, folder: Path, num_documents: int) -> list[object]:
    """Documents of 100 to 900 random ids, tokenized; the options that name the store."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(100, 900, num_documents)
    ids = [generator.integers(0, LARGEST_ID, size, dtype=np.int32).tobytes() for size in lengths]
    (folder / "corpus").mkdir(parents=True)
    names = [f"document {n}" for n in range(num_documents)]
    pq.write_table(pa.table({"name": names, "ids": ids}), folder / "corpus" / "a.parquet")
    tokenizer = {"model": {"vocab": {"<|endoftext|>": 0, "largest": LARGEST_ID}}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    where = ["--output", folder / "out", "--bucket", "b"]
    bfpack(
        *("tokenize", *where, "--input", folder / "corpus", "--tokenizer"),
        *(folder / "tokenizer.json", "--tokens-column", "ids", "--id-column", "name"),
    ).succeeds()
    return where


@pytest.fixture(scope="module")
def shuffled(
    spark: SparkSession, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], Shuffled]:
    """What plan and assemble shuffle for 2,000 and 4,000 documents, in groups of 500, and the
    bytes of their tokens."""
    found = {}
    for num_documents in (2000, 4000):
        folder = tmp_path_factory.mktemp("store")
        where = [*token_store(bfpack, folder, num_documents), "--seq-len", SEQ_LEN]
        for name in ("plan", "assemble"):
            with counted(spark) as found[name, num_documents]:
                ran = bfpack(name, *where, "--group-documents-max", 500)
            assert ran.code == 0, ran.err
        totals = manifest(current(folder / "out", "b", f"sequences-{SEQ_LEN}"))["totals"]
        found["tokens", num_documents] = Shuffled(num_bytes=4 * totals["tokens"])
    return found


@pytest.mark.parametrize("stage", ["plan", "assemble"])
def test_twice_the_documents_are_twice_the_bytes(
    shuffled: dict[tuple[str, int], Shuffled], stage: str
) -> None:
    less, more = shuffled[stage, 2000], shuffled[stage, 4000]
    assert more.num_bytes > 100_000
    assert 1.7 < more.num_bytes / less.num_bytes < 2.1
    assert more.rows / less.rows < 2.1


def test_documents_are_shuffled_in_blocks_to_be_planned(
    shuffled: dict[tuple[str, int], Shuffled],
) -> None:
    """A row is a block of many documents or lengths."""
    for num_documents in (2000, 4000):
        assert 1 < shuffled["plan", num_documents].rows < 50


def test_tokens_cross_the_network_once(shuffled: dict[tuple[str, int], Shuffled]) -> None:
    token_bytes = shuffled["tokens", 4000].num_bytes
    assert token_bytes < shuffled["assemble", 4000].num_bytes < 1.15 * token_bytes


# What a worker holds at once


def tokenized(folder: Path, num_documents: int) -> list[int]:
    """Bytes of each batch that comes from the engine, of documents of 1 to 3 kB."""
    folder.mkdir()
    texts = ["some words to learn, " * (50 + n % 100) for n in range(num_documents)]
    pq.write_table(pa.table({"text": texts}), folder / "a.parquet", use_dictionary=False)
    inventory = take_inventory(str(folder), None)
    spec = TokenizeSpec(
        input_format=inventory.format,
        columns=Columns(content="text", doc_id=None),
        vocabulary=vocabulary(byte_level()),
        engine="fastokens",
        max_document_bytes=1 << 20,
        audit_share=0,
    )
    splits = [vars(split) for split in split_inventory(inventory)]
    batches = iter([pa.RecordBatch.from_pylist(splits)])
    read = functools.partial(read_splits, sizes=ReadingSizes(batch_bytes=1 << 18))
    rows = tokenize_rows(batches, spec=spec, read=read, tally=Tally())
    found = [batch.nbytes for batch in rows]
    assert len(found) > 4
    return found


def test_a_batch_to_be_tokenized_is_as_large_in_a_corpus_twice_the_size(tmp_path: Path) -> None:
    less, more = (tokenized(tmp_path / str(n), n) for n in (1000, 2000))
    assert sum(more) > 1.9 * sum(less)
    assert max(more) < 1.1 * max(less)


def cut(tmp_path: Path, seq_len: int, lengths: list[int], batch_tokens: int) -> list[pa.Table]:
    """SEGMENTS of a token file of documents of these lengths, as its task cuts them."""
    rows = [
        {"doc_id": f"d{n}", "length": size, "tokens": np.arange(size, dtype="<i4").tobytes()}
        for n, size in enumerate(lengths)
    ]
    path = write_tokens(tmp_path, f"part-{seq_len}.parquet", rows)
    pieces = cut_documents(np.array(lengths, dtype=np.int64), seq_len)
    own = len(pieces.start)
    planned = {
        "sequence_id": np.arange(own),
        "position": np.zeros(own, dtype=np.int32),
        "offset": np.zeros(own, dtype=np.int32),
        "start": pieces.start,
        "length": pieces.length.astype(np.int32),
        "doc_length": np.array(lengths)[pieces.document],
        "row": pieces.document,
    }
    assert planned.keys() | {"task", "file"} == set(LOCATED.names)
    spec = CutSpec(
        token_paths=[path], starts=np.array([0, own]), num_high=0, batch_tokens=batch_tokens
    )
    return list(cut_file(path, pa.table(planned), spec))


def test_a_batch_of_cut_tokens_does_not_grow_with_seq_len(tmp_path: Path) -> None:
    for seq_len in (64, 1024, 1 << 13):
        batches = cut(tmp_path, seq_len, [3000, 50_000, 700, 9000], 1 << 14)
        sizes = [sum(map(len, batch.column("low").to_pylist())) for batch in batches]
        assert sum(sizes) == 2 * 62_700
        assert 2 << 13 < max(sizes) <= 2 << 14


def test_a_long_document_is_not_copied_for_each_of_its_pieces(tmp_path: Path) -> None:
    """SQL's substring does that: 10,000 pieces would take 10,000 times its bytes."""
    (batch,) = cut(tmp_path, 64, [60_000], CutSpec.batch_tokens)
    low = batch.column("low")
    assert len(low) == 938
    assert low.get_total_buffer_size() <= 2 * 60_000 + 4 * (len(low) + 1) + 64


def held(act: Callable[[], object]) -> int:
    """Bytes at most in use by numpy and Python, and by Arrow, while this is done."""
    own, before = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(own)
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] + int(own.max_memory())
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def plan_of(num_documents: int) -> Callable[[], object]:
    """Plans one group of so many documents of 1 to 2,000 tokens, with ids of 20 bytes."""
    lengths = np.random.default_rng(0).integers(1, 2000, num_documents)
    rows = {
        "group": pa.array(np.zeros(num_documents, np.int32)),
        "doc_id": [f"document {n:011}" for n in range(num_documents)],
        "length": lengths,
        "doc_hash": np.random.default_rng(1).permutation(num_documents),
    }
    blocks = [to_blocks(pa.table(rows), GROUPED, "group")]
    chosen = rules(SEQ_LEN)
    lengths, counts = np.unique(lengths, return_counts=True)
    sequences = sequences_per_group(Histogram(values=lengths, counts=counts), chosen)
    spec = PlanSpec(rules=chosen, sequences_per_group=sequences)
    return lambda: [None for _ in plan_blocks(list(blocks), spec).rows(1 << 10)]


def test_a_document_of_a_group_takes_a_bounded_number_of_bytes() -> None:
    small, large = (held(plan_of(number)) for number in (20_000, 60_000))
    assert 20 < (large - small) / 40_000 <= 250 + 3 * 20


def test_an_id_that_is_looked_for_takes_a_bounded_number_of_bytes() -> None:
    number = 200_000
    ids = {
        "part": pa.array(np.zeros(number, np.int32)),
        "doc_id": [f"document {n:011}" for n in range(number)],
    }
    blocks = [to_blocks(pa.table(ids), DEALT_IDS, "part")]
    assert held(lambda: list(count_ids(iter(blocks)))) < 150 * number


@pytest.mark.parametrize("seq_len", [64, 1024, 1 << 14])
def test_a_shard_takes_a_bounded_number_of_bytes_a_token(tmp_path: Path, seq_len: int) -> None:
    """Its tokens twice, as they came and as rows; and a row group as it is encoded."""
    num_rows = (1 << 22) // seq_len
    rows = {
        "shard": pa.array(np.zeros(num_rows, np.int32)),
        "sequence_id": np.arange(num_rows),
        "position": pa.array(np.zeros(num_rows, np.int32)),
        "offset": pa.array(np.zeros(num_rows, np.int32)),
        "doc_id": [f"d{n}" for n in range(num_rows)],
        "start": np.zeros(num_rows, np.int64),
        "length": pa.array(np.full(num_rows, seq_len, np.int32)),
        "doc_length": np.full(num_rows, seq_len),
        "low": [np.arange(seq_len, dtype="<u2").tobytes()] * num_rows,
    }
    blocks = [to_blocks(pa.table(rows), SEGMENTS, "shard")]
    spec = ShardSpec(
        root=str(tmp_path),
        bucket="b",
        seq_len=seq_len,
        pad_id=0,
        starts=np.array([0, num_rows]),
        metadata={},
        num_high=0,
    )
    found = held(lambda: list(write_shards(iter(blocks), spec=spec)))
    assert 4 << 22 < found < 10 << 22
