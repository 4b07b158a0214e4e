"""The floor: what no job can do without, in one process, on one thread, with everything in memory.

    python scripts/bench/floor.py --corpus DIR --tokenizer FILE --sequences VERSION --output DIR

Reads the Parquet with pyarrow, tokenizes with the fastest engine, gathers by a plan that it is
given (the plan/ of a packed version), and writes input_ids and the segment columns with pyarrow.
Prints the tokens that it wrote.
"""

import json
import os
from pathlib import Path

os.environ["FASTOKENS_BPE_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import fastokens
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


def main() -> None:
    parser = parser_of(__doc__)
    for name in ("corpus", "tokenizer", "sequences", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    manifest = json.loads((options.sequences / "_manifest.json").read_text())
    tokenizer = manifest["tokenizer"]
    doc_ids, ids, ends = tokenize(options.corpus, options.tokenizer, tokenizer["eos_id"])
    plan = read_plan(options.sequences / "plan")
    where = dict(zip(doc_ids, (ends - np.diff(ends, prepend=0)).tolist(), strict=True))
    begins = np.fromiter(map(where.__getitem__, plan["doc_id"].to_pylist()), np.int64, len(plan))
    options.output.mkdir(parents=True)
    write(plan, begins + plan["start"].to_numpy(), ids, manifest, options.output)
    print(len(ids))


def tokenize(corpus: Path, tokenizer: Path, eos_id: int) -> tuple[list[str], Int32, Int64]:
    """The ids of all documents end to end, EOS behind each, and where each ends."""
    engine = fastokens.Tokenizer.from_json_str(tokenizer.read_text(encoding="utf-8"))
    doc_ids: list[str] = []
    parts, lengths = [], []
    for path in sorted(corpus.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(1000, columns=["doc_id", "text"]):
            doc_ids += batch.column("doc_id").to_pylist()
            raw, offsets = engine.encode_batch_flat(
                batch.column("text").to_pylist(),
                add_special_tokens=False,
                split_special_tokens=True,
            )
            bounds = np.frombuffer(offsets, dtype="<u8").astype(np.int64)
            found = np.frombuffer(raw, dtype="<i4")
            parts.append(np.insert(found, bounds[1:], eos_id).astype(np.int32, copy=False))
            lengths.append(np.diff(bounds) + 1)
    return doc_ids, np.concatenate(parts), np.cumsum(np.concatenate(lengths))


def read_plan(folder: Path) -> pa.Table:
    table = pq.read_table(folder, use_threads=False)
    order = np.lexsort((table["position"].to_numpy(), table["sequence_id"].to_numpy()))
    return table.take(pa.array(order)).combine_chunks()


def write(
    plan: pa.Table, begins: Int64, ids: Int32, manifest: dict[str, object], output: Path
) -> None:
    """Rows in order of sequence_id, in as many files as the version has shards."""
    seq_len = int(str(manifest["seq_len"]))
    sequence_id = plan["sequence_id"].to_numpy()
    length = plan["length"].to_numpy().astype(np.int64)
    rows = [f["rows"] for f in manifest["files"] if f["kind"] == "shards"]  # type: ignore[attr-defined]
    step = max(1, 2**17 // seq_len)
    first = 0
    for number, num_rows in enumerate(rows):
        writer = None
        for begin in range(first, first + num_rows, step):
            end = min(begin + step, first + num_rows)
            left, right = np.searchsorted(sequence_id, [begin, end])
            part = slice(int(left), int(right))
            table = _rows(plan, part, begins[part], length[part], ids, begin, end, seq_len)
            writer = writer or pq.ParquetWriter(
                output / f"part-{number:05d}.parquet",
                table.schema,
                compression="zstd",
                use_dictionary=False,
                write_statistics=False,
            )
            writer.write_table(table)
        if writer is not None:
            writer.close()
        first += num_rows


def _rows(
    plan: pa.Table,
    part: slice,
    begins: Int64,
    length: Int64,
    ids: Int32,
    first: int,
    end: int,
    seq_len: int,
) -> pa.Table:
    """input_ids by one gather; padding stays 0 (what fills it costs the same)."""
    own = plan.slice(part.start, part.stop - part.start)
    row = own["sequence_id"].to_numpy() - first
    out = np.zeros((end - first) * seq_len, dtype=np.int32)
    to = row * seq_len + own["offset"].to_numpy()
    for source, target, size in zip(begins.tolist(), to.tolist(), length.tolist(), strict=True):
        out[target : target + size] = ids[source : source + size]
    counts = np.bincount(row, minlength=end - first)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    starts = np.arange(end - first + 1, dtype=np.int32) * np.int32(seq_len)
    return pa.table(
        {
            "sequence_id": np.arange(first, end),
            "input_ids": pa.ListArray.from_arrays(pa.array(starts), pa.array(out)),
            "seq_lengths": pa.ListArray.from_arrays(offsets, own["length"].combine_chunks()),
            "doc_ids": pa.ListArray.from_arrays(offsets, own["doc_id"].combine_chunks()),
            "doc_starts": pa.ListArray.from_arrays(offsets, own["start"].combine_chunks()),
        }
    )


if __name__ == "__main__":
    main()
