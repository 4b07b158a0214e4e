"""The exports of a version: their manifests, and every file against the rows of its shard."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import get_args

from pyspark.sql import SparkSession

from bfpack_spark.exporting.compare_exports import Exported, compare_exports, is_as_listed
from bfpack_spark.exporting.make_export import SHARDS_DDL, export_of, shards_of, spec_of
from bfpack_spark.schema import ExportFormat
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import in_partitions
from bfpack_spark.verifying.check_manifests import check_manifest
from bfpack_spark.verifying.findings import Violation
from bfpack_spark.versions.manifests import Manifest, SequencesManifest
from bfpack_spark.versions.publication import Home, Version

_FILES = "array<struct<path: string, bytes: bigint, sha256: string>>"


def check_exports(
    spark: SparkSession, home: Home, directory: str, manifest: SequencesManifest
) -> Iterator[Violation]:
    """Yield the violations of each complete export of these sequences. There may be none."""
    form: ExportFormat
    for form in get_args(ExportFormat):
        version = export_of(home, manifest, form)
        kept = version.manifest()
        if kept is not None:
            for fault in _check(spark, version, kept, directory, manifest):
                where = f"{version.inside}/{fault.shard}"
                yield Violation(invariant=fault.invariant, problem=fault.problem, shard=where)


def _check(
    spark: SparkSession,
    version: Version,
    kept: Manifest,
    directory: str,
    manifest: SequencesManifest,
) -> Iterator[Violation]:
    yield from check_manifest(version.home, version.directory, kept)
    if kept.totals.as_json() != manifest.totals.as_json():
        problem = f"totals are {kept.totals.as_json()}, of the sequences {manifest.totals}"
        yield Violation(invariant=1, problem=problem, shard="_manifest.json")
    of_shards: dict[str | None, list[Exported]] = defaultdict(list)
    for file in kept.files:
        own = Exported(path=file.path, bytes=file.bytes, sha256=file.sha256)
        of_shards[_shard_of(file.path)].append(own)
    shards = shards_of(directory, manifest)
    rows = [(*shard, [asdict(f) for f in of_shards.pop(f"{shard[0]:05d}", [])]) for shard in shards]
    entries = in_partitions(spark, rows, f"{SHARDS_DDL}, files {_FILES}")
    for said in collect_messages(compare_exports(entries, spec_of(version, manifest))):
        for path, problem in said["faults"]:
            yield Violation(invariant=5, problem=problem, shard=path)
    for other in chain.from_iterable(of_shards.values()):
        if other.path != "shards/index.json":
            yield Violation(invariant=5, problem="is listed, and of no shard", shard=other.path)
        elif not is_as_listed(version.directory, other):
            problem = "is not what the manifest says, by its sha256"
            yield Violation(invariant=5, problem=problem, shard=other.path)


def _shard_of(path: str) -> str | None:
    """Return the digits of a file's shard: part-00003.bin and part-00003-000.mds.zstd -> 00003."""
    found = re.match(r"shards/part-(\d+)[.-]", path)
    return found[1] if found else None
