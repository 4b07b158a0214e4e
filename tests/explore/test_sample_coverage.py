"""How often the intervals of samples hold the truth, by counting: 200 samples of each corpus and
size."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from core.oracle import rules

from bfpack_spark.core.fragments import Int64
from bfpack_spark.corpus.draw_documents import chances_of
from bfpack_spark.explore.sample_estimates import Named, Sample, estimates
from bfpack_spark.explore.sample_parts import Part, stratum_of, whole_stratum

# (corpus, num_bytes, num_tokens) of 3,000 files of source code and 3,523 of prose, as
# scripts/make_corpus.py finds them, by a tokenizer that was trained on the source code.
MEASURED = Path(__file__).parent.parent / "data" / "sizes_and_lengths.parquet"
RULES = rules(2048)
SEEDS = 200

Corpus = tuple[Int64, Int64]  # bytes, tokens


def measured(name: str) -> Corpus:
    table = pq.read_table(MEASURED)
    own = table.filter(pc.equal(table["corpus"], name))
    size, length = (own[column].to_numpy().astype(np.int64) for column in own.column_names[1:])
    return size, length


def with_a_long_tail() -> Corpus:
    """Log-normal lengths of 1,370 tokens on average, and a Pareto tail of 2 % up to a million."""
    random = np.random.default_rng(7)
    length = random.lognormal(6.5, 1.2, 3000)
    tail = random.random(3000) < 0.02
    length[tail] = np.exp(6.5 + 2.4) * random.random(tail.sum()) ** (-1 / 1.3)
    length = np.clip(np.rint(length), 2, 10**6)
    rate = np.minimum(0.27 * np.exp(random.normal(0, 0.22, 3000)), 1)
    return np.rint(length / rate).astype(np.int64), length.astype(np.int64) + 1


def sample_of(corpus: Corpus, num_draws: int, seed: int) -> Sample:
    """The sample of a corpus whose documents are all read."""
    size, length = corpus
    random = np.random.default_rng(seed)
    drawn = random.choice(len(size), num_draws, p=chances_of(size, size))
    part = Part(
        sizes=size,
        draws=np.arange(num_draws),
        drawn_sizes=size[drawn],
        lengths=length[drawn],
        chance=None,
    )
    stratum = stratum_of([part], num_draws, num_inserted=1)
    return Sample(strata=(stratum,), num_read=num_draws, num_refused=0)


def of_documents_alone(corpus: Corpus, num_draws: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of the tokens from the lengths of documents that are drawn alike."""
    length = corpus[1]
    drawn = np.random.default_rng(seed).choice(length, num_draws)
    half = 2 * drawn.std(ddof=1) / np.sqrt(num_draws)
    return len(length) * (drawn.mean() - half), len(length) * (drawn.mean() + half)


def by_name(found: list[Named]) -> dict[str, Named]:
    return {own.name: own for own in found}


@pytest.mark.parametrize("num_draws", [50, 100, 300])
@pytest.mark.parametrize("name", ["source code", "prose", "long tail"])
def test_intervals_hold_the_truth_in_93_of_100_samples(name: str, num_draws: int) -> None:
    corpus = with_a_long_tail() if name == "long tail" else measured(name)
    whole = Sample(strata=(whole_stratum(corpus[1]),), num_read=0, num_refused=0)
    truth = {key: own.estimate.value for key, own in by_name(estimates(whole, [RULES])).items()}
    held: Counter[str] = Counter()
    widths, alone = [], []
    for seed in range(SEEDS):
        found = by_name(estimates(sample_of(corpus, num_draws, seed), [RULES]))
        for key, value in truth.items():
            low, high = found[key].estimate.low, found[key].estimate.high
            held[key] += low - 1e-9 <= value <= high * (1 + 1e-12)
        tokens = found["num_tokens"].estimate
        widths.append(tokens.high - tokens.low)
        alone.append(np.subtract(*of_documents_alone(corpus, num_draws, seed)[::-1]))
    assert len(held) == 8
    assert min(held.values()) >= 0.93 * SEEDS, held
    assert np.median(widths) < np.median(alone) / 3
