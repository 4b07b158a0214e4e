"""Paths and URIs as Spark is told them."""

import pytest

from bfpack_spark.storage.files import for_spark


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("s3://b/out/part-{1}", r"s3a://b/out/part-\{1\}"),
        ("s3a://b/out", "s3a://b/out"),
        ("gs://b/s3://x", "gs://b/s3://x"),
        ("/data/a*b", r"/data/a\*b"),
    ],
)
def test_spark_is_told_s3_as_s3a_and_no_pattern(path: str, told: str) -> None:
    assert for_spark(path) == told
