"""Commands without --seq-len take all that are published, or say which there are."""

import json
import shutil
from pathlib import Path

from cli.commands import error_of
from conftest import Bfpack, pack_options
from packings import Packing


def test_verify_stats_and_a_document_take_every_published_length(packing: Packing) -> None:
    packed, bfpack = packing.output, packing.bfpack
    verified = json.loads(bfpack("verify", "--output", packed, "--json").out)
    assert [(row["bucket"], row["seq_len"]) for row in verified] == [
        ("small", 512),
        ("small", 2048),
    ]
    (told,) = json.loads(bfpack("stats", "--output", packed, "--json").out)
    assert [row["seq_len"] for row in told["at"]] == [512, 2048]
    row = json.loads(packing.run("show", "--sequence", 0, "--json").out)
    doc_id = row["segments"][0]["doc_id"]
    places = json.loads(bfpack("show", "--output", packed, "--doc", doc_id, "--json").out)
    assert [place["seq_len"] for place in places] == [512, 2048]


def test_a_bucket_with_tokens_alone_is_passed_over_unless_it_is_named(packing: Packing) -> None:
    copied, bfpack = packing.output, packing.bfpack
    assert bfpack("tokenize", *pack_options(packing.corpus, copied, "alone")).code == 0
    ran = bfpack("verify", "--output", copied).succeeds()
    assert "small" in ran.out
    assert "alone" not in ran.out
    both = ("--output", copied, "--bucket", "small", "--bucket", "alone")
    for command in (("report",), ("snapshot", "s")):
        assert error_of(bfpack(*command, *both)).startswith("--bucket alone: no sequences")
    assert not (copied / "_snapshots").exists()


def test_one_length_is_named_where_a_command_takes_one(
    packed: Path, copied: Path, bfpack: Bfpack
) -> None:
    for command, *more in (("path",), ("show", "--sequence", 0)):
        said = error_of(bfpack(command, "--output", packed, *more))
        assert said == f"--seq-len: 2 are in {packed}; give one of 512, 2048"
    shutil.rmtree(copied / "small" / "sequences-512")
    assert "sequences-2048" in bfpack("path", "--output", copied).out
    assert bfpack("show", "--output", copied, "--sequence", 0).code == 0


def test_an_output_without_sequences_says_to_pack_first(
    packed: Path, bfpack: Bfpack, tmp_path: Path
) -> None:
    output = tmp_path / "tokens-alone"
    shutil.copytree(packed / "small" / "tokens", output / "small" / "tokens")
    for command, *more in (("verify",), ("stats",), ("export", "mds"), ("show", "--doc", "x")):
        said = error_of(bfpack(command, "--output", output, *more))
        assert said == (
            f"--seq-len is missing, and no sequences of small are published in {output}; give it, "
            "or run bfpack pack first"
        )
