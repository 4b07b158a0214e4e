"""What lies below a folder: by which names, once, and what can be no document."""

import gzip
import logging
import os
import socket
from pathlib import Path

import pytest
from corpus.test_inventory import names, put

from bfpack_spark.corpus.globs import expand
from bfpack_spark.corpus.inventory import LeftOut
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import InputError


def left_out(where: Path | str, input_format: str | None = None) -> dict[str, str]:
    taken = take_inventory(str(where), input_format)
    assert taken.files
    return {left.name: left.reason for left in taken.left_out}


def test_what_is_visible_and_not_read_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "a.jsonl", "D.JSONL", "b.jsonl.bz2", "c.jsonl.xz", "README.md", "x.parquet.tmp")
    put(tmp_path, "deep/y.csv", "_SUCCESS", "_tmp/z.csv", ".hidden")
    with caplog.at_level(logging.WARNING, "bfpack"):
        taken = take_inventory(str(tmp_path), None)
    assert [file.name for file in taken.files] == [
        "D.JSONL",
        "a.jsonl",
        "b.jsonl.bz2",
        "c.jsonl.xz",
    ]
    assert taken.left_out == (
        LeftOut(name="README.md", reason="text by its ending"),
        LeftOut(name="deep/y.csv", reason="no known ending"),
        LeftOut(name="x.parquet.tmp", reason="no known ending"),
    )
    (line,) = caplog.messages
    assert line.startswith("input: visible and left out: 3 files: README.md (text by its ending)")
    assert "LeftOut" not in str(taken.for_fingerprint())


def test_of_plain_text_nothing_visible_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.py", "README", "_x.jsonl", ".hidden")
    assert names(tmp_path, "text") == ["README", "_x.jsonl", "a.py"]
    assert left_out(tmp_path, "text") == {}


def test_a_text_that_tells_about_others_makes_no_mix_and_any_other_does(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", "readme.TXT", "LICENSE.txt", "docs/notes.md")
    assert names(tmp_path) == ["a.parquet"]
    assert len(left_out(tmp_path)) == 3
    put(tmp_path, "story.txt")
    with pytest.raises(
        InputError, match=r"several formats: parquet \(a.parquet\), text \(story.txt\);"
    ):
        names(tmp_path)
    assert left_out(tmp_path, "parquet")["story.txt"] == "text by its ending"


def test_a_broken_link_is_refused_by_name_whatever_its_ending(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl")
    for name in ("b.jsonl", "b"):
        (tmp_path / name).symlink_to("../nowhere/b")
        with pytest.raises(InputError, match=rf"{name} is a link to \.\./nowhere/b, where no file"):
            names(tmp_path)
        (tmp_path / name).unlink()
    (tmp_path / "self.jsonl").symlink_to("self.jsonl")
    with pytest.raises(InputError, match=r"self.jsonl is a link to self.jsonl"):
        names(tmp_path)
    (tmp_path / "self.jsonl").rename(tmp_path / ".self.jsonl")
    assert names(tmp_path) == ["a.jsonl"]


@pytest.mark.parametrize("name", ["x.jsonl", "x", "deep/x.parquet"])
def test_what_is_no_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", "deep/b.jsonl")
    os.mkfifo(tmp_path / name)
    for where in (tmp_path, tmp_path / name, f"{tmp_path}/**/x*"):
        with pytest.raises(InputError, match=r"x(\.parquet|\.jsonl)? is a FIFO, not a file"):
            names(where, "jsonl")
    with pytest.raises(InputError, match="/dev/null: null is a device"):
        names("/dev/null", "text")
    (tmp_path / name).unlink()
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.path.relpath(tmp_path / name))  # an address may have 107 bytes
        with pytest.raises(InputError, match="is a socket, not a file"):
            names(tmp_path)


def test_a_link_to_a_folder_above_it_is_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path, "in/s.jsonl", "in/deep/t.jsonl", "other/u.jsonl")
    for link, target in (("again", "."), ("deep/up", "../.."), ("deep/self", "../deep")):
        (tmp_path / "in" / link).symlink_to(target)
        with pytest.raises(InputError, match=f"{link} leads back to a folder that it lies in"):
            names(tmp_path / "in")
        (tmp_path / "in" / link).unlink()
    (tmp_path / "in" / "beside").symlink_to("../other")
    (tmp_path / "other" / "back").symlink_to("../in")
    with pytest.raises(InputError, match="beside/back leads back"):
        names(tmp_path / "in")


def test_a_file_that_several_ways_lead_to_is_read_once_by_the_straightest(tmp_path: Path) -> None:
    put(tmp_path, "b/real.jsonl", "c.jsonl")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "a.jsonl").symlink_to("c.jsonl")
    (tmp_path / "d.jsonl").hardlink_to(tmp_path / "c.jsonl")
    assert names(tmp_path) == ["b/real.jsonl", "c.jsonl"]
    assert left_out(tmp_path) == {
        "a.jsonl": "the same file as c.jsonl",
        "a/real.jsonl": "the same file as b/real.jsonl",
        "d.jsonl": "the same file as c.jsonl",
    }
    assert names(tmp_path / "a") == ["real.jsonl"]
    assert names(f"{tmp_path}/a/*.jsonl") == ["real.jsonl"]


def test_a_file_whose_other_name_is_hidden_is_read(tmp_path: Path) -> None:
    put(tmp_path, "_store/x.jsonl", ".blobs/y")
    (tmp_path / "x.jsonl").symlink_to("_store/x.jsonl")
    (tmp_path / "y.jsonl").symlink_to(".blobs/y")
    assert names(tmp_path) == ["x.jsonl", "y.jsonl"]
    assert left_out(tmp_path) == {}


def test_folders_that_multiply_by_links_end(tmp_path: Path) -> None:
    put(tmp_path, "0/x.jsonl")
    for number in range(1, 30):
        (tmp_path / str(number)).mkdir()
        for way in ("a", "b"):
            (tmp_path / str(number) / way).symlink_to(f"../{number - 1}")
    with pytest.raises(InputError, match="more than 64 ways lead"):
        names(tmp_path / "29")


@pytest.mark.parametrize("ending", ["gz", "zst", "zstd", "bz2", "XZ"])
def test_no_bytes_are_no_compressed_file(ending: str, tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl")
    (tmp_path / "b.jsonl").touch()
    assert names(tmp_path) == ["a.jsonl", "b.jsonl"]
    (tmp_path / f"b.jsonl.{ending}").touch()
    with pytest.raises(InputError, match=f"b.jsonl.{ending} is empty, and 0 bytes are no"):
        names(tmp_path)


def test_where_no_name_has_an_ending_first_bytes_tell(tmp_path: Path) -> None:
    for name, first in {
        "in/part-00000": b'{"text": "a"}\n',
        "in/part-00001": gzip.compress(b'{"text": "b"}\n'),
        "in/2024.01.02": b'\xef\xbb\xbf [{"text": "c"}]',
        "in/LICENSE": b"You may.",
        "in/_SUCCESS": b"",
        "ended/part-00003": b'{"text": "d"}\n',
        "ended/x.jsonl": b'{"text": "e"}\n',
        "pages/part-0": b"PAR1",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(first)
    taken = take_inventory(f"{tmp_path}/in", None)
    codecs = {file.name: file.codec for file in taken.files}
    assert codecs == {"2024.01.02": None, "part-00000": None, "part-00001": "gzip"}
    assert taken.format == "jsonl"
    assert left_out(tmp_path / "in") == {"LICENSE": "no ending, and its first bytes tell no format"}
    assert names(tmp_path / "in", "jsonl") == ["2024.01.02", "LICENSE", "part-00000", "part-00001"]
    assert take_inventory(f"{tmp_path}/pages", None).format == "parquet"
    assert names(tmp_path / "in" / "part-00001") == ["part-00001"]
    assert names(tmp_path / "ended") == ["x.jsonl"]  # there, names have endings
    assert left_out(tmp_path / "ended") == {"part-00003": "no known ending"}


@pytest.mark.parametrize(
    ("pattern", "alternatives"),
    [
        ("a/{b,c{d,e}}/f", ["a/b/f", "a/cd/f", "a/ce/f"]),
        ("{a,b}{1,2}", ["a1", "a2", "b1", "b2"]),
        ("{x}/{bucket}/{,y}", ["{x}/{bucket}/", "{x}/{bucket}/y"]),
        ("{x{a,b}}", ["{xa}", "{xb}"]),
        ("a,b", ["a,b"]),
        ("{a,b", ["{a,b"]),
        ("}{a,a}{", ["}a{"]),
        ("s3://b?region=x/{a,b}", ["s3://b?region=x/a", "s3://b?region=x/b"]),
    ],
)
def test_braces_are_alternatives_as_in_a_shell(pattern: str, alternatives: list[str]) -> None:
    assert expand(pattern) == alternatives


def test_names_by_braces_are_relative_to_what_does_not_vary(tmp_path: Path) -> None:
    put(tmp_path, "one/a.jsonl", "one/b.jsonl", "two/a.jsonl", "two/c.jsonl", "one,two/d.jsonl")
    assert names(f"{tmp_path}/{{one,two}}/a.jsonl") == ["one/a.jsonl", "two/a.jsonl"]
    assert names(f"{tmp_path}/{{one,t*}}") == [
        "one/a.jsonl",
        "one/b.jsonl",
        "two/a.jsonl",
        "two/c.jsonl",
    ]
    assert names(f"{tmp_path}/one/{{a,b}}.jsonl") == ["a.jsonl", "b.jsonl"]
    assert names(f"{tmp_path}/one,two") == ["d.jsonl"]
    with pytest.raises(InputError, match=r"matches no file \(.*/gone/a.jsonl\)"):
        names(f"{tmp_path}/{{one,gone}}/a.jsonl")
    assert names(f"{tmp_path}/{{one,one}}") == ["a.jsonl", "b.jsonl"]
    put(tmp_path, "{one,two}/e.jsonl")
    assert names(f"{tmp_path}/{{one,two}}") == ["e.jsonl"]


HOSTILE = ("a%41", "q?x=1", "h#1", "s p", "c:d", "é", "%2F", "x,y", "~t", "-r", "{a}", "back\\s")


def test_every_name_is_its_own(tmp_path: Path) -> None:
    folders = ("plain", "ts=2024-01-01 00%3A00", "q?#")
    wanted = sorted(f"{folder}/{name}.jsonl" for folder in folders for name in HOSTILE)
    put(tmp_path, *wanted)
    for where in (f"{tmp_path}", f"file://{tmp_path}"):
        taken = take_inventory(where, None)
        assert [file.name for file in taken.files] == wanted
        for file in taken.files:
            (alone,) = take_inventory(file.path, None).files
            assert (alone.path, alone.size) == (file.path, len(file.name.encode()))
    percents = ["ts=2024-01-01 00%3A00/%2F.jsonl", "ts=2024-01-01 00%3A00/a%41.jsonl"]
    assert names(f"{tmp_path}/ts=* 00%3A00/*%*.jsonl") == percents
