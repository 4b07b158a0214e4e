"""A version of sequences -> its rows in a trainer's format, with a manifest of their own."""

import logging
from typing import Any

from pyspark.sql import SparkSession

from bfpack_spark.errors import InputError, JobError
from bfpack_spark.exporting import mds
from bfpack_spark.exporting.export_shards import export_shards
from bfpack_spark.exporting.write_files import ExportSpec, whole_file
from bfpack_spark.files.holders import Lock
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.logs import about, say_done_before
from bfpack_spark.printable import counted
from bfpack_spark.schema import ExportFormat
from bfpack_spark.spark.disk_space import Need, check_space
from bfpack_spark.spark.messages import collect_messages
from bfpack_spark.spark.partitions import in_partitions
from bfpack_spark.spark.progress import Work, step
from bfpack_spark.versions import publication
from bfpack_spark.versions.inputs import ExportInputs
from bfpack_spark.versions.manifests import FileEntry, SequencesManifest, SequencesTotals
from bfpack_spark.versions.publication import Home, Version
from bfpack_spark.versions.whole import check_whole

_BYTES_OF_TOKEN: dict[ExportFormat, float] = {"megatron": 4.0, "mds": 1.2, "bridge": 2.0}

log = logging.getLogger("bfpack")


def make_export(spark: SparkSession, home: Home, name: str | None, form: ExportFormat) -> Version:
    """Export the current version of a home of sequences, or the one with this name, and publish
    it. If it is exported already, only publish it. Raise InputError if there is no such version, or
    if the format cannot hold it."""
    with about(bucket=home.bucket), hold_bucket(home.output, home.bucket) as lock:
        directory, manifest = publication.current_sequences(home, name)
        if form == "mds" and (home.seq_len or 0) > mds.SEQ_LEN_MAX:
            raise InputError(f"export mds: holds rows of at most {mds.SEQ_LEN_MAX:,} tokens")
        if form != "bridge" and manifest.accounting.targets is not None:
            raise InputError(
                f"export {form}: holds no loss masks, and these documents have them, so every "
                "token would be trained on; export bridge, or read the shards themselves"
            )
        if form == "bridge":
            _check_bridge(manifest)
        check_whole(home, manifest.version, manifest)
        version = export_of(home, manifest, form)
        what = f"{form} of {home.seq_len}"
        kept = version.manifest()
        if kept is None:
            _export(spark, version, directory, manifest, lock)
        else:
            check_whole(version.home, version.name, kept)
            say_done_before(what, version.name, stage="export", seq_len=home.seq_len)
        lock.check()
        publication.publish(version)
    return version


def _check_bridge(manifest: SequencesManifest) -> None:
    """Raise InputError for rows whose padding matters, since the format leaves padding out."""
    chosen = manifest.inputs.configuration
    options = {
        f"--align {chosen.align}": chosen.align > 1,
        f"--num-sequences-multiple {chosen.num_sequences_multiple}": (
            manifest.accounting.num_padding_sequences > 0
        ),
    }
    for option, matters in options.items():
        if matters:
            raise InputError(
                f"export bridge: leaves padding out, and rows of {option} need it; pack without "
                "that option, or export another format"
            )


def _export(
    spark: SparkSession,
    version: Version,
    directory: str,
    manifest: SequencesManifest,
    lock: Lock,
) -> None:
    spec, totals = spec_of(version, manifest), manifest.totals
    form, seq_len = spec.form, spec.seq_len
    padded = form == "megatron"  # the others leave padding out, or compress it
    tokens = totals.sequences * seq_len if padded else totals.tokens
    need = Need(output=int(tokens * _BYTES_OF_TOKEN[form]), temporary=0, surely=0.4)
    check_space(spark, version.directory, need, f"{form} of {seq_len}")
    entries = in_partitions(spark, shards_of(directory, manifest), SHARDS_DDL)
    work = Work(bucket=version.home.bucket, stage="export", seq_len=seq_len, amount=totals.tokens)
    with step(spark, work, version.name) as ending:
        messages = collect_messages(export_shards(entries, spec))
        messages.sort(key=lambda said: int(said["shard"]))
        _complete(version, manifest, messages, lock)
        ending.line = (
            f"{form} of {seq_len}: {counted(totals.sequences, 'sequence')}, "
            f"{counted(totals.tokens, 'token')} in {{seconds}}"
        )
        ending.counts = {"seq_len": seq_len, **totals.as_json()}


def _complete(
    version: Version, manifest: SequencesManifest, messages: list[dict[str, Any]], lock: Lock
) -> None:
    """Check that all rows and tokens were written, and write the manifest."""
    written = SequencesTotals(
        sequences=sum(said["rows"] for said in messages),
        tokens=sum(said["tokens"] for said in messages),
        shards=len(messages),
    )
    if written.as_json() != manifest.totals.as_json():
        raise JobError(
            f"{version.directory}: {written.as_json()} were exported, "
            f"{manifest.totals.as_json()} are in the shards; bfpack verify names what differs"
        )
    repeated = manifest.accounting.num_tokens_repeated
    if repeated and version.home.form != "bridge":
        log.warning(
            "%s tokens are repeated by --overlap %s: rows of %s have no mark for tokens that are "
            "no targets, so a trainer that makes labels of all tokens learns them twice",
            f"{repeated:,}",
            manifest.inputs.configuration.overlap,
            version.home.form,
        )
    if manifest.inputs.configuration.align > 1 and version.home.form == "mds":
        log.warning(
            "--align %s: padding lies between documents, and samples of mds do not say which "
            "segments it is; they are those that hold the pad id %s alone",
            manifest.inputs.configuration.align,
            manifest.tokenizer.pad_id,
        )
    restarts = sum(said.get("restarts_inside", 0) for said in messages)
    if restarts:
        log.warning("%s EOS ids lie inside documents, and Megatron restarts there too", restarts)
    files = [FileEntry(**entry) for said in messages for entry in said["files"]]
    if version.home.form == "mds":
        index = mds.index_of([shard for said in messages for shard in said["described"]])
        files.append(FileEntry(**whole_file(version.directory, "shards/index.json", index)))
    publication.complete(version, files, lock, totals=written, tokenizer=manifest.tokenizer)


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
