"""Which engine tokenizes a corpus, and why: a fast one only where it agrees with the reference."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import Inventory, split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.errors import InputError, JobError
from bfpack_spark.tokenizing.engines import Engine, EngineName, FastName, Load, load_engine
from bfpack_spark.tokenizing.hard_texts import adversarial_texts
from bfpack_spark.tokenizing.ids_of_texts import Ids, parts_of_batch
from bfpack_spark.tokenizing.panics import silenced
from bfpack_spark.tokenizing.tokenizer_json import parse_tokenizer
from bfpack_spark.tokenizing.vocabulary import Vocabulary

EngineChoice: TypeAlias = Literal["auto"] | EngineName
_SHORT = 1000  # characters of a text that costs nothing to try
_SAMPLE = 1 << 18  # characters of the sample, at least; they tell what the reference costs
_SAMPLE_MAX = 2 << 20  # and at most
_ENOUGH = 20_000  # tokens that tell what an engine costs
_KEPT = 4  # tokenizers of which is known how engines do on hard texts
REFERENCE_BYTES_MAX = 1 << 20  # longer documents are not given to the reference for comparison


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine that is taken, the reason in words, and what it costs."""

    engine: EngineName
    why: str
    cost: str | None = None


def engine_for(
    wanted: EngineChoice,
    columns: Columns,
    vocabulary: Vocabulary,
    sample_of: Callable[[], list[str]],
) -> Choice:
    """Return the engine that tokenizes this corpus, and why it was chosen. `sample_of` returns some
    of its texts, and is called only if there are any, and an engine to compare with the reference.
    """
    if columns.tokens:
        return Choice(engine="fastokens", why="not used: the documents are tokenized already")
    return choose_engine(wanted, vocabulary, [] if wanted == "tokenizers" else sample_of())


def sample_texts(inventory: Inventory, columns: Columns, max_bytes: int | None = None) -> list[str]:
    """Return the first texts of up to eight places spread over the corpus, about `max_bytes`
    characters in total. Without it, a sixteenth of the files' bytes, from 256 kB to 2 MB."""
    if max_bytes is None:
        total = sum(file.size for file in inventory.files)
        max_bytes = min(max(total // 16, _SAMPLE), _SAMPLE_MAX)
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
    """Compare the fast engines with the reference on hard texts and on a sample of the corpus, and
    return the choice. The one that is faster for this kind of tokenizer is tried first.

    If one differs, or cannot take the tokenizer, `auto` goes on to the next and in the end to the
    reference, and an engine that is wanted by name raises JobError.
    """
    problems: list[str] = []
    with silenced():
        # A file that the reference cannot take is the user's mistake.
        num_hard = _check_reference(vocabulary, load)
        for name in _candidates(wanted, vocabulary):
            problem, cost = _tried(name, vocabulary, sample, load)
            if problem is None:
                why = f"it agrees with tokenizers on {num_hard + len(sample)} texts"
                return Choice(engine=name, why="; ".join([why, *problems]), cost=cost)
            if name == wanted:
                raise JobError(f"--engine {name}: {problem}; use --engine auto or tokenizers")
            problems.append(problem)
        why = "; ".join(problems) or "as --engine says"
        return Choice(engine="tokenizers", why=why, cost=_cost_alone(vocabulary, sample, load))


@contextmanager
def engines_load(
    wanted: EngineChoice, vocabulary: Vocabulary, load: Load = load_engine
) -> Iterator[None]:
    """Load the engines that `choose_engine` compares first, during what is done inside. Stderr is
    silenced until they are loaded, so an error inside waits for them before it is told."""
    loading = threading.Thread(
        target=lambda: load_engines(first_engines(wanted, vocabulary), vocabulary, load),
        name="load engines",
        daemon=True,
    )
    loading.start()
    try:
        yield
    finally:
        loading.join()


def first_engines(wanted: EngineChoice, vocabulary: Vocabulary) -> tuple[EngineName, ...]:
    """Return the names of the engines that `choose_engine` compares first."""
    first: tuple[EngineName, ...] = _candidates(wanted, vocabulary)[:1]
    return ("tokenizers", *first)


def load_engines(
    names: tuple[EngineName, ...], vocabulary: Vocabulary, load: Load = load_engine
) -> None:
    """Load engines, as far as they can be. Who needs one tries again, and tells what is wrong."""
    with silenced():
        for name in names:
            with suppress(Exception):
                load(name, vocabulary)


def _candidates(wanted: EngineChoice, vocabulary: Vocabulary) -> tuple[FastName, ...]:
    """Return the fast engines to try, the fastest for the tokenizer's kind first."""
    if wanted == "tokenizers":
        return ()
    if wanted != "auto":
        return (wanted,)
    model = parse_tokenizer(vocabulary.json).model
    if model.type in ("WordPiece", "Unigram"):
        return ("words",)
    return ("gigatoken", "fastokens") if model.byte_fallback else ("fastokens",)


def compare(
    texts: list[str], vocabulary: Vocabulary, name: FastName, load: Load = load_engine
) -> tuple[int, str] | None:
    """Return the first text with other ids by the reference, as index and difference, or None."""
    ours = load(name, vocabulary).encode(texts)
    return _first(ours, load("tokenizers", vocabulary).encode(texts))


def _first(ours: tuple[Ids, Int64], theirs: tuple[Ids, Int64]) -> tuple[int, str] | None:
    if np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1]):
        return None
    pairs = zip(parts_of_batch(*ours), parts_of_batch(*theirs), strict=True)
    for index, (one, other) in enumerate(pairs):
        if not np.array_equal(one, other):
            return index, first_difference(one, other)
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


@lru_cache(_KEPT)
def _check_reference(vocabulary: Vocabulary, load: Load) -> int:
    """Return how many hard texts there are. Raise InputError if the reference gives other ids than
    the file says, or fails on the short ones of them."""
    texts = adversarial_texts(vocabulary)
    wrong = _wrong_id("tokenizers", vocabulary, load)
    if wrong is not None:
        raise InputError(
            f"--tokenizer: {wrong}; number added_tokens on from the vocabulary without a gap, as "
            "`tokenizers` saves them, or give ready ids by --tokens-column"
        )
    load("tokenizers", vocabulary).encode([text for text in texts if len(text) <= _SHORT])
    return len(texts)


@lru_cache(_KEPT)
def _on_hard_texts(name: FastName, vocabulary: Vocabulary, load: Load) -> str | None:
    """Return, in words, what is wrong with a fast engine, whatever the corpus, or None. It is found
    out once for all buckets of a run."""
    texts = adversarial_texts(vocabulary)
    wrong = _wrong_id(name, vocabulary, load)
    return wrong or _different(name, texts, compare(_short(texts), vocabulary, name, load))


def _tried(
    name: FastName, vocabulary: Vocabulary, sample: list[str], load: Load
) -> tuple[str | None, str | None]:
    """Return, in words, why a fast engine cannot be taken, or else None and what it costs."""
    try:
        problem = _on_hard_texts(name, vocabulary, load)
        if problem is not None:
            return problem, None
        texts = _short(sample)
        fast, ours = _timed(load(name, vocabulary), texts)
        slow, theirs = _timed(load("tokenizers", vocabulary), texts)
        return _different(name, texts, _first(ours, theirs)), _cost(name, fast, slow)
    except InputError:
        raise
    except (ValueError, JobError) as error:  # it refuses this kind of tokenizer, or fails
        return str(error), None


def _short(texts: list[str]) -> list[str]:
    return [text for text in texts if len(text.encode()) <= REFERENCE_BYTES_MAX]


def _different(name: FastName, texts: list[str], found: tuple[int, str] | None) -> str | None:
    if found is None:
        return None
    index, difference = found
    return f"{name} differs from tokenizers on {_short(texts)[index][:60]!r} ({difference})"


def _timed(engine: Engine, texts: list[str]) -> tuple[float | None, tuple[Ids, Int64]]:
    """Return the ids of the texts and their lengths, with ns of CPU a token, or None if too few."""
    begin = time.process_time_ns()
    ids, lengths = engine.encode(texts)
    spent = time.process_time_ns() - begin
    return (spent / len(ids) if len(ids) >= _ENOUGH else None), (ids, lengths)


def _cost(name: FastName, fast: float | None, slow: float | None) -> str | None:
    if fast is None or slow is None:
        return None
    return f"on the sample {name} takes {fast:.0f} ns of CPU a token, tokenizers {slow:.0f}"


def _cost_alone(vocabulary: Vocabulary, sample: list[str], load: Load) -> str | None:
    """Return what the reference costs, by the first texts of the sample."""
    texts, size = [], 0
    for text in _short(sample):
        if size >= _SAMPLE:
            break
        texts.append(text)
        size += len(text)
    slow, _ = _timed(load("tokenizers", vocabulary), texts)
    if slow is None:
        return None
    return (
        f"on the sample it takes {slow:.0f} ns of CPU a token, where a fast engine takes 30 to 200"
    )
