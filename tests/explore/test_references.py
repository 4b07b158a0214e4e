"""Mentions out of sight: in texts by eye, in whole corpora, and in samples with their intervals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Bfpack, Corpus
from core.oracle import as_lengths
from inputs import write_input

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.core.donor_estimates import estimate_ratio_of_donors
from bfpack_spark.core.estimates import Donors, Sized, Stratum
from bfpack_spark.explore.frames import wide_frame
from bfpack_spark.tokenizing.mentions import TokenPlaces, mentions_in
from bfpack_spark.tokenizing.tokenizer_file import read_vocabulary


class Letters(TokenPlaces):
    """A token a character."""

    def __init__(self) -> None:
        self.num_before = 0

    def starts(self, text: str) -> Any:
        return np.arange(len(text), dtype=np.int64)


def pairs(text: str, kind: Any) -> list[tuple[int, int, str]]:
    found = mentions_in(text, kind, Letters())
    assert found is not None
    return list(zip(found.told.tolist(), found.used.tolist(), found.kind, strict=True))


def test_words_are_joined_with_their_last_mention() -> None:
    text = "Ada met my_dog. Then Ada, myDog and my_dog left; myDog and x1 and x1 and I and we."
    assert pairs(text, "words") == [
        (0, 21, "capitalised word"),
        (8, 36, "identifier"),
        (26, 49, "identifier"),
        (59, 66, "identifier"),
    ]
    assert pairs("Ünal Ünal Жук Жук plain plain", "words") == [
        (0, 5, "capitalised word"),
        (10, 14, "capitalised word"),
    ]


def test_tokens_are_joined_with_the_heading_above_them() -> None:
    text = "a\n# B\nc\nD\n===\ne"
    found = pairs(text, "headings")
    assert [told for told, _, _ in found] == [2] * 5 + [8] * 6
    assert [used for _, used, _ in found] == [3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14]
    assert pairs("no heading\n- - -\n", "headings") == []


def test_names_are_joined_with_their_bindings() -> None:
    assert pairs("ab = 1\nprint(ab)\n", "python") == [(0, 13, "assignment")]
    assert mentions_in("def", "python", Letters()) is None


@pytest.mark.parametrize("bos", [None, "<|pad|>"])
def test_places_are_tokens_of_the_document_as_it_is_packed(corpus: Corpus, bos: str | None) -> None:
    settings = Settings(tokenizer=str(corpus.tokenizer), bos_token=bos)
    places = TokenPlaces.of(read_vocabulary(settings))
    text = "def f(größe):\n    return größe\n"
    starts = places.starts(text)
    assert starts[0] == 0
    first, second = text.index("größe"), text.rindex("größe")
    tokens = places.tokens(as_lengths([0, first, second]), starts)
    assert tokens[0] == int(bos is not None)
    for token, character in zip(tokens - tokens[0], (0, first, second), strict=True):
        ends = [*starts[1:].tolist(), len(text)]
        assert starts[token] <= character < max(ends[token], starts[token] + 1)


def stratum(draws: list[int], num_bytes: list[float], num_draws: int) -> Stratum:
    size = as_lengths([10] * len(draws))
    donors = Donors(size=size, length=size, num_bytes=np.array(num_bytes), draw=as_lengths(draws))
    sized = Sized(size=size, count=size, weight=np.ones(len(draws)), draw=None)
    return Stratum(num_draws=num_draws, num_inserted=0, sized=sized, donors=donors)


def test_a_ratio_weighs_donors_by_the_documents_that_they_stand_for() -> None:
    strata = [stratum([0, 1], [30, 10], 2)]
    found = estimate_ratio_of_donors(strata, np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    assert found.value == 6 / 10
    assert found.low < found.value < found.high
    assert found.high - found.value == pytest.approx(found.value - found.low)
    less = estimate_ratio_of_donors(strata, -np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    assert (less.value, less.high) == (-6 / 10, pytest.approx(-found.low))
    whole = estimate_ratio_of_donors([stratum([0, 1], [10, 10], 0)], np.ones(2), np.full(2, 4.0))
    assert (whole.low, whole.value, whole.high) == (0.25, 0.25, 0.25)
    assert estimate_ratio_of_donors(strata, np.zeros(2), np.zeros(2)).value == 0


def test_intervals_hold_the_ratio_of_the_whole_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(5)
    below = random.integers(1, 100, 5000).astype(np.float64)
    above = below * random.beta(1, 6, 5000)
    truth, held = above.sum() / below.sum(), 0
    for _ in range(200):
        drawn = random.integers(5000, size=60)
        strata = [stratum(list(range(60)), [10 * 5000 / 60] * 60, 60)]
        found = estimate_ratio_of_donors(strata, above[drawn], below[drawn])
        held += found.low <= truth <= found.high
    assert 186 <= held <= 200


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Three programs and a text that is none, in JSON lines."""
    texts = [
        "import os\n" + "x = 1\n" * 40 + "os, x\n",
        "def f(a):\n    return a\n",
        "import re\n" + "pass\n" * 200 + "re\n",
        "no program at all",
    ]
    return write_input(tmp_path / "programs.jsonl", ({"text": text} for text in texts))


def test_a_whole_corpus_is_counted_exactly(programs: Path, corpus: Corpus) -> None:
    settings = Settings(input=str(programs), tokenizer=str(corpus.tokenizer))
    samples = explore.sample_input(settings, 10, "python")
    (stats,) = explore.sample_stats(samples, (64, 4096))
    found = stats.references
    assert found is not None
    assert (found.num_documents, found.num_not_parsed, found.num_mentions) == (4, 1, 4)
    assert found.kinds == {"import": 2, "assignment": 1, "argument": 1}
    short, long = found.at
    assert short.by_kind["import"].by_best_fit.value == 1
    assert short.mentions.by_best_fit.value == 2 / 4
    assert short.fitting.by_best_fit.value == 0
    assert 0 < short.fitting.by_concat.value < 1
    assert short.documents.by_best_fit.value == 2 / 3
    assert long.mentions.by_best_fit.value == 0
    assert long.mentions.by_concat.low == long.mentions.by_concat.high > 0
    assert json.loads(json.dumps(explore.as_json([stats])))[0]["references"]["num_mentions"] == 4
    row = wide_frame([stats]).iloc[0]
    assert row["references_out_of_sight"] == 2 / 4
    assert row["references_difference_low"] == short.mentions.difference.value
    frame = explore.references_frame(stats).set_index(["seq_len", "mentions"])
    assert frame.loc[(64, "import"), "best_fit"] == 1
    assert frame.loc[(64, "fitting"), "concat"] == short.fitting.by_concat.value


def test_stats_prints_them_for_each_bucket_and_together(
    programs: Path, corpus: Corpus, bfpack: Bfpack
) -> None:
    write_input(programs.with_name("words.jsonl"), [{"text": "A_1 and A_1"}])
    where = ("--tokenizer", corpus.tokenizer, "--seq-len", 64, "--sample", 10)
    options = (*where, "--input", programs.parent / "{bucket}.jsonl", "--references", "words")
    ran = bfpack("stats", *options, "--bucket", "programs", "--bucket", "words").succeeds()
    assert ran.out.count("whose last mention is in another row") == 3
    assert "1 mention in 1 document: 1 identifier; tokens from what is mentioned" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--output", "o"), "--references words: give a text to look through, by --sample N"),
        (
            ("--input", "x.jsonl", "--tokens-column", "ids", "--sample", 3),
            "--references words: needs text; --tokens-column ids has ids",
        ),
    ],
)
def test_mistakes_are_told(options: tuple[object, ...], said: str, bfpack: Bfpack) -> None:
    bfpack("stats", "--references", "words", "--seq-len", 64, *options).refuses(said)
