"""The packer against the paper, against known answers, and against ten lines of oracle."""

import hashlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from core.anchors import load, load_from_elsewhere
from core.oracle import as_lengths, best_fit_decreasing, check_packing, refinedweb_like
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.core.best_fit import pack, pack_counts, place
from bfpack_spark.core.digest import digest_segments
from bfpack_spark.core.fragments import Int64, cut_documents, cut_stream, kept_lengths
from bfpack_spark.core.rows import arrange
from bfpack_spark.core.shuffle import permute

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


@pytest.mark.parametrize("capacity", [1_048_575, 1_048_576])
def test_many_fragments_in_the_longest_sequences_equal_the_oracle(capacity: int) -> None:
    drawn = np.random.default_rng(3).lognormal(mean=11, sigma=2, size=20_000)
    lengths = np.maximum(1, drawn).astype(np.int64)
    pieces = cut_documents(lengths, capacity).length
    assert len(pieces) > len(lengths)
    assert len(np.unique(pieces)) > 15_000
    fills = best_fit_decreasing(pieces.tolist(), capacity)
    check_packing(pieces, capacity, fills)
    assert 2000 < len(fills) < len(pieces) / 3


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


def skip_if_another_stream(lengths: Int64, check: dict[str, Any]) -> None:
    digest = hashlib.sha256(lengths.astype("<i8").tobytes()).hexdigest()
    if digest != check["sha256_of_int64_little_endian"]:
        pytest.skip("this numpy draws another stream of random numbers")


@pytest.mark.parametrize("name", ["krell_squad_384.json", "krell_wikipedia_512.json"])
def test_the_histograms_of_krell_et_al_pack_as_known(name: str) -> None:
    known = load_from_elsewhere(name)
    packing = pack_counts(as_lengths(known["counts"]))
    assert packing.num_bins == known["expected"]["bfd_bins"]
    efficiency = 100 * known["num_tokens"] / (packing.num_bins * known["seq_len"])
    assert round(efficiency, 4) == known["expected"]["efficiency_percent"]


@pytest.mark.parametrize(
    "known", load("refinedweb_like.json")["exact"], ids=lambda known: str(known["num_documents"])
)
def test_lengths_like_refinedweb_pack_as_known(known: dict[str, Any]) -> None:
    lengths = refinedweb_like(known["num_documents"], known["seed"])
    skip_if_another_stream(lengths, known["check"])
    assert [expected["seq_len"] for expected in known["expected"]] == [2048, 8192]
    for expected in known["expected"]:
        pieces = cut_documents(lengths, expected["seq_len"])
        assert len(pieces.length) == expected["num_fragments"]
        assert pack(pieces.length, expected["seq_len"])[1] == expected["bfd_bins"]
        cuts = np.bincount(pieces.document) - 1
        assert int(cuts.sum()) == expected["num_cuts_split"]
        assert int((cuts > 0).sum()) == expected["num_cut_documents_split"]


@pytest.mark.parametrize("times", [1, 100, 10_000])
@pytest.mark.parametrize("capacity", [100, 1000, 2048])
def test_steps_are_bounded_by_distinct_lengths_whatever_the_documents(
    capacity: int, times: int
) -> None:
    """At most 2 steps of each length leave a class open or open bins. Every other one empties a
    class whose space it more than halves."""
    counts = times * np.random.default_rng(capacity).integers(0, 100, capacity + 1)
    counts[0] = 0
    distinct = np.count_nonzero(counts)
    steps = len(pack_counts(counts).length)
    assert distinct <= steps <= 2 * distinct * capacity.bit_length()
    assert steps < 2 * distinct < counts.sum() / 10


def lines_run(call: Callable[[], object]) -> int:
    """Lines of the package's core that run, a line of a loop as often as it is gone through."""
    ran = 0

    def count(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal ran
        if not frame.f_globals["__name__"].startswith("bfpack_spark.core"):
            return None
        ran += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize(
    "work",
    [
        lambda lengths: pack(lengths, 50),
        lambda lengths: place(pack_counts(np.bincount(lengths, minlength=51))),
        lambda lengths: cut_documents(kept_lengths(lengths, 20, "split"), 20),
        lambda lengths: cut_stream(lengths, 20),
        lambda lengths: arrange(lengths // 5, lengths, lengths),
        lambda lengths: permute(np.arange(len(lengths)), len(lengths), 0),
        lambda lengths: digest_segments(np.arange(lengths.sum(), dtype=np.int32), lengths, lengths),
    ],
    ids=["pack", "place", "cut_documents", "cut_stream", "arrange", "permute", "digest_segments"],
)
def test_no_python_loop_goes_over_documents(work: Callable[[Int64], object]) -> None:
    lengths = as_lengths([1, 2, 5, 3, 50, 7] * 10)
    few = lines_run(lambda: work(lengths))
    many = lines_run(lambda: work(np.tile(lengths, 90)))
    assert few > 0
    assert many - few < 89 * len(lengths) / 5  # a cycle walk's rounds grow with the logarithm


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
