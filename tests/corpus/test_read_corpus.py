"""The readers: every document once, each with its place, whatever is wrong with it."""

import gzip
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bfpack_spark.corpus import decoded_sizes, parquet
from bfpack_spark.corpus.documents import BATCH_BYTES, Columns
from bfpack_spark.corpus.inventory import Split, split_inventory
from bfpack_spark.corpus.read_corpus import check_columns, read_documents
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.engine_of_corpus import sample_texts

TEXT = Columns(content="text", doc_id=None)
WITH_ID = Columns(content="text", doc_id="doc_id")
IDS = Columns(content="ids", doc_id=None, tokens=True)
BOM = b"\xef\xbb\xbf"


def read(
    path: Path, columns: Columns = TEXT, input_format: str | None = None
) -> list[tuple[Any, ...]]:
    """(doc_id, source, content, reason) of every document."""
    inventory = take_inventory(str(path), input_format)
    splits = split_inventory(inventory)
    return rows(splits, inventory.format, columns)


def rows(
    splits: list[Split], input_format: str, columns: Columns, max_bytes: int = 1 << 20
) -> list[tuple[Any, ...]]:
    found = []
    for batch in read_documents(splits, input_format, columns, max_bytes):
        content = batch.content.to_pylist()
        found += list(zip(batch.doc_id, batch.source, content, batch.reason, strict=True))
    return found


def divided(path: Path, name: str, edges: list[int]) -> list[Split]:
    """The file as one split from each edge to the next."""
    return [
        Split(task=0, name=name, path=str(path), start=start, end=end, size=path.stat().st_size)
        for start, end in itertools.pairwise(edges)
    ]


def lines(*records: object) -> bytes:
    return b"".join(
        (r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records
    )


# JSONL: places


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


def compressed(raw: bytes, suffix: str) -> bytes:
    """The bytes as two gzip members or two zstd frames, parted in the middle of a line."""
    if suffix.endswith(".gz"):
        return gzip.compress(raw[:9]) + gzip.compress(raw[9:])
    if suffix.endswith(".zst"):
        codec = pa.Codec("zstd")
        return bytes(codec.compress(raw[:9], asbytes=True) + codec.compress(raw[9:], asbytes=True))
    return raw


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


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_compressed_file_that_was_cut_short_is_an_error(suffix: str, tmp_path: Path) -> None:
    raw = lines(*({"text": str(n)} for n in range(500)))
    whole = gzip.compress(raw) if suffix == "gz" else pa.Codec("zstd").compress(raw, asbytes=True)
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(whole)
    assert len(read(path)) == 500
    for size in (*range(1, 30), len(whole) // 2, *range(len(whole) - 30, len(whole))):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=rf"a\.jsonl\.{suffix} cannot be read .* mend or"):
            read(path)


def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(lines(*({"text": str(n)} for n in range(500)))))
    whole[-6] ^= 1  # of the checksum
    (tmp_path / "a.jsonl.gz").write_bytes(bytes(whole))
    with pytest.raises(InputError, match="incorrect data check"):
        read(tmp_path)


# JSONL: what is in a line


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


@pytest.mark.parametrize("doc_id", [None, 1.5, True, ["a"], "\ud800"])
def test_an_id_in_json_that_is_none_is_an_error(doc_id: object, tmp_path: Path) -> None:
    first = lines({"doc_id": "a", "text": "x"})
    (tmp_path / "a.jsonl").write_bytes(first + lines({"doc_id": doc_id, "text": "y"}))
    with pytest.raises(InputError, match=f"--id-column doc_id: .* at a.jsonl@{len(first)}; ids"):
        read(tmp_path, WITH_ID)


def test_a_line_without_id_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"text": "x"}))
    with pytest.raises(InputError, match=r"--id-column doc_id: null at a\.jsonl@0"):
        read(tmp_path, WITH_ID)


def test_token_lists_in_json_are_integers_or_refused(tmp_path: Path) -> None:
    lists: list[object] = [[1, 2], [], [1.0], ["1"], [True], [2**70], 5, "12", None, [2**61]]
    (tmp_path / "a.jsonl").write_bytes(lines(*({"ids": ids} for ids in lists)))
    good = {0: [1, 2], 1: [], 8: None, 9: [2**61]}
    assert [(content, reason) for _, _, content, reason in read(tmp_path, IDS)] == [
        (good[n], None) if n in good else (None, "invalid_tokens") for n in range(len(lists))
    ]


# Parquet


@given(st.integers(1, 60), st.integers(1, 70), st.lists(st.integers(1, 6000), max_size=8))
def test_parquet_rows_are_named_and_read_once_however_divided(
    tmp_path_factory: pytest.TempPathFactory, num_rows: int, group: int, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.parquet"
    texts = [str(n) for n in range(num_rows)]
    pq.write_table(pa.table({"other": [0] * num_rows, "text": texts}), path, row_group_size=group)
    size = path.stat().st_size
    edges = sorted({0, size, *(cut for cut in cuts if cut < size)})
    assert rows(divided(path, "sub/a.parquet", edges), "parquet", TEXT) == [
        (f"sub/a.parquet#{n}", f"sub/a.parquet#{n}", str(n), None) for n in range(num_rows)
    ]


def test_a_row_group_is_read_on_behind_a_huge_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_HUGE_BYTES", 1 << 20)
    for module in (parquet, decoded_sizes):
        monkeypatch.setattr(module, "BATCH_BYTES", 1 << 20)  # batches of 3 rows
    texts = [str(n) * (1 << 20 if n in (3, 4, 9) else 1) for n in range(10)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", use_dictionary=False)
    assert [content for *_, content, _ in read(tmp_path)] == texts


def test_what_was_handed_over_is_not_held_while_it_is_worked_on(tmp_path: Path) -> None:
    """Beside what an engine needs for a document of 256 MB there is no room for it twice."""
    text = "x" * (40 << 20)
    (tmp_path / "a.jsonl").write_bytes(lines({"text": text}, {"text": "short"}))
    (tmp_path / "a.txt").write_text(text)
    for name in ("a.jsonl", "a.txt"):
        inventory = take_inventory(str(tmp_path / name), None)
        found = read_documents(split_inventory(inventory), inventory.format, TEXT, 1 << 30)
        tracemalloc.start()
        documents = next(found)
        assert documents.content.nbytes > 40 << 20
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 8 << 20, name
        found.close()


def test_of_a_huge_document_in_parquet_not_even_its_compressed_bytes_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_HUGE_BYTES", 1 << 20)
    text = np.random.default_rng(0).bytes(4 << 20).hex()  # half its size as zstd
    table = pa.table({"text": [text, "short"]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False, compression="zstd")
    inventory = take_inventory(str(tmp_path), None)
    before = pa.total_allocated_bytes()
    found = read_documents(split_inventory(inventory), inventory.format, TEXT, 1 << 30)
    documents = next(found)
    assert documents.take_texts() == [text]
    assert pa.total_allocated_bytes() - before < 1 << 20
    found.close()


def test_parquet_files_below_each_other_are_read_in_order(tmp_path: Path) -> None:
    for name in ("b.parquet", "a/z.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": [f"{name} {n}" for n in range(3)]}), tmp_path / name)
    assert [(d, c) for d, _, c, _ in read(tmp_path)] == [
        (f"{name}#{n}", f"{name} {n}") for name in ("a/z.parquet", "b.parquet") for n in range(3)
    ]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()], ids=str
)
def test_invalid_utf8_in_parquet_costs_its_own_row_alone(kind: pa.DataType, tmp_path: Path) -> None:
    raw = [b"ok", b"\xff\xfe", None, "é".encode(), b"", b"\xed\xa0\x80", b"cut \xf0\x9f\x98"]
    base = pa.large_binary() if "large" in str(kind) else pa.binary()
    pq.write_table(pa.table({"text": pa.array(raw, base).view(kind)}), tmp_path / "a.parquet")
    assert read(tmp_path) == [
        (f"a.parquet#{n}", f"a.parquet#{n}", content, reason)
        for n, (content, reason) in enumerate(
            [
                ("ok", None),
                (None, "invalid_utf8"),
                (None, None),
                ("é", None),
                ("", None),
                (None, "invalid_utf8"),  # half of a surrogate pair
                (None, "invalid_utf8"),
            ]
        )
    ]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.large_string()], ids=str)
def test_ids_are_integers_or_strings(kind: pa.DataType, tmp_path: Path) -> None:
    ids = ["7", "-"] if kind == pa.large_string() else [7, 100]
    table = pa.table({"text": ["x", "y"], "doc_id": pa.array(ids, kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    assert [(d, s) for d, s, _, _ in read(tmp_path, WITH_ID)] == [
        (str(ids[0]), "a.parquet#0"),
        (str(ids[1]), "a.parquet#1"),
    ]


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", None], "null at a.parquet#1; every document needs an id"),
        ([1, None], "null at a.parquet#1"),
        ([1.5, 2.5], "has type double in a.parquet, wanted strings or integers"),
        ([True, False], "has type bool"),
        ([b"a", b"b"], "has type binary"),
        ([["a"], ["b"]], "has type list"),
    ],
)
def test_ids_that_are_none_are_an_error(ids: list[Any], says: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x", "y"], "doc_id": ids}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=f"--id-column doc_id: {says}"):
        read(tmp_path, WITH_ID)


def test_a_null_id_is_named_by_its_row_in_the_file(tmp_path: Path) -> None:
    ids = [str(n) if n != 25 else None for n in range(40)]
    table = pa.table({"text": ["x"] * 40, "doc_id": ids})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    with pytest.raises(InputError, match=r"null at a\.parquet#25;"):
        read(tmp_path, WITH_ID)


def test_ids_that_are_no_utf8_are_an_error(tmp_path: Path) -> None:
    ids = pa.array([b"a", b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"text": ["x", "y"], "doc_id": ids}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"--id-column doc_id: not UTF-8 near a\.parquet#0"):
        read(tmp_path, WITH_ID)


def damage(raw: bytes, how: str) -> bytes:
    footer = int.from_bytes(raw[-8:-4], "little") + 8
    return {
        "empty": b"",
        "cut short": raw[:-30],
        "not Parquet": b"x" * 100,
        "a footer of noise": raw[:-footer] + b"\xff" * (footer - 8) + raw[-8:],
        "pages of noise": raw[:4] + b"\xff" * (len(raw) - footer - 4) + raw[-footer:],
    }[how]


@pytest.mark.parametrize(
    "how", ["empty", "cut short", "not Parquet", "a footer of noise", "pages of noise"]
)
def test_a_parquet_file_that_cannot_be_read_is_an_error_that_names_it(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"some text {n}" for n in range(100)]}), path)
    assert len(read(tmp_path)) == 100
    path.write_bytes(damage(path.read_bytes(), how))
    with pytest.raises(InputError, match=r"--input: a\.parquet cannot be read .* mend or remove"):
        read(tmp_path)


# Plain text


def test_a_text_file_is_a_document_byte_for_byte(tmp_path: Path) -> None:
    held = {
        "a.txt": b"\xff",
        "b/x.txt": b"one\r\ntwo\n\n",
        "b/y z.txt": BOM + "é".encode(),
        "e.txt": b"",
    }
    for name, raw in held.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    contents = [None, "one\r\ntwo\n\n", "\ufeffé", ""]
    reasons = ["invalid_utf8", None, None, None]
    assert read(tmp_path) == list(zip(held, held, contents, reasons, strict=True))
    assert [d for d, *_ in read(tmp_path / "b" / "x.txt")] == ["x.txt"]


def test_a_text_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    for name, size in (("a.txt", 100), ("b.txt", 101)):
        (tmp_path / name).write_bytes(b"x" * size)
    splits = split_inventory(take_inventory(str(tmp_path), None))
    found = rows(splits, "text", TEXT, max_bytes=100)
    assert [(d, r) for d, _, _, r in found] == [("a.txt", None), ("b.txt", "too_large")]


# All formats


def test_batches_are_bounded_by_bytes(tmp_path: Path) -> None:
    text = "x" * (BATCH_BYTES // 3)
    (tmp_path / "a.jsonl").write_bytes(lines(*({"text": text} for _ in range(10))))
    table = pa.table({"text": [f"{n}{text}" for n in range(10)]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False)
    for name in ("a.jsonl", "a.parquet"):
        inventory = take_inventory(str(tmp_path / name), None)
        splits = split_inventory(inventory)
        found = list(read_documents(splits, inventory.format, TEXT, 1 << 30))
        places = [int(s[len(name) + 1 :]) for batch in found for s in batch.source]
        row = 1 if name == "a.parquet" else len(lines({"text": text}))
        assert places == [row * number for number in range(10)]
        assert max(batch.content.nbytes for batch in found) <= BATCH_BYTES + 1000, name


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (Columns(content="body", doc_id=None), "--text-column body: no such column in {name}"),
        (Columns(content="text", doc_id="id"), "--id-column id: no such column in {name}"),
        (Columns(content="t", doc_id=None, tokens=True), "--tokens-column t: no such column"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(
    columns: Columns, says: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"text": ["x"], "url": ["u"]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_bytes(lines({"text": "x"}, b"broken", {"url": "u"}))
    for name in ("a.parquet", "a.jsonl"):
        with pytest.raises(InputError, match=says.format(name=name)) as raised:
            check_columns(take_inventory(str(tmp_path / name), None), columns)
        assert str(raised.value).endswith("there are: text, url")
        check_columns(take_inventory(str(tmp_path / name), None), TEXT)


@pytest.mark.parametrize(
    ("column", "kind", "says"),
    [
        (TEXT, pa.int64(), "--text-column text: has type int64 in a.parquet, wanted strings"),
        (TEXT, pa.list_(pa.string()), "--text-column text: has type list"),
        (IDS, pa.string(), "--tokens-column ids: has type string .* wanted list<int> or int32"),
        (IDS, pa.list_(pa.float32()), "--tokens-column ids: has type list<element: float>"),
    ],
)
def test_a_column_of_a_wrong_type_is_an_error(
    column: Columns, kind: pa.DataType, says: str, tmp_path: Path
) -> None:
    table = pa.table({column.content: pa.array([None], kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=says):
        check_columns(take_inventory(str(tmp_path), None), column)


def test_a_later_file_without_the_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "b.parquet")
    check_columns(take_inventory(str(tmp_path), None), TEXT)
    with pytest.raises(InputError, match=r"no such column in b\.parquet; there are: body"):
        read(tmp_path)


@pytest.mark.parametrize("columns", [WITH_ID, IDS])
def test_plain_text_has_no_columns(columns: Columns, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    inventory = take_inventory(str(tmp_path), None)
    check_columns(inventory, TEXT)
    with pytest.raises(InputError, match="plain text has no columns: leave out"):
        check_columns(inventory, columns)


def test_a_sample_is_spread_over_the_corpus_and_holds_good_texts_alone(tmp_path: Path) -> None:
    for number in range(16):
        table = pa.table({"text": [f"file {number} " * 20_000, None, f"end {number}"]})
        pq.write_table(table, tmp_path / f"{number:02d}.parquet", use_dictionary=False)
    texts = sample_texts(take_inventory(str(tmp_path), None), TEXT, max_bytes=80_000)
    assert len(texts) >= 4
    assert all(text.startswith("end ") for text in texts)  # the long ones exceed its room
    numbers = sorted(int(text.split()[1]) for text in texts)
    assert numbers[-1] - numbers[0] >= 8


@pytest.mark.parametrize(
    "kind", [pa.dictionary(pa.int32(), pa.string()), pa.string_view(), pa.large_string()], ids=str
)
def test_text_of_any_string_type_is_read(kind: pa.DataType, tmp_path: Path) -> None:
    texts = ["one", "two", None, "one"]
    pq.write_table(
        pa.table({"text": pa.array(texts, pa.string()).cast(kind)}), tmp_path / "a.parquet"
    )
    assert [content for _, _, content, _ in read(tmp_path)] == texts


def test_ids_in_lists_of_one_size_are_read(tmp_path: Path) -> None:
    lists = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    pq.write_table(pa.table({"ids": lists}), tmp_path / "a.parquet")
    check_columns(take_inventory(str(tmp_path), None), IDS)
    assert [content for _, _, content, _ in read(tmp_path, IDS)] == [[1, 2], [3, 4]]
