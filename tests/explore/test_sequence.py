"""A sequence as it is shown: drawn from one made by hand, and read from a packing."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outputs import current, plan_rows, shard_rows

from bfpack_spark import explore
from bfpack_spark.cli.draw import print_sequence
from bfpack_spark.explore import Piece, Segment, Sequence

SEQUENCE = Sequence(
    bucket="web",
    seq_len=16,
    sequence_id=3,
    shard="shards/part-00000.parquet",
    num_tokens=14,
    num_padding=2,
    segments=[
        Segment(
            doc_id="re[port].txt",
            doc_start=4,
            doc_length=16,
            offset=0,
            length=6,
            text="the\nend \x1b[2J\x9b1A of a text " + "x" * 200 + " is here",
            elsewhere=(
                Piece(sequence_id=1, start=0, length=4),
                Piece(sequence_id=7, start=10, length=3),
            ),
        ),
        Segment(doc_id="b", doc_start=0, doc_length=4, offset=6, length=4, text="漢字"),
        Segment(
            doc_id="c",
            doc_start=0,
            doc_length=9,
            offset=10,
            length=4,
            text="cut",
            elsewhere=(),
        ),
        Segment(doc_id=None, doc_start=None, doc_length=None, offset=14, length=2, text=""),
    ],
)


def test_a_sequence_is_drawn_in_proportion_with_what_was_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_sequence(SEQUENCE)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "web, seq_len 16, sequence 3 in shards/part-00000.parquet: 14 tokens of 3 documents, "
        "2 padding",
        "<aaaa>bbbbccc>..",
        "a  [0:6]  tokens 4:10 of 16  re[port].txt",
        "     cut: 4 before these in sequence 1; 3 after these in sequence 7; 3 left out",
        lines[4],
        "b  [6:10]  whole  b",
        "     漢字",
        "c  [10:14]  tokens 0:4 of 9  c",
        "     cut: 5 left out",
        "     cut",
        ".  [14:16]  padding",
    ]
    assert lines[4].startswith(r"     the\nend \x1b[2J\x9b1A of a text xxx")
    assert lines[4].endswith("xxx is here")
    assert " ... " in lines[4]
    assert len(lines[4]) <= 120


def test_colours_are_for_terminals_that_have_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_sequence(SEQUENCE)
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    print_sequence(SEQUENCE)
    drawn = capsys.readouterr().out
    assert re.search("\x1b\\[[0-9;]*m<aaaa>\x1b\\[0m", drawn)
    assert "\x1b[2J" not in drawn


def test_a_wide_sequence_has_equal_columns(capsys: pytest.CaptureFixture[str]) -> None:
    halves = [
        Segment(doc_id=n, doc_start=0, doc_length=600, offset=at, length=600, text="")
        for n, at in (("x", 0), ("y", 600))
    ]
    whole = {"bucket": "b", "seq_len": 1200, "sequence_id": 0, "shard": "s", "num_padding": 0}
    print_sequence(Sequence(**whole, num_tokens=1200, segments=halves))
    assert capsys.readouterr().out.splitlines()[1] == "a" * 60 + "b" * 60


def test_the_rest_of_a_document_that_was_cut_is_where_the_plan_says(packed: Path) -> None:
    version = current(packed, "small", "sequences-512")
    pieces: dict[str, list[tuple[int, int, int]]] = {}
    for row in plan_rows(version):
        piece = row["start"], row["sequence_id"], row["length"]
        pieces.setdefault(row["doc_id"], []).append(piece)
    cut = whole = 0
    rows = sorted(shard_rows(version), key=lambda row: len(row["doc_ids"]))
    for row in [*rows[-5:], *rows[::300]]:
        found = explore.read_sequence(packed, "small", 512, row["sequence_id"])
        for segment in found.segments:
            if segment.doc_id is None:
                continue
            own = segment.doc_start, row["sequence_id"], segment.length
            others = sorted(p for p in pieces[segment.doc_id] if p != own)
            assert [(p.start, p.sequence_id, p.length) for p in segment.elsewhere] == others
            assert segment.num_left_out == 0
            assert segment.is_cut == bool(others)
            cut, whole = cut + segment.is_cut, whole + (not segment.is_cut)
    assert cut > 3
    assert whole > 3


def test_show_prints_the_drawing_or_json_and_names_the_range(
    packed: Path, bfpack: Callable[..., Any]
) -> None:
    where = ("show", "--output", packed, "--bucket", "small", "--seq-len", 512, "--sequence")
    held = shard_rows(current(packed, "small", "sequences-512"))
    for number in (0, len(held) - 1):
        drawn, said = bfpack(*where, number).out, json.loads(bfpack(*where, number, "--json").out)
        assert drawn.startswith(f"small, seq_len 512, sequence {number} in shards/part-")
        assert [segment["length"] for segment in said["segments"]] == held[number]["seq_lengths"]
        assert [segment["doc_id"] for segment in said["segments"]] == held[number]["doc_ids"]
        for segment in said["segments"]:
            assert f"[{segment['offset']}:{segment['offset'] + segment['length']}]" in drawn
            assert {"doc_start", "doc_length", "text", "elsewhere"} <= set(segment)
    for number in (len(held), -1):
        ran = bfpack(*where, number)
        ran.refuses(f"--sequence {number}: there are sequences 0 to {len(held) - 1}")
