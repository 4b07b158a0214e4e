"""Samples of text that is not packed yet: what is drawn, with which chance, and what is said."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Corpus
from inputs import write_input

from bfpack_spark import explore
from bfpack_spark.config import Settings
from bfpack_spark.corpus.clusters import Cluster, draw_clusters
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError

Rows = list[dict[str, Any]]


def lengths_in_waves(num_documents: int) -> list[int]:
    """Neighbours are alike: what lies side by side tells less than what lies apart."""
    random = np.random.default_rng(3)
    level = np.repeat(random.lognormal(3, 0.8, size=num_documents // 20 + 1), 20)[:num_documents]
    return np.maximum(1, random.normal(level, level / 5)).astype(int).tolist()


def write_parquet(folder: Path, lengths: list[int], groups: int, files: int = 2) -> None:
    for number in range(files):
        rows = [{"ids": [7] * (length - 1)} for length in lengths[number::files]]
        size = -(-len(rows) // groups)
        write_input(folder / f"{number}.parquet", rows, row_group_size=size)


def write_jsonl(folder: Path, lengths: list[int]) -> None:
    rows = [{"ids": [7] * (length - 1)} for length in lengths]
    write_input(folder / "a.jsonl", rows[::2])
    write_input(folder / "b.jsonl.gz", rows[1::2])


@dataclass(frozen=True)
class Given:
    """A folder for a corpus of tokens, and what is said of samples of it."""

    folder: Path
    tokenizer: Path

    def settings(self, **more: Any) -> Settings:
        own = {"input": str(self.folder), "tokenizer": str(self.tokenizer), "tokens_column": "ids"}
        return Settings.model_validate({**own, "eos_token": "<|endoftext|>", **more})

    def stats(self, wanted: int, **more: Any) -> explore.CorpusStats:
        samples = explore.sample_input(self.settings(**more), wanted)
        (stats,) = explore.sample_stats(samples, (16, 64))
        return stats


@pytest.fixture
def given(tiny_tokenizer: Path, tmp_path: Path) -> Given:
    (tmp_path / "c").mkdir()
    return Given(tmp_path / "c", tiny_tokenizer)


@pytest.mark.parametrize("write", [write_jsonl, lambda f, ls: write_parquet(f, ls, 4)])
def test_a_small_corpus_is_read_whole_and_nothing_is_estimated(
    write: Callable[[Path, list[int]], None], given: Given
) -> None:
    lengths = lengths_in_waves(200)
    lengths = [max(length, 2) for length in lengths]
    write(given.folder, lengths)
    stats = given.stats(200)
    assert stats.sample is not None
    assert (stats.sample.num_draws, stats.sample.num_read) == (0, 200)
    assert stats.estimates == []
    assert (stats.num_documents, stats.num_tokens) == (200, sum(lengths))
    exact = explore.corpus_stats(stats.histogram, (16, 64))
    assert explore.as_json([exact])[0]["at"] == explore.as_json([stats])[0]["at"]


def test_intervals_hold_the_truth_for_most_seeds(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a corpus that is too large to be read whole."""
    monkeypatch.setattr("bfpack_spark.explore.sample._WHOLE_BYTES_MAX", 0)
    lengths = [max(length, 2) for length in lengths_in_waves(4000)]
    write_parquet(given.folder, lengths, groups=50)
    truth = {
        ("num_documents", None): len(lengths),
        ("num_tokens", None): sum(lengths),
        ("mean_length", None): float(np.mean(lengths)),
        ("cut_share", 16): float(np.mean([length > 16 for length in lengths])),
        ("concat_cut_share", 16): float(np.mean([min(1, (n - 1) / 16) for n in lengths])),
        ("truncations", 16): float(np.mean([-(-n // 16) - 1 for n in lengths])),
        ("lower_bound", 64): sum(lengths) / 64,
    }
    held, values = dict.fromkeys(truth, 0), {name: [] for name in truth}
    for seed in range(60):
        stats = given.stats(800, seed=seed)
        assert stats.sample is not None
        assert stats.sample.num_draws == 40
        for own in stats.estimates:
            name = own.name, own.seq_len
            if name in truth:
                held[name] += own.estimate.low <= truth[name] <= own.estimate.high
                values[name].append(own.estimate.value)
    assert all(count >= 0.93 * 60 for count in held.values()), held
    for name, every in values.items():
        assert np.mean(every) == pytest.approx(truth[name], rel=0.03), name


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".txt"])
def test_the_sizes_of_a_corpus_read_whole_narrow_the_intervals(ending: str, given: Given) -> None:
    """Words of one token and of five, in documents of one to a thousand words."""
    random = np.random.default_rng(4)
    sizes = np.maximum(random.lognormal(3, 1.5, 300).astype(int), 1)
    texts = [
        " ".join(random.choice(["some", "zzzz"], size, p=[0.7, 0.3])) for size in sizes.tolist()
    ]
    rows = [{"text": text} for text in texts]
    write_input(given.folder / f"0{ending}", rows, row_group_size=50)
    if ending == ".txt":
        for number, text in enumerate(texts):
            (given.folder / f"{number}.txt").write_text(text)
    whole = given.stats(300, tokens_column=None, seed=0)
    alone = 2 * whole.histogram.total * np.std(sizes) / np.mean(sizes) / 40**0.5
    held = 0
    for seed in range(9):
        stats = given.stats(40, tokens_column=None, seed=seed)
        assert stats.sample is not None
        assert stats.sample.all_sizes_known
        assert stats.sample.num_read == stats.sample.num_draws == 40
        assert stats.num_documents == 300
        tokens = stats.estimates[1].estimate
        held += tokens.low <= whole.num_tokens <= tokens.high
        assert 0 < tokens.high - tokens.value < alone / 2
    assert held >= 3


def test_a_sample_says_the_same_again_and_another_seed_something_else(given: Given) -> None:
    write_parquet(given.folder, [max(n, 2) for n in lengths_in_waves(1000)], groups=20)
    found = [given.stats(100, seed=seed) for seed in (1, 1, 2)]
    said = [explore.as_json([stats]) for stats in found]
    assert said[0] == said[1] != said[2]


def test_tables_of_a_sample_show_estimates_and_how_far_they_may_be_off(given: Given) -> None:
    write_parquet(given.folder, [max(n, 2) for n in lengths_in_waves(4000)], groups=50)
    stats = given.stats(400)
    summary = explore.summary_frame([stats]).set_index("seq_len")
    compared = 0
    for row in explore.estimates_frame(stats).to_dict("records"):
        shown = summary[row["name"]]
        value = shown.iloc[0] if np.isnan(row["seq_len"]) else shown[row["seq_len"]]
        assert value == row["value"]
        compared += 1
    assert compared == 13
    for _, row in explore.wide_frame([stats]).iterrows():
        assert row["sample_num_draws"] == stats.sample.num_draws
        for name in ("num_documents", "lower_bound", "cut_share"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        assert row["num_tokens_low"] < row["num_tokens"] < row["num_tokens_high"]
        assert not {"p0", "p100", "fragments_p100"} & set(row.index)


# What is drawn


def chances(clusters: list[Cluster]) -> float:
    return sum({cluster: cluster.chance for cluster in clusters}.values())


def test_all_places_together_are_the_corpus_and_their_chances_one(tmp_path: Path) -> None:
    lengths = lengths_in_waves(300)
    write_parquet(tmp_path / "p", lengths, groups=5, files=3)
    write_jsonl(tmp_path / "j", lengths)
    columns = Columns(content="ids", doc_id=None, tokens=True)
    for folder, least in ((tmp_path / "p", 15), (tmp_path / "j", 20)):
        inventory = take_inventory(str(folder), None)
        clusters = list(dict.fromkeys(draw_clusters(inventory, 4000, 0, range_bytes=500)))
        assert len(clusters) >= least
        assert chances(clusters) == pytest.approx(1)
        sources = []
        for cluster in clusters:
            for batch in read_documents([cluster.split], inventory.format, columns, 1 << 30):
                sources += batch.source
        assert len(sources) == len(set(sources)) == 300


def test_places_are_drawn_as_often_as_their_chances_say(tmp_path: Path) -> None:
    write_parquet(tmp_path / "p", sorted(lengths_in_waves(300)), groups=4)
    clusters = draw_clusters(take_inventory(str(tmp_path / "p"), None), 20_000, 1)
    for cluster in set(clusters):
        assert clusters.count(cluster) / 20_000 == pytest.approx(cluster.chance, rel=0.1)


def test_of_text_no_file_is_drawn_that_is_empty_or_too_large(given: Given) -> None:
    for number in range(50):
        (given.folder / f"{number}.txt").write_text("x y " * number)
    stats = given.stats(30, tokens_column=None, max_document_bytes=160)
    assert stats.num_documents == 40
    assert stats.sample is not None
    assert (stats.sample.num_read, stats.sample.num_refused) == (30, 0)
    with pytest.raises(InputError, match="not one document with text in 0 that were drawn"):
        given.stats(30, tokens_column=None, max_document_bytes=3)


def test_what_would_read_too_much_is_drawn_less_often(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "c", lengths_in_waves(300))
    inventory = take_inventory(str(tmp_path / "c"), None)
    assert len(draw_clusters(inventory, 200, 0)) == 200
    assert len(draw_clusters(inventory, 200, 0, read_bytes_max=1000)) == 32


# The command


def test_stats_of_a_corpus_says_its_error_on_the_terminal_and_in_json(
    corpus: Corpus, packed: Path, bfpack: Callable[..., Any]
) -> None:
    options = ("stats", "--input", corpus.path, "--tokenizer", corpus.tokenizer, "--seq-len", 2048)
    ran = bfpack(*options, "--sample", 100, "--details").succeeds()
    assert "estimated from 100 documents drawn at random, none refused, and the sizes" in ran.out
    assert re.search(r": about [\d,]+ documents, about [\d,]+ tokens\n", ran.out)
    assert "quantiles 1% about" in ran.out
    assert "100%" not in ran.out
    printed = bfpack(*options, "--sample", 100).out
    assert not re.search(r"\d[eE][-+]\d|num_|_share|\d%", printed.replace("95%", ""))
    for words in ("documents cut", "cut by concatenation", "tokens a document"):
        assert printed.count(words) >= 1
    assert printed.count("cut by") >= 2  # in the first table, and in that of the estimates
    (said,) = json.loads(bfpack(*options, "--sample", 100, "--json").out)
    assert said["sample"]["confidence"] == 0.95
    by_name = {row["name"]: row for row in said["sample"]["estimates"]}
    assert by_name["num_tokens"]["low"] < by_name["num_tokens"]["value"] == said["num_tokens"]
    assert by_name["num_documents"]["standard_error"] == 0
    assert by_name["num_documents"]["high"] == by_name["num_documents"]["value"]
    assert not {"0.0", "1.0"} & said["quantiles"].keys()
    (whole,) = json.loads(bfpack(*options, "--sample", 300, "--json").out)
    (stored,) = json.loads(bfpack("stats", "--output", packed, "--seq-len", 2048, "--json").out)
    assert whole["at"] == stored["at"]
    assert whole["sample"]["estimates"] == []


def test_buckets_are_sampled_one_by_one(given: Given) -> None:
    for name, length in (("a", 10), ("b", 40)):
        write_parquet(given.folder / f"lang={name}", [length] * 50, groups=2)
    for settings in (
        given.settings(input=f"{given.folder}/lang={{bucket}}"),
        given.settings(bucket_column="lang"),
    ):
        found = explore.sample_stats(explore.sample_input(settings, 20), (16,))
        assert [stats.bucket for stats in found] == ["a", "b", None]
        assert [stats.mean_length for stats in found] == pytest.approx([10, 40, 25], abs=1)
        total = {own.name: own.estimate for own in found[2].estimates}
        assert total["num_documents"].value == pytest.approx(100, rel=0.05)
        assert total["mean_length"].value == pytest.approx(25, rel=0.05)


def test_a_bucket_of_a_column_is_sampled_by_its_name(given: Given) -> None:
    rows = [{"ids": [7] * 9, "lang": "a"}, {"ids": [7] * 39, "lang": "b"}] * 100
    write_input(given.folder / "0.parquet", rows, row_group_size=20)
    settings = given.settings(bucket_column="lang", bucket="b")
    (stats,) = explore.sample_stats(explore.sample_input(settings, 50), (16,))
    assert stats.mean_length == 40
    assert stats.estimates[0].estimate.value == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize(
    ("more", "wanted", "says"),
    [
        ({}, 0, "--sample 0: must be 1 or more"),
        ({"input_version": "7"}, 5, "--input-version 7: only a table has versions, and a table is"),
        ({"bucket": ("a", "b")}, 9, r"--bucket: 2 of them; write {bucket} in --input"),
        ({"bucket_column": "lang"}, 9, "--bucket-column lang: name the buckets to sample"),
        ({"bucket_column": "ids"}, 9, "--bucket-column ids: has type list<element: int64>"),
        ({"tokens_column": "no"}, 9, "--tokens-column no: no such column in 0.parquet"),
    ],
)
def test_mistakes_are_named(more: dict[str, Any], wanted: int, says: str, given: Given) -> None:
    rows = [{"ids": [7] * 4, "lang": "a"}, {"ids": [7] * 5, "lang": "b"}]
    write_input(given.folder / "0.parquet", rows)
    with pytest.raises(InputError, match=says):
        explore.sample_input(given.settings(**more), wanted)


@pytest.mark.parametrize("texts", [[], ["", ""], [None]], ids=str)
def test_a_corpus_without_text_is_a_mistake(texts: list[str | None], given: Given) -> None:
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), given.folder / "0.parquet")
    with pytest.raises(InputError, match=f"--input {given.folder}: not one document with text"):
        explore.sample_input(given.settings(tokens_column=None), 5)
