"""What an output holds in place of a bucket, seq_len or version that is not there: the end of a
line that says so.

    "; buckets there: code, web"     "; seq_lens there: 2048, 8192"     "; versions there: 1f..."

The end is empty if there is nothing, or if the output cannot be listed.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial

from bfpack_spark.errors import InputError
from bfpack_spark.files import access, own_files
from bfpack_spark.files.bucket_names import bucket_of, folder_of

_NAMED = 20  # most names that a line gives


def not_published(output: str, bucket: str, seq_len: int | None) -> InputError:
    """Return the error of a bucket without published sequences of this length, or (None) without
    a published token store."""
    what = "token store" if seq_len is None else f"sequences of {seq_len}"
    return InputError(
        f"--bucket {bucket}: no {what} published in {output}; run bfpack pack first"
        + instead_of_home(output, bucket, seq_len)
    )


def no_mixture(output: str, name: str) -> InputError:
    """Return the error of a mixture that is not in an output."""
    there = instead_of_file(output, "mixtures")
    return InputError(f"mixture {name}: there is none in {output}; make it with bfpack mix{there}")


def instead_of_home(output: str, bucket: str, seq_len: int | None) -> str:
    """Return the published seq_lens of a bucket, or if it has no token store the buckets that have
    one. It is empty if `seq_len` is None and the bucket is there."""
    buckets = _listed(
        lambda: [b for b in bucket_folders(output) if _is_published(output, b, "tokens")]
    )
    if bucket not in buckets:
        return instead("buckets", buckets)
    if seq_len is None:
        return ""
    return instead("seq_lens", _listed(lambda: [*map(str, seq_lens_there(output, bucket))]))


def instead_of_version(output: str, inside: str) -> str:
    """Return the complete versions of a home, which is a path in the output."""
    return instead("versions", _listed(partial(_versions, output, inside)))


def instead_of_file(output: str, what: str) -> str:
    """Return the snapshots or mixtures of an output."""
    names = _listed(lambda: sorted(own_files.kinds_in(output, f"_{what}")))
    return instead(what, [n.removesuffix(".json") for n in names if n.endswith(".json")])


def instead(what: str, names: Sequence[str]) -> str:
    """Return the end of a line that names what there is. It is empty if there is nothing."""
    more = ", ..." if len(names) > _NAMED else ""
    return f"; {what} there: {', '.join(names[:_NAMED])}{more}" if names else ""


def _listed(names: Callable[[], list[str]]) -> list[str]:
    """Return names, or none if the output cannot be listed, which is not what the line is about."""
    try:
        return names()
    except (OSError, InputError):
        return []


def bucket_folders(output: str) -> list[str]:
    """Return the buckets that have a folder in an output."""
    return sorted(filter(None, map(bucket_of, own_files.folders_in(output, ""))))


def seq_lens_of(folders: Sequence[str]) -> list[int]:
    """Return the seq_lens of the folders of sequences among these of a bucket."""
    return sorted(int(n[10:]) for n in folders if re.fullmatch(r"sequences-\d+", n))


def seq_lens_there(output: str, bucket: str) -> list[int]:
    """Return the seq_lens at which a bucket is published."""
    lengths = seq_lens_of(own_files.folders_in(output, folder_of(bucket)))
    return [n for n in lengths if _is_published(output, bucket, f"sequences-{n}")]


def _versions(output: str, inside: str) -> list[str]:
    names = own_files.folders_in(output, inside)
    home = f"{output.rstrip('/')}/{inside}"
    return [name for name in names if access.exists(f"{home}/{name}/_manifest.json")]


def _is_published(output: str, bucket: str, kind: str) -> bool:
    return access.exists(f"{output.rstrip('/')}/{folder_of(bucket)}/{kind}/_current.json")
