"""What a bucket's folder is called, and that every command takes the bucket by its own name."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Bfpack, Corpus
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.files.bucket_names import bucket_of, check_bucket, folder_of

NAMES = {"C": "C", "C++": "C~2B~2B", "a/b": "a~2Fb", "..": "~2E.", "_x": "~5Fx", "é~": "~C3~A9~7E"}


@pytest.mark.parametrize(("name", "folder"), NAMES.items())
def test_a_folder_is_called_as_its_bucket_with_all_else_escaped(name: str, folder: str) -> None:
    assert folder_of(name) == folder
    assert bucket_of(folder) == name


@given(st.from_regex(r"[A-Za-z0-9-][A-Za-z0-9._-]{0,40}", fullmatch=True))
def test_a_plain_name_stands_for_itself(name: str) -> None:
    assert folder_of(name) == name


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_folder_tells_its_bucket_and_is_a_file_name_that_readers_see(name: str) -> None:
    folder = folder_of(name)
    assert re.fullmatch(r"[A-Za-z0-9~-][A-Za-z0-9._~-]*", folder)
    assert bucket_of(folder) == name


@pytest.mark.parametrize("folder", ["~", "a~2b", "a~41", ".x", "_snapshots", "a b", "~FF", ""])
def test_a_folder_of_any_other_name_is_no_bucket(folder: str) -> None:
    assert bucket_of(folder) is None


@pytest.mark.parametrize("name", ["", "x" * 241, "\udc80"])
def test_a_name_that_no_folder_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        check_bucket(name)


def test_buckets_of_any_name_are_packed_and_every_command_knows_them(
    demo_corpus: Corpus, bfpack: Bfpack, tmp_path: Path
) -> None:
    rows = [{"text": f"int {n};", "lang": name} for n, name in enumerate(NAMES)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    output = tmp_path / "out"
    text = ("--input", tmp_path / "a.parquet", "--tokenizer", demo_corpus.tokenizer)
    bfpack("pack", *text, "--bucket-column", "lang", "--output", output, "--seq-len", 8).succeeds()
    assert {path.name for path in output.iterdir()} == set(NAMES.values())
    at = ("--output", output, "--bucket", "C++", "--seq-len", 8)
    shards = bfpack("path", *at).out.strip()
    assert set(pq.read_table(shards).column("bucket").to_pylist()) == {"C++"}
    assert bfpack("verify", *at, "--input", tmp_path / "a.parquet").code == 0
    assert bfpack("snapshot", *at, "run").code == 0
    held = json.loads((output / "_snapshots" / "run.json").read_text())
    assert list(held["buckets"]) == ["C++"]
    listed = json.loads(bfpack("versions", "--output", output, "--json").out)
    assert {row["bucket"] for row in listed} == set(NAMES)
    (own,) = [r for r in listed if r["bucket"] == "C++" and r["kind"] == "sequences"]
    assert own["snapshots"] == ["run"]
    removed = json.loads(bfpack("prune", "--output", output, "--yes", "--json").out)
    assert removed == []


def test_the_dag_of_airflow_finds_the_pointer_of_a_bucket_of_any_name(
    packed: Path, tmp_path: Path
) -> None:
    """It imports nothing of bfpack, so it has the rule once more."""
    tree = ast.parse((ROOT / "jobs" / "airflow" / "pack_buckets.py").read_text())
    wanted = ("folder_of", "current_version")
    rules: list[ast.stmt] = [node for node in tree.body if getattr(node, "name", "") in wanted]
    dag: dict[str, Any] = {"re": re, "json": json, "Any": Any, "ObjectStoragePath": Path}
    exec(compile(ast.Module(rules, []), "pack_buckets.py", "exec"), dag)

    (tmp_path / folder_of("C++")).symlink_to(packed / "small")
    held = json.loads((packed / "small" / "sequences-512" / "_current.json").read_text())
    told = dag["current_version"](str(tmp_path), "C++", 512)
    assert told == {name: held[name] for name in ("version", "manifest_sha256")}

    @given(st.text(st.characters(codec="utf-8")))
    def agrees(name: str) -> None:
        assert dag["folder_of"](name) == folder_of(name)

    agrees()
