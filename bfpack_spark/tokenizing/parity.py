"""Which engine tokenizes a corpus, and why: the fast one only where it agrees with the
reference."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.tokenizing.engines import EngineName, Load, load_engine
from bfpack_spark.tokenizing.panics import silenced
from bfpack_spark.tokenizing.tokenizer_json import parse_tokenizer
from bfpack_spark.tokenizing.vocabulary import Vocabulary

EngineChoice: TypeAlias = Literal["auto", "fastokens", "tokenizers"]
_SHORT = 1000  # characters of a text that costs nothing to try
REFERENCE_BYTES_MAX = 1 << 20  # longer documents are not given to the reference for comparison


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine that is taken, and the reason in words."""

    engine: EngineName
    why: str


def engine_for(
    wanted: EngineChoice,
    columns: Columns,
    vocabulary: Vocabulary,
    sample_of: Callable[[], list[str]],
) -> Choice:
    """Return the engine that tokenizes this corpus, and why it was chosen. `sample_of` returns some
    of its texts, and is called only if they are needed."""
    if columns.tokens:
        return Choice(engine="fastokens", why="not used: the documents are tokenized already")
    sample = [] if wanted == "tokenizers" else sample_of()
    return choose_engine(wanted, vocabulary, sample)


def sample_texts(inventory: Inventory, columns: Columns, max_bytes: int = 2 << 20) -> list[str]:
    """Return the first texts of up to eight places spread over the corpus, about `max_bytes`
    characters in total."""
    splits = split_inventory(inventory)
    spread = splits[:: max(1, len(splits) // 8)][:8]
    texts: list[str] = []
    for split in spread:
        room = max_bytes // len(spread)
        for documents in read_documents([split], inventory.format, columns, max_bytes):
            for text in documents.content.to_pylist():
                if text and len(text) <= room:
                    texts.append(text)
                    room -= len(text)
            if room < 1000:
                break
    return texts


def choose_engine(
    wanted: EngineChoice, vocabulary: Vocabulary, sample: list[str], load: Load = load_engine
) -> Choice:
    """Compare both engines on hard texts and on a sample of the corpus, and return the choice.

    If they differ, `auto` falls back to the reference, and `fastokens` raises JobError.
    """
    texts = adversarial_texts(vocabulary)
    with silenced():
        # A file that the reference cannot take is the user's mistake.
        _check_reference(vocabulary, texts, load)
        if wanted == "tokenizers":
            return Choice(engine="tokenizers", why="as --engine says")
        texts += sample
        problem = _disagreement(vocabulary, texts, load)
    if problem is None:
        return Choice(engine="fastokens", why=f"it agrees with tokenizers on {len(texts)} texts")
    if wanted == "fastokens":
        raise JobError(f"--engine fastokens: {problem}; use --engine auto or tokenizers")
    return Choice(engine="tokenizers", why=problem)


def compare(
    texts: list[str], vocabulary: Vocabulary, load: Load = load_engine
) -> tuple[int, str] | None:
    """Return the first text whose ids differ between the engines, as its index and what differs, or
    None if all agree."""
    fast, fast_lengths = load("fastokens", vocabulary).encode(texts)
    slow, slow_lengths = load("tokenizers", vocabulary).encode(texts)
    if np.array_equal(fast_lengths, slow_lengths) and np.array_equal(fast, slow):
        return None
    fast_parts = np.split(fast, np.cumsum(np.maximum(fast_lengths, 0))[:-1])
    slow_parts = np.split(slow, np.cumsum(np.maximum(slow_lengths, 0))[:-1])
    for index, (ours, theirs) in enumerate(zip(fast_parts, slow_parts, strict=True)):
        if not np.array_equal(ours, theirs):
            return index, first_difference(ours, theirs)
    raise AssertionError("arrays differ, so one of their parts does")


def first_difference(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Return in words where two lists of ids differ."""
    shared = min(len(ours), len(theirs))
    apart = np.flatnonzero(ours[:shared] != theirs[:shared])
    place = int(apart[0]) if len(apart) else shared
    ids = [str(ids[place]) if place < len(ids) else "nothing" for ids in (ours, theirs)]
    return f"token {place}: id {ids[0]} against {ids[1]} by the reference"


def _wrong_id(name: EngineName, vocabulary: Vocabulary, load: Load) -> str | None:
    """Return, in words, a token that the engine knows by another id than the file says, or None. An
    engine gives added tokens new ids if their ids have gaps."""
    engine = load(name, vocabulary)
    file = parse_tokenizer(vocabulary.json)
    for token in file.added:
        if token.content not in file.model.ids and engine.id_of(token.content) != token.id:
            given = engine.id_of(token.content)
            return f"{name} gives {token.content!r} the id {given}, the file says {token.id}"
    if engine.token_of(vocabulary.size - 1) is None:
        return f"{name} knows no token {vocabulary.size - 1}, the last one of the file"
    return None


def _check_reference(vocabulary: Vocabulary, texts: list[str], load: Load) -> None:
    """Raise InputError if the reference gives other ids than the file says, or fails on short
    texts."""
    wrong = _wrong_id("tokenizers", vocabulary, load)
    if wrong is not None:
        raise InputError(
            f"--tokenizer: {wrong}; number added_tokens on from the vocabulary without a gap, as "
            "`tokenizers` saves them, or give ready ids by --tokens-column"
        )
    load("tokenizers", vocabulary).encode([text for text in texts if len(text) <= _SHORT])


def adversarial_texts(vocabulary: Vocabulary) -> list[str]:
    """Return texts on which tokenizers have been seen to differ: scripts, spaces, control tokens,
    long runs."""
    alphabets = ["".join(map(chr, _printable(start))) for start in range(0, 0x3000, 0x100)]
    control = vocabulary.special_tokens
    texts = [
        *alphabets,
        *control,
        *(f"a{token}b {token} \n{token}" for token in control),
        "".join(control * 3),
        *(
            space * n + "x" + space * n
            for space in " \t\n\r\u00a0\u2003\u3000"
            for n in (1, 2, 3, 17)
        ),
        " \n \n\n  \r\n\t x  ",
        "don't I'll WE'VE you'd's 'S 'Re\u2019s",
        "1 12 123 1234 12345 1234567890 3.14 1e-9 ½ ٣ ௧",
        "e\u0301 \u00e9 \u1e9b\u0323 \ufb01 \u0130 \u01c5 \uac00 \u1100\u1161 \ufeff \u200b\u200d",
        "👩‍👩‍👧‍👦🏳️‍🌈🇺🇳👍🏽" * 3,
        "\U0001d49c \U00020000 \U000e0001 \U0010fffd \ue000 \uffff \x00 \x7f \x1b[0m",
        "漢字かなカナ한국어ไทย हिन्दी עברית العربية ქართული",
        "_" * 300 + "=" * 300 + "-" * 300 + "/" * 300,
    ]
    return texts + _long_texts()


def _long_texts() -> list[str]:
    """Return texts of up to 300 kB, because a fault of fastokens (its issue 67, fixed since) showed
    on long texts only."""
    words = " ".join(str(number * 7919) for number in range(30_000))
    return [
        "a" * 50_000,
        " " * 50_000,
        "ab" * 50_000,
        "é漢" * 20_000,
        words,
        "x = f(y)\n\n" * 25_000,
    ]


def _printable(start: int) -> Iterable[int]:
    return (code for code in range(start, start + 0x100) if not 0xD800 <= code < 0xE000)


def _disagreement(vocabulary: Vocabulary, texts: list[str], load: Load) -> str | None:
    short = [t for t in texts if len(t.encode()) <= REFERENCE_BYTES_MAX]
    try:
        wrong = _wrong_id("fastokens", vocabulary, load)
        different = None if wrong else compare(short, vocabulary, load)
    except InputError:
        raise
    except (ValueError, JobError) as error:  # fastokens refuses this kind of tokenizer, or fails
        return str(error)
    if wrong is not None:
        return wrong
    if different is None:
        return None
    index, difference = different
    return f"fastokens differs from tokenizers on {short[index][:60]!r} ({difference})"
