"""`bfpack export`: every row of the shards, once, in a trainer's format, and published."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Bfpack, Corpus
from outputs import manifest, reseal, rewrite
from packings import Packing


@pytest.fixture(scope="module")
def exported(
    packed: Path, corpus: Corpus, bfpack: Bfpack, tmp_path_factory: pytest.TempPathFactory
) -> Packing:
    """Export the rows of an output in two formats. Read it; to break it, copy it first."""
    packing = Packing(packed, corpus, bfpack).copy(tmp_path_factory.mktemp("exported"))
    for form in ("megatron", "mds"):
        ran = packing.export(form).succeeds()
        assert ran.out == f"{packing.current(f'{form}-512')}/shards\n"
    return packing


@pytest.fixture
def broken(exported: Packing, tmp_path: Path) -> Packing:
    return exported.copy(tmp_path)


def table_of(packing: Packing) -> pa.Table:
    shards = packing.current() / "shards"
    return pa.concat_tables(pq.read_table(path) for path in sorted(shards.iterdir()))


def test_megatron_holds_the_ids_of_every_row(exported: Packing) -> None:
    version = exported.current("megatron-512")
    table, found, rows = table_of(exported), [], 0
    for path in sorted((version / "shards").glob("*.bin")):
        found.append(np.fromfile(path, "<u2"))
        rows += int(np.frombuffer(path.with_suffix(".idx").read_bytes()[18:26], "<u8")[0])
    assert len(found) > 1
    assert rows == len(table)
    ids = table["input_ids"].combine_chunks().flatten().to_numpy()
    assert np.concatenate(found).tolist() == ids.tolist()
    check_manifest(version, exported)


def check_manifest(version: Path, packing: Packing) -> None:
    """It lists what is on disk, and says of which sequences that is made."""
    held, source = manifest(version), manifest(packing.current())
    assert held["inputs"]["sequences_fingerprint"] == source["fingerprint"]
    assert held["totals"] == source["totals"]
    on_disk = {path.name: path.read_bytes() for path in (version / "shards").iterdir()}
    listed = {Path(entry["path"]).name: entry for entry in held["files"]}
    assert listed.keys() == on_disk.keys()
    for name, raw in on_disk.items():
        assert listed[name]["sha256"] == hashlib.sha256(raw).hexdigest()
        assert listed[name]["bytes"] == len(raw)


def test_mds_holds_every_row_and_its_segments(exported: Packing) -> None:
    version = exported.current("mds-512")
    index = json.loads((version / "shards" / "index.json").read_text())
    rows = [row for shard in index["shards"] for row in samples(version / "shards", shard)]
    table = table_of(exported).select(["input_ids", "seq_lengths"]).to_pylist()
    assert len(rows) == len(table)
    assert rows == [(row["input_ids"], row["seq_lengths"]) for row in table]
    check_manifest(version, exported)


def samples(folder: Path, shard: dict[str, Any]) -> list[tuple[list[int], list[int]]]:
    zipped = (folder / shard["zip_data"]["basename"]).read_bytes()
    raw = pa.Codec("zstd").decompress(zipped, shard["raw_data"]["bytes"], asbytes=True)
    count = shard["samples"]
    offsets = np.frombuffer(raw, "<u4", count + 1, 4).tolist()
    found = []
    for begin, end in pairwise(offsets):
        ids, lengths = raw[end - 4 * 512 : end], raw[begin + 6 : end - 4 * 512]
        found.append((np.frombuffer(ids, "<i4").tolist(), np.frombuffer(lengths, "<i4").tolist()))
    return found


def test_an_export_that_is_there_is_not_made_again(
    broken: Packing, caplog: pytest.LogCaptureFixture
) -> None:
    """Unless its manifest is gone: then it is made anew under the same name, byte by byte."""
    caplog.set_level("INFO")
    version = broken.current("megatron-512")
    before = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}
    assert broken.export("megatron").code == 0
    assert "megatron of 512: nothing to do" in caplog.text
    (version / "_manifest.json").unlink()
    (version / "shards" / "part-00000.bin").write_bytes(b"cut short")
    (version / "shards" / "part-99999.bin").write_bytes(b"left over")
    assert broken.export("megatron").code == 0
    assert {path: path.read_bytes() for path in version.rglob("*") if path.is_file()} == before
    (version / "shards" / "part-00000.bin").unlink()
    broken.export("megatron").refuses(
        "remove ", "_manifest.json and run bfpack export megatron again, which makes"
    )


def test_a_row_that_megatron_would_read_otherwise_is_refused(packing: Packing) -> None:
    """A document inside a row that ends without EOS; its hashes fit."""
    version = packing.current()
    eos = manifest(version)["tokenizer"]["eos_id"]

    def lose_eos(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if len(row["seq_lengths"]) > 1)
        assert row["input_ids"][row["seq_lengths"][0] - 1] == eos
        row["input_ids"][row["seq_lengths"][0] - 1] = eos + 1

    rewrite(version / "shards" / "part-00000.parquet", lose_eos)
    reseal(version)
    packing.export("megatron").refuses("has a document that does not end with EOS")
    assert not (packing.output / "small" / "megatron-512" / "_current.json").exists()
    assert packing.export("mds").code == 0


def test_a_shard_with_other_ids_than_its_manifest_says_is_not_exported(packing: Packing) -> None:
    shards = packing.current() / "shards"
    one, size = shards / "part-00000.parquet", (shards / "part-00000.parquet").stat().st_size
    held = pq.read_table(one).to_pylist()
    rewrite(one, lambda rows: rows[0]["input_ids"].__setitem__(0, held[0]["input_ids"][0] ^ 1))
    change_size(packing.current(), one, size)
    packing.export("mds").refuses(f"{one}: holds other ids than its manifest says", code=5)


def change_size(version: Path, path: Path, before: int) -> None:
    """Let the manifest say the size that the file has now, and nothing else."""
    text = (version / "_manifest.json").read_text()
    assert text.count(f'"bytes": {before},') == 1
    now = text.replace(f'"bytes": {before},', f'"bytes": {path.stat().st_size},')
    (version / "_manifest.json").write_text(now)


def test_a_file_of_no_shard_is_no_part_of_an_export(broken: Packing) -> None:
    """A trainer that takes all files would train on it twice."""
    version = broken.current("mds-512")
    (first, *_) = sorted((version / "shards").glob("part-*"))
    more = first.with_name(first.name.replace("part-00000", "part-00077"))
    more.write_bytes(first.read_bytes())
    held = manifest(version)
    entry = next(e for e in held["files"] if e["path"].endswith(first.name))
    held["files"].append({**entry, "path": f"shards/{more.name}"})
    (version / "_manifest.json").write_text(json.dumps(held))
    ran = broken.run("verify")
    assert ran.code == 1
    where = f"(shard small/mds-512/{version.name}/shards/{more.name})"
    assert f"is listed, and of no shard {where}" in ran.out


@pytest.mark.parametrize(("form", "ending"), [("megatron", ".bin"), ("mds", ".zstd")])
def test_verify_compares_an_export_with_the_rows(form: str, ending: str, broken: Packing) -> None:
    broken.run("verify").succeeds()
    version = broken.current(f"{form}-512")
    one, two = sorted((version / "shards").glob(f"*{ending}"))[:2]
    one_raw = one.read_bytes()
    one.write_bytes(two.read_bytes())
    reseal(version)
    two.write_bytes(two.read_bytes()[:-1])
    damaged = {one.name, two.name}
    for index in (version / "shards").glob("index.json"):
        index.write_bytes(index.read_bytes()[:-1] + b" ")
        damaged.add(index.name)
    violations = broken.run("verify", "--json").violations()
    problems = {Path(v["shard"]).name: v["problem"] for v in violations}
    assert problems.keys() == damaged
    assert problems[one.name].startswith("is not what ")
    assert problems[two.name] == "is not what the manifest says, by its size or sha256"
    assert one_raw != one.read_bytes()
