"""Names that a sequence uses and another binds: against the rows of the shards, printed, in red."""

import json
from pathlib import Path
from typing import Any

import pytest
from outputs import current, shard_rows
from packings import Packing
from pages import read_page

from bfpack_spark import explore
from bfpack_spark.explore.names import NamedSegment, NameOutOfSight
from bfpack_spark.explore.sequence import Segment
from bfpack_spark.report.render import render_names


def holds(row: dict[str, Any], doc_id: str, token: int) -> bool:
    """Whether a row of a shard has this token of a document."""
    pieces = zip(row["doc_ids"], row["doc_starts"], row["seq_lengths"], strict=True)
    return any(own == doc_id and start <= token < start + n for own, start, n in pieces)


def test_every_name_is_used_here_and_bound_where_it_says(packed: Path) -> None:
    rows = {
        row["sequence_id"]: row for row in shard_rows(current(packed, "small", "sequences-512"))
    }
    seen = 0
    for number in range(40):
        sequence = explore.read_sequence(packed, "small", 512, number)
        named = explore.names_of(packed, sequence)
        assert [own.segment for own in named] == [s for s in sequence.segments if s.is_cut]
        for own in named:
            doc_id = own.segment.doc_id or ""
            assert len(own.out_of_sight) <= own.num_uses
            assert own.text.strip() in own.segment.text
            for use in own.out_of_sight:
                assert holds(rows[number], doc_id, use.used)
                assert not holds(rows[number], doc_id, use.bound)
                assert use.sequence_id is not None
                assert holds(rows[use.sequence_id], doc_id, use.bound)
                seen += own.text.startswith(use.name, use.character)
    assert seen > 100


def test_show_prints_them_and_json_has_them(packing: Packing) -> None:
    packed = packing.output
    number, named = next(
        (number, names)
        for number in range(40)
        for names in [explore.names_of(packed, explore.read_sequence(packed, "small", 512, number))]
        if names and names[0].out_of_sight
    )
    said = packing.run("show", "--sequence", number, "--names").out
    first, uses = named[0], named[0].out_of_sight
    assert f"{len(uses):,} of {first.num_uses:,} uses of names are bound elsewhere" in said
    own = [use for use in uses if use.name == uses[0].name]
    last = max(own, key=lambda use: use.bound)
    times = "1 use" if len(own) == 1 else f"{len(own)} uses"
    place = f"at token {last.bound}, in sequence {last.sequence_id}"
    assert f"  {last.name}: {times}, {last.kind} {place}\n" in said
    found = json.loads(packing.run("show", "--sequence", number, "--names", "--json").out)
    assert found["names"][0]["out_of_sight"][0]["name"] == uses[0].name
    assert "names" not in json.loads(packing.run("show", "--sequence", number, "--json").out)


def test_a_frame_tells_where_each_name_is_bound() -> None:
    segment = Segment(doc_id="d", doc_start=8, doc_length=20, offset=0, length=8, text="")
    uses = tuple(
        NameOutOfSight(name="os", kind="import", character=1, used=9, bound=3, sequence_id=held)
        for held in (7, None)
    )
    pieces = [
        NamedSegment(segment=segment, text="", is_python=True, num_uses=5, out_of_sight=own)
        for own in (uses[:1], (), uses[1:])
    ]
    found = explore.names_frame(pieces)
    assert found.columns.tolist() == ["doc_id", "name", "kind", "used", "bound", "sequence_id"]
    assert found.iloc[0].tolist() == ["d", "os", "import", 9, 3, 7]
    assert found["sequence_id"].isna().tolist() == [False, True]
    assert len(explore.names_frame([])) == 0


def test_names_need_a_sequence(packing: Packing) -> None:
    packing.run("show", "--doc", "x", "--names").refuses("--names: give --sequence N")


@pytest.mark.parametrize(("characters", "marked"), [(100, ["a<b", "os"]), (6, ["a<b"])])
def test_names_out_of_sight_are_marked_in_the_text(characters: int, marked: list[str]) -> None:
    segment = Segment(doc_id="<d>", doc_start=9, doc_length=99, offset=0, length=9, text="")
    uses = tuple(
        NameOutOfSight(name=name, kind="import", character=at, used=9, bound=3, sequence_id=7)
        for name, at in (("a<b", 5), ("os", 10), ("not here", 1))
    )
    named = NamedSegment(
        segment=segment, text="x=1\n(a<b, os)\n", is_python=True, num_uses=5, out_of_sight=uses
    )
    html = render_names([named], characters=characters)
    page = read_page(html)
    assert page.tags["mark"] == len(marked)
    for name in marked:
        assert name in page.text
    assert "3 of 5 uses of names are bound in another sequence" in page.text
    assert page.attributes_with("title", "import, bound at token 3 in sequence 7") == len(marked)
    assert "x=1" not in page.text, "the text begins with the line of the first name"
