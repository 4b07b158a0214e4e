"""What the driver knows of an export, made or to be made, of a version of sequences."""

from bfpack_spark.exporting.write_files import ExportSpec
from bfpack_spark.schema import ExportFormat
from bfpack_spark.versions.inputs import ExportInputs
from bfpack_spark.versions.manifests import SequencesManifest
from bfpack_spark.versions.publication import Home, Version


def export_of(home: Home, manifest: SequencesManifest, form: ExportFormat) -> Version:
    """Return the version that an export of these sequences has, made or not."""
    inputs = ExportInputs(form=form, sequences_fingerprint=manifest.fingerprint)
    own = Home(output=home.output, bucket=home.bucket, seq_len=home.seq_len, form=form)
    return Version(home=own, inputs=inputs)


def spec_of(version: Version, manifest: SequencesManifest) -> ExportSpec:
    """Return what the workers need to know of the export of these sequences."""
    form, seq_len = version.home.form, version.home.seq_len
    assert form is not None, "an export has a format"
    rules = manifest.inputs.configuration.rules(seq_len or 1)
    assert seq_len is not None, "and a seq_len"
    return ExportSpec(
        root=version.directory,
        form=form,
        seq_len=seq_len,
        vocabulary_size=manifest.tokenizer.vocabulary_size,
        eos_id=manifest.tokenizer.eos_id,
        num_repeated=rules.prefix if rules.overlap and form == "bridge" else 0,
    )


def shards_of(directory: str, manifest: SequencesManifest) -> list[tuple[int, str, int, str]]:
    """Return the shards of a version in its directory, as rows of ShardEntry."""
    return [
        (number, f"{directory}/{entry.path}", entry.rows, str(entry.ids_sha256))
        for number, entry in enumerate(manifest.files_of("shards"))
    ]


SHARDS_DDL = "shard int, path string, rows long, ids_sha256 string"
