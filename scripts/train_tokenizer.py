"""Train a byte-level BPE tokenizer on the text column of a corpus of Parquet files.

The words are GPT-4's kind (letters, up to three digits, punctuation, line breaks), the bytes below
them GPT-2's, so any text has tokens and no unknown. Training counts words of a fixed sample: every
k-th document, about 12 MB. The same corpus gives the same file, byte for byte.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset as ds
from make_corpus import new_folder
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT, PAD = "<|endoftext|>", "<|pad|>"
SAMPLE_BYTES = 12_000_000
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# 256 bytes and the special tokens are in any vocabulary.
VOCAB_SIZE_MIN = 256 + 2


def main() -> int:
    """Return the exit code: 2 and one line on stderr when there is nothing to train on."""
    options = _parse_options()
    try:
        train_tokenizer(options.corpus, options.output, options.vocab_size)
    except (OSError, ValueError) as error:
        print(f"train_tokenizer: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {options.vocab_size:,} entries", file=sys.stderr)
    return 0


def train_tokenizer(corpus: Path, output: Path, vocab_size: int) -> None:
    """Write tokenizer.json and tokenizer_config.json to the new directory `output` in one step."""
    _check_options(corpus, output, vocab_size)
    tokenizer = untrained_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sample_texts(corpus), trainer=trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise ValueError(
            f"the text in {corpus} gives only {tokenizer.get_vocab_size()} entries: "
            f"choose a --vocab-size below {vocab_size}"
        )
    config = {
        "eos_token": END_OF_TEXT,
        "pad_token": PAD,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    with new_folder(output) as folder:
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def untrained_tokenizer() -> Tokenizer:
    """Byte-level BPE whose pieces are the matches of WORDS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sample_texts(corpus: Path) -> Iterator[str]:
    """Every k-th text in the order of files and rows, k such that about SAMPLE_BYTES remain."""
    texts = ds.dataset(corpus, format="parquet").to_table(columns=["text"])["text"]
    step = max(1, round(texts.nbytes / SAMPLE_BYTES))
    for position in range(0, len(texts), step):
        yield texts[position].as_py()


def _check_options(corpus: Path, output: Path, vocab_size: int) -> None:
    if not any(corpus.glob("*.parquet")):
        raise ValueError(f"{corpus} holds no Parquet file: make one with scripts/make_corpus.py")
    if output.exists():
        raise ValueError(f"{output} exists: remove it, or name another --output")
    if vocab_size < VOCAB_SIZE_MIN:
        raise ValueError(f"--vocab-size {vocab_size} is below {VOCAB_SIZE_MIN}, the bytes alone")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="directory of Parquet files")
    parser.add_argument("--output", type=Path, required=True, help="directory to create")
    parser.add_argument("--vocab-size", type=int, default=16384, help="entries (default 16384)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
