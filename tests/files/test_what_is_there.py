"""Errors about a bucket, seq_len, version or name that is not there say what is."""

from pathlib import Path

import pytest
from cli.commands import error_of
from conftest import Bfpack
from outputs import current

from bfpack_spark.errors import InputError
from bfpack_spark.files.what_is_there import instead
from bfpack_spark.reading import PackedSequences

BUCKETS = "; buckets there: small"
OR = "; or estimate from a text, by --input, --tokenizer and --sample N"  # of stats alone
LENGTHS = "; seq_lens there: 512, 2048"


@pytest.mark.parametrize(
    ("command", "more", "says"),
    [
        ("show", ("--bucket", "smal", "--seq-len", 512, "--sequence", 0), BUCKETS),
        ("show", ("--seq-len", 1024, "--sequence", 0), LENGTHS),
        ("show", ("--seq-len", 1024, "--doc", "x"), LENGTHS),
        ("path", ("--seq-len", 1024), LENGTHS),
        ("path", ("--bucket", "smal", "--tokens"), BUCKETS),
        ("verify", ("--bucket", "smal", "--seq-len", 512), BUCKETS),
        ("verify", ("--seq-len", 1024), LENGTHS),
        ("stats", ("--bucket", "smal", "--seq-len", 1024), BUCKETS),
        ("plan", ("--bucket", "smal", "--seq-len", 1024), BUCKETS),
        ("report", ("--bucket", "smal"), BUCKETS),
        ("report", ("--bucket", "small", "--seq-len", 1024), LENGTHS),
        ("versions", ("--bucket", "smal"), BUCKETS),
        ("snapshot", ("--bucket", "smal", "x"), BUCKETS),
        ("mix", ("--seq-len", 512, "--weight", "smal=1", "x"), BUCKETS),
    ],
)
def test_a_place_that_is_not_there_is_answered_with_those_that_are(
    command: str, more: tuple[object, ...], says: str, packed: Path, bfpack: Bfpack
) -> None:
    said = error_of(bfpack(command, "--output", packed, *more))
    assert said.removesuffix(OR).endswith(says)


@pytest.mark.parametrize("command", ["show", "path", "verify"])
def test_a_version_that_is_not_there_is_answered_with_complete_ones(
    command: str, packed: Path, bfpack: Bfpack
) -> None:
    more = ("--sequence", 0) if command == "show" else ()
    where = ("--output", packed, "--seq-len", 512, "--version", "0" * 16, *more)
    there = current(packed, "small", "sequences-512").name
    assert error_of(bfpack(command, *where)).endswith(f"; versions there: {there}")


def test_a_reader_is_told_what_there_is(copied: Path, bfpack: Bfpack) -> None:
    assert bfpack("snapshot", "--output", copied, "run-1").code == 0
    assert bfpack("mix", "--output", copied, "--seq-len", 512, "--weight", "small=1", "m").code == 0
    there = current(copied, "small", "sequences-512").name
    wrong = {
        "buckets there: small": {"bucket": "smal", "seq_len": 512},
        "seq_lens there: 512, 2048": {"bucket": "small", "seq_len": 1024},
        f"versions there: {there}": {"bucket": "small", "seq_len": 512, "version": "0" * 16},
        "snapshots there: run-1": {"bucket": "small", "seq_len": 512, "snapshot": "run-2"},
        "mixtures there: m": {"mixture": "n", "seq_len": 512},
    }
    for says, more in wrong.items():
        with pytest.raises(InputError, match=f"; {says}$"):
            PackedSequences(str(copied), **more)  # type: ignore[arg-type]
    said = error_of(bfpack("report", "--output", copied, "--mixture", "n"))
    assert said.endswith("; mixtures there: m")


def test_at_most_twenty_names_are_given() -> None:
    assert instead("buckets", []) == ""
    names = [f"b{n}" for n in range(21)]
    assert instead("buckets", names[:20]).endswith(", b19")
    assert instead("buckets", names).endswith(", b19, ...")
