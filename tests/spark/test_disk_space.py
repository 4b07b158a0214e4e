"""Whether there is room is said before the work, and a run that cannot fit does not begin."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from conftest import Bfpack, Corpus, pack_options
from outputs import current, manifest

from bfpack_spark.corpus.inventory import InputFile, Inventory
from bfpack_spark.errors import InputError
from bfpack_spark.spark.disk_space import Need, check_space, need_of_sequences, need_of_tokens


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make every disk have so many bytes free."""

    def have(num_bytes: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**15, 0, num_bytes))

    return have


def inventory(format: str, **sizes: int) -> Inventory:  # noqa: A002  # as Inventory calls it
    told = {"path": "/", "modified": 0}
    listed = [InputFile(name=name.replace("_", "."), size=n, **told) for name, n in sizes.items()]
    return Inventory(format=format, files=tuple(listed))


def test_text_that_is_compressed_makes_more_of_its_bytes() -> None:
    told = {
        "plain": need_of_tokens(inventory("jsonl", a_jsonl=1000), 0).output,
        "compressed": need_of_tokens(inventory("jsonl", a_jsonl_gz=1000), 0).output,
        "parquet": need_of_tokens(inventory("parquet", a_parquet=1000), 0).output,
    }
    assert told == {"plain": 250, "compressed": 800, "parquet": 800}
    with_sequences = need_of_tokens(inventory("text", a_txt=1000), 2)
    assert (with_sequences.output, with_sequences.temporary) == (850, 500)


def test_sequences_are_about_as_large_as_was_said(packed: Path) -> None:
    tokens, sequences = (current(packed, "small", name) for name in ("tokens", "sequences-512"))
    stored = sum(e["bytes"] for e in manifest(tokens)["files"] if e["kind"] == "documents")
    made = sum(e["bytes"] for e in manifest(sequences)["files"] if e["kind"] == "shards")
    need = need_of_sequences(stored)
    assert need.output / 1.5 < made < need.output * 1.5


def test_a_part_of_the_files_surely_needs_nothing() -> None:
    """With --bucket-column, each bucket reads files that hold others too."""
    files = inventory("parquet", a_parquet=1000)
    assert need_of_tokens(files, 1).surely > need_of_tokens(files, 1, whole=False).surely == 0


def test_sequences_need_what_is_packed_of_the_tokens() -> None:
    dropped, repeated = need_of_sequences(1000, 0.25), need_of_sequences(1000, 2)
    assert (dropped.output, dropped.temporary) == (300, 500)
    assert (repeated.output, repeated.temporary) == (2400, 4000)


def test_what_shares_a_disk_is_added_up(
    tmp_path: Path, free: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"spark.local.dir": str(tmp_path)}
    context = SimpleNamespace(master="local[2]", getConf=lambda: settings)
    spark: Any = SimpleNamespace(sparkContext=context)
    need = Need(output=1000, temporary=500, surely=0.5)
    caplog.set_level(logging.INFO, "bfpack")
    levels = []
    for num_bytes in (1500, 1499, 750):
        free(num_bytes)
        caplog.clear()
        check_space(spark, f"{tmp_path}/not/yet", need, "sequences of 8")
        (record,) = caplog.records
        levels.append(record.levelname)
    assert record.getMessage() == (
        "sequences of 8: about 1.0 kB of output and 500 bytes of temporary files; free: "
        f"750 bytes in {tmp_path}"
    )
    assert levels == ["INFO", "WARNING", "WARNING"]
    free(749)
    with pytest.raises(InputError) as raised:
        check_space(spark, f"{tmp_path}/not/yet", need, "sequences of 8")
    assert str(raised.value) == (
        f"{tmp_path}: sequences of 8 need about 1.5 kB there, and 749 bytes are free; free space, "
        "or name a larger disk by --output, for temporary files by TMPDIR or spark.local.dir"
    )


def test_an_object_store_and_a_clusters_disks_are_not_looked_at(
    free: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere: Any = SimpleNamespace(sparkContext=SimpleNamespace(master="yarn"))
    caplog.set_level(logging.INFO, "bfpack")
    free(0)
    need = Need(output=1, temporary=1, surely=1.0)
    check_space(elsewhere, "s3://bucket/output", need, "tokens")
    assert caplog.messages[0].endswith("; free: not looked at")


def test_a_run_that_cannot_fit_ends_before_it_writes(
    corpus: Corpus, bfpack: Bfpack, free: Callable[[int], None], tmp_path: Path
) -> None:
    free(1000)
    ran = bfpack("pack", *pack_options(corpus, tmp_path / "output"), "--seq-len", 512)
    ran.refuses(": tokens and sequences need about ")
    assert not list((tmp_path / "output").rglob("*.parquet"))
