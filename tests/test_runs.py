"""A run after another: what is there is taken, what was lost is made anew."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Bfpack, Corpus, pack_options
from outputs import current, plan_rows, reseal, rewrite, shard_hashes, tree
from packings import AT, Packing, at_512, ids_in


def test_a_second_run_does_nothing_and_says_so(
    corpus: Corpus, packed: Path, bfpack: Bfpack, caplog: pytest.LogCaptureFixture
) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        """Of files, and of all directories but the one that the lock came to and went from."""
        found = (p for p in packed.rglob("*") if p != packed / "small")
        return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in found}

    before, bytes_before = state(), tree(packed)
    with caplog.at_level("INFO", logger="bfpack"):
        ran = bfpack("pack", *pack_options(corpus, packed), *AT, "--seq-len", 2048)
    assert ran.code == 0
    assert caplog.text.count("nothing to do") == 3  # tokens, 512, 2048
    assert state() == before
    assert tree(packed) == bytes_before


def test_the_steps_one_by_one_make_the_files_that_pack_makes(
    corpus: Corpus, packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    where = ("--output", output, "--bucket", "small")
    assert bfpack("tokenize", *pack_options(corpus, output)).code == 0
    bfpack("assemble", *where, *AT).refuses("run bfpack plan first")
    assert bfpack("plan", *where, *AT).code == 0
    assert not list(output.glob("*/sequences-512/_current.json"))
    assert bfpack("path", *where, *AT).code == 2
    assert bfpack("assemble", *where, *AT).code == 0
    for kind in ("tokens", "sequences-512"):
        assert tree(output / "small" / kind) == tree(packed / "small" / kind)


@pytest.mark.parametrize("manifests", ["unwritten", "written"])
def test_a_killed_run_is_continued_in_place(manifests: str, packing: Packing) -> None:
    """Killed while it wrote, or after the manifests but before it had tidied up and published."""
    places = [packing.output / "small" / kind for kind in ("tokens", "sequences-512")]
    versions = [current(packing.output, "small", place.name) for place in places]
    before = [tree(place) for place in places]
    strays = ["_temporary/x", "documents/part-00077-000.parquet", "plan/part-00077.parquet"]
    strays += ["shards/part-09999.parquet"]
    if manifests == "written":
        strays += [f"_manifest.json.{'0123abcd' * 4}.tmp"]
        (versions[1] / "_plan.json").write_text("{}")
    for place, version in zip(places, versions, strict=True):
        (place / "_current.json").unlink()
        for stray in strays:
            if stray.startswith("_") or (version / stray).parent.is_dir():
                (version / stray).parent.mkdir(exist_ok=True)
                (version / stray).write_bytes(b"half a file")
        if manifests == "unwritten":
            (version / "_manifest.json").unlink()
    if manifests == "unwritten":
        one, two, *_ = sorted((versions[1] / "shards").iterdir())
        one.unlink()
        two.write_bytes(b"half a file")
    assert packing.pack() == versions[1]
    for place, held in zip(places, before, strict=True):
        left = tree(place)
        assert left.keys() - held.keys() == set()
        assert left == held
        assert not list(place.rglob("_temporary"))


@pytest.mark.parametrize("damage", ["gone", "empty"])
def test_a_plan_whose_files_are_gone_is_made_anew(damage: str, packing: Packing) -> None:
    expected = shard_hashes(at_512(packing.output))
    shutil.rmtree(packing.output / "small" / "sequences-512")
    folder = Path(packing.run("plan").out.strip())
    if damage == "gone":
        shutil.rmtree(folder)
    else:
        (folder.parent / "_plan.json").write_text("{}")
    said = packing.run("assemble").err
    if damage == "gone":
        assert "run bfpack plan first" in said
    else:
        assert "_plan.json: lacks files; remove it, and the plan is made anew" in said
        (folder.parent / "_plan.json").unlink()
    assert packing.run("plan").code == 0
    assert packing.run("assemble").code == 0
    assert shard_hashes(at_512(packing.output)) == expected


@pytest.mark.parametrize("fate", ["lost", "doubled"])
def test_a_document_lost_or_doubled_after_the_plan_fails_the_job(
    fate: str, packing: Packing
) -> None:
    """The last one of a row: what remains of the row has no gap."""
    sequences = packing.output / "small" / "sequences-512"
    shutil.rmtree(sequences)
    ran = packing.run("plan").succeeds()
    pieces = plan_rows(Path(ran.out.strip()).parent)
    last = {row["sequence_id"]: row for row in pieces}
    times = Counter(row["doc_id"] for row in pieces)
    doc_id = next(
        row["doc_id"] for row in last.values() if row["position"] and times[row["doc_id"]] == 1
    )

    def change(rows: list[dict[str, Any]]) -> None:
        at = next(n for n, row in enumerate(rows) if row["doc_id"] == doc_id)
        rows.append(rows[at])
        if fate == "lost":
            del rows[at], rows[-1]

    store = current(packing.output, "small", "tokens")
    (path,) = (p for p in (store / "documents").iterdir() if doc_id in set(ids_in(p)))
    rewrite(path, change)
    reseal(store)
    assert packing.run("assemble").code == 5
    assert not (sequences / "_current.json").exists()
    assert not list(sequences.rglob("_manifest.json"))
