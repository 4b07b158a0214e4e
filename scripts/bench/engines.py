"""What each kind of tokenizer costs: the engine that `auto` takes, the reference, and the whole
job. One table from one run.

    python scripts/bench/engines.py --work DIR [--size-mb 20 --size-mb 100] [--runs 1]

`--runs 0` leaves the whole job out.

A tokenizer of each kind with 16k entries is trained on the same text of this machine. Engines are
measured in a process of their own on one thread, on text that they have not seen: CPU a token, with
the file loaded. The whole job is the slope of CPU between two corpora of code, as in stages.py.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from commands import BUCKET, bfpack, parser_of
from corpora import make_corpus
from figures import about, print_head, spread
from processes import Cost, run
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from bfpack_spark.tokenizing.engines import EngineName, load_engine
from bfpack_spark.tokenizing.parity import choose_engine
from bfpack_spark.tokenizing.vocabulary import Vocabulary, load_vocabulary
from bfpack_spark.versions.publication import Home, current_sequences

EOS, UNKNOWN = "</s>", "<unk>"
ENTRIES = 16_384
TRAINED_BYTES, MEASURED_BYTES = 6_000_000, 24_000_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """ns of CPU a token: of the engine that is taken, of the reference, and of the whole job."""

    engine: str
    tokens_a_kb: float
    fast: float
    reference: float


def byte_level() -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(initial_alphabet=alphabet, **_common(EOS))


def byte_level_nfkc() -> tuple[Tokenizer, Any]:
    tokenizer, trainer = byte_level()
    tokenizer.normalizer = normalizers.NFKC()
    return tokenizer, trainer


def sentencepiece() -> tuple[Tokenizer, Any]:
    """As Llama 2's, but for what splits the text of the training."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    names = (UNKNOWN, EOS, *(f"<0x{byte:02X}>" for byte in range(256)))
    return tokenizer, trainers.BpeTrainer(limit_alphabet=2000, **_common(*names))


def unigram() -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(unk_token=UNKNOWN, **_common(UNKNOWN, EOS))


def word_piece() -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(limit_alphabet=2000, **_common(UNKNOWN, EOS))


KINDS: dict[str, Callable[[], tuple[Tokenizer, Any]]] = {
    "byte-level BPE": byte_level,
    "byte-level BPE with NFKC": byte_level_nfkc,
    "SentencePiece's BPE": sentencepiece,
    "Unigram with NFKC": unigram,
    "WordPiece": word_piece,
}


def main() -> None:
    parser = parser_of(__doc__, "work", "runs")
    parser.set_defaults(runs=1)
    parser.add_argument("--size-mb", type=int, action="append")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asdict(measure(options.measure, options.work))))
        return
    sizes = sorted(options.size_mb or [20, 100])
    corpora = [make_corpus(options.work, size, "code", sizes[-1]) for size in sizes]
    print(f"{about()} Code, {sizes[0]} and {sizes[1]} MB.")
    print_head(
        "kind | engine | ns a token | `tokenizers` | whole job, ns a token | least, most "
        "| the engine's share",
        "llrrrrr",
    )
    for kind, make in KINDS.items():
        folder = trained(options.work, kind, make, corpora[0])
        command = [sys.executable, __file__, "--work", str(corpora[0]), "--measure", str(folder)]
        row = Row(**json.loads(subprocess.check_output(command, text=True)))
        slopes = [slope(options.work, folder, corpora) for _ in range(options.runs)]
        print(
            f"| {kind} | {row.engine} | {row.fast:,.0f} | {row.reference:,.0f} "
            f"| {_said(slopes, row.fast)} |",
            flush=True,
        )


def _said(slopes: list[float], engine: float) -> str:
    """The last three cells of a row."""
    if not slopes:
        return "not run | | "
    middle = statistics.median(slopes)
    return f"{middle:,.0f} | {spread(slopes, ',.0f')} | {engine / middle:.0%}"


def trained(work: Path, kind: str, make: Callable[[], tuple[Tokenizer, Any]], corpus: Path) -> Path:
    """The folder of a tokenizer of this kind, trained once."""
    folder = work / ("tokenizer-" + "-".join(kind.replace("'", "").split()))
    if not folder.exists():
        tokenizer, trainer = make()
        tokenizer.train_from_iterator(list(texts_of(corpus, TRAINED_BYTES)), trainer)
        tree = json.loads(tokenizer.to_str())
        tree["added_tokens"] = [t for t in tree["added_tokens"] if t["content"] in (EOS, UNKNOWN)]
        if tree["model"].get("byte_fallback"):
            tree |= {"pre_tokenizer": None, "normalizer": _BLANKS}
        folder.mkdir()
        (folder / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    return folder


_BLANKS = {
    "type": "Sequence",
    "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    ],
}


def measure(folder: Path, corpus: Path) -> Row:
    """What the engines cost in this process, on text behind that of the training."""
    texts = list(texts_of(corpus, TRAINED_BYTES + MEASURED_BYTES))
    unseen, reached = [], 0
    for text in texts:
        reached += len(text)
        if reached > TRAINED_BYTES:
            unseen.append(text)
    raw = (folder / "tokenizer.json").read_bytes()
    own = load_vocabulary(raw, {}, eos_token=EOS, bos_token=None, control_tokens="text")
    engine = choose_engine("auto", own, []).engine
    fast, tokens = _cost(engine, own, unseen)
    few = unseen[: max(1, len(unseen) // 4)]
    reference = fast if engine == "tokenizers" else _cost("tokenizers", own, few)[0]
    kb = sum(map(len, unseen)) / 1000
    return Row(engine=engine, tokens_a_kb=tokens / kb, fast=fast, reference=reference)


def _cost(name: EngineName, own: Vocabulary, texts: list[str]) -> tuple[float, int]:
    engine = load_engine(name, own)
    tokens, begin = 0, time.process_time_ns()
    for place in range(0, len(texts), 50):
        tokens += len(engine.encode(texts[place : place + 50])[0])
    return (time.process_time_ns() - begin) / tokens, tokens


def slope(work: Path, tokenizer: Path, corpora: list[Path]) -> float:
    """ns of CPU a token of the whole job, between two corpora."""
    costs: list[Cost] = []
    tokens: list[int] = []
    for corpus in corpora:
        output = work / "out-engines"
        shutil.rmtree(output, ignore_errors=True)
        text = {"input": corpus, "tokenizer": tokenizer, "id_column": "doc_id", "eos_token": EOS}
        costs.append(run(bfpack("pack", output, **text, seq_len=2048)))
        home = Home(output=str(output), bucket=BUCKET, seq_len=2048)
        tokens.append(current_sequences(home)[1].totals.tokens)
    return (costs[1].cpu - costs[0].cpu) / (tokens[1] - tokens[0]) * 1e9


def texts_of(corpus: Path, size: int) -> Iterator[str]:
    """The first texts of a corpus, so many characters of them."""
    for path in sorted(corpus.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(500, columns=["text"]):
            for text in batch.column("text").to_pylist():
                if size <= 0:
                    return
                size -= len(text)
                yield text


def _common(*special: str) -> dict[str, Any]:
    return {"vocab_size": ENTRIES, "special_tokens": list(special), "show_progress": False}


if __name__ == "__main__":
    main()
