"""Peaks of memory, which must not grow: with the corpus, with seq_len, with a group's documents
beyond what their names and numbers take; and one document of 256 MB.

    python scripts/bench/memory.py --work DIR [--tokenizer FILE] [--only corpus --only seq_len ...]

Python: the most that was ever resident (VmHWM) in the largest Python process, driver included; a
bare worker has 150 to 190 MB. JVM: the heap is fixed, so its resident size says little; all of
it is collected every two seconds, and the figure is the most that was alive then (-Xlog:gc).
"""

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from about import about
from generated import BUCKET, command, corpus_of_tokens, doc_ids, store_of_lengths, text_tokenizer
from packers import draw_lengths
from processes import run
from stages import make_corpus

HEAP = "1g"
SHARD_TOKENS = 1 << 21
# All above what bounds a task (a token file of 2^25 tokens): below it, tasks are smaller.
CORPUS_TOKENS = (16 * 10**7, 32 * 10**7, 64 * 10**7)
SHARDS_TOKENS = (1 << 23, 1 << 24, 1 << 25)
SEQ_LENS = (2048, 32_768, 1_048_576)
SEQ_LENS_TOKENS = 8 * 10**7
GROUP_DOCUMENTS = (250_000, 500_000, 1_000_000, 2_000_000)
LONG_DOCUMENT_BYTES = 256 << 20
LONG_DOCUMENT_MB_MAX = 1500
MEAN_TOKENS = 550  # of draw_lengths


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Megabytes."""

    python: float
    heap: float


def main() -> None:
    options = _parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{about()} Heap of {HEAP}.")
    sections = {
        "corpus": _print_by_corpus,
        "seq_len": _print_by_seq_len,
        "shard": _print_by_shard,
        "group": _print_by_group,
        "document": _print_long_document,
    }
    for name in options.only or sections:
        sections[name](options)


def measure(arguments: list[str]) -> Peak:
    with tempfile.TemporaryDirectory() as logs:
        log = {"JAVA_TOOL_OPTIONS": f"-Xlog:gc:file={logs}/%p.log"}
        often = ["--spark-conf", "spark.cleaner.periodicGC.interval=2s"]
        cost = run([*arguments, *often], environment=log)
        return Peak(python=cost.python_mb, heap=max(_alive(Path(logs))))


def _alive(logs: Path) -> Iterator[int]:
    """Megabytes of heap in use after each full collection: `Pause Full ... 512M->87M(1024M)`."""
    for path in logs.glob("*.log"):
        yield from (int(m) for m in re.findall(r"Pause Full .* \d+M->(\d+)M", path.read_text()))


# The corpus, and seq_len


def _print_by_corpus(options: argparse.Namespace) -> None:
    print(f"\n| tokens packed at 2048, shards of {SHARD_TOKENS:,} | Python, MB | JVM heap, MB |")
    print("|---:|---:|---:|")
    for tokens in CORPUS_TOKENS:
        peak = _pack(options.work, tokens, 2048)
        print(f"| {tokens:,} | {peak.python:.0f} | {peak.heap:.0f} |", flush=True)


def _print_by_seq_len(options: argparse.Namespace) -> None:
    tokens = SEQ_LENS_TOKENS
    print(
        f"\n| {tokens:,} tokens packed at, shards of {SHARD_TOKENS:,} | Python, MB | JVM heap, MB |"
    )
    print("|---:|---:|---:|")
    for seq_len in SEQ_LENS:
        peak = _pack(options.work, tokens, seq_len)
        print(f"| {seq_len:,} | {peak.python:.0f} | {peak.heap:.0f} |", flush=True)


def _print_by_shard(options: argparse.Namespace) -> None:
    """What does grow: a shard is put together in one worker."""
    tokens = 2 * SHARDS_TOKENS[-1]
    print(f"\n| {tokens:,} tokens packed at 2048, in shards of | Python, MB | bytes a token more |")
    print("|---:|---:|---:|")
    before = (0, 0.0)
    for shard in SHARDS_TOKENS:
        peak = _pack(options.work, tokens, 2048, shard)
        slope = (peak.python - before[1]) * 2**20 / (shard - before[0])
        print(
            f"| {shard:,} | {peak.python:.0f} | {f'{slope:.1f}' if before[0] else ''} |", flush=True
        )
        before = (shard, peak.python)


def _pack(work: Path, tokens: int, seq_len: int, shard_tokens: int = SHARD_TOKENS) -> Peak:
    corpus, output = work / "corpus", work / "output"
    _remove(corpus, corpus.with_name("corpus-tokenizer"), output)
    source = corpus_of_tokens(corpus, draw_lengths(tokens // MEAN_TOKENS))
    shape = ["--seq-len", seq_len, "--rows-per-shard", shard_tokens // seq_len]
    peak = measure(command("pack", output, *source, *shape, heap=HEAP))
    _remove(corpus, corpus.with_name("corpus-tokenizer"), output)
    return peak


# Documents of a group


def _print_by_group(options: argparse.Namespace) -> None:
    """What a group of up to 2 million documents takes in the worker that packs it."""
    output = options.work / "lengths"
    _remove(output)
    store_of_lengths(output, draw_lengths(GROUP_DOCUMENTS[-1]))
    size = float(np.mean([len(name) for name in doc_ids(0, 0, 1 << 20).to_pylist()]))
    limit = 250 + 3 * size
    print("\n| documents a group | Python, MB | JVM heap, MB | bytes a document more | limit |")
    print("|---:|---:|---:|---:|---:|")
    before = (0, 0.0)
    for documents in GROUP_DOCUMENTS:
        _remove(output / BUCKET / "sequences-2048")
        more = ["--seq-len", 2048, "--group-documents-max", documents]
        peak = measure(command("plan", output, *more, heap=HEAP))
        slope = (peak.python - before[1]) * 2**20 / (documents - before[0])
        grown = f"{slope:.0f} | {limit:.0f}" if before[0] else " | "
        print(f"| {documents:,} | {peak.python:.0f} | {peak.heap:.0f} | {grown} |", flush=True)
        before = (documents, peak.python)
    _remove(output)


# One long document


def _print_long_document(options: argparse.Namespace) -> None:
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    print(
        f"\n| one document of {LONG_DOCUMENT_BYTES >> 20} MB | tokens | quarantined "
        "| tokenize: Python, MB | JVM heap, MB | pack at 2048, verify: Python, MB | limit |"
    )
    print("|---|---:|---|---:|---:|---:|---:|")
    for kind in ("parquet", "jsonl"):
        folder, output = options.work / f"long-{kind}", options.work / "output"
        _remove(folder, output)
        _write_long_document(options.work, folder, kind)
        more = ["--input", folder, "--tokenizer", tokenizer, "--max-quarantined", 1]
        peak = measure(command("tokenize", output, *more, "--id-column", "doc_id", heap=HEAP))
        tokens, refused = _outcome(output)
        at = ["--seq-len", 2048]
        packed = measure(command("pack", output, *more, "--id-column", "doc_id", *at, heap=HEAP))
        verified = measure(command("verify", output, *at, heap=HEAP))
        print(
            f"| {kind} | {tokens:,} | {refused} | {peak.python:.0f} | {peak.heap:.0f} "
            f"| {packed.python:.0f}, {verified.python:.0f} | {LONG_DOCUMENT_MB_MAX} |",
            flush=True,
        )
        _remove(folder, output)


def _write_long_document(work: Path, folder: Path, kind: str) -> None:
    """This machine's own text over and over, and a short document beside it."""
    parts = pq.read_table(make_corpus(work, 24), columns=["text"]).column("text").to_pylist()
    text = "\n".join(parts).encode("ascii", "ignore").decode()
    text = (text * (LONG_DOCUMENT_BYTES // len(text) + 1))[:LONG_DOCUMENT_BYTES]
    folder.mkdir()
    if kind == "parquet":
        rows = {"doc_id": ["long", "short"], "text": [text, "short"]}
        pq.write_table(pa.table(rows), folder / "part-0.parquet", compression="zstd")
        return
    with (folder / "part-0.jsonl").open("w", encoding="utf-8") as file:
        for name, content in (("long", text), ("short", "short")):
            file.write(json.dumps({"doc_id": name, "text": content}) + "\n")


def _outcome(output: Path) -> tuple[int, str]:
    (path,) = (output / BUCKET / "tokens").glob("*/_manifest.json")
    accounting = json.loads(path.read_text())["accounting"]
    refused = accounting["documents_quarantined"]
    return accounting["tokens"], ", ".join(refused) or "none"


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="default: one of 16k that is trained here")
    parser.add_argument(
        "--only", action="append", choices=["corpus", "seq_len", "shard", "group", "document"]
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
