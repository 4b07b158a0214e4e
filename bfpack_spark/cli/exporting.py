"""The command export."""

from functools import partial
from pathlib import PurePosixPath
from typing import Any, get_args

import click
import cloup
from pyspark.sql import SparkSession

from bfpack_spark.cli.each_bucket import results_of
from bfpack_spark.cli.one_place import need_published, seq_lens_of
from bfpack_spark.cli.options import PLACE, command, json_option, settings_options, version_option
from bfpack_spark.cli.printing import close, error_rows, print_json, say
from bfpack_spark.cli.running import run_each_named
from bfpack_spark.config import Settings
from bfpack_spark.exporting.make_export import make_export
from bfpack_spark.files.addresses import as_written
from bfpack_spark.schema import ExportFormat
from bfpack_spark.versions.publication import Home, Version, need_manifest


@command("bfpack export megatron --output out --bucket web --seq-len 2048")
@cloup.argument("form", type=click.Choice(get_args(ExportFormat)))
@settings_options(*PLACE, required=("output",))
@version_option
@json_option
def export(settings: Settings, form: ExportFormat, version: str | None, as_json: bool) -> int:
    """Write the current sequences of every bucket and seq_len, or of those that are named, in the
    format of a trainer, beside the shards: `megatron` for Megatron-Core's IndexedDataset, `mds` for
    MosaicML's streaming, `bridge` for the packed Parquet of Megatron-Bridge. Print the
    directories."""
    need_published(settings)
    outcomes = run_each_named(partial(_export, form, version), settings)
    made: list[Version] = results_of(outcomes)
    if as_json:
        print_json([*map(_row, made), *error_rows(outcomes)])
    else:
        for one in made:
            say(_directory(one))
    return close(outcomes)


def _export(
    form: ExportFormat, name: str | None, spark: SparkSession, settings: Settings, bucket: str
) -> list[Version]:
    output = settings.need("output")
    seq_lens = seq_lens_of(settings, bucket)
    homes = [Home(output=output, bucket=bucket, seq_len=n) for n in seq_lens]
    return [make_export(spark, home, name, form) for home in homes]


def _row(version: Version) -> dict[str, Any]:
    manifest = need_manifest(version)
    return {
        "bucket": version.home.bucket,
        "seq_len": version.home.seq_len,
        "format": version.home.form,
        "version": version.name,
        **manifest.totals.as_json(),
        "path": _directory(version),
        "files": [PurePosixPath(entry.path).name for entry in manifest.files],
    }


def _directory(version: Version) -> str:
    return as_written(f"{version.directory}/shards")
