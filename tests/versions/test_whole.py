"""A complete version of which a file is lost, or has another size, is not "nothing to do"."""

import os
from pathlib import Path

import pytest
from made_versions import publish
from packings import Packing

from bfpack_spark.errors import InputError
from bfpack_spark.versions.publication import Version, need_manifest
from bfpack_spark.versions.whole import check_whole


def check(made: Version) -> None:
    check_whole(made.home, made.name, need_manifest(made))


@pytest.mark.parametrize(
    "name",
    [
        *("documents/part-00000-000.parquet", "quarantine/part-00000.parquet", "tokenizer.json"),
        *("plan/part-00000.parquet", "shards/part-00000.parquet"),
    ],
)
def test_a_listed_file_that_is_gone_or_of_another_size_is_named(name: str, tmp_path: Path) -> None:
    store, sequences = publish(tmp_path)
    made = sequences if name.startswith(("plan", "shards")) else store
    check(made)
    path = Path(made.directory) / name
    remedy = f"put it back, or remove {made.directory}/_manifest.json and run bfpack pack again"
    path.write_text(path.read_text() + "x")
    changed = "is not what made" if name == "tokenizer.json" else f"has {len(name) + 1} bytes, and"
    with pytest.raises(InputError, match=f"^{path}: {changed} .*{remedy}"):
        check(made)
    path.unlink()
    with pytest.raises(InputError, match=f"^{path}: is gone; {remedy}"):
        check(made)


def test_pack_and_assemble_name_a_lost_file_and_the_remedy_helps(packing: Packing) -> None:
    """A shard at the seq_len that is complete, and a token file for one that is new."""
    version, store = (packing.current(kind) for kind in ("sequences-512", "tokens"))
    shard = version / "shards" / "part-00000.parquet"
    held = shard.read_bytes()
    os.truncate(shard, len(held) - 1)
    for ran in (packing.try_to_pack("--seq-len", 512), packing.run("assemble")):
        assert ran.code == 2
        assert f"{shard}: has {len(held) - 1:,} bytes, and had {len(held):,}" in ran.err
        assert "nothing to do" not in ran.out
    (version / "_manifest.json").unlink()
    packing.pack()
    assert shard.read_bytes() == held
    lost = next((store / "documents").iterdir())
    lost.unlink()
    where = ("--output", packing.output, "--bucket", "small", "--seq-len", 777)
    for ran in (packing.try_to_pack("--seq-len", 777), packing.bfpack("plan", *where)):
        ran.refuses(f"{lost}: is gone; put it back")
    assert not (packing.output / "small" / "sequences-777").exists()
