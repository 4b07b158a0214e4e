"""Documents from lines of JSON."""

import itertools
import json
from pathlib import Path

import pytest
from corpus.reading import BOM, IDS, TEXT, WITH_ID, compressed, divided, read, rows
from hypothesis import example, given
from hypothesis import strategies as st
from inputs import lines

from bfpack_spark.corpus.jsonl import read_line_values
from bfpack_spark.corpus.long_lines import LONG_BYTES
from bfpack_spark.errors import InputError


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "jsonl.zst"])
def test_lines_are_named_by_their_first_byte(suffix: str, tmp_path: Path) -> None:
    raw = b"".join(
        [
            BOM + b'{"text": "one"}\n',  # 0, 3 bytes of them the mark; 19 with its end
            b"\n",
            b' \t\r\n{"text": "zwei \xc3\xa9"}\r\n',  # 20; the document at 24
            b'  {"text": "3"}',  # 45, without an end
        ]
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"a.{suffix}").write_bytes(compressed(raw, suffix))
    assert read(tmp_path) == [
        (f"sub/a.{suffix}@{place}", f"sub/a.{suffix}@{place}", text, None)
        for place, text in [(0, "one"), (24, "zwei é"), (45, "3")]
    ]


def line(number: int, size: int, end: bytes) -> bytes:
    return json.dumps({"text": f"{number}" + "x" * size}).encode() + end


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))),
    st.lists(st.integers(1, 400), max_size=6),
    st.sampled_from([b"", BOM]),
    st.booleans(),
)
@example([(0, b"\n"), (0, b"\n")], list(range(1, 36)), b"", True)
@example([(0, b"\r\n"), (0, b"\n\n")], list(range(1, 40)), BOM, False)
def test_every_line_is_read_once_however_the_file_is_divided(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, bytes]],
    cuts: list[int],
    mark: bytes,
    ends: bool,
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    parts = [line(number, *item) for number, item in enumerate(drawn)]
    ends_of_lines = list(itertools.accumulate(map(len, parts), initial=len(mark)))
    places = [0, *ends_of_lines[1:-1]]  # the mark belongs to the first line
    raw = mark + b"".join(parts)
    raw = raw if ends else raw.rstrip(b"\r\n")
    path.write_bytes(raw)
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    assert rows(divided(path, "a.jsonl", edges), "jsonl", TEXT) == [
        (f"a.jsonl@{place}", f"a.jsonl@{place}", f"{number}" + "x" * size, None)
        for number, (place, (size, _)) in enumerate(zip(places, drawn, strict=bool(drawn)))
    ]


def test_a_long_line_is_refused_and_those_around_it_are_read(tmp_path: Path) -> None:
    """A line may hold 16 times the bytes of the largest text, and a MB more."""
    limit = 16 * 10 + (1 << 20)
    frame = len(b'{"doc_id": "", "text": "y"}\n')
    sizes = [1, limit - frame, limit - frame + 1, 3 << 20, 1]
    parts = [lines({"doc_id": "n" * size, "text": "y"}) for size in sizes]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(parts))
    places = list(itertools.accumulate(map(len, parts[:-1]), initial=0))
    expected = [
        ("n" * size if size <= limit - frame else None, f"a.jsonl@{place}")
        for size, place in zip(sizes, places, strict=True)
    ]
    reasons = [None, None, "too_large", "too_large", None]
    for edges in ([0, 8 << 20], [0, 50, places[2] + 5, places[3] + (2 << 20), 8 << 20]):
        found = rows(divided(path, "a.jsonl", edges), "jsonl", WITH_ID, max_bytes=10)
        assert [(doc_id, source) for doc_id, source, _, _ in found] == expected
        assert [reason for _, _, _, reason in found] == reasons


def test_the_bucket_of_a_line_is_read_whatever_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines({"lang": "de", "text": "x" * LONG_BYTES}, {"lang": "fr", "text": "y"}))
    (split,) = divided(path, "a.jsonl", [0, 8 << 20])
    (buckets,) = read_line_values(split, "lang")
    assert buckets.to_pylist() == ["de", "fr"]


def test_broken_lines_are_refused_with_reason_and_id(tmp_path: Path) -> None:
    given_and_found: list[tuple[object, tuple[str | None, str | None, str | None]]] = [
        ({"doc_id": "good", "text": "t"}, ("good", "t", None)),
        ({"doc_id": 7, "text": "seven"}, ("7", "seven", None)),
        ({"doc_id": -(2**63), "text": ""}, (str(-(2**63)), "", None)),
        (b'{"doc_id": "u", "text": "\xff"}', ("u", None, "invalid_utf8")),
        (b'{"doc_id": "o", "text": "t", "other": "\xff"}', ("o", None, "invalid_utf8")),
        (b'{"doc_id": "s", "text": "\\ud800"}', ("s", None, "lone_surrogate")),
        (b'{"doc_id": "p", "text": "\\ud83d\\ude00"}', ("p", "\U0001f600", None)),
        (b'{"doc_id": "q", "text": "t", "other": "\\ud800"}', ("q", "t", None)),
        (b'{"doc_id": "r", "text": "t", "other": NaN}', ("r", "t", None)),
        ({"doc_id": "n", "text": None}, ("n", None, None)),  # null: told where it is tokenized
        ({"doc_id": "m"}, ("m", None, "null_text")),
        ({"doc_id": "l", "text": ["t"]}, ("l", None, "not_text")),
        ({"doc_id": "i", "text": 5}, ("i", None, "not_text")),
        (b'{"doc_id": "b", "tex', (None, None, "broken_line")),
        (b"[1]", (None, None, "broken_line")),
        (b"null", (None, None, "broken_line")),
        (b"[" * 100_000, (None, None, "broken_line")),
        (b'{"doc_id": "two"} {"doc_id": "roots"}', (None, None, "broken_line")),
    ]
    (tmp_path / "a.jsonl").write_bytes(lines(*(record for record, _ in given_and_found)))
    found = read(tmp_path, WITH_ID)
    assert [(d, c, r) for d, _, c, r in found] == [expected for _, expected in given_and_found]
    assert len({source for _, source, _, _ in found}) == len(given_and_found)
    without = read(tmp_path)
    assert [doc_id for doc_id, *_ in without] == [source for _, source, _, _ in found]
    assert [reason for *_, reason in without] == [reason for *_, reason in found]


@pytest.mark.parametrize("own", [{}, *({"doc_id": i} for i in (None, 1.5, True, ["a"], "\ud800"))])
def test_an_id_in_json_that_is_none_is_an_error(own: dict[str, object], tmp_path: Path) -> None:
    first = lines({"doc_id": "a", "text": "x"})
    (tmp_path / "a.jsonl").write_bytes(first + lines({**own, "text": "y"}))
    with pytest.raises(InputError, match=f"--id-column doc_id: .* at a.jsonl@{len(first)}; ids"):
        read(tmp_path, WITH_ID)


def test_an_id_that_is_none_is_an_error_in_a_line_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"doc_id": 1.5, "text": "a \xff b"}\n')
    with pytest.raises(InputError, match=r"--id-column doc_id: .* at a\.jsonl@0; ids"):
        read(tmp_path, WITH_ID)


def test_token_lists_in_json_are_integers_or_refused(tmp_path: Path) -> None:
    lists: list[object] = [[1, 2], [], [1.0], ["1"], [True], [2**70], 5, "12", None, [2**61]]
    (tmp_path / "a.jsonl").write_bytes(lines(*({"ids": ids} for ids in lists)))
    good = {0: [1, 2], 1: [], 8: None, 9: [2**61]}
    assert [(content, reason) for _, _, content, reason in read(tmp_path, IDS)] == [
        (good[n], None) if n in good else (None, "invalid_tokens") for n in range(len(lists))
    ]
