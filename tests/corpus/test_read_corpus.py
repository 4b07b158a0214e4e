"""The readers: every document once, each with its place, whatever is wrong with it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus.reading import BOM, IDS, TEXT, WITH_ID, documents_in, read, rows
from inputs import lines

from bfpack_spark.corpus.documents import READING, Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import check_columns
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError
from bfpack_spark.tokenizing.parity import sample_texts


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


def test_batches_are_bounded_by_bytes(tmp_path: Path) -> None:
    text = "x" * (READING.batch_bytes // 3)
    (tmp_path / "a.jsonl").write_bytes(lines(*({"text": text} for _ in range(10))))
    table = pa.table({"text": [f"{n}{text}" for n in range(10)]})
    pq.write_table(table, tmp_path / "a.parquet", use_dictionary=False)
    for name in ("a.jsonl", "a.parquet"):
        found = list(documents_in(tmp_path / name, max_bytes=1 << 30))
        places = [int(s[len(name) + 1 :]) for batch in found for s in batch.source]
        row = 1 if name == "a.parquet" else len(lines({"text": text}))
        assert places == [row * number for number in range(10)]
        assert max(batch.content.nbytes for batch in found) <= READING.batch_bytes + 1000, name


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
    ("there", "says"),
    [
        ("messages", "for conversations, give --messages-column messages"),
        ("prompt", "for prompts, give --prompt-column prompt and --completion-column"),
        ("input_ids", "for ids that are there, give --tokens-column input_ids"),
    ],
)
def test_an_input_of_another_kind_is_told_of_the_option_for_it(
    there: str, says: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"url": ["u"], there: ["x"]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_bytes(lines({"url": "u", there: "x"}, {there: "y"}))
    for name in ("a.parquet", "a.jsonl"):
        inventory = take_inventory(str(tmp_path / name), None)
        with pytest.raises(InputError) as raised:
            check_columns(inventory, TEXT)
        assert str(raised.value).endswith(f"; {says}")
        with pytest.raises(InputError, match=rf"there are: .*{there}.*$") as raised:
            check_columns(inventory, Columns(content="body", doc_id="gone", tokens=True))
        assert says not in str(raised.value)


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


@pytest.mark.parametrize(
    ("columns", "option"), [(WITH_ID, "--id-column"), (IDS, "--tokens-column")]
)
def test_plain_text_has_no_columns(columns: Columns, option: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    inventory = take_inventory(str(tmp_path), None)
    check_columns(inventory, TEXT)
    with pytest.raises(InputError, match=f"plain text has no columns: leave out {option}"):
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
