"""From text to shards: every token once, the same bytes however it is run, resumed where it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus, pack_options
from outputs import current, manifest
from packings import (
    Ids,
    Packing,
    Segments,
    assert_each_token_once,
    expected_documents,
    read_segments,
)


@pytest.fixture(scope="module")
def many(demo_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Every other document of the demo's corpus."""
    folder = tmp_path_factory.mktemp("many")
    table = pq.read_table(demo_corpus.path)
    pq.write_table(table.take(np.arange(0, len(table), 2)), folder / "documents.parquet")
    return replace(demo_corpus, path=folder)


@pytest.fixture(scope="module")
def many_packed(many: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same at 2048 and 8192."""
    output = tmp_path_factory.mktemp("many_packed") / "output"
    bfpack("pack", *pack_options(many, output), "--seq-len", 2048, "--seq-len", 8192).succeeds()
    return output


def test_tokens_in_are_tokens_out_on_the_demos_corpus(many: Corpus, many_packed: Path) -> None:
    wanted = expected_documents(many)
    num_tokens = sum(map(len, wanted.values()))
    assert len(wanted) >= 1000
    for seq_len in (2048, 8192):
        version = current(many_packed, "small", f"sequences-{seq_len}")
        held = read_segments(version)
        assert len(held.ids) == len(held.num_padding) * seq_len
        assert_each_token_once(held, wanted)
        account = manifest(version)["accounting"]
        assert manifest(version)["totals"]["tokens"] == account["num_tokens"] == num_tokens
        assert account["num_documents_packed"] == account["num_documents_in"] == len(wanted)
        assert account["num_tokens_inserted"] == len(wanted)
        assert account["num_padding"] == held.num_padding.sum()


@pytest.mark.parametrize("policy", ["split", "truncate", "drop"])
def test_each_policy_packs_what_it_says_and_concat_holds_the_same_tokens(
    policy: str, packing: Packing, expected: Ids
) -> None:
    kept = {
        name: ids if policy == "split" or len(ids) <= 512 else ids[: 512 * (policy == "truncate")]
        for name, ids in expected.items()
    }
    wanted = {name: ids for name, ids in kept.items() if len(ids)}
    checks = {"best_fit": check_best_fit, "concat": check_concat}
    for way, check in checks.items():
        more = ("--long-documents", policy, "--packing", way)
        version = packing.pack(*more)
        held = read_segments(version)
        assert_each_token_once(held, wanted)
        check(held, wanted, policy)
        check_accounting(manifest(version), held, expected, wanted)
        assert packing.run("verify").code == 0
        packing.check_stats(*more)


def check_best_fit(held: Segments, wanted: Ids, policy: str) -> None:
    whole = held.length == held.doc_length
    assert whole.sum() > 50
    assert (held.doc_length[~whole] > 512).all()
    assert (held.start % 512 == 0).all()
    assert (~whole).any() == (policy != "drop")


def check_concat(held: Segments, wanted: Ids, policy: str) -> None:
    """As few rows as can be, each a piece of one stream of documents: what a row begins with in
    the middle is what another row ended with in the middle."""
    num_tokens = sum(map(len, wanted.values()))
    assert len(held.num_padding) == -(-num_tokens // 512)
    padded = held.num_padding[held.num_padding > 0].tolist()
    assert padded == ([-num_tokens % 512] if num_tokens % 512 else [])
    kept = np.array([len(wanted[name]) for name in held.doc_id])
    is_first = np.diff(held.row, prepend=-1) > 0
    is_last = np.diff(held.row, append=len(held.num_padding)) > 0
    assert (held.start[~is_first] == 0).all()
    assert (held.end == kept)[~is_last].all()
    goes_on = is_last & (held.end < kept)
    comes_in = is_first & (held.start > 0)
    assert goes_on.sum() > 10
    left, entered = (
        set(zip(held.doc_id[at].tolist(), token[at].tolist(), strict=True))
        for at, token in ((goes_on, held.end), (comes_in, held.start))
    )
    assert left == entered
    assert len(left) == goes_on.sum() == comes_in.sum()


def check_accounting(held: dict[str, Any], rows: Segments, every: Ids, wanted: Ids) -> None:
    """The manifest's counts, counted anew from documents and rows."""
    account = held["accounting"]
    lengths = {name: len(ids) for name, ids in every.items()}
    packed = {name: len(ids) for name, ids in wanted.items()}
    dropped = lengths.keys() - packed.keys()
    cut = set(rows.doc_id[rows.length < rows.doc_length].tolist())
    counts = {
        "num_documents": len(lengths),
        "num_documents_packed": len(packed),
        "num_documents_cut": len(cut),
        "num_documents_dropped": len(dropped),
        "num_documents_truncated": sum(packed[n] < lengths[n] for n in packed),
        "num_tokens": sum(lengths.values()),
        "num_tokens_packed": sum(packed.values()),
        "num_tokens_dropped": sum(lengths[n] for n in dropped),
        "num_tokens_truncated": sum(lengths[n] - packed[n] for n in packed),
        "num_tokens_inserted": len(lengths),
        "num_sequences": len(rows.num_padding),
        "num_padding": int(rows.num_padding.sum()),
        "lower_bound": -(-sum(packed.values()) // 512),
    }
    assert {name: account[name] for name in counts} == counts
    chance = sum(min(1.0, (length - 1) / 512) for length in lengths.values())
    assert account["num_documents_cut_by_concat"] == pytest.approx(chance)
    assert held["totals"]["tokens"] == counts["num_tokens_packed"]


def test_short_documents_start_where_a_random_order_puts_them(many_packed: Path) -> None:
    """In a random order, half the length of all others in its row comes before a segment. Best
    fit's own order, longest first, fails the same measure."""
    held = read_segments(current(many_packed, "small", "sequences-8192"))
    total = np.bincount(held.row, weights=held.length)[held.row]
    order = np.lexsort((-held.length, held.row))
    before = np.cumsum(held.length[order]) - held.length[order]
    first = np.diff(held.row[order], prepend=-1) > 0
    longest_first = np.empty_like(held.offset)
    longest_first[order] = before - np.maximum.accumulate(np.where(first, before, 0))
    short = held.length <= np.quantile(held.length, 0.25)
    assert short.sum() > 350

    def standard_errors(offset: npt.NDArray[np.int64]) -> float:
        """Mean distance from the expectation; rows are independent, segments of one are not, and
        a row of hundreds counts no more than another."""
        of_row = np.bincount(held.row, weights=(offset - (total - held.length) / 2) * short)
        of_row /= np.maximum(np.bincount(held.row, weights=short), 1)
        return float(of_row.sum() / np.sqrt(np.square(of_row).sum()))

    assert abs(standard_errors(held.offset)) < 4
    assert standard_errors(longest_first) > 8
