"""How a Delta table is named, and where none is read; tests/integration has real ones."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bfpack_spark.delta.tables import identifier, location_of, need_delta
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


def test_a_session_without_a_jvm_is_told_what_to_do() -> None:
    of_connect: Any = SimpleNamespace(version="4.2.0")  # as tests/integration/test_connect.py has
    with pytest.raises(InputError) as error:
        need_delta(of_connect, "--publish-delta t")
    assert str(error.value).startswith("--publish-delta t: needs a session with a JVM, and this")
    assert "--input-format table" in str(error.value)
    assert "Parquet" in str(error.value)
