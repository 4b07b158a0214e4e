"""How a Delta table is named; tests/integration has real ones."""

from pathlib import Path

import pytest

from bfpack_spark.delta.tables import identifier, location_of
from bfpack_spark.errors import InputError


def test_what_has_a_slash_is_a_path_and_all_else_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {
        "docs": "`docs`",
        "db.docs": "`db`.`docs`",
        "main.db.docs-2": "`main`.`db`.`docs-2`",
        "./docs": f"delta.`{tmp_path}/docs`",
        "/a/b`c": "delta.`/a/b``c`",
        "s3://bucket/docs/": "delta.`s3a://bucket/docs`",
    }
    assert {table: identifier("--input", table) for table in known} == known
    assert location_of("file:///a") == "file:///a"
    for wrong in ("", "db.", "a b", "docs`; DROP TABLE x"):
        with pytest.raises(InputError, match="no table is called so"):
            identifier("--input", wrong)
