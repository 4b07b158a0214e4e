"""Which bucket and seq_len a command looks at: the one that is named, the only one, or all."""

from collections.abc import Sequence

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.files.what_is_there import instead_of_home, seq_lens_there
from bfpack_spark.versions.on_disk import buckets_in
from bfpack_spark.versions.publication import Home


def only_bucket(settings: Settings) -> str:
    """Return the bucket that is named, or the only one. Raise InputError if there are several."""
    names = settings.bucket or buckets_in(settings.need("output"))
    if len(names) > 1:
        where = "are named" if settings.bucket else f"are in {settings.output}"
        raise InputError(f"--bucket: {len(names)} {where}; name one of {', '.join(names)}")
    return names[0]


def need_published(settings: Settings) -> None:
    """Raise InputError if no --seq-len is given and nothing is published in the buckets that are
    named, or in any. It is found before Spark starts."""
    if not settings.seq_len:
        published_seq_lens(settings, settings.bucket or buckets_in(settings.need("output")))


def published_seq_lens(settings: Settings, buckets: Sequence[str]) -> tuple[int, ...]:
    """Return the seq_lens that are given, or else all at which one of these buckets is published.
    Raise InputError if there is none."""
    if settings.seq_len:
        return settings.seq_len
    output = settings.need("output")
    there = {n for bucket in buckets for n in seq_lens_there(output, bucket)}
    if not there:
        named = ", ".join(buckets)
        raise InputError(
            f"--seq-len is missing, and no sequences of {named} are published in {output}; give "
            "it, or run bfpack pack first"
        )
    return tuple(sorted(there))


def seq_lens_of(settings: Settings, bucket: str) -> tuple[int, ...]:
    """Return the seq_lens that are given, or else all at which this bucket is published. Raise
    InputError if there is none, and the bucket is named; others may have tokens alone."""
    if settings.seq_len or settings.bucket:
        return published_seq_lens(settings, [bucket])
    return tuple(sorted(seq_lens_there(settings.need("output"), bucket)))


def published_homes(settings: Settings, buckets: Sequence[str]) -> list[Home]:
    """Return the homes of published sequences in these buckets, of the seq_lens that are named, or
    of all. Raise InputError if there is none, or if a bucket that is named has none."""
    output, homes = settings.need("output"), []
    for bucket in buckets:
        seq_lens = settings.seq_len or seq_lens_there(output, bucket)
        if settings.bucket and not seq_lens:
            raise InputError(
                f"--bucket {bucket}: no sequences published in {output}; run bfpack pack first"
                + instead_of_home(output, bucket, None)
            )
        homes += [Home(output=output, bucket=bucket, seq_len=n) for n in seq_lens]
    if not homes:
        raise InputError(f"--output {output}: no sequences published; run bfpack pack first")
    return homes


def only_seq_len(settings: Settings, bucket: str) -> int:
    """Return the seq_len that is given, or the only one. Raise InputError if there are several."""
    lengths = published_seq_lens(settings, [bucket])
    if len(lengths) > 1:
        where = "are given" if settings.seq_len else f"are in {settings.output}"
        named = ", ".join(map(str, lengths))
        raise InputError(f"--seq-len: {len(lengths)} {where}; give one of {named}")
    return lengths[0]
