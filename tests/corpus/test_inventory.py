"""Which files are the corpus, and how they are divided among tasks."""

import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.corpus.inventory import InputFile, Inventory, Split, split_inventory
from bfpack_spark.corpus.take_inventory import check_apart, take_inventory
from bfpack_spark.errors import InputError

MB = 1 << 20


def put(root: Path, *names: str) -> Path:
    """Files that hold their own names."""
    for name in names:
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(name)
    return root


def names(where: Path | str, input_format: str | None = None) -> list[str]:
    return [file.name for file in take_inventory(str(where), input_format).files]


def test_a_directory_stands_for_all_files_below_it_in_order_of_name(tmp_path: Path) -> None:
    put(tmp_path, "b.jsonl", "a/z.jsonl.gz", "a/deep/y.ndjson", "c.json.zst", "notes.txt.bak")
    found = take_inventory(str(tmp_path), None)
    assert found.format == "jsonl"
    assert [f.name for f in found.files] == [
        "a/deep/y.ndjson",
        "a/z.jsonl.gz",
        "b.jsonl",
        "c.json.zst",
    ]
    assert [f.path for f in found.files] == [str(tmp_path / f.name) for f in found.files]
    assert [f.size for f in found.files] == [len(f.name) for f in found.files]
    assert found.num_bytes == sum(len(f.name) for f in found.files)


def test_one_file_is_a_corpus_and_its_ending_tells_the_format(tmp_path: Path) -> None:
    for name, expected in (("x.parq", "parquet"), ("x.ndjson.gz", "jsonl"), ("x.md", "text")):
        put(tmp_path, name, "other.md", "other.jsonl")
        found = take_inventory(str(tmp_path / name), None)
        assert (found.format, [f.name for f in found.files]) == (expected, [name])


def test_one_file_of_any_ending_is_read_as_told(tmp_path: Path) -> None:
    put(tmp_path, "corpus.data")
    assert names(tmp_path / "corpus.data", "jsonl") == ["corpus.data"]
    with pytest.raises(
        InputError, match="no file has a known ending; say what they are by --input-format"
    ):
        names(tmp_path / "corpus.data")


def test_bookkeeping_is_passed_over_but_a_text_may_have_any_name(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", "_SUCCESS", "_tmp/b.jsonl", ".c.jsonl", ".git/d.jsonl")
    assert names(tmp_path) == ["a.jsonl"]
    put(tmp_path, "_temporary/0/e.jsonl", "_delta_log/0.json", "_metadata", "lang/_lang=fr/f.jsonl")
    found = take_inventory(f"{tmp_path}/{{a.jsonl,_tmp,lang,_temporary}}", None)
    assert [file.name for file in found.files] == ["a.jsonl", "lang/_lang=fr/f.jsonl"]
    (left,) = found.left_out
    assert (left.name, "begins with an underscore" in left.reason) == ("_tmp/b.jsonl", True)
    put(tmp_path / "py", "__init__.py", "src/_x.py", ".hidden.py", ".git/e.py")
    assert names(tmp_path / "py", "text") == ["__init__.py", "src/_x.py"]


@pytest.mark.parametrize(
    ("name", "says"),
    [(".a.jsonl", "no jsonl files there"), ("_a.jsonl", r"_a\.jsonl and all else there begins")],
)
def test_a_hidden_file_is_passed_over_though_it_is_the_only_one(
    name: str, says: str, tmp_path: Path
) -> None:
    put(tmp_path, name)
    with pytest.raises(InputError, match=says):
        names(tmp_path, "jsonl")


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    put(tmp_path, "_a.jsonl", "b.jsonl", "_c.jsonl")
    assert names(tmp_path / "_a.jsonl") == ["_a.jsonl"]
    assert names(f"{tmp_path}/{{_a,b}}.jsonl") == ["_a.jsonl", "b.jsonl"]


def test_what_cannot_be_a_corpus_is_an_error_that_names_it(tmp_path: Path) -> None:
    put(tmp_path, "mixed/a.txt", "mixed/b.jsonl")
    (tmp_path / "empty").mkdir()
    wrong = {
        ("mixed", None): "holds files of several formats: jsonl",
        ("mixed", "parquet"): "no parquet files there",
        ("empty", None): "no file has a known ending",
        ("empty", "text"): "no text files there",
        ("gone", None): "no such file or directory",
        ("gone/*.txt", None): "matches no file",
        ("mixed/*.md", "text"): "matches no file",
    }
    for (where, input_format), says in wrong.items():
        with pytest.raises(InputError, match=says) as raised:
            take_inventory(f"{tmp_path}/{where}", input_format)
        assert f"--input {tmp_path}/{where}: " in str(raised.value)
    assert names(tmp_path / "mixed", "jsonl") == ["b.jsonl"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt", "ab.txt", "c d.txt", "é.txt"]),
        ("?.txt", ["a.txt", "é.txt"]),
        ("[ab].*", ["a.txt", "b.md"]),
        ("[a-c]*", ["a.txt", "ab.txt", "b.md", "c d.txt"]),
        ("**/*.txt", ["a.txt", "ab.txt", "c d.txt", "sub/c.txt", "sub/deep/d.txt", "é.txt"]),
        ("s*/?.txt", ["sub/c.txt"]),
        ("s*", ["sub/c.txt", "sub/deep/d.txt"]),
        ("**/deep", ["sub/deep/d.txt"]),
        ("sub/**", ["c.txt", "deep/d.txt"]),  # names are relative to what has no wildcard
        ("sub/deep/*.txt", ["d.txt"]),
        ("[!a]*.txt", ["c d.txt", "é.txt"]),
        ("[!]a]*.txt", ["c d.txt", "é.txt"]),
        ("[]c]*.txt", ["c d.txt"]),
    ],
)
def test_globs_match_as_a_shell_has_them(
    pattern: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.txt", "ab.txt", "b.md", "c d.txt", "é.txt", "sub/c.txt", "sub/deep/d.txt")
    put(tmp_path, ".x.txt", ".git/a.txt")
    assert names(f"{tmp_path}/{pattern}", "text") == expected
    monkeypatch.chdir(tmp_path)
    assert names(pattern, "text") == expected


def test_a_glob_may_begin_with_the_folder_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.txt", "b.md")
    monkeypatch.chdir(tmp_path)
    assert names("./*.txt") == ["a.txt"]


@pytest.mark.parametrize("pattern", ["[z-a].txt", "[.txt", "[!].txt", "b[!a]c.txt"])
def test_a_pattern_that_is_none_is_an_error_that_names_it(pattern: str, tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "b/c.txt")
    with pytest.raises(InputError, match=re.escape(f"/{pattern}: ")):
        take_inventory(f"{tmp_path}/{pattern}", None)


def test_a_file_name_that_is_not_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    put(tmp_path, "a.txt")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xfe.txt")).write_text("x")
    with pytest.raises(InputError, match=r"\\xfe.txt', not UTF-8; rename it"):
        take_inventory(str(tmp_path), None)


def test_an_output_in_the_input_is_an_error_that_names_both(tmp_path: Path) -> None:
    put(tmp_path, "corpus/a.txt", "corpus/out/b/x.txt", "corpus2/c.txt")
    inventory = take_inventory(f"{tmp_path}/corpus", None)
    for output in ("corpus", "corpus/out", "corpus/not/yet"):
        with pytest.raises(InputError, match="lies in --input"):
            check_apart(f"{tmp_path}/corpus", inventory, f"{tmp_path}/{output}")
    with pytest.raises(InputError, match="lies in --input"):
        check_apart(f"{tmp_path}/c*s", inventory, f"{tmp_path}/corpus/out")
    for pattern, output in (("c*s/*", "out"), ("c*s/{a.txt,o?t}", "out"), ("{c*s,d}", "not/yet")):
        with pytest.raises(InputError, match="lies in --input"):  # the next run would read it
            check_apart(f"{tmp_path}/{pattern}", inventory, f"{tmp_path}/corpus/{output}")
    check_apart(f"{tmp_path}/c*s/*.txt", inventory, f"{tmp_path}/corpus/new")
    check_apart(f"{tmp_path}/corpus", inventory, f"{tmp_path}/corpus2")
    check_apart(f"{tmp_path}/corpus/a.txt", inventory, f"{tmp_path}/corpus2")


def test_a_file_whose_name_looks_like_a_glob_is_itself(tmp_path: Path) -> None:
    put(tmp_path, "a[1].txt", "a1.txt")
    assert names(tmp_path / "a[1].txt") == ["a[1].txt"]


def test_the_fingerprint_knows_names_sizes_and_times_but_not_the_folder(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        put(tmp_path / folder, "a.txt", "b/c.txt")
        for file in (tmp_path / folder).rglob("*.txt"):
            os.utime(file, ns=(5_000_000_000, 7_000_000_000))
    held = take_inventory(str(tmp_path / "one"), None).for_fingerprint()
    assert held == [["a.txt", 5, 7_000_000_000], ["b/c.txt", 7, 7_000_000_000]]
    assert take_inventory(str(tmp_path / "two"), None).for_fingerprint() == held
    os.utime(tmp_path / "two" / "a.txt", ns=(5_000_000_000, 8_000_000_000))
    assert take_inventory(str(tmp_path / "two"), None).for_fingerprint() != held


def test_a_directory_of_delta_is_not_taken_for_parquet_unasked(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", "_delta_log/00000000000000000000.json")
    with pytest.raises(InputError, match="holds a Delta table; say --input-format delta"):
        take_inventory(str(tmp_path), None)
    assert names(tmp_path, "parquet") == ["a.parquet"]


def inventory(input_format: str, sizes: dict[str, int]) -> Inventory:
    files = [InputFile(name=n, path=f"/{n}", size=size, modified=0) for n, size in sizes.items()]
    return Inventory(format=input_format, files=tuple(files))


def ranges(splits: Iterable[Split]) -> list[tuple[int, str, int, int]]:
    return [(s.task, s.name, s.start, s.end) for s in splits]


def test_large_files_are_divided_and_small_ones_lie_side_by_side() -> None:
    """16 MB: the root of 16 MB * 4 MB is 8 MB."""
    sizes = {"a": 10 * MB, "b": 1000, "c": 2000, "d": 0, "e": 6 * MB - 3000}
    assert ranges(split_inventory(inventory("jsonl", sizes))) == [
        (0, "a", 0, 8 * MB),
        (1, "a", 8 * MB, 10 * MB),
        (1, "b", 0, 1000),
        (1, "c", 0, 2000),
        (1, "d", 0, 1),
        (2, "e", 0, 6 * MB - 3000),
    ]


def test_compressed_and_text_files_are_never_divided() -> None:
    for input_format, name in (("jsonl", "a.gz"), ("jsonl", "a.zst"), ("text", "a.txt")):
        held = inventory(input_format, {name: 300 * MB})
        assert ranges(split_inventory(held)) == [(0, name, 0, 300 * MB)]


@pytest.mark.parametrize(
    ("size", "tasks", "largest"),
    [
        (MB, 1, MB),
        (4 * MB, 1, 4 * MB),
        (16 * MB, 2, 8 * MB),
        (100 * MB, 5, 20 * MB),
        (1024 * MB, 16, 64 * MB),
        (8192 * MB, 128, 64 * MB),
    ],
)
def test_tasks_grow_in_number_and_in_size(size: int, tasks: int, largest: int) -> None:
    """By the root of the corpus: 100 MB are 5 tasks of isqrt(100 MB * 4 MB) = 20 MB."""
    splits = split_inventory(inventory("jsonl", {"a": size}))
    assert len(splits) == tasks
    assert max(split.end - split.start for split in splits) == largest


@given(st.lists(st.one_of(st.integers(0, 4 * MB), st.integers(0, 1 << 40)), min_size=1, max_size=8))
def test_every_byte_is_in_one_split_and_no_split_is_large(sizes: list[int]) -> None:
    sizes = [min(size, 1 << 33) for size in sizes]
    splits = split_inventory(inventory("jsonl", {f"{n}.x": s for n, s in enumerate(sizes)}))
    for number, size in enumerate(sizes):
        own = [s for s in splits if s.name == f"{number}.x"]
        assert own[0].start == 0
        assert own[-1].end == max(size, 1)
        assert all(one.end == other.start for one, other in itertools.pairwise(own))
        assert all(0 < s.end - s.start <= 64 * MB for s in own)
    tasks = [split.task for split in splits]
    assert sorted(set(tasks)) == list(range(tasks[-1] + 1))
    assert tasks == sorted(tasks)


def taken(*where: Path | str) -> list[tuple[str, str]]:
    files = take_inventory([str(path) for path in where], None).files
    return [(file.name, file.path) for file in files]


def test_several_inputs_are_one_corpus_and_their_order_does_not_matter(tmp_path: Path) -> None:
    put(tmp_path, "one/a.jsonl", "two/b.jsonl", "two/deep/a.jsonl")
    wanted = [
        ("a.jsonl", f"{tmp_path}/one/a.jsonl"),
        ("b.jsonl", f"{tmp_path}/two/b.jsonl"),
        ("deep/a.jsonl", f"{tmp_path}/two/deep/a.jsonl"),
    ]
    assert taken(tmp_path / "one", tmp_path / "two") == wanted
    assert taken(tmp_path / "two", tmp_path / "one", tmp_path / "two") == wanted
    put(tmp_path, "three/x.txt")
    with pytest.raises(InputError, match="jsonl, text; inputs must be of one format"):
        taken(tmp_path / "one", tmp_path / "three")


def test_a_name_that_two_inputs_share_is_refused_with_their_parent(tmp_path: Path) -> None:
    put(tmp_path, "one/x/a.jsonl", "two/x/a.jsonl", "two/x/b.jsonl")
    says = f"one and --input {tmp_path}/two: both have x/a.jsonl.*--input {tmp_path}$"
    with pytest.raises(InputError, match=says):
        taken(f"{tmp_path}/one", f"{tmp_path}/two")
    assert len(taken(tmp_path)) == 3


def test_an_input_inside_another_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", "deep/b.jsonl")
    outer = [("a.jsonl", f"{tmp_path}/a.jsonl"), ("b.jsonl", f"{tmp_path}/deep/b.jsonl")]
    for order in ([tmp_path, tmp_path / "deep"], [tmp_path / "deep", tmp_path]):
        assert taken(*order) == outer
        (left,) = take_inventory([str(path) for path in order], None).left_out
        assert (left.name, left.reason) == ("deep/b.jsonl", "the same file as b.jsonl")


def test_files_of_several_formats_are_named(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz", "d.jsonl", "notes.txt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(InputError) as raised:
        take_inventory(str(tmp_path), None)
    assert str(raised.value) == (
        f"--input {tmp_path}: holds files of several formats: jsonl (a.jsonl, b.jsonl, c.jsonl.gz, "
        "...), text (notes.txt); read those of one by --input-format jsonl|text, or take the "
        "others out"
    )
