"""The one bucket, and the one seq_len, of commands that look at one place."""

from bfpack_spark.config import Settings
from bfpack_spark.errors import InputError
from bfpack_spark.files.what_is_there import instead_of_seq_len
from bfpack_spark.versions.on_disk import buckets_in


def only_bucket(settings: Settings) -> str:
    """Return the bucket that is named, or the only one of the output. Raise InputError if there
    are several."""
    names = settings.bucket or buckets_in(settings.need("output"))
    if len(names) > 1:
        where = "are named" if settings.bucket else f"are in {settings.output}"
        raise InputError(f"--bucket: {len(names)} {where}; name one of {', '.join(names)}")
    return names[0]


def published_seq_lens(settings: Settings) -> tuple[int, ...]:
    """Return the seq_lens that are given. Raise InputError, which names those that are published,
    if none is."""
    try:
        return tuple(settings.need("seq_len"))
    except InputError as error:
        output = settings.need("output")
        there = instead_of_seq_len(output, settings.bucket or buckets_in(output))
        raise InputError(f"{error}{there}") from None


def only_seq_len(settings: Settings) -> int:
    """Return the seq_len that is given. Raise InputError if there are several."""
    lengths = published_seq_lens(settings)
    if len(lengths) > 1:
        named = ", ".join(map(str, lengths))
        raise InputError(f"--seq-len: {len(lengths)} are given; give one of {named}")
    return int(lengths[0])
