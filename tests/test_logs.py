"""What is logged names its bucket."""

import io
import json
import logging

from bfpack_spark.cli.each_bucket import run_each
from bfpack_spark.logs import handler_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(stream: io.StringIO, buckets: list[str]) -> list[str]:
    log, handler = logging.getLogger("bfpack"), handler_for(stream)
    log.addHandler(handler)
    try:
        run_each((bucket, lambda: log.warning("tokens: nothing to do")) for bucket in buckets)
        log.warning("all done")
    finally:
        log.removeHandler(handler)
    return stream.getvalue().splitlines()


def test_a_line_for_people_begins_with_its_bucket_where_there_are_several() -> None:
    assert logged(Terminal(), ["de", "fr\n"]) == [
        "bfpack: de: tokens: nothing to do",
        r"bfpack: fr\n: tokens: nothing to do",
        "bfpack: all done",
    ]
    assert logged(Terminal(), ["de"]) == ["bfpack: tokens: nothing to do", "bfpack: all done"]


def test_a_line_of_json_has_the_bucket_as_a_field() -> None:
    said = [json.loads(line) for line in logged(io.StringIO(), ["de", "fr"])]
    assert [line.get("bucket") for line in said] == ["de", "fr", None]
    assert {line["message"] for line in said} == {"tokens: nothing to do", "all done"}
