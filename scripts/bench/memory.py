"""Peaks of memory, which must not grow: with the corpus, with text, with seq_len, with a group's
documents beyond what their names and numbers take; and one document of 256 MB.

    python scripts/bench/memory.py --work DIR [--tokenizer FILE] [--only corpus --only seq_len ...]

Worker: the most that was ever resident (VmHWM) in the largest Python process but the driver's; a
bare one has 150 to 190 MB. JVM: the heap is fixed, so its resident size says little; all of it is
collected every second, and the figure is the most that was alive then (-Xlog:gc). What Spark sorts
there it spills when that takes spark.memory.fraction of the heap, 0.6 by default; here it is 0.1,
so that this does not hide what else is alive. Megabytes are 10^6 bytes.
"""

import argparse
import itertools
import json
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from commands import BUCKET, bfpack, flags, parser_of
from corpora import make_corpus, text_tokenizer
from figures import about, print_head, slope, verdict
from generated import corpus_of_tokens, doc_ids, store_of_lengths
from packers import MEAN_TOKENS, draw_lengths
from processes import Cost, run

from bfpack_spark.tokenizing.engines import MAX_BYTES
from bfpack_spark.versions.manifests import TokensManifest
from bfpack_spark.versions.publication import Home, current

HEAP = "1g"
SHARD_TOKENS = 1 << 21
# Of more than 200 shards: above that, Spark sorts what a task sends to them, in its heap.
CORPUS_SHARD_TOKENS = 1 << 19
GROUP_MAX = 150_000  # documents; a group bounds a worker: the corpora have 2, 4 and 8 of one size
# All above what bounds a task (a token file of 2^25 tokens): below it, tasks are smaller.
CORPUS_TOKENS = (16 * 10**7, 32 * 10**7, 64 * 10**7)
DOUBLING_MAX = 1.1  # of a worker's peak, at the last step
HEAP_GROWTH_MB_MAX = 50
VERIFY_RATIO_MAX = 1.0  # of verify's peak, to that of pack
TEXT_MB = (100, 400)
SHARDS_TOKENS = (1 << 23, 1 << 24, 1 << 25)
SEQ_LENS = (2048, 32_768, 1_048_576)
SEQ_LENS_TOKENS = 8 * 10**7
SEQ_LENS_RATIO_MAX = 1.15
# In groups of a million and less, the worker that measures lengths is the largest (400 MB).
GROUP_DOCUMENTS = (2_000_000, 4_000_000, 8_000_000)
LONG_DOCUMENT_BYTES = 256_000_000
LARGEST_DOCUMENT_BYTES = MAX_BYTES
LONG_DOCUMENT_MB_MAX = 1500


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Megabytes."""

    worker: float
    driver: float
    heap: float

    def __str__(self) -> str:
        return f"{self.worker:.0f} | {self.driver:.0f} | {self.heap:.0f}"


PEAK = "worker, MB | driver, MB | JVM heap alive, MB"  # the names of a peak's three cells


def main() -> None:
    sections = {
        "corpus": _print_by_corpus,
        "text": _print_by_text,
        "seq_len": _print_by_seq_len,
        "shard": _print_by_shard,
        "group": _print_by_group,
        "document": _print_long_document,
    }
    parser = parser_of(__doc__, "work", "tokenizer")
    parser.add_argument("--only", action="append", choices=sections)
    for name, sizes in (
        ("--corpus-tokens", CORPUS_TOKENS),
        ("--text-mb", TEXT_MB),
        ("--group-documents", GROUP_DOCUMENTS),
    ):
        parser.add_argument(name, type=int, nargs="+", default=sizes, help="ascending sizes")
    options = parser.parse_args()
    print(f"{about()} Heap of {HEAP}.")
    for name in options.only or sections:
        sections[name](options)


def measure(arguments: list[str]) -> Peak:
    little = ["--spark-conf", "spark.memory.fraction=0.1"]
    cost, alive = measured([*arguments, *little])
    return Peak(worker=cost.worker_mb, driver=cost.driver_mb, heap=alive)


def measured(arguments: list[str], *, every_seconds: int = 1) -> tuple[Cost, float]:
    """What a command costs, and the most that was alive in its JVM's heap, looked at so often."""
    with tempfile.TemporaryDirectory() as logs:
        log = {"JAVA_TOOL_OPTIONS": f"-Xlog:gc:file={logs}/%p.log"}
        often = ["--spark-conf", f"spark.cleaner.periodicGC.interval={every_seconds}s"]
        cost = run([*arguments, *often], environment=log)
        return cost, max(_alive(Path(logs)))


def _alive(logs: Path) -> Iterator[float]:
    """Heap in use after each full collection: `Pause Full ... 512M->87M(1024M)`, in 2^20 bytes."""
    for path in logs.glob("*.log"):
        found = re.findall(r"Pause Full .* \d+M->(\d+)M", path.read_text())
        yield from (int(number) * 2**20 / 1e6 for number in found)


# Verdicts


def _judge(what: str, found: float, limit: float, form: str) -> None:
    """A line such as "Growth 1.03 x, limit 1.10 x: met."."""
    said = verdict(found <= limit)
    print(f"\n{what} {form.format(found)}, limit {form.format(limit)}: {said}.", flush=True)


def _judge_growth(tokens: Sequence[int], peaks: Sequence[Peak]) -> None:
    """Of the worker at the last step, by twice the tokens; of the heap from first to last."""
    _judge(
        f"Worker, growth a doubling of the tokens, {tokens[-2]:,} to {tokens[-1]:,}:",
        _per_doubling(tokens[-2:], peaks[-2:]),
        DOUBLING_MAX,
        "{:.3f} x",
    )
    _judge(
        f"Heap alive, growth from {tokens[0]:,} to {tokens[-1]:,}:",
        peaks[-1].heap - peaks[0].heap,
        HEAP_GROWTH_MB_MAX,
        "{:.0f} MB",
    )


def _per_doubling(sizes: Sequence[int], peaks: Sequence[Peak]) -> float:
    """Sizes 1 and 4, workers of 100 and 400 MB -> 2.0."""
    (small, large), (less, more) = sizes, peaks
    return math.pow(more.worker / less.worker, 1 / math.log2(large / small))


def _slope(sizes: Sequence[int], peaks: Sequence[Peak]) -> float:
    """Bytes of the worker for one more of what there are `sizes` of."""
    return slope(sizes, [peak.worker * 1e6 for peak in peaks])


# The corpus, and seq_len


def _print_by_corpus(options: argparse.Namespace) -> None:
    what = f"tokens packed at 2048, shards of {CORPUS_SHARD_TOKENS:,}, groups of {GROUP_MAX:,}"
    print_head(f"{what} | {PEAK} | a doubling | verify: {PEAK} | verify / pack", "rrrrrrrrr")
    sizes, peaks, ratios = options.corpus_tokens, [], []
    for tokens in sizes:
        packed, verified = _pack_and_verify(options.work, tokens)
        peaks.append(packed)
        ratios.append(verified.worker / packed.worker)
        end = len(peaks)
        grown = f"{_per_doubling(sizes[end - 2 : end], peaks[-2:]):.3f} x" if end > 1 else ""
        print(f"| {tokens:,} | {packed} | {grown} | {verified} | {ratios[-1]:.2f} |", flush=True)
    _judge_growth(sizes, peaks)
    _judge("Verify's worker / pack's, the largest:", max(ratios), VERIFY_RATIO_MAX, "{:.2f}")


def _print_by_seq_len(options: argparse.Namespace) -> None:
    tokens = SEQ_LENS_TOKENS
    print_head(f"{tokens:,} tokens packed at, shards of {SHARD_TOKENS:,} | {PEAK}", "rrrr")
    workers = []
    for seq_len in SEQ_LENS:
        peak = _pack(options.work, tokens, seq_len)
        workers.append(peak.worker)
        print(f"| {seq_len:,} | {peak} |", flush=True)
    ratio = max(workers) / min(workers)
    _judge("Worker, the largest / the smallest:", ratio, SEQ_LENS_RATIO_MAX, "{:.2f}")


def _print_by_shard(options: argparse.Namespace) -> None:
    """What does grow: a shard is put together in one worker."""
    tokens = 2 * SHARDS_TOKENS[-1]
    what = f"{tokens:,} tokens packed at 2048, in shards of"
    print_head(f"{what} | {PEAK} | bytes a token more", "rrrrr")
    peaks: list[Peak] = []
    for shard in SHARDS_TOKENS:
        peaks.append(_pack(options.work, tokens, 2048, shard))
        print(f"| {shard:,} | {peaks[-1]} | {_last_slope(SHARDS_TOKENS, peaks)} |", flush=True)
    whole = _slope((SHARDS_TOKENS[0], SHARDS_TOKENS[-1]), (peaks[0], peaks[-1]))
    print(
        f"\nWorker, growth from the smallest to the largest: "
        f"{peaks[-1].worker / peaks[0].worker:.2f} x, {whole:.1f} bytes a token; no limit is set."
    )


def _last_slope(sizes: Sequence[int], peaks: Sequence[Peak]) -> str:
    """Of the last peak and the one before it; nothing for the first."""
    end = len(peaks)
    return f"{_slope(sizes[end - 2 : end], peaks[-2:]):.1f}" if end > 1 else ""


def _pack_and_verify(work: Path, tokens: int) -> tuple[Peak, Peak]:
    packed = _pack(work, tokens, 2048, CORPUS_SHARD_TOKENS)
    verified = measure(bfpack("verify", work / "output", heap=HEAP, seq_len=2048))
    _remove(work / "output")
    return packed, verified


def _pack(work: Path, tokens: int, seq_len: int, shard_tokens: int = SHARD_TOKENS) -> Peak:
    """The output stays until the next one."""
    corpus, output = work / "corpus", work / "output"
    _remove(corpus, corpus.with_name("corpus-tokenizer"), output)
    source = corpus_of_tokens(corpus, draw_lengths(round(tokens / MEAN_TOKENS)))
    shape = _shape(seq_len, shard_tokens)
    peak = measure(bfpack("pack", output, *source, *shape, heap=HEAP))
    _remove(corpus, corpus.with_name("corpus-tokenizer"))
    return peak


def _shape(seq_len: int, shard_tokens: int = SHARD_TOKENS) -> list[str]:
    rows = shard_tokens // seq_len
    return flags(seq_len=seq_len, rows_per_shard=rows, group_documents_max=GROUP_MAX)


# Text


def _print_by_text(options: argparse.Namespace) -> None:
    """The tokenizer's cache lives in the worker, and fills with what the text has."""
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    output = options.work / "output"
    what = f"MB of text, packed at 2048, shards of {SHARD_TOKENS:,}"
    print_head(f"{what} | tokens | {PEAK}", "rrrrr")
    sizes, peaks = [], []
    for size_mb in options.text_mb:
        corpus = make_corpus(options.work, size_mb, "code", options.text_mb[-1])
        _remove(output)
        source = flags(input=corpus, tokenizer=tokenizer, id_column="doc_id")
        peaks.append(measure(bfpack("pack", output, *source, *_shape(2048), heap=HEAP)))
        sizes.append(_outcome(output)[0])
        print(f"| {size_mb} | {sizes[-1]:,} | {peaks[-1]} |", flush=True)
    _remove(output)
    _judge_growth(sizes, peaks)


# Documents of a group


def _print_by_group(options: argparse.Namespace) -> None:
    """What the documents of a group take in the worker that packs it."""
    output = options.work / "lengths"
    _remove(output)
    sizes, peaks = options.group_documents, []
    store_of_lengths(output, draw_lengths(sizes[-1]))
    print_head(f"documents a group | {PEAK} | bytes a document more", "rrrrr")
    for documents in sizes:
        _remove(output / BUCKET / "sequences-2048")
        more = flags(seq_len=2048, group_documents_max=documents)
        peaks.append(measure(bfpack("plan", output, *more, heap=HEAP)))
        print(f"| {documents:,} | {peaks[-1]} | {_last_slope(sizes, peaks)} |", flush=True)
    _remove(output)
    id_size = float(np.mean([len(name) for name in doc_ids(0, 0, 1 << 20).to_pylist()]))
    steps = zip(itertools.pairwise(sizes), itertools.pairwise(peaks), strict=True)
    steepest = max(_slope(*step) for step in steps)
    what = "Worker, growth by a document of a group, at the steepest step:"
    _judge(what, steepest, 250 + 3 * id_size, "{:.0f} bytes")


# One long document


def _print_long_document(options: argparse.Namespace) -> None:
    tokenizer = options.tokenizer or text_tokenizer(options.work)
    print_head(
        "one document, bytes of text | in | tokens | quarantined "
        f"| tokenize: {PEAK} | pack at 2048: {PEAK} | verify: {PEAK}",
        f"rlrl{'r' * 9}",
    )
    sizes = (LONG_DOCUMENT_BYTES, LARGEST_DOCUMENT_BYTES)
    largest = [
        max(_print_document(options.work, tokenizer, size, kind) for kind in ("parquet", "jsonl"))
        for size in sizes
    ]
    what = f"Worker, the largest, a document of {LONG_DOCUMENT_BYTES:,} bytes:"
    _judge(what, largest[0], LONG_DOCUMENT_MB_MAX, "{:,.0f} MB")
    print(f"\nOf {LARGEST_DOCUMENT_BYTES:,}, the most that is taken: {largest[1]:,.0f} MB.")


def _print_document(work: Path, tokenizer: Path, size: int, kind: str) -> float:
    """The largest worker of the three commands."""
    folder, output = work / f"long-{kind}", work / "output"
    _remove(folder, output)
    _write_long_document(work, folder, size, kind)
    text = flags(input=folder, tokenizer=tokenizer, max_quarantined=1, id_column="doc_id")
    peak = measure(bfpack("tokenize", output, *text, heap=HEAP))
    tokens, refused = _outcome(output)
    packed = measure(bfpack("pack", output, *text, heap=HEAP, seq_len=2048))
    verified = measure(bfpack("verify", output, heap=HEAP, seq_len=2048))
    row = f"| {size:,} | {kind} | {tokens:,} | {refused} | {peak} | {packed} | {verified} |"
    print(row, flush=True)
    _remove(folder, output)
    return max(peak.worker, packed.worker, verified.worker)


def _write_long_document(work: Path, folder: Path, size: int, kind: str) -> None:
    """This machine's own text over and over, and a short document beside it."""
    parts = pq.read_table(make_corpus(work, 24), columns=["text"]).column("text").to_pylist()
    text = "\n".join(parts).encode("ascii", "ignore").decode()
    text = (text * (size // len(text) + 1))[:size]
    folder.mkdir()
    if kind == "parquet":
        rows = {"doc_id": ["long", "short"], "text": [text, "short"]}
        pq.write_table(pa.table(rows), folder / "part-0.parquet", compression="zstd")
        return
    with (folder / "part-0.jsonl").open("w", encoding="utf-8") as file:
        for name, content in (("long", text), ("short", "short")):
            file.write(json.dumps({"doc_id": name, "text": content}) + "\n")


def _outcome(output: Path) -> tuple[int, str]:
    _, manifest = current(Home(output=str(output), bucket=BUCKET))
    assert isinstance(manifest, TokensManifest), "of a token store"
    accounting = manifest.accounting
    return accounting.tokens, ", ".join(accounting.documents_quarantined) or "none"


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
