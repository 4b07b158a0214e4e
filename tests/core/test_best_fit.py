"""The packer against the paper, against known answers, and against ten lines of oracle."""

import hashlib
from typing import Any

import numpy as np
import pytest
from core.anchors import load, load_from_elsewhere
from core.oracle import as_lengths, best_fit_decreasing, check_packing
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.best_fit import pack, pack_counts, place
from bfpack_spark.core.fragments import Int64, cut_documents, kept_lengths

SMALL = load("small_cases.json")["cases"]
SYNTHETIC = load("synthetic_counts.json")["distributions"]
POLICIES = ("split", "truncate", "drop")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case["name"])
def test_the_small_cases_pack_as_known(case: dict[str, Any], policy: Any) -> None:
    lengths, seq_len = as_lengths(case["lengths"]), case["seq_len"]
    fragments = cut_documents(kept_lengths(lengths, seq_len, policy), seq_len)
    expected = case["expected"][policy]
    assert len(fragments.length) == expected["num_fragments"]
    fills = expected.get("fills") or best_fit_decreasing(fragments.length.tolist(), seq_len)
    assert len(fills) == expected["num_sequences"]
    bin_of = check_packing(fragments.length, seq_len, fills)
    padding = expected["num_sequences"] * seq_len - int(fragments.length.sum())
    assert padding == expected["num_padding"]
    if "sequences" in expected:
        contents = [sorted(fragments.length[bin_of == b].tolist()) for b in range(len(fills))]
        assert sorted(contents) == sorted(sorted(content) for content in expected["sequences"])


def test_the_small_cases_are_all_there() -> None:
    assert len(SMALL) == 40
    assert {"ding_figure_1", "ding_appendix_b"} <= {case["name"] for case in SMALL}


@given(
    lengths=st.lists(st.integers(1, 400), max_size=60),
    seq_len=st.integers(1, 200),
    policy=st.sampled_from(POLICIES),
)
def test_the_packer_equals_the_oracle(lengths: list[int], seq_len: int, policy: Any) -> None:
    kept = kept_lengths(as_lengths(lengths), seq_len, policy)
    pieces = cut_documents(kept, seq_len).length
    check_packing(pieces, seq_len, best_fit_decreasing(pieces.tolist(), seq_len))


@given(
    st.integers(1, 64).flatmap(
        lambda c: st.tuples(st.lists(st.integers(1, c), max_size=200), st.just(c))
    )
)
def test_many_fragments_of_few_lengths_equal_the_oracle(drawn: tuple[list[int], int]) -> None:
    lengths, capacity = drawn
    check_packing(as_lengths(lengths), capacity, best_fit_decreasing(lengths, capacity))


@pytest.mark.parametrize("capacity", [1023, 1024, 1025, 2047, 2049, 1_048_575, 1_048_576])
def test_capacities_around_the_words_of_the_bitmap_equal_the_oracle(capacity: int) -> None:
    lengths = np.random.default_rng(capacity).integers(1, capacity + 1, 400)
    check_packing(lengths, capacity, best_fit_decreasing(lengths.tolist(), capacity))


@pytest.mark.parametrize("drawn", SYNTHETIC, ids=lambda drawn: drawn["name"])
def test_the_twenty_synthetic_counts_are_met(drawn: dict[str, Any]) -> None:
    values, counts = np.array(drawn["histogram"], dtype=np.int64).T
    lengths = np.repeat(values, counts)
    assert len(lengths) == 10_000
    assert len(drawn["cases"]) == 5
    for case in drawn["cases"]:
        pieces = lengths[lengths <= case["seq_len"]]
        assert len(pieces) == case["num_packed"]
        assert pack(pieces, case["seq_len"])[1] == case["expected"]["bfd_bins"]


@pytest.mark.parametrize("name", ["krell_squad_384.json", "krell_wikipedia_512.json"])
def test_the_histograms_of_krell_et_al_pack_as_known(name: str) -> None:
    known = load_from_elsewhere(name)
    packing = pack_counts(as_lengths(known["counts"]))
    assert packing.num_bins == known["expected"]["bfd_bins"]
    efficiency = 100 * known["num_tokens"] / (packing.num_bins * known["seq_len"])
    assert round(efficiency, 4) == known["expected"]["efficiency_percent"]


def refinedweb_like(num_documents: int, seed: int) -> Int64:
    drawn = np.random.default_rng(seed).lognormal(mean=5.82, sigma=0.99, size=num_documents)
    return np.maximum(1, np.rint(drawn)).astype(np.int64)


@pytest.mark.parametrize(
    "known", load("refinedweb_like.json")["exact"], ids=lambda k: str(k["seed"])
)
def test_lengths_like_refinedweb_pack_as_known(known: dict[str, Any]) -> None:
    lengths = refinedweb_like(known["num_documents"], known["seed"])
    digest = hashlib.sha256(lengths.astype("<i8").tobytes()).hexdigest()
    if digest != known["check"]["sha256_of_int64_little_endian"]:
        pytest.skip("this numpy draws another stream of log-normal numbers")
    for expected in known["expected"]:
        pieces = cut_documents(lengths, expected["seq_len"]).length
        assert len(pieces) == expected["num_fragments"]
        assert pack(pieces, expected["seq_len"])[1] == expected["bfd_bins"]


def test_the_overhead_of_a_million_documents_lies_in_the_known_band() -> None:
    lengths = refinedweb_like(1_000_000, seed=5)
    bands = [b for b in load("refinedweb_like.json")["overhead_bands"] if "num_documents" in b]
    seen = 0
    for band in bands:
        if band["num_documents"] != 1_000_000:
            continue
        seq_len = band["seq_len"]
        sequences = pack(cut_documents(lengths, seq_len).length, seq_len)[1]
        over = 100 * (sequences / -(-int(lengths.sum()) // seq_len) - 1)
        assert band["over_lower_bound_percent_min"] <= over <= band["over_lower_bound_percent_max"]
        seen += 1
    assert seen == 2


def test_a_hundred_times_the_documents_take_no_more_steps() -> None:
    counts = np.bincount(np.minimum(refinedweb_like(100_000, seed=1), 2048), minlength=2049)
    steps, more_steps = (len(pack_counts(counts * times).length) for times in (1, 100))
    assert steps > 2000
    assert more_steps < 2 * steps


def test_a_billion_documents_are_counted_exactly() -> None:
    lengths = np.arange(1, 2049, dtype=np.int64)
    counts = np.concatenate([[0], 10**9 // lengths])
    packing = pack_counts(counts)
    assert int((packing.bins * packing.each).sum()) == int(counts.sum()) > 8 * 10**9
    taken = np.zeros(2049, dtype=np.int64)
    np.add.at(taken, packing.length, packing.bins * packing.each)
    assert (taken == counts).all()
    assert packing.num_bins * 2048 >= int((counts[1:] * lengths).sum())


def test_of_equal_fragments_the_one_given_first_goes_first() -> None:
    bin_of, _ = pack(as_lengths([3, 5, 3, 5, 3]), 8)
    assert bin_of.tolist() == [0, 0, 1, 1, 2]


def test_of_equally_full_bins_the_one_so_full_the_longest_goes_first() -> None:
    placed = place(pack_counts(np.bincount([6, 6, 5, 1], minlength=9)))
    assert placed.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("lengths", [[0], [9], [-1], [3, 9]])
def test_a_fragment_that_no_bin_takes_is_an_error(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match=r"lengths must be 1\.\.8"):
        pack(as_lengths(lengths), 8)


@pytest.mark.parametrize("counts", [[0], [1, 2], [0, -1]])
def test_counts_that_make_no_sense_are_an_error(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="need capacity"):
        pack_counts(as_lengths(counts))
