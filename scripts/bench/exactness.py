"""Who packs what, exactly: cuts, tokens lost and repeated, memory and CPU, of one corpus.

    python scripts/bench/exactness.py --work DIR [--peers .bench/peers/bin/python]
        [--documents 40000] [--seq-len 2048] [--runs 1]

Every packer reads the same documents as ready ids from Parquet and writes its rows to Parquet. No
two tokens of the corpus have one id (token_counts.py), so the rows themselves say which documents
are whole, and which tokens are lost or there twice; what a packer says of itself is not asked.
Lengths are like RefinedWeb's (packers.py), of 2 tokens at least. Every packer is a process tree of
its own and packs a corpus of 1,000 documents too, which tells what starting takes. How each peer is
called says peer_exactness.py.
"""

import argparse
import json
import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from commands import BUCKET, bfpack, flags, parser_of
from figures import Line, about, medians, print_head
from packers import draw_lengths
from processes import Cost, Yardstick, run
from token_counts import Counts, Int64, count_tokens, make_ids

from bfpack_spark.versions.publication import Home, current_sequences

HERE = Path(__file__).resolve().parent
FEW_DOCUMENTS = 1000
NUM_FILES = 8  # where a packer works file by file, each is packed by itself
OURS = "bfpack, best fit"
PEERS = {
    "TRL `bfd_split`, default batch": "trl_bfd_split",
    "TRL `bfd_split`, whole set": "trl_bfd_split_whole",
    "TRL `bfd`, default batch": "trl_bfd",
    "TRL `wrapped`, default batch": "trl_wrapped",
    "OLMo-core, fragment": "olmo_fragment",
    "OLMo-core, truncate": "olmo_truncate",
    "Nemotron data_prep, first fit, shuffled (*)": "nemotron_shuffle",
    "Nemotron data_prep, first fit, decreasing (*)": "nemotron_decreasing",
}


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Documents of these lengths, EOS included, as ours and as the peers read them."""

    lengths: Int64
    ours: Path  # (doc_id, ids) without EOS, which the job appends
    peers: Path  # (input_ids) with EOS
    tokenizer: Path


def main() -> None:
    parser = parser_of(__doc__, "work", "peers", "seq-len", "runs")
    parser.set_defaults(runs=1)
    parser.add_argument("--documents", type=int, default=40_000)
    options = parser.parse_args()
    corpora = [
        write_corpus(options.work / f"documents-{number}", number)
        for number in (FEW_DOCUMENTS, options.documents)
    ]
    names = [OURS, *(PEERS if options.peers else ())]
    costs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in names}
    counts: dict[str, Counts] = {}
    with Yardstick() as yardstick:
        for _ in range(options.runs):
            for name in names:
                (small, _), (large, counts[name]) = (_pack(name, each, options) for each in corpora)
                costs[name].append((small, large))
                yardstick.look()
    sizes = [len(corpus.lengths) for corpus in corpora]
    lines = {name: Line(sizes=sizes, costs=pairs) for name, pairs in costs.items()}
    _print_table(corpora[1].lengths, lines, counts, options)
    print(f"\n{yardstick.said()}")


def write_corpus(folder: Path, documents: int) -> Corpus:
    lengths = np.maximum(2, draw_lengths(documents))
    corpus = Corpus(
        lengths=lengths,
        ours=folder / "ours",
        peers=folder / "peers",
        tokenizer=folder / "tokenizer",
    )
    shutil.rmtree(folder, ignore_errors=True)
    for each in (corpus.ours, corpus.peers, corpus.tokenizer):
        each.mkdir(parents=True)
    ids, ends = make_ids(lengths), np.cumsum(lengths)
    for number, part in enumerate(np.array_split(np.arange(documents), NUM_FILES)):
        begin, end = int(ends[part[0]] - lengths[part[0]]), int(ends[part[-1]])
        own, offsets = ids[begin:end], np.append(0, ends[part] - begin)
        name = f"part-{number:05d}.parquet"
        pq.write_table(pa.table({"input_ids": _lists(own, offsets)}), corpus.peers / name)
        texts = np.delete(own, offsets[1:] - 1)
        columns = {"doc_id": pa.array(part).cast(pa.string())}
        columns["ids"] = _lists(texts, offsets - np.arange(len(offsets)))
        pq.write_table(pa.table(columns), corpus.ours / name)
    eos = {"id": len(ids), "content": "<|endoftext|>", "special": True}
    tree = {"model": {"vocab": {"a": 0}}, "added_tokens": [eos]}
    (corpus.tokenizer / "tokenizer.json").write_text(json.dumps(tree))
    return corpus


def _lists(ids: Int64, offsets: Int64) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(ids, pa.int32()))


def _pack(name: str, corpus: Corpus, options: argparse.Namespace) -> tuple[Cost, Counts]:
    """What packing costs, and what came of it."""
    output = options.work / "output"
    shutil.rmtree(output, ignore_errors=True)
    if name == OURS:
        text = {"input": corpus.ours, "tokenizer": corpus.tokenizer, "id_column": "doc_id"}
        cost = run(bfpack("pack", output, **text, tokens_column="ids", seq_len=options.seq_len))
        parts = list(_own_rows(output, options.seq_len))
    else:
        where = flags(packer=PEERS[name], corpus=corpus.peers, output=output)
        what = flags(seq_len=options.seq_len, eos_id=int(corpus.lengths.sum()))
        cost = run([options.peers, str(HERE / "peer_exactness.py"), *where, *what])
        parts = [_table_rows(pq.read_table(path)) for path in sorted(output.glob("*.parquet"))]
    ids, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    shutil.rmtree(output)
    return cost, count_tokens(corpus.lengths, ids, rows, options.seq_len)


def _own_rows(output: Path, seq_len: int) -> Iterator[tuple[Int64, Int64]]:
    """Ids and tokens a row of each shard, without padding, which is at the end of a row."""
    version, _ = current_sequences(Home(output=str(output), bucket=BUCKET, seq_len=seq_len))
    for path in sorted(Path(version, "shards").glob("*.parquet")):
        table = pq.read_table(path, columns=["input_ids", "num_tokens"])
        kept = table["num_tokens"].to_numpy().astype(np.int64)
        ids = pc.list_flatten(table["input_ids"]).to_numpy().astype(np.int64)
        places = np.tile(np.arange(seq_len), len(kept))
        yield ids[places < np.repeat(kept, seq_len)], kept


def _table_rows(table: pa.Table) -> tuple[Int64, Int64]:
    column = table["input_ids"]
    sizes = pc.list_value_length(column).to_numpy().astype(np.int64)
    return pc.list_flatten(column).to_numpy().astype(np.int64), sizes


def _print_table(
    lengths: Int64, lines: dict[str, Line], counts: dict[str, Counts], options: argparse.Namespace
) -> None:
    tokens = int(lengths.sum())
    least = -(-tokens // options.seq_len)
    print(
        f"{about()} {len(lengths):,} documents of {tokens:,} tokens at {options.seq_len:,}, "
        f"of which {int((lengths <= options.seq_len).sum()):,} fit; at least {least:,} sequences. "
        f"Median of {options.runs}."
    )
    if options.peers:
        report = json.loads(run([options.peers, str(HERE / "peer_exactness.py"), "--versions"]).out)
        print(f"\nPeers: {', '.join(f'{name} {version}' for name, version in report.items())}.")
        print("(*) Its packing alone, written anew from its source: it is in no registry.")
    print_head(
        "packed by | sequences | documents cut that fit | documents cut | tokens lost "
        "| tokens repeated | CPU, s | of it start-up | us a document | largest Python process, MB "
        "| JVM, MB",
        "lrrrrrrrrrr",
    )
    for name, line in lines.items():
        found = counts[name]
        cells = (
            *(found.sequences, found.fitting_documents_cut, found.documents_cut),
            *(found.tokens_lost, found.tokens_repeated),
        )
        larger = (large for _, large in line.costs)
        cpu, python, jvm = medians(larger, "cpu", "python_mb", "jvm_mb")
        print(
            f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} "
            f"| {cpu:.1f} | {statistics.median(line.starts):.1f} "
            f"| {statistics.median(line.slopes) * 1e6:,.0f} | {python:,.0f} | {jvm:,.0f} |"
        )


if __name__ == "__main__":
    main()
