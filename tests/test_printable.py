"""Characters of others that move a terminal's cursor or turn a line are printed as escapes."""

import csv
import io
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Bfpack, Corpus
from inputs import write_input

from bfpack_spark.cli.printing import fail
from bfpack_spark.cli.stats import print_stats
from bfpack_spark.config import Settings
from bfpack_spark.explore import output_stats, read_histogram, rules_of
from bfpack_spark.explore.sequence import Segment, Sequence
from bfpack_spark.logs import JsonLines, Lines
from bfpack_spark.printable import csv_cell, json_text, lines, one_line
from bfpack_spark.report.layout import Page
from bfpack_spark.report.render import render, render_sequence
from bfpack_spark.verifying.findings import Violation

CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))]
BIDI = [*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
HOSTILE = "".join([*CONTROLS, *BIDI, "\u2028\u2029"])
EVIL = "\x1b]0;owned\x07\x9b2J\u202egpj.exe\u2066\u2028\x7f"
INNOCENT = "é 漢字 \u3000 \xa0 👩\u200d👩 \u0641\u200c\u0627 \\x1b"


def hostile_in(text: str, but: str = "") -> list[str]:
    return [
        hex(ord(c)) for c in text if (c in HOSTILE or "\ud800" <= c <= "\udfff") and c not in but
    ]


def test_every_such_character_becomes_its_escape_and_no_other_is_touched() -> None:
    assert not hostile_in(one_line(HOSTILE + "\udcff"))
    assert one_line("a\x1b[31m\u202e\n\udcff\x9b") == r"a\x1b[31m\u202e\n\udcff\x9b"
    assert lines("a\tb\nc\r\x1b") == "a\tb\nc" + r"\r\x1b"
    assert one_line(INNOCENT) == lines(INNOCENT) == INNOCENT


def test_json_is_read_as_exactly_the_value_that_it_hides() -> None:
    value = {HOSTILE: [HOSTILE, "\udcff", INNOCENT]}
    for indent in (None, 1):
        said = json_text(value, indent=indent)
        assert not hostile_in(said, but="\n")
        assert json.loads(said) == value
        assert "漢字" in said


def test_a_cell_that_a_spreadsheet_would_run_is_text() -> None:
    assert [csv_cell(c) for c in ("=1+1", "+1", "-1", "@A", "\tx", "\rx")] == [
        *("'=1+1", "'+1", "'-1", "'@A"),
        *(r"'\tx", r"'\rx"),
    ]
    assert [csv_cell(cell) for cell in (-1, -0.5, "C++", "a-b", None)] == [
        -1,
        -0.5,
        "C++",
        "a-b",
        None,
    ]


def test_the_error_line_is_one_and_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    fail(f"--input {HOSTILE}\udcff: no such file")
    said = capsys.readouterr().err
    assert said.startswith("bfpack: error: --input ")
    assert said.count("\n") == 1
    assert not hostile_in(said.removesuffix("\n"))


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
def test_log_lines_have_none(formatter: logging.Formatter) -> None:
    record: dict[str, Any] = {"msg": "%s", "args": (EVIL + "\n",), "levelno": 20}
    said = formatter.format(logging.makeLogRecord(record))
    assert "owned" in said
    assert not hostile_in(said)
    try:
        raise ValueError(EVIL)
    except ValueError:
        record |= {"args": (EVIL,), "exc_info": sys.exc_info(), "levelno": 40}
    said = formatter.format(logging.makeLogRecord(record))
    assert "Traceback" in said
    assert not hostile_in(said, but="\n")


def test_pages_have_none() -> None:
    page = render(Page(title=EVIL, lead=EVIL, facts=[(EVIL, EVIL)], sections=[]))
    segment = Segment(doc_id=EVIL, doc_start=0, doc_length=1, offset=0, length=1, text=EVIL)
    sequence = Sequence(
        bucket=EVIL,
        seq_len=1,
        sequence_id=0,
        shard="s",
        num_tokens=1,
        num_padding=0,
        segments=[segment],
    )
    for html in (page, render_sequence(sequence)):
        assert r"\x1b]0;owned\x07" in html
        assert not hostile_in(html, but="\n")


def test_a_violation_is_one_line() -> None:
    said = Violation(invariant=2, problem=EVIL, document=f"a\n{EVIL}").text()
    assert "owned" in said
    assert not hostile_in(said)


def test_statistics_of_a_bucket_with_such_a_name_have_none(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = rules_of(Settings(seq_len=(512,)))
    found = output_stats(str(packed), ("small",), [512], rules, read_histogram)
    evil = [replace(stats, bucket=f"={EVIL}\n") for stats in found]
    for form in (None, "json", "csv", "html"):
        print_stats(evil, form)
        said = capsys.readouterr().out
        assert "owned" in said
        assert not hostile_in(said, but="\n")
        if form == "json":
            assert json.loads(said)[0]["bucket"] == evil[0].bucket
        if form == "csv":
            (row,) = csv.DictReader(io.StringIO(said))
            assert row["bucket"].startswith("'=")
            assert int(row["num_padding"]) == evil[0].at[0].plan.accounting.num_padding


def test_ids_texts_and_file_names_are_shown_without(
    demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    rows = [{"id": f"{n}{EVIL}", "text": f"some words {EVIL}\n"} for n in range(3)]
    folder = write_input(tmp_path / "corpus" / f"{EVIL}.jsonl", rows).parent
    where = ("--output", tmp_path / "output", "--bucket", "b", "--seq-len", 64)
    source = ("--input", folder, "--tokenizer", demo_corpus.tokenizer)
    ran = bfpack("pack", *source, *where, "--text-column", "gone")
    ran.refuses("owned")
    assert not hostile_in(ran.err, but="\n")
    bfpack("pack", *source, *where, "--id-column", "id").succeeds()
    as_text = bfpack("show", *where, "--sequence", 0).out
    as_json = bfpack("show", *where, "--sequence", 0, "--json").out
    for said in (as_text, as_json):
        assert "owned" in said
        assert not hostile_in(said, but="\n")
    shown = {s["doc_id"] for s in json.loads(as_json)["segments"]} - {None}
    assert shown
    assert shown <= {row["id"] for row in rows}


def test_results_are_printed_by_these_functions_alone() -> None:
    paths = list((ROOT / "bfpack_spark" / "cli").glob("*.py"))
    assert len(paths) > 5
    for path in paths:
        source = path.read_text()
        assert "json.dumps" not in source, path
        assert "import json\n" not in source, path
