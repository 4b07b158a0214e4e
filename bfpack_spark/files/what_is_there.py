"""What an output holds in place of a bucket, seq_len or version that is not there: the end of a
line that says so.

    "; buckets there: code, web"     "; seq_lens there: 2048, 8192"     "; versions there: 1f..."
"""

import re
from collections.abc import Sequence

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
        + instead_of_place(output, bucket, seq_len)
    )


def instead_of_place(output: str, bucket: str, seq_len: int | None) -> str:
    """Return the published seq_lens of a bucket, or if it has no token store the buckets that have
    one. It is empty if there are none, or if `seq_len` is None and the bucket is there."""
    there = buckets_there(output)
    if bucket not in there:
        return instead("buckets", there)
    return "" if seq_len is None else instead("seq_lens", list(map(str, _seq_lens(output, bucket))))


def instead_of_version(output: str, inside: str) -> str:
    """Return the complete versions of a place, which is a path in the output."""
    names = [name for name in own_files.folders_in(output, inside) if len(name) == 16]
    place = f"{output.rstrip('/')}/{inside}"
    complete = [n for n in names if access.exists(f"{place}/{n}/_manifest.json")]
    return instead("versions", complete)


def instead_of_file(output: str, what: str) -> str:
    """Return the snapshots or mixtures of an output."""
    names = own_files.kinds_in(output, f"_{what}")
    there = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
    return instead(what, there)


def instead(what: str, names: Sequence[str]) -> str:
    """Return the end of a line that names what there is. It is empty if there is nothing."""
    more = ", ..." if len(names) > _NAMED else ""
    return f"; {what} there: {', '.join(names[:_NAMED])}{more}" if names else ""


def buckets_there(output: str) -> list[str]:
    """Return the buckets that have a published token store."""
    names = filter(None, map(bucket_of, own_files.folders_in(output, "")))
    return sorted(name for name in names if _is_published(output, name, "tokens"))


def _seq_lens(output: str, bucket: str) -> list[int]:
    folders = own_files.folders_in(output, folder_of(bucket))
    lengths = sorted(int(n[10:]) for n in folders if re.fullmatch(r"sequences-\d+", n))
    return [n for n in lengths if _is_published(output, bucket, f"sequences-{n}")]


def _is_published(output: str, bucket: str, kind: str) -> bool:
    return access.exists(f"{output.rstrip('/')}/{folder_of(bucket)}/{kind}/_current.json")
