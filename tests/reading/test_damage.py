"""Damaged shards and metadata: refused by name, in the consumer, before a wrong row is used."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import run_python
from made_output import SEQ_LEN, write_output
from outputs import change_json, flip

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.reading import PackedSequences
from bfpack_spark.reading.ahead import ahead


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_output(tmp_path_factory.mktemp("written"))


@pytest.fixture
def version(written: Path, tmp_path: Path) -> Path:
    output = shutil.copytree(written.parents[2], tmp_path / "output")
    return Path(output, *written.parts[-3:])


def opened(directory: Path, **more: Any) -> PackedSequences:
    return PackedSequences(directory.parents[2], bucket="b", seq_len=SEQ_LEN, **more)


def page_of(path: Path, group: int) -> int:
    """A place in a page of ids."""
    column = pq.ParquetFile(path).metadata.row_group(group).column(1)
    return int(column.data_page_offset + column.total_compressed_size // 2)


def test_a_damaged_page_is_named_with_rank_and_position(version: Path) -> None:
    path = version / "shards" / "part-00001.parquet"
    flip(path, page_of(path, 2))  # rows 8 to 10 of the shard
    whole = opened(version, window=1)
    stream = [whole.documents(at)[0].sequence_id for at in range(30)]
    positions = [at for at in range(1, 30, 2) if stream[at] in (18, 19, 20)]
    said = (
        f"{path}: row group 2 cannot be read.*CRC.*rank 1 of 2 needs it at position {positions[0]};"
    )
    data = opened(version, rank=1, world_size=2, window=1)
    with pytest.raises(JobError, match=said):
        list(data.batches(1))
    assert data.position == positions[0] - 1  # what comes before it was yielded
    with pytest.raises(JobError, match=said):
        data[positions[0] // 2]


def test_sha256_finds_what_pages_do_not_cover(version: Path) -> None:
    """The file is as long as before, and its pages are whole."""
    path = version / "shards" / "part-00000.parquet"
    raw = path.read_bytes()
    at = raw.rindex(b"parquet-cpp")
    path.write_bytes(raw[:at] + b"PARQUET" + raw[at + 7 :])
    assert len(list(opened(version).batches(30))) == 1
    with pytest.raises(
        JobError, match=r"part-00000\.parquet: .*sha256 is not that of the manifest"
    ):
        list(opened(version, verify="sha256").batches(30))


def test_sha256_of_whole_shards_is_that_of_the_manifest(version: Path) -> None:
    assert len(list(opened(version, verify="sha256").batches(10))) == 3


@pytest.mark.parametrize("change", ["gone", "short", "other"])
def test_a_shard_that_is_not_what_was_written_is_named(version: Path, change: str) -> None:
    path = version / "shards" / "part-00002.parquet"
    if change == "gone":
        path.unlink()
    elif change == "short":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.write_bytes((version / "shards" / "part-00000.parquet").read_bytes())
    said = r"part-00002\.parquet: row group .* cannot be read.*rank 0 of 1 needs it at position "
    with pytest.raises(JobError, match=said):
        list(opened(version).batches(4))
    for verify in ("pages", "sha256"):
        with pytest.raises(JobError, match=said):
            opened(version, verify=verify).documents(0, 30)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("files.0.path", "/etc/passwd"),
        ("files.0.path", "../../shards/part-00000.parquet"),
        ("files.0.rows", -1),
        ("files.0.rows", 11),
        ("files.0", "shards/part-00000.parquet"),
        ("files", {}),
        ("format_version", 99),
        ("seq_len", 0),
        ("bucket", "c"),
        ("fingerprint", "0" * 64),
        ("totals", None),
        ("tokenizer", []),
        ("inputs.tokens_fingerprint", "x"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(version: Path, place: str, value: object) -> None:
    path = version / "_manifest.json"
    change_json(path, place, value)
    with pytest.raises(InputError, match=r"_manifest\.json: "):
        opened(version, version=version.name)
    with pytest.raises(InputError, match=r"_manifest\.json: "):  # the pointer names its sha256
        opened(version)


def test_an_error_of_the_thread_is_raised_where_its_item_was_due() -> None:
    def failing() -> Any:
        yield 1
        yield 2
        raise ZeroDivisionError

    reading = ahead(failing())
    assert [next(reading), next(reading)] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        next(reading)


def test_a_reader_needs_numpy_and_pyarrow_alone(version: Path) -> None:
    """In a process that can import nothing else of what the package otherwise needs."""
    source = (
        "import sys\n"
        "others = 'pandas torch pyspark pydantic orjson obstore click msgspec psutil tokenizers'\n"
        "for name in others.split(): sys.modules[name] = None\n"
        "from bfpack_spark.reading import PackedSequences, layouts\n"
        f"data = PackedSequences(sys.argv[1], bucket='b', seq_len={SEQ_LEN})\n"
        "print(sum(batch['labels'].shape[1] for batch in data.batches(4, layout='flattened')))\n"
        "print(len(data.documents(0)) > 0, data[0]['input_ids'].shape)\n"
        "print([name for name in others.split() if sys.modules[name] is not None])\n"
    )
    ran = run_python(source, version.parents[2])
    assert ran.out == f"{30 * SEQ_LEN}\nTrue ({SEQ_LEN},)\n[]\n", ran.err
