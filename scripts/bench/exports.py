"""What an export costs: ns of CPU a token, in a worker, beside reading the shards and no more.

    python scripts/bench/exports.py VERSION [VERSION ...]     directories of versions of sequences

Each worker function writes the shards of a version in this process, some times in turns, into a
temporary folder. A token is one of the seq_len of a row, padding included. Exits with an error if
`megatron` takes more than its target.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
from commands import parser_of
from figures import about, print_head, spread
from processes import in_turns

from bfpack_spark.exporting.export_shards import write_exports
from bfpack_spark.exporting.make_export import export_of, shards_of, spec_of
from bfpack_spark.exporting.write_files import ExportSpec
from bfpack_spark.schema import ExportFormat
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.metadata import read_metadata
from bfpack_spark.versions.publication import Home

FORMATS = get_args(ExportFormat)
_TURNS = 5
_MEGATRON_MAX = 15.0


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("versions", nargs="+", type=Path, help="directories of sequences")
    versions = parser.parse_args().versions
    print(about())
    names = "M tokens | seq_len | vocabulary | what | ns a token | least, most | bytes a token"
    print_head(names, "rrrlrrr")
    slowest = max(map(_measure, versions))
    print(f"\nmegatron: {slowest:.1f} ns a token, target <= {_MEGATRON_MAX}")
    if slowest > _MEGATRON_MAX:
        sys.exit("missed")


def _measure(version: Path) -> float:
    """Print the rows of a version, and return what `megatron` takes."""
    manifest = read_metadata(f"{version}/_manifest.json", SequencesManifest)
    assert manifest is not None, "a version is complete"
    shards, size = manifest.files_of("shards"), manifest.tokenizer.vocabulary_size
    tokens = int(manifest.seq_len or 0) * sum(entry.rows for entry in shards)
    sizes: dict[str, float] = {"read": sum(entry.bytes for entry in shards) / tokens}
    with tempfile.TemporaryDirectory() as work:
        home = Home(output=work, bucket="bucket", seq_len=manifest.seq_len)
        specs = [spec_of(export_of(home, manifest, form), manifest) for form in FORMATS]
        acts: dict[str, Callable[[], object]] = {"read": partial(_read, version)}
        acts |= {spec.form: partial(_export, version, manifest, spec) for spec in specs}
        spent = {
            name: [1e9 * seconds / tokens for seconds in each]
            for name, each in in_turns(acts, _TURNS).items()
        }
        for spec in specs:
            files = Path(spec.root).rglob("part-*")
            sizes[spec.form] = sum(path.stat().st_size for path in files) / tokens
    for name, each in spent.items():
        print(
            f"| {tokens / 1e6:.0f} | {manifest.seq_len} | {size:,} | {name} "
            f"| {statistics.median(each):.1f} | {spread(each, '.1f')} | {sizes[name]:.2f} |"
        )
    return statistics.median(spent["megatron"])


def _read(version: Path) -> None:
    for path in sorted((version / "shards").glob("*.parquet")):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        for number in range(file.num_row_groups):
            file.read_row_group(number, use_threads=False)


def _export(version: Path, manifest: SequencesManifest, spec: ExportSpec) -> None:
    names = ("shard", "path", "rows", "ids_sha256")
    rows = [dict(zip(names, row, strict=True)) for row in shards_of(str(version), manifest)]
    for _ in write_exports(iter([pa.RecordBatch.from_pylist(rows)]), spec=spec):
        pass


if __name__ == "__main__":
    main()
