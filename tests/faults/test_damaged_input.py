"""Damaged and hostile input: each is refused in one line that names the file, and nothing is
published, or it is packed for what it is; nothing is passed over."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import socket
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Ran
from faults.corpora import BUCKET, SEQ_LEN, documents
from faults.injection import holding
from faults.kit import Cases, Drivers, one_line, pack_command
from faults.matrix import LONG, SLOW, Matrix
from inputs import lines, write_input
from outputs import current, documents_of, shard_rows

pytestmark = pytest.mark.timeout(1800)


ROWS = [row for row in documents("d", 40) if row["text"]]
LINES = lines(*ROWS)


def parquet(**options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(ROWS), sink, **options)
    return bytes(sink.getvalue())


def with_flipped_byte(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]


CHECKED = parquet(write_page_checksum=True, compression="none", use_dictionary=False)
TWICE = pa.BufferOutputStream()
pq.write_table(
    pa.Table.from_arrays([pa.array(["a"])] * 3, names=["id", "text", "text"]),
    TWICE,
)
ZIPPED = gzip.compress(LINES, mtime=0)

REFUSED: dict[str, tuple[str, bytes]] = {
    "gzip, cut": ("x.jsonl.gz", ZIPPED[:-200]),
    "gzip, without its end": ("x.jsonl.gz", ZIPPED[:-8]),
    "gzip, a byte changed": ("x.jsonl.gz", with_flipped_byte(ZIPPED, len(ZIPPED) // 2)),
    "gzip, wrong checksum": ("x.jsonl.gz", with_flipped_byte(ZIPPED, len(ZIPPED) - 6)),
    "gzip, second member cut": ("x.jsonl.gz", ZIPPED + ZIPPED[:50]),
    "gzip, other bytes behind it": ("x.jsonl.gz", ZIPPED + b"not gzip"),
    "gzip, no byte": ("x.jsonl.gz", b""),
    "bzip2, cut": ("x.jsonl.bz2", bz2.compress(LINES)[:-200]),
    "xz, cut": ("x.jsonl.xz", lzma.compress(LINES)[:-50]),
    "zstd, other bytes": ("x.jsonl.zst", zlib.compress(LINES)),
    "Parquet, cut": ("x.parquet", parquet()[:-500]),
    "Parquet, no byte": ("x.parquet", b""),
    "Parquet, its marks alone": ("x.parquet", b"PAR1PAR1"),
    "Parquet, a byte of a page changed": ("x.parquet", with_flipped_byte(CHECKED, 2000)),
    "Parquet, two columns of one name": ("x.parquet", bytes(TWICE.getvalue())),
    "JSONL, last line cut": ("x.jsonl", LINES[:-20]),
    "JSONL, zeros in its middle": ("x.jsonl", LINES[:3000] + bytes(500) + LINES[3500:]),
    "JSONL, a byte that is not UTF-8": ("x.jsonl", LINES.replace(b"words", b"wo\xffds", 1)),
}
REFUSED["Parquet, a wrong length of its footer"] = (
    "x.parquet",
    with_flipped_byte(CHECKED, len(CHECKED) - 7),
)
FAST = ("gzip, cut", "Parquet, a byte of a page changed", "JSONL, last line cut")


def pack(bfpack: Bfpack, source: Path, tokenizer: Path, output: Path) -> Ran:
    return bfpack(*pack_command(source, tokenizer, output, "--max-quarantined", 0.01))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FAST else SLOW) for n in REFUSED]
)
def test_a_damaged_file_among_good_ones_is_named_and_nothing_is_published(
    bfpack: Bfpack, tiny_tokenizer: Path, matrix: Matrix, tmp_path: Path, name: str
) -> None:
    file, raw = REFUSED[name]
    source = tmp_path / "in"
    good = "a.parquet" if file.endswith(".parquet") else "a.jsonl"
    write_input(source / good, documents("good", 10)[:5])
    (source / file).write_bytes(raw)
    ran = pack(bfpack, source, tiny_tokenizer, tmp_path / "out")
    assert file in one_line(ran)
    assert not list(tmp_path.glob("out/**/_current.json"))
    matrix.add(f"damaged input: {name}", "exit 2, one line names it")


def broken_link(folder: Path) -> None:
    (folder / "x.jsonl").symlink_to("nowhere")


def link_above_itself(folder: Path) -> None:
    (folder / "x").symlink_to(".")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "x.jsonl")


def socket_file(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)  # a socket's path may have 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("x.jsonl")
    finally:
        os.chdir(before)


def device(folder: Path) -> None:
    (folder / "x.jsonl").symlink_to("/dev/zero")


NO_FILES = {
    "broken link": broken_link,
    "link to a folder above itself": link_above_itself,
    "pipe": pipe,
    "socket": socket_file,
    "device": device,
}


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file_is_refused_by_name(
    bfpack: Bfpack, tiny_tokenizer: Path, matrix: Matrix, tmp_path: Path, name: str
) -> None:
    source = tmp_path / "in"
    write_input(source / "a.jsonl", ROWS)
    NO_FILES[name](source)
    ran = pack(bfpack, source, tiny_tokenizer, tmp_path / "out")
    assert re.search(r"\bx(\.jsonl)?\b", one_line(ran).split("/in", 1)[1])
    matrix.add(f"in the input: {name}", "exit 2, one line names it")


HOSTILE = [
    "a%41",
    "a#b",
    "a?b",
    "a b",
    "a:b",
    "a,b",
    "{a,b}",
    "[a]",
    "a*b",
    "été",
    "漢字",
    "a'b\"c",
]
HOSTILE += ["a\tb", "a\nb", "a\x1b[31mb", "-rf", "ts=2024-01-01 00%3A00", "$(reboot)", "a\\b"]


def test_hostile_names_are_read_each_for_itself(
    bfpack: Bfpack, tiny_tokenizer: Path, matrix: Matrix, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for name in HOSTILE:
        row = {"id": f"of {name}", "text": f"some words {name}"}
        write_input(source / f"{name}.jsonl", [row])
    ran = pack(bfpack, source, tiny_tokenizer, tmp_path / "out").succeeds()
    assert "\x1b" not in ran.out + ran.err
    rows = shard_rows(current(tmp_path / "out", BUCKET, f"sequences-{SEQ_LEN}"))
    assert documents_of(rows).keys() == {f"of {name}" for name in HOSTILE}
    matrix.add("hostile name of a file", "read under its name", len(HOSTILE))


def cut(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b"\n", len(raw) // 2) + 1])


def grown(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b'{"id": "late", "text": "late"}\n')


def replaced(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(path.read_bytes().replace(b"forget", b"FORGET"))
    other.replace(path)


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(cut, marks=SLOW),
        *(pytest.param(c, marks=LONG) for c in (grown, replaced, gone)),
    ],
)
@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=LONG)])
def test_a_file_that_changes_during_the_run_fails_it_and_is_named(
    case_of: Cases,
    drivers: Drivers,
    matrix: Matrix,
    tmp_path: Path,
    change: Callable[[Path], None],
    when: str,
) -> None:
    """Before the first document is tokenized, or when all of them are."""
    case = case_of("jsonl")
    output = case.copy(tmp_path)
    source = Path(shutil.copytree(case.delivery.new, tmp_path / "in"))
    point = {"before": "TokenizeSpec.tokenize - before", "after": "check_unique - before"}
    command = [source if part == case.delivery.new else part for part in case.pack(output)]
    with holding(drivers.host.faults, point[when]) as gate:
        driver = drivers.start(*command)
        driver.wait_at(gate)
        with suppress(FileNotFoundError):
            change(source / "c.jsonl")
        gate.let_go()
        ran = driver.wait()
    assert "c.jsonl" in one_line(ran, 5)
    assert case.check_published(output) == 0
    drivers.run(*case.pack(output)).succeeds()
    assert case.check_published(output) == 2
    matrix.add(f"input file {change.__name__} during the run", "exit 5, one line names it")
