"""What an export costs: ns of CPU a token, in a worker, beside reading the shards and no more.

    python scripts/bench/exports.py VERSION [VERSION ...]     directories of versions of sequences

Each worker function writes the shards of a version in this process, some times in turns, into a
temporary folder. A token is one of the seq_len of a row, padding included. Exits with an error if
`megatron` takes more than its target.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of
from figures import about, print_head, spread
from processes import in_turns

from bfpack_spark.exporting.export_shards import write_exports
from bfpack_spark.exporting.write_files import ExportSpec
from bfpack_spark.schema import ExportFormat

_TURNS = 5
_MEGATRON_MAX = 15.0


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("versions", nargs="+", type=Path, help="directories of sequences")
    print(about())
    names = "M tokens | seq_len | vocabulary | what | ns a token | least, most | bytes a token"
    print_head(names, "rrrlrrr")
    slowest = max(map(_measure, parser.parse_args().versions))
    print(f"\nmegatron: {slowest:.1f} ns a token, target <= {_MEGATRON_MAX}")
    if slowest > _MEGATRON_MAX:
        sys.exit("missed")


def _measure(version: Path) -> float:
    """Print the rows of a version, and return what `megatron` takes."""
    manifest = json.loads((version / "_manifest.json").read_text())
    seq_len, size = manifest["seq_len"], manifest["tokenizer"]["vocabulary_size"]
    shards = [entry for entry in manifest["files"] if entry["kind"] == "shards"]
    tokens = seq_len * sum(entry["rows"] for entry in shards)
    sizes: dict[str, float] = {"read": sum(entry["bytes"] for entry in shards) / tokens}
    with tempfile.TemporaryDirectory() as work:
        acts: dict[str, Callable[[], object]] = {"read": partial(_read, version)}
        for form in get_args(ExportFormat):
            acts[form] = partial(_export, version, manifest, shards, form, work)
        spent = {
            name: [1e9 * seconds / tokens for seconds in each]
            for name, each in in_turns(acts, _TURNS).items()
        }
        for form in get_args(ExportFormat):
            files = _folder(work, form).rglob("part-*")
            sizes[form] = sum(path.stat().st_size for path in files) / tokens
    for name, each in spent.items():
        print(
            f"| {tokens / 1e6:.0f} | {seq_len} | {size:,} | {name} | {statistics.median(each):.1f} "
            f"| {spread(each, '.1f')} | {sizes[name]:.2f} |"
        )
    return statistics.median(spent["megatron"])


def _read(version: Path) -> None:
    for path in sorted((version / "shards").glob("*.parquet")):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        for number in range(file.num_row_groups):
            file.read_row_group(number, use_threads=False)


def _folder(work: str, form: str) -> Path:
    return Path(work) / "bucket" / form / "0123456789abcdef"


def _export(
    version: Path,
    manifest: dict[str, Any],
    shards: list[dict[str, object]],
    form: ExportFormat,
    work: str,
) -> None:
    tokenizer = manifest["tokenizer"]
    spec = ExportSpec(
        root=str(_folder(work, form)),
        form=form,
        seq_len=manifest["seq_len"],
        vocabulary_size=tokenizer["vocabulary_size"],
        eos_id=tokenizer["eos_id"],
    )
    rows = [
        {
            "shard": number,
            "path": f"{version}/{entry['path']}",
            "rows": entry["rows"],
            "ids_sha256": entry["ids_sha256"],
        }
        for number, entry in enumerate(shards)
    ]
    for _ in write_exports(iter([pa.RecordBatch.from_pylist(rows)]), spec=spec):
        pass


if __name__ == "__main__":
    main()
