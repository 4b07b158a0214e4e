"""Frames, JSON, CSV, HTML and terminal show the numbers of the dataclasses."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import Bfpack
from core.oracle import histogram_of, rules
from outputs import copy_of
from pages import read_page
from pyspark.sql import SparkSession

from bfpack_spark import explore
from bfpack_spark.cli.stats import print_stats
from bfpack_spark.core.fragments import LongDocuments
from bfpack_spark.report.headlines import HOW_TO_CHOOSE

LENGTHS = [3, 5, 9, 17, 40, 2, 2]


@pytest.fixture
def stats() -> explore.CorpusStats:
    return explore.corpus_stats(histogram_of(LENGTHS), (8, 16), bucket="b")


def test_the_summary_has_a_row_a_bucket_and_seq_len(stats: explore.CorpusStats) -> None:
    rows = explore.summary_frame([stats, stats]).to_dict("records")
    assert [(row["bucket"], row["seq_len"]) for row in rows] == [("b", 8), ("b", 16)] * 2
    for row, at in zip(rows[:2], stats.at, strict=True):
        made, baseline = at.plan.accounting, at.concat.accounting
        assert (row["num_documents"], row["num_tokens"]) == (7, 78)
        assert row["num_sequences"] == made.num_sequences
        assert row["concat_num_sequences"] == baseline.num_sequences
        assert row["num_documents_cut"] == at.plan.num_documents_cut
        assert row["concat_cut_share"] == at.concat.cut_share
        assert row["attention_share"] == at.plan.attention_share
        assert row["more_sequences"] == made.num_sequences / baseline.num_sequences - 1
        assert at.fragments is not None
        assert row["fragments_p100"] == at.fragments.values[-1]


def test_each_frame_has_a_row_a_thing(stats: explore.CorpusStats) -> None:
    by_length = explore.truncations_frame(stats)
    assert by_length.groupby("seq_len")["num_documents"].sum().to_dict() == {8: 7, 16: 7}
    classes = by_length.groupby("seq_len")["num_truncations"].sum().to_dict()
    assert classes == {at.seq_len: at.plan.num_truncations for at in stats.at}
    policies = explore.policies_frame(stats).set_index(["seq_len", "long_documents"])
    assert policies.loc[(8, "truncate"), "num_tokens_truncated"] == 1 + 9 + 32
    assert policies.loc[(16, "drop"), "num_tokens_dropped"] == 57
    held = explore.fragments_frame(stats)
    assert held.groupby("seq_len")["num_sequences"].sum().to_dict() == {
        at.seq_len: at.plan.accounting.num_sequences for at in stats.at
    }
    padding = explore.padding_frame(stats)
    whole = (padding["num_padding"] * padding["num_sequences"]).groupby(padding["seq_len"]).sum()
    assert whole.to_dict() == {at.seq_len: at.plan.accounting.num_padding for at in stats.at}
    lengths = explore.histogram_frame(stats.histogram)
    assert lengths["num_documents"].tolist() == [2, 1, 1, 1, 1, 1]
    assert lengths["tokens_up_to"].iloc[-1] == lengths["documents_up_to"].iloc[-1] == 1
    assert explore.quantiles_frame([stats]).iloc[0]["p50"] == 5
    assert explore.estimates_frame(stats).empty


def test_what_no_distribution_is_known_of_is_an_empty_frame() -> None:
    stats = explore.corpus_stats(histogram_of([9]), (8,), rules(8, packing="concat"))
    assert explore.fragments_frame(stats).empty
    assert "fragments_p50" not in explore.summary_frame([stats])
    assert explore.as_json([stats])[0]["at"][0]["fragments"] is None


@pytest.mark.parametrize("form", [None, "json", "csv", "html"])
@pytest.mark.parametrize("lengths", [[], [20, 30], [1]])
def test_every_form_can_say_that_nothing_is_left(
    form: str | None, lengths: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    dropped = rules(8, long_documents="drop")
    stats = explore.corpus_stats(histogram_of(lengths), (8, 4), dropped, "b")
    print_stats([stats], form)
    out = capsys.readouterr().out
    assert [at.plan.accounting.num_sequences for at in stats.at] == [int(lengths == [1])] * 2
    assert str(len(lengths)) in re.findall(r"\b\d+\b", out)


def test_one_table_and_two_sentences_come_first_and_the_rest_on_request(
    stats: explore.CorpusStats, capsys: pytest.CaptureFixture[str]
) -> None:
    print_stats([stats], None)
    short = capsys.readouterr().out
    assert short.count("┏") == 1
    assert "tokens in cut documents" in short
    assert all(sentence in short for sentence in HOW_TO_CHOOSE)
    print_stats([stats], None, details=True)
    long = capsys.readouterr().out
    assert long.count("┏") == 8
    assert long.startswith(short.partition("\n" + HOW_TO_CHOOSE[0])[0])
    assert "quantiles" in long


@pytest.mark.parametrize(
    ("policy", "left_out"), [("split", None), ("truncate", "7 (43.8 %)"), ("drop", "11 (68.8 %)")]
)
def test_tokens_that_a_policy_leaves_out_are_in_the_first_table(
    policy: LongDocuments, left_out: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lengths 11, 3 and 2 at 4."""
    chosen = rules(4, long_documents=policy)
    stats = explore.corpus_stats(histogram_of([11, 3, 2]), (4, 16), chosen, "b")
    print_stats([stats], None)
    terminal = capsys.readouterr().out
    print_stats([stats], "html")
    for said in (terminal, capsys.readouterr().out):
        assert ("tokens left out" in said) == (left_out is not None)
        assert left_out is None or left_out in said


def test_tokens_in_cut_documents_are_those_of_documents_that_do_not_fit(
    stats: explore.CorpusStats,
) -> None:
    for at in stats.at:
        lengths, counts = stats.histogram.values, stats.histogram.counts
        too_long = lengths > at.seq_len
        assert at.plan.num_tokens_in_cut_documents == (lengths * counts)[too_long].sum() > 0
        assert stats.num_tokens > at.concat.num_tokens_in_cut_documents
        assert at.concat.num_tokens_in_cut_documents > at.plan.num_tokens_in_cut_documents


def test_no_number_is_cut_short_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    many = explore.corpus_stats(histogram_of([1_000_000] * 5000), tuple(range(900, 920)))
    told = io.StringIO()
    monkeypatch.setattr("sys.stdout", told)
    told.isatty = lambda: True  # type: ignore[method-assign]
    print_stats([many], None, details=True)
    assert "1,000,000" in told.getvalue()
    assert "…" not in told.getvalue()


def test_concatenation_has_one_number_of_documents_cut(stats: explore.CorpusStats) -> None:
    for at in explore.as_json([stats])[0]["at"]:
        for made in (at["plan"], at["concat"]):
            assert made["accounting"]["num_documents_cut"] == made["num_documents_cut"]
    assert at["plan"]["num_documents_cut"] != at["concat"]["num_documents_cut"]


def test_the_json_holds_it_all(stats: explore.CorpusStats) -> None:
    (found,) = json.loads(json.dumps(explore.as_json([stats])))
    assert (found["bucket"], found["num_documents"], found["num_tokens"]) == ("b", 7, 78)
    assert found["quantiles"]["0.5"] == 5
    at, own = found["at"][0], stats.at[0]
    assert at["plan"]["accounting"]["num_sequences"] == own.plan.accounting.num_sequences
    assert at["concat"]["truncations"] == own.concat.truncations
    assert own.fragments is not None
    assert at["fragments"] == [own.fragments.values.tolist(), own.fragments.counts.tolist()]
    assert at["policies"]["drop"]["num_tokens_dropped"] == 9 + 17 + 40
    assert at["by_length"][-1]["num_documents"] == 1


# The command


@pytest.fixture(scope="module")
def two_buckets(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed output with its bucket once more, as `other`."""
    output = copy_of(packed, tmp_path_factory.mktemp("two"))
    shutil.copytree(output / "small", output / "other")
    return output


def test_every_form_of_stats_has_the_same_numbers(two_buckets: Path, bfpack: Bfpack) -> None:
    options = ("stats", "--output", two_buckets, "--seq-len", 512, "--seq-len", 2048)
    named = ("--details", "--json", "--csv", "--html")
    forms = {form: bfpack(*options, form) for form in named}
    assert {ran.code for ran in forms.values()} == {0}
    found = json.loads(forms["--json"].out)
    assert [bucket["bucket"] for bucket in found] == ["other", "small", None]
    rows = list(csv.DictReader(io.StringIO(forms["--csv"].out)))
    assert len(rows) == 6
    page = read_page(forms["--html"].out)
    shown = [
        cell
        for line in forms["--details"].out.splitlines()
        for cell in re.split(r" *│ *", line)
        if cell
    ]
    numbered = iter(rows)
    for bucket in found:
        for at in bucket["at"]:
            row, made = next(numbered), at["plan"]["accounting"]
            assert row["bucket"] == (bucket["bucket"] or "")
            assert int(row["num_sequences"]) == made["num_sequences"]
            assert float(row["concat_cut_share"]) == at["concat"]["cut_share"]
            assert int(row["p50"]) == bucket["quantiles"]["0.5"]
            for policy, effect in at["policies"].items():
                assert int(row[f"{policy}_num_tokens_packed"]) == effect["num_tokens_packed"]
            cut = f"{made['num_documents_cut']:,} ({100 * at['plan']['cut_share']:.1f} %)"
            for number in (f"{made['num_sequences']:,}", f"{made['lower_bound']:,}", cut):
                assert number in page.cells
                assert number in shown
    assert all(reference.startswith("#") for reference in page.references), "from elsewhere"
    names = {f"{kind}-512-2048" for kind in ("truncations", "context", "together")}
    names |= {f"bucket-{number}-512-2048" for number in (0, 1)}
    assert set(page.figures) == {"lengths", "fragments-512", "fragments-2048", *names}
    total = f"{found[-1]['num_documents']:,} documents"
    assert total in page.figures["lengths"][1]
    assert not page.tags["script"]


def test_total_and_parts_are_named_and_a_choice_of_buckets_is_kept(
    two_buckets: Path, bfpack: Bfpack
) -> None:
    where = ("stats", "--output", two_buckets, "--seq-len", 512)
    both = bfpack(*where).out
    assert re.search("^other: 300 documents", both, re.MULTILINE)
    once = "all buckets, each packed on its own; the documents of small are counted once"
    assert re.search(f"^{once}: 300 documents", both, re.MULTILINE)
    one = bfpack(*where, "--bucket", "other").out
    assert "all buckets" not in one
    assert "small" not in one


def test_an_output_without_buckets_is_a_mistake(bfpack: Bfpack, tmp_path: Path) -> None:
    ran = bfpack("stats", "--output", tmp_path, "--seq-len", 8)
    ran.refuses(f"--output {tmp_path}: no bucket with tokens in it; run bfpack pack first")


def test_under_spark_submit_the_cluster_counts_the_same_numbers(
    packed: Path, bfpack: Bfpack, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("stats", "--output", packed, "--seq-len", 512, "--csv")
    scheduler = spark.sparkContext._jsc.sc().dagScheduler()
    before = scheduler.numTotalJobs()
    alone = bfpack(*options).out
    assert scheduler.numTotalJobs() == before
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert bfpack(*options).out == alone
    assert scheduler.numTotalJobs() > before
