"""Outputs of earlier formats, kept as they were written: every command still takes them.

tests/data/output-1 was written by the first format of tokens and of sequences: bucket `b` of 60
documents at 64 and 256 in three groups, with what `stats`, `show` and `verify` said of it then.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Run
from outputs import current, manifest, tree

from bfpack_spark.schema import SEQUENCES_FORMATS, TOKENS_FORMATS

KEPT = sorted((ROOT / "tests" / "data").glob("output-*"))
PLACE = ("--bucket", "b", "--seq-len", 64)


@pytest.fixture(params=KEPT, ids=lambda path: str(path.name))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, whose input has the times that it had."""
    folder = Path(shutil.copytree(request.param, tmp_path / "kept"))
    inventory = manifest(current(folder / "output", "b", "tokens"))["inputs"]["inventory"]
    for name, _, modified in inventory:
        os.utime(folder / "input" / name, ns=(modified, modified))
    return folder


@pytest.mark.parametrize(
    ("command", "more"), [("stats", ()), ("show", ("--sequence", 1)), ("verify", ())]
)
def test_what_is_said_of_it_is_what_was_said_then(
    kept: Path, bfpack: Run, command: str, more: tuple[object, ...]
) -> None:
    ran = bfpack(command, "--output", kept / "output", *PLACE, *more, "--json").succeeds()
    then = json.loads((kept / f"{command}.json").read_text())
    assert part_of(json.loads(ran.out), then) == then


def part_of(now: Any, then: Any) -> Any:
    """What is said now, without the keys that were not said then."""
    if isinstance(then, dict):
        return {key: part_of(now.get(key), value) for key, value in then.items()}
    if isinstance(then, list) and isinstance(now, list) and len(now) == len(then):
        return [part_of(one, other) for one, other in zip(now, then, strict=True)]
    return now


def test_its_text_gives_its_tokens(kept: Path, bfpack: Run) -> None:
    more = ("--input", kept / "input")
    ran = bfpack("verify", "--output", kept / "output", *PLACE, *more).succeeds()
    assert "every invariant holds" in ran.out


def test_packing_it_again_has_nothing_to_do_and_touches_nothing(
    kept: Path, bfpack: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = tree(kept / "output")
    assert len(before) > 10
    bfpack("pack", *options(kept), "--seq-len", 256).succeeds()
    assert sum("nothing to do" in message for message in caplog.messages) == 3
    assert tree(kept / "output") == before


def test_another_seed_makes_sequences_of_today_of_its_tokens(
    kept: Path, bfpack: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """And what was made before is still there to go back to."""
    caplog.set_level("INFO")
    before = current(kept / "output", "b", "sequences-64")
    for seed, number in ((1, SEQUENCES_FORMATS[0]), (0, manifest(before)["format_version"])):
        bfpack("pack", *options(kept), "--seed", seed).succeeds()
        assert manifest(current(kept / "output", "b", "sequences-64"))["format_version"] == number
        bfpack("verify", "--output", kept / "output", *PLACE).succeeds()
    assert current(kept / "output", "b", "sequences-64") == before
    assert sum("tokens: nothing to do" in message for message in caplog.messages) == 2


def test_what_is_new_beside_it_is_tokenized_and_its_own_tokens_stay(
    kept: Path, bfpack: Run
) -> None:
    """A store of today that lists files of then gives the shards of one that lists none."""
    before = current(kept / "output", "b", "tokens")
    (kept / "input" / "more.jsonl").write_text('{"id": "new", "text": "and one more\\n"}\n')
    for output in (kept / "output", kept / "fresh"):
        bfpack("pack", *options(kept), "--output", output).succeeds()
        bfpack("verify", "--output", output, *PLACE, "--input", kept / "input").succeeds()
    stores = [current(kept / name, "b", "tokens") for name in ("output", "fresh")]
    assert stores[0].name == stores[1].name != before.name
    assert manifest(stores[0])["format_version"] == TOKENS_FORMATS[0]
    taken = [e["path"] for e in manifest(stores[0])["files"] if e["path"].startswith("../")]
    assert any(path.startswith(f"../{before.name}/documents/") for path in taken)
    shards = [current(kept / name, "b", "sequences-64") / "shards" for name in ("output", "fresh")]
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in shards)
    assert first == second


def options(kept: Path) -> list[object]:
    """What it was packed with, at 64."""
    where = ("--input", kept / "input", "--tokenizer", kept / "tokenizer.json")
    rules = ("--id-column", "id", "--group-documents-max", 25, "--max-quarantined", 0.1)
    return [*where, *rules, "--output", kept / "output", *PLACE]
