"""Which inputs are whose bucket, by what their paths say."""

import re
from pathlib import Path

import pytest
from corpus.test_inventory import put

from bfpack_spark.buckets.slices import by_directories, paths_of_buckets
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError


def test_a_bucket_is_all_inputs_that_have_its_name(tmp_path: Path) -> None:
    put(tmp_path, "one/de/a.jsonl", "one/en/a.jsonl", "two/en.jsonl", "two/fr.jsonl")
    patterns = (f"{tmp_path}/one/{{bucket}}/*.jsonl", f"{tmp_path}/two/{{bucket}}.jsonl")
    found = paths_of_buckets(patterns, ())
    assert found == {
        "de": (f"{tmp_path}/one/de/*.jsonl",),
        "en": (f"{tmp_path}/one/en/*.jsonl", f"{tmp_path}/two/en.jsonl"),
        "fr": (f"{tmp_path}/two/fr.jsonl",),
    }
    assert paths_of_buckets(patterns, ("fr",)) == {"fr": found["fr"]}
    names = [file.name for file in take_inventory(found["en"], None).files]
    assert names == ["a.jsonl", "en.jsonl"]
    with pytest.raises(InputError, match="has no bucket nn"):
        paths_of_buckets(patterns, ("nn",))
    with pytest.raises(InputError, match=r"two: has no \{bucket\}, but others have"):
        paths_of_buckets((patterns[0], f"{tmp_path}/two"), ())


def test_hives_escapes_are_no_part_of_a_name_and_all_others_are(tmp_path: Path) -> None:
    put(tmp_path, "lang=C%2B%2B/a.jsonl", "lang=a%2Fb/a.jsonl", "plain/C%2B%2B.jsonl")
    hive = f"{tmp_path}/lang={{bucket}}/*.jsonl"
    found = paths_of_buckets((hive,), ())
    assert list(found) == ["C++", "a/b"]
    assert paths_of_buckets((hive,), ("C++",))["C++"] == found["C++"]
    (file,) = take_inventory(found["a/b"], None).files
    assert file.path == f"{tmp_path}/lang=a%2Fb/a.jsonl"
    assert list(paths_of_buckets((f"{tmp_path}/plain/{{bucket}}.jsonl",), ())) == ["C%2B%2B"]
    slices = by_directories(take_inventory(f"{tmp_path}/lang*", None), "lang")
    assert slices is not None
    assert sorted(slices) == ["C++", "a/b"]


def test_files_of_no_bucket_are_named_where_buckets_are_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "de/a.jsonl", "de/note.md", "stray.jsonl", "README.md", "_new/b.jsonl")
    put(tmp_path, "_temporary/c.jsonl", "_SUCCESS", "_logs/d.log", ".hidden/e.jsonl")
    pattern = f"{tmp_path}/{{bucket}}"
    assert paths_of_buckets((pattern,), ("de",)) == {"de": (f"{tmp_path}/de",)}
    assert not caplog.messages
    assert list(paths_of_buckets((pattern,), ())) == ["de"]
    beside, hidden = "lies beside the buckets' folders", "begins with an underscore"
    (line,) = caplog.messages
    assert line.startswith("input: visible and left out: 3 files: ")
    for name, why in (("README.md", beside), ("stray.jsonl", beside), ("_new/b.jsonl", hidden)):
        assert re.search(rf"{name} \([^)]*{why}\)", line)
    caplog.clear()
    assert list(paths_of_buckets((f"{pattern}/*.jsonl",), ())) == ["de"]
    assert re.search(rf"1 file: _new/b.jsonl \([^)]*{hidden}\)$", caplog.messages[0])


def test_no_letter_of_a_buckets_name_is_a_pattern(tmp_path: Path) -> None:
    put(tmp_path, "C*/a.jsonl", "C++/b.jsonl", "{x,y}/c.jsonl", "[z]/d.jsonl")
    for name, paths in paths_of_buckets((f"{tmp_path}/{{bucket}}",), ()).items():
        (file,) = take_inventory(paths, None).files
        assert file.path.startswith(f"{tmp_path}/{name}/")


def test_what_is_left_out_beside_a_bucket_is_told_with_it(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "lang=de/a.jsonl", "lang=de/x.tmp", "lang=en/b.jsonl")
    slices = by_directories(take_inventory(str(tmp_path), None), "lang")
    assert slices is not None
    left = {name: [f.name for f in own.inventory.left_out] for name, own in slices.items()}
    assert left == {"de": ["README.md", "lang=de/x.tmp"], "en": ["README.md"]}
