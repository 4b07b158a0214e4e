"""A version of an earlier format stays what it is, and is not made anew."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_versions import finish, version

from bfpack_spark.schema import SEQUENCES_FORMATS
from bfpack_spark.versions.whole import in_any_format

NEWEST, *EARLIER = SEQUENCES_FORMATS


@pytest.mark.parametrize("number", EARLIER)
def test_a_complete_version_of_an_earlier_format_is_taken(tmp_path: Path, number: int) -> None:
    asked = version(tmp_path)
    old = replace(asked, earlier_format=number)
    assert old.name != asked.name
    assert in_any_format(asked) == asked
    finish(old, "plan/part-00000.parquet", "shards/part-00000.parquet")
    assert in_any_format(asked) == old
    assert in_any_format(version(tmp_path, seed=1)).format_version == NEWEST
    held = old.manifest()
    assert held is not None
    assert held.format_version == number


def test_of_two_formats_the_newer_is_taken(tmp_path: Path) -> None:
    asked = version(tmp_path)
    for made in (replace(asked, earlier_format=EARLIER[-1]), asked):
        finish(made, "plan/part-00000.parquet", "shards/part-00000.parquet")
    assert in_any_format(asked) == asked
