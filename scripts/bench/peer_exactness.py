"""Ready ids in Parquet to packed rows in Parquet, by packers that people use today.

    python peer_exactness.py --packer NAME --corpus DIR --eos-id N --seq-len L --output DIR

trl_bfd, trl_bfd_split, trl_wrapped   TRL's pack_dataset at the batch that `map` takes by default
trl_bfd_split_whole                   the same with the whole dataset as one batch
olmo_fragment, olmo_truncate          OLMo-core's pack_documents_into_instances over all token files
nemotron_shuffle, _decreasing         what NVIDIA Nemotron's data_prep does with each of its shards

Nemotron's data_prep is in no registry, so its packing is written anew here, from what
src/nemotron/data_prep/packing/ of github.com/NVIDIA-NeMo/Nemotron does (commit a54ccec): a shard is
packed by itself, a document longer than a row keeps the tokens that fit, and each document goes to
the first row that has room, in an order that is shuffled (its default) or by decreasing length. A
file of the corpus is a shard here. Rows are written without padding.
"""

import argparse
import importlib
import importlib.metadata
import json
import random
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of
from peer_pipelines import keep_caches_in, pack_with_olmo_core, read_with_datasets

WORKERS = 2
SEED = 42
ROWS_PER_BATCH = 1000
PACKAGES = ("trl", "datasets", "ai2-olmo-core", "pyarrow")

Int32 = npt.NDArray[np.int32]


def main() -> None:
    parser = parser_of(__doc__, "seq-len")
    parser.add_argument("--packer", choices=PACKERS)
    parser.add_argument("--corpus", type=Path, help="Parquet of input_ids, EOS at their ends")
    parser.add_argument("--eos-id", type=int)
    parser.add_argument("--output", type=Path, help="directory to create")
    parser.add_argument("--versions", action="store_true", help="print those of the packages")
    options = parser.parse_args()
    if options.versions:
        print(json.dumps({name: importlib.metadata.version(name) for name in PACKAGES}))
        return
    options.output.mkdir(parents=True)
    keep_caches_in(options.output)
    PACKERS[options.packer](options)


def pack_with_trl(options: argparse.Namespace, *, strategy: str, whole: bool = False) -> None:
    tokens = read_with_datasets(sorted(options.corpus.glob("*.parquet")), options.output)
    packed = importlib.import_module("trl").pack_dataset(
        tokens,
        seq_length=options.seq_len,
        strategy=strategy,
        map_kwargs={"batch_size": len(tokens)} if whole else {},
    )
    packed.select_columns("input_ids").to_parquet(str(options.output / "rows.parquet"))


def pack_with_olmo(options: argparse.Namespace, *, strategy: str) -> None:
    utils = importlib.import_module("olmo_core.data.utils")
    paths = []
    for source in sorted(options.corpus.glob("*.parquet")):
        path = options.output / f"{source.stem}.npy"
        ids = pq.read_table(source)["input_ids"].combine_chunks().values.to_numpy()
        path.write_bytes(ids.astype(np.uint32).tobytes())
        utils.write_document_indices(path, dtype=np.uint32, eos_token_id=options.eos_id)
        paths.append(path)
    instances, bounds, _ = pack_with_olmo_core(paths, options.seq_len, options.eos_id, strategy)
    ids = np.concatenate([np.memmap(path, dtype=np.uint32, mode="r") for path in paths])
    spans = bounds.tolist()
    rows = (np.concatenate([ids[slice(*spans[i])] for i in each]) for each in instances)
    write_rows(options.output / "rows.parquet", rows)


def pack_as_nemotron(options: argparse.Namespace, *, shuffled: bool) -> None:
    """Shards go to processes, as there to the workers of a cluster."""
    sources = sorted(options.corpus.glob("*.parquet"))
    pack = partial(_pack_shard, options=options, shuffled=shuffled)
    with get_context("fork").Pool(WORKERS) as pool:
        pool.map(pack, sources, chunksize=1)
        pool.close()
        pool.join()


def _pack_shard(source: Path, *, options: argparse.Namespace, shuffled: bool) -> None:
    column = pq.read_table(source)["input_ids"].combine_chunks()
    ids, begins = column.values.to_numpy(), column.offsets.to_numpy()[:-1].tolist()
    kept = np.minimum(np.diff(column.offsets.to_numpy()), options.seq_len).tolist()
    order = list(range(len(kept)))
    if shuffled:
        random.Random(SEED).shuffle(order)
    else:
        order.sort(key=kept.__getitem__, reverse=True)
    rows = first_fit(kept, order, options.seq_len)
    pieces = ([ids[begins[d] : begins[d] + kept[d]] for d in row] for row in rows)
    write_rows(options.output / source.name, map(np.concatenate, pieces))


def first_fit(lengths: list[int], order: list[int], seq_len: int) -> list[list[int]]:
    """Return the documents of each row: lengths [3, 4, 1] in this order at 5 -> [0, 2], [1]."""
    rows: list[list[int]] = []
    rooms: list[int] = []
    for document in order:
        length = lengths[document]
        fits = (place for place, room in enumerate(rooms) if length <= room)
        place = next(fits, len(rows))
        if place == len(rows):
            rows.append([])
            rooms.append(seq_len)
        rows[place].append(document)
        rooms[place] -= length
    return rows


def write_rows(path: Path, rows: Iterable[Int32]) -> None:
    with pq.ParquetWriter(path, pa.schema([("input_ids", pa.list_(pa.int32()))])) as writer:
        batch: list[Int32] = []
        for row in rows:
            batch.append(row)
            if len(batch) == ROWS_PER_BATCH:
                _write_batch(writer, batch)
                batch = []
        if batch:
            _write_batch(writer, batch)


def _write_batch(writer: Any, rows: list[Int32]) -> None:
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    values = pa.array(np.concatenate(rows).astype(np.int32))
    lists = pa.ListArray.from_arrays(pa.array(offsets), values)
    writer.write_table(pa.table({"input_ids": lists}))


PACKERS: dict[str, Callable[[argparse.Namespace], None]] = {
    "trl_bfd": partial(pack_with_trl, strategy="bfd"),
    "trl_bfd_split": partial(pack_with_trl, strategy="bfd_split"),
    "trl_bfd_split_whole": partial(pack_with_trl, strategy="bfd_split", whole=True),
    "trl_wrapped": partial(pack_with_trl, strategy="wrapped"),
    "olmo_fragment": partial(pack_with_olmo, strategy="fragment"),
    "olmo_truncate": partial(pack_with_olmo, strategy="truncate"),
    "nemotron_shuffle": partial(pack_as_nemotron, shuffled=True),
    "nemotron_decreasing": partial(pack_as_nemotron, shuffled=False),
}


if __name__ == "__main__":
    main()
