"""Every version has its report, which says what its manifest says; a version stands without it."""

import json
import logging
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import Bfpack, Corpus, pack_options
from outputs import current, manifest, shard_rows
from packings import Packing
from pages import ReadPage, read_page


def report_of(output: Path, seq_len: int, bucket: str = "small") -> ReadPage:
    version = current(output, bucket, f"sequences-{seq_len}")
    return read_page((version / "report" / "report.html").read_text(encoding="utf-8"))


def page_of(packing: Packing, *more: object) -> ReadPage:
    """The page of `bfpack report`."""
    return read_page(packing.bfpack("report", "--output", packing.output, *more).succeeds().out)


@pytest.mark.parametrize("seq_len", [512, 2048])
def test_a_report_says_what_the_manifest_says(seq_len: int, packed: Path) -> None:
    version = current(packed, "small", f"sequences-{seq_len}")
    held, page = manifest(version), report_of(packed, seq_len)
    account = held["accounting"]
    for name in ("num_documents", "num_tokens", "num_sequences", "num_documents_cut"):
        assert f"{account[name]:,}" in page.text, name
    assert f"with {account['num_padding']:,} tokens of padding" in page.text
    assert held["fingerprint"] in page.text
    for other in (512, 2048):  # all that the run published
        assert current(packed, "small", f"sequences-{other}").name in page.text
    assert held["inputs"]["tokens_fingerprint"] in page.text
    shards = [entry["bytes"] for entry in held["files"] if entry["kind"] == "shards"]
    assert f"{len(shards)} shards" in page.text
    expected = {"truncations-512-2048", f"context-{seq_len}", f"together-{seq_len}"}
    expected |= {"lengths", f"fragments-{seq_len}", "shard-sizes"}
    assert set(page.figures) == expected
    assert all(title and description for title, description in page.figures.values())
    assert page.references == {ref for ref in page.references if ref.startswith("#")}


def test_the_numbers_for_machines_are_those_of_stats(packed: Path, bfpack: Bfpack) -> None:
    version = current(packed, "small", "sequences-512")
    kept = json.loads((version / "report" / "report.json").read_text())
    options = ("--output", packed, "--bucket", "small", "--seq-len", 512, "--seq-len", 2048)
    assert kept["statistics"] == json.loads(bfpack("stats", *options, "--json").out)


def test_the_run_tells_what_each_of_its_stages_cost(packed: Path) -> None:
    version = current(packed, "small", "sequences-2048")
    run = json.loads((version / "report" / "report.json").read_text())["run"]
    stages = [(cost["stage"], cost["seq_len"]) for cost in run["costs"]]
    assert stages == [("tokenize", None), ("plan", 2048), ("assemble", 2048)]
    for cost in run["costs"]:
        assert cost["seconds"] > 0
        assert cost["cpu_seconds"] > 0
        assert cost["task_seconds"] > 0
    assert "assemble 2,048" in report_of(packed, 2048).text


def test_steps_run_apart_are_one_account(packing: Packing) -> None:
    """The plan's costs are kept until its sequences are there, and a run that finds it complete
    does not make it cheap."""
    where = ("--output", packing.output, "--bucket", "small", "--seq-len", 1024)
    assert packing.bfpack("plan", *where).code == 0
    (kept,) = (packing.output / "small" / "sequences-1024").glob("*/report/report.json")
    (planned,) = json.loads(kept.read_text())["run"]["costs"]
    assert (planned["stage"], planned["seq_len"]) == ("plan", 1024)
    (tokens,) = (packing.output / "small" / "tokens").glob("*/report/report.json")
    (tokenized,) = json.loads(tokens.read_text())["run"]["costs"]
    packing.try_to_pack("--seq-len", 1024).succeeds()
    costs = {cost["stage"]: cost for cost in json.loads(kept.read_text())["run"]["costs"]}
    assert set(costs) == {"tokenize", "plan", "assemble"}
    assert costs["plan"] == planned
    assert costs["tokenize"] == tokenized
    assert "plan 1,024" in report_of(packing.output, 1024).text


def test_a_version_that_lost_its_report_gets_another_which_knows_no_costs(packing: Packing) -> None:
    version = packing.current()
    before = manifest(version)
    shutil.rmtree(version / "report")
    packing.pack()
    assert "left no account of its time" in report_of(packing.output, 512).text
    assert manifest(version) == before
    written = (version / "report" / "report.html").stat().st_mtime_ns
    packing.pack()
    assert (version / "report" / "report.html").stat().st_mtime_ns == written, "it stays"


def test_a_report_that_cannot_be_written_fails_no_packing(
    packing: Packing, caplog: pytest.LogCaptureFixture
) -> None:
    version = packing.current()
    shutil.rmtree(version / "report")
    (version / "report").write_text("a file where a directory should be")
    with caplog.at_level(logging.WARNING, logger="bfpack"):
        packing.pack()
    said = [record.getMessage() for record in caplog.records if "not written" in record.msg]
    assert len(said) == 1
    assert "report: not written" in said[0]
    assert packing.run("verify").code == 0


def test_one_page_tells_of_every_bucket(packing: Packing) -> None:
    part = Corpus(packing.corpus.path / "part-0.parquet", packing.corpus.tokenizer)
    options = pack_options(part, packing.output, "other")
    assert packing.bfpack("pack", *options, "--seq-len", 512).code == 0
    page = page_of(packing)
    one, two = (
        manifest(current(packing.output, bucket, "sequences-512"))["accounting"]
        for bucket in ("small", "other")
    )
    both = {name: f"{n + two[name]:,}" for name, n in one.items() if isinstance(n, int)}
    said = f"{both['num_tokens_packed']} tokens were packed into {both['num_sequences']} sequences"
    assert f"{said} of 512, with {both['num_padding']} tokens of padding" in page.text
    of_buckets = {"bucket-0-512-2048", "bucket-1-512"}
    of_all = {"truncations-512", "truncations-2048", "context-512", "together-512"}
    assert set(page.figures) == {*of_all, *of_buckets, "lengths"}, "other is at 512 alone"
    for caption in ("Buckets at 512", "Buckets at 2,048"):
        assert caption in page.text
    assert "Not added" not in page.text
    only = page_of(packing, "--bucket", "other")
    assert "other: sequences of 512" in only.text


def test_a_page_adds_no_documents_twice_nor_of_an_earlier_token_store(packing: Packing) -> None:
    shutil.copytree(packing.output / "small", packing.output / "twin")
    account = manifest(packing.current())["accounting"]
    said = f"{account['num_tokens_packed']:,} tokens were packed into "
    page = page_of(packing)
    assert said in page.text
    assert "small and twin have the same documents, which are counted once." in page.text
    assert page.text.count("the documents of small, packed alike") == 2
    options = [*pack_options(packing.corpus, packing.output, "twin"), "--bos-token", "<|pad|>"]
    assert packing.bfpack("tokenize", *options).code == 0
    page = page_of(packing)
    assert said in page.text
    assert "have the same documents" not in page.text
    assert page.text.count("made from another token store; pack it again") == 2
    lines = packing.bfpack(
        "versions", "--output", packing.output, "--bucket", "twin"
    ).out.splitlines()
    assert sum("; made from another token store" in line for line in lines) == 2


def test_what_is_packed_by_other_rules_is_not_added_up(packing: Packing) -> None:
    options = pack_options(packing.corpus, packing.output, "baseline")
    assert packing.bfpack("pack", *options, "--seq-len", 512, "--packing", "concat").code == 0
    page = page_of(packing, "--seq-len", 512)
    ways = {"truncations-512", "truncations-512-concat", "context-512-concat", "lengths"}
    each = {"together-512-concat", "bucket-0-512-concat", "bucket-1-512"}
    assert set(page.figures) == ways | each
    best_fit = manifest(packing.current())["accounting"]
    told = f"{best_fit['num_tokens_packed']:,} tokens were packed into "
    assert f"{told}{best_fit['num_sequences']:,} sequences of 512" in page.text
    assert "sequences of 512 by concatenation" in page.text
    said = page.figures["truncations-512"][1]
    assert said == page.figures["truncations-512-concat"][1], "both ways beside each other"
    assert re.search(r"[1-9][\d,]* times by concatenation.* [1-9][\d,]* times by packing", said)
    version = current(packing.output, "baseline", "sequences-512")
    pieces = Counter(name for row in shard_rows(version) for name in row["doc_ids"] if name)
    cuts = sum(pieces.values()) - len(pieces)
    alone = page_of(packing, "--bucket", "baseline")
    documents = f"{sum(n > 1 for n in pieces.values()):,} documents are cut"
    assert f"In the order of this version {documents}, {cuts:,} times in all" in alone.text


def test_packings_of_other_options_and_lengths_are_told_apart(packing: Packing) -> None:
    """They are neither packed alike nor added up. Two lengths that are no powers of two have one
    table of cuts."""
    options = pack_options(packing.corpus, packing.output, "odd")
    shape = ("--seq-len", 300, "--seq-len", 512, "--max-documents", 1)
    assert packing.bfpack("pack", *options, *shape).code == 0
    page = page_of(packing, "--seq-len", 512)
    assert "sequences of 512, max documents 1" in page.text
    assert "packed alike" not in page.text
    page = page_of(packing, "--bucket", "odd")
    assert "257 to 300" in page.text
    assert "301 to 512" in page.text


def test_a_report_is_there_although_a_later_seq_len_fails(packing: Packing) -> None:
    shape = ("--seq-len", 256, "--seq-len", 65536, "--num-shards", 64)
    packing.try_to_pack(*shape).refuses("--num-shards")
    assert "sequences of 256" in report_of(packing.output, 256).text


def test_a_damaged_account_of_costs_is_written_anew(packing: Packing) -> None:
    version = packing.current()
    (version / "report" / "report.json").write_text("{")
    assert packing.bfpack("report", "--output", packing.output).code == 0
    (version / "report" / "report.html").unlink()
    packing.pack()
    assert json.loads((version / "report" / "report.json").read_text())["run"] is None


def test_only_a_report_that_is_written_needs_matplotlib(
    packing: Packing, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    for form in ((), ("--json",), ("--csv",)):
        assert packing.run("stats", *form).code == 0
    packing.pack()
    assert "not written" not in caplog.text
    (packing.current() / "report" / "report.html").unlink()
    packing.pack()
    assert "report: not written: ModuleNotFoundError" in caplog.text
