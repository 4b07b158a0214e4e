"""What is small on disk and large in memory is read in little memory."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from conftest import run_python
from corpus import reading_peak


def test_bombs_are_read_in_bounded_memory(tmp_path: Path) -> None:
    """A line with eight million objects in a column that nobody wants (parsed, 760 MB), and 800
    texts of 400 kB that are one in a dictionary (in one batch and its copy, 710 MB): they take
    about 70 and 200 MB."""
    line = b'{"text": "hi", "more": [' + b"{}," * (8 << 20) + b"{}]}\n"
    (tmp_path / "line.jsonl.zst").write_bytes(zstandard.compress(line))
    repeated = pa.table({"text": ["word " * 80_000] * 800})
    pq.write_table(repeated, tmp_path / "repeated.parquet", compression="zstd")
    paths = [tmp_path / name for name in ("line.jsonl.zst", "repeated.parquet")]
    assert sum(path.stat().st_size for path in paths) < 100_000
    ran = run_python(Path(reading_peak.__file__).read_text(), *paths).succeeds()
    (of_line, line_mb), (of_texts, texts_mb) = (
        map(int, said.split()) for said in ran.out.splitlines()
    )
    assert (of_line, of_texts) == (1, 800)
    assert line_mb < 200
    assert texts_mb < 450
