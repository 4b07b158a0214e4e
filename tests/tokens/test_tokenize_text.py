"""From files to rows of ids, through the worker's own function: a row a document, good or not."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from outputs import current, manifest, plan_rows, read
from tokenizers import Tokenizer
from tokenizing.altered import losing, noting
from tokens.worker import EOS, PAD, Worker, ids
from trained import bert, unigram

from bfpack_spark.corpus.documents import Columns, Documents
from bfpack_spark.errors import JobError


@pytest.mark.parametrize("engine", ["fastokens", "tokenizers"])
@pytest.mark.parametrize("bos", [None, "<|pad|>"])
def test_every_document_gets_one_eos_and_as_told_one_bos(
    engine: str, bos: str | None, worker: Worker
) -> None:
    texts = ["some words", "", "x", " ", "漢字\n\n", ""]
    name = worker.write_lines(*({"text": text} for text in texts))
    found = worker.run(name, engine=engine, bos_token=bos)
    front = [PAD] if bos else []
    assert [ids(row) for row in found] == [
        [*front, *worker.known(text), EOS] if text else None for text in texts
    ]
    assert [row["reason"] for row in found] == [None if text else "empty" for text in texts]


def test_a_document_too_large_to_compare_keeps_its_id(
    worker: Worker,
) -> None:
    """verify --input gives the reference no more than 1 MB, of corpora that hold more."""
    name = worker.write_lines(
        {"doc_id": "long", "text": "x" * 1_100_000}, {"doc_id": "s", "text": "x"}
    )
    columns = Columns(content="text", doc_id="doc_id")
    found = worker.run(name, columns=columns, max_document_bytes=2 << 20, max_compared_bytes=1000)
    assert [(row["doc_id"], row["reason"]) for row in found] == [("long", "too_large"), ("s", None)]


@pytest.mark.parametrize("make", [bert, unigram])
def test_kept_words_make_the_rows_of_the_reference(
    make: Callable[[], Tokenizer], worker: Worker
) -> None:
    worker.tokenizer = make()
    texts = ["Some words; to_learn </s>", "", "e\u0301 words\x01.", "a\n\n  b \u6f22 words"] * 3
    name = worker.write_lines(*({"text": text} for text in texts))
    kept = worker.run(name, engine="words", audit_share=1.0)
    assert kept == worker.run(name, engine="tokenizers")
    assert sum(row["length"] or 0 for row in kept) > 50
    with pytest.raises(JobError, match=r"words and tokenizers disagree .*use --engine tokenizers"):
        worker.run(name, engine="words", audit_share=1.0, load=losing(str.isprintable, "words"))


@pytest.mark.parametrize("engine", ["fastokens", "tokenizers"])
def test_what_we_insert_is_always_a_control_token(engine: str, worker: Worker) -> None:
    tree = json.loads(worker.tokenizer.to_str())
    assert [token["content"] for token in tree["added_tokens"]] == ["<|endoftext|>", "<|pad|>"]
    for token in tree["added_tokens"]:
        token["special"] = False
    worker.tokenizer = Tokenizer.from_str(json.dumps(tree))
    name = worker.write_lines({"text": "see <|pad|> here<|endoftext|>"})
    (row,) = worker.run(name, engine=engine, bos_token="<|pad|>")
    found = ids(row) or []
    assert (found[0], found[-1]) == (PAD, EOS)
    assert not {PAD, EOS} & set(found[1:-1])
    assert len(found) > 15


def test_every_document_is_a_row_with_what_speaks_against_it(worker: Worker) -> None:
    given_and_found: list[tuple[object, tuple[str | None, str | None, str | None]]] = [
        ({"doc_id": "a", "text": "good"}, ("a", None, None)),
        ({"doc_id": "b", "text": ""}, ("b", "empty", "no text")),
        ({"doc_id": "c", "text": None}, ("c", "null_text", "null instead of a text")),
        ({"doc_id": 4}, ("4", "null_text", "no column text")),
        (b'{"doc_id": "e", "text": "\xff"}', ("e", "invalid_utf8", "not valid UTF-8")),
        (b'{"doc_id": "f", "text": "\\udc00"}', ("f", "lone_surrogate", "half of a surrogate")),
        ({"doc_id": "g", "text": 5}, ("g", "not_text", "a JSON int in text")),
        ({"doc_id": "h", "text": "é" * 50}, ("h", None, None)),
        ({"doc_id": "i", "text": "é" * 50 + "x"}, ("i", "too_large", "101 bytes, limit 100")),
        (b'{"doc_id": "j", ', (None, "broken_line", "property name")),
        (b'"text"', (None, "broken_line", "a JSON str, not an object")),
        ({"doc_id": "l", "text": "good"}, ("l", None, None)),
    ]
    name = worker.write_lines(*(record for record, _ in given_and_found))
    columns = Columns(content="text", doc_id="doc_id")
    found = worker.run(name, columns=columns, max_document_bytes=100)
    assert [(row["doc_id"], row["reason"]) for row in found] == [
        (doc_id, reason) for _, (doc_id, reason, _) in given_and_found
    ]
    for row, (_, (_, reason, detail)) in zip(found, given_and_found, strict=True):
        assert (row["detail"] is None) if detail is None else (detail in row["detail"])
        assert (ids(row) is None) == (reason is not None)
    held = (worker.folder / name).read_bytes()
    places = [int(row["source"].removeprefix("a.jsonl@")) for row in found]
    assert places == [n for n in range(len(held)) if n == 0 or held[n - 1 : n] == b"\n"]
    assert ids(found[0]) == ids(found[-1]) == [*worker.known("good"), EOS]


def test_what_is_wrong_in_parquet_is_a_row_too(worker: Worker) -> None:
    texts = pa.array([b"good", b"\xff", None, b"", b"x" * 101, b"good"]).view(pa.string())
    pq.write_table(pa.table({"text": texts}), worker.folder / "a.parquet")
    found = worker.run("a.parquet", max_document_bytes=100)
    assert [(row["source"], row["doc_id"], row["reason"]) for row in found] == [
        (f"a.parquet#{n}", f"a.parquet#{n}", reason)
        for n, reason in enumerate([None, "invalid_utf8", "null_text", "empty", "too_large", None])
    ]
    assert ids(found[0]) == ids(found[-1]) == [*worker.known("good"), EOS]


def test_nothing_but_bad_documents_makes_rows_without_tokens(worker: Worker) -> None:
    name = worker.write_lines({"text": ""}, {"text": None})
    for engine in ("fastokens", "tokenizers"):
        assert [ids(row) for row in worker.run(name, engine=engine)] == [None, None]


def test_an_engines_own_limit_holds_where_it_is_the_smaller(worker: Worker) -> None:
    (worker.folder / "a.txt").write_bytes(b"x" * ((8 << 20) + 1))
    (row,) = worker.run("a.txt", engine="tokenizers", max_document_bytes=8 << 20)
    assert (row["reason"], row["detail"]) == ("too_large", "8388609 bytes, limit 8388608")
    assert worker.task("txt", None, max_document_bytes=1 << 30).max_bytes == 256 << 20
    assert worker.task("txt", None, max_document_bytes=100).max_bytes == 100


@pytest.mark.parametrize("engine", ["fastokens", "tokenizers"])
def test_control_tokens_in_text_are_text_or_refused_or_allowed(engine: str, worker: Worker) -> None:
    text = "x<|endoftext|>y<|pad|>"
    name = worker.write_lines({"text": "x"}, {"text": text}, {"text": "y"})
    as_text, refused, allowed = (
        worker.run(name, control_tokens=policy, engine=engine)
        for policy in ("text", "quarantine", "allow")
    )
    x, y = (worker.tokenizer.token_to_id(letter) for letter in "xy")
    assert ids(as_text[1]) == [*worker.known(text), EOS]
    assert ids(as_text[1]).count(EOS) == 1
    assert PAD not in ids(as_text[1])
    assert (refused[1]["reason"], refused[1]["detail"]) == (
        "control_token",
        "<|endoftext|> at character 1",
    )
    assert ids(allowed[1]) == [x, EOS, y, PAD, EOS]
    for found in (as_text, refused, allowed):
        assert [ids(found[0]), ids(found[2])] == [[x, EOS], [y, EOS]]


def test_text_that_makes_the_id_of_an_ordinary_eos_is_refused(worker: Worker) -> None:
    name = worker.write_lines({"text": "a b"}, {"text": "a!b"}, {"text": "c d"})
    found = worker.run(name, eos_token="!")
    eos = worker.tokenizer.token_to_id("!")
    assert [ids(row) for row in found] == [
        [*worker.known("a b"), eos],
        None,
        [*worker.known("c d"), eos],
    ]
    assert found[1]["reason"] == "control_token"


def test_batches_of_a_few_huge_rows_are_cut_by_their_bytes() -> None:
    sizes = [10, 900, 10, 10, 500, 500, 10, 3000, 10]
    names = [str(n) for n in range(len(sizes))]
    nothing: list[str | None] = [None] * len(sizes)
    whole = Documents(
        content=pa.array(["x" * size for size in sizes], pa.large_string()),
        doc_id=list(names),
        source=names,
        reason=nothing,
        detail=list(nothing),
    )
    parts = list(whole.split(1100))
    assert whole.content is None  # and no part holds the whole
    held = [part.content.get_total_buffer_size() for part in parts]
    assert max(held) < 3500
    assert sum(held) < 2 * sum(sizes)
    assert [name for part in parts for name in part.source] == names
    assert [len(t) for part in parts for t in part.content.to_pylist()] == sizes
    assert all(part.content.nbytes <= 1100 or len(part) == 1 for part in parts)
    assert len(parts) < len(sizes)


def test_the_audit_names_the_document_on_which_engines_disagree(worker: Worker) -> None:
    texts = ["some words", "", "to learn", "the fault", "some more"]
    name = worker.write_lines(*({"text": text} for text in texts))
    for share in (0.0, 1.0):
        before = [ids(row) for row in worker.run(name, audit_share=share)]
        assert before == [[*worker.known(t), EOS] if t else None for t in texts]
    load = losing(lambda text: "fault" in text)
    place = sum(len(json.dumps({"text": text})) + 1 for text in texts[:3])
    last = len(worker.known("the fault")) - 1
    says = (
        rf"document a\.jsonl@{place} \(a\.jsonl@{place}\): fastokens and tokenizers disagree at "
        rf"token {last}: id nothing against \d+ by the reference; use --engine tokenizers"
    )
    with pytest.raises(JobError, match=says):
        worker.run(name, audit_share=1.0, load=load)
    assert len(worker.run(name, audit_share=0.0, load=load)) == len(texts)
    by_reference = worker.run(name, audit_share=1.0, engine="tokenizers", load=load)
    assert len(by_reference) == len(texts)


def test_the_audit_draws_its_share_by_the_ids_alone(worker: Worker) -> None:
    drawn: list[str] = []
    load = noting(drawn)
    records = [{"doc_id": f"d{n}", "text": f"text {n}"} for n in range(2000)]
    columns = Columns(content="text", doc_id="doc_id")
    worker.run(worker.write_lines(*records), columns=columns, audit_share=0.1, load=load)
    assert 150 < len(drawn) < 250
    assert len(set(drawn)) == len(drawn)
    first = set(drawn)
    drawn.clear()
    worker.run(worker.write_lines(*reversed(records)), columns=columns, audit_share=0.1, load=load)
    assert set(drawn) == first
    drawn.clear()
    worker.run(worker.write_lines(*records), columns=columns, audit_share=1.0, load=load)
    assert drawn == [record["text"] for record in records]


def test_documents_over_a_megabyte_are_not_given_to_the_reference(worker: Worker) -> None:
    drawn: list[str] = []
    for name, size in (("a.txt", 1 << 20), ("b.txt", (1 << 20) + 1), ("c.txt", 5)):
        (worker.folder / name).write_bytes(b"x" * size)
    more = {"audit_share": 1.0, "max_document_bytes": 1 << 30, "load": noting(drawn)}
    found = worker.run("a.txt", "b.txt", "c.txt", **more)
    assert [row["reason"] or row["detail"] for row in found] == [None] * 3
    assert [row["not_audited"] for row in found] == [False, True, False]
    assert list(map(len, drawn)) == [1 << 20, 5]


def test_a_document_of_64_mb_is_packed_whole_and_one_of_257_is_set_aside(
    demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    text = "".join(f"line {n} of a long file\n" for n in range(3000))
    times = -(-(64 << 20) // len(text))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "big.txt").write_text(text * times)
    assert (tmp_path / "corpus" / "big.txt").stat().st_size >= 64 << 20
    with (tmp_path / "corpus" / "huge.txt").open("wb") as file:
        file.truncate(257 << 20)
    where = ("--input", tmp_path / "corpus", "--output", tmp_path / "output", "--bucket", "b")
    more = ("--seq-len", 8192, "--max-quarantined", 0.9)
    bfpack("pack", *where, "--tokenizer", demo_corpus.tokenizer, *more).succeeds()
    (refused,) = read(current(tmp_path / "output", "b", "tokens") / "quarantine")
    assert (refused["doc_id"], refused["source"], refused["reason"]) == (
        *["huge.txt"] * 2,
        "too_large",
    )
    assert refused["detail"] == f"{257 << 20} bytes, limit {256 << 20}"
    tokenizer = Tokenizer.from_file(str(demo_corpus.tokenizer / "tokenizer.json"))
    block = len(tokenizer.encode(text).ids)
    assert len(tokenizer.encode(text * 3).ids) == 3 * block  # so blocks do not merge
    version = current(tmp_path / "output", "b", "sequences-8192")
    tokens = block * times + 1
    assert manifest(version)["accounting"]["num_tokens"] == tokens > 10**7
    rows = sorted(plan_rows(version), key=lambda row: row["start"])
    assert [row["start"] for row in rows] == list(range(0, tokens, 8192))
    assert sum(row["length"] for row in rows) == tokens
    assert {row["doc_id"] for row in rows} == {"big.txt"}
    bfpack("verify", *where[2:], "--seq-len", 8192).succeeds()
