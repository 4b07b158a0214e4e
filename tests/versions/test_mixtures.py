"""`bfpack mix`: what it writes, what it refuses, and what a mixture keeps from prune."""

import json
import re
import shlex
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Ran
from made_mixtures import mix, write_bucket, write_buckets
from made_output import SEQ_LEN
from made_versions import run
from pages import read_page

from bfpack_spark.errors import InputError
from bfpack_spark.reading import PackedSequences

TWO = ("--weight", "web=0.7", "--weight", "code=0.3")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Bucket `web` of 30 rows, and `code` of 9."""
    write_buckets(tmp_path, {"web": (10, 11, 9), "code": (9,)})
    return tmp_path


def mixture(output: Path, name: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((output / f"_mixtures/{name}.json").read_text())
    return held


def drawn(output: Path, name: str) -> dict[str, int]:
    return {b: of["rows_drawn"] for b, of in mixture(output, name)["buckets"].items()}


def error_of(ran: Ran) -> str:
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    return line.removeprefix("bfpack: error: ")


def test_a_mixture_says_versions_rows_and_weights(output: Path) -> None:
    ran = mix(output, "blend", *TWO, "--epochs", "web=2", "--seed", "5").succeeds()
    assert ran.out == f"{output}/_mixtures/blend.json\n"
    web = json.loads((output / f"web/sequences-{SEQ_LEN}/_current.json").read_text())["version"]
    held = mixture(output, "blend")
    bucket = held["buckets"].pop("web")
    assert bucket.pop("fingerprint").startswith(web)
    assert bucket == {"version": web, "rows": 30, "rows_drawn": 60, "weight": "0.7"}
    assert held["buckets"]["code"]["rows_drawn"] == 26  # 25.7
    assert (held["name"], held["seq_len"], held["seed"]) == ("blend", SEQ_LEN, 5)
    assert (held["tokenizer_sha256"], held["continues"]) == ("7" * 64, None)


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ((), {"web": 21, "code": 9}),  # code ends first
        (("--tokens", str(100 * SEQ_LEN)), {"web": 70, "code": 30}),
        (("--tokens", str(6 * SEQ_LEN - 1)), {"web": 4, "code": 1}),  # 3.5 and 1.5 of 5 rows
        (("--epochs", "code=1.5"), {"web": 30, "code": 13}),  # 13.5 rows are 13
    ],
)
def test_rows_are_drawn_by_tokens_or_by_epochs(
    more: tuple[str, ...], rows: dict[str, int], output: Path
) -> None:
    mix(output, "blend", *TWO, *more).succeeds()
    assert drawn(output, "blend") == rows


def test_the_same_again_is_nothing_to_do_and_another_is_refused(output: Path) -> None:
    path = output / "_mixtures/blend.json"
    mix(output, "blend", *TWO).succeeds()
    before = path.stat().st_mtime_ns
    assert mix(output, "blend", *TWO).succeeds().out == f"{path}\n"
    assert path.stat().st_mtime_ns == before
    said = error_of(mix(output, "blend", *TWO, "--seed", "1"))
    assert said == f"mixture blend: there is another of this name, {path}; take a new name"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "--weight: name the buckets"),
        (("--weight", "web"), "--weight web: write BUCKET=NUMBER"),
        (("--weight", "web=0"), "--weight web=0: write BUCKET=NUMBER, such as web=0.7, above 0"),
        (("--weight", "web=1", "--weight", "web=2"), "--weight web=2: bucket web has a weight"),
        (("--weight", "w=1"), "--weight w: no such bucket"),
        ((*TWO, "--epochs", "w=1"), "--epochs w=1: bucket w has no --weight"),
        ((*TWO, "--epochs", "web=1", "--tokens", "9"), "--tokens 9, --epochs web=1: give one"),
        ((*TWO, "--tokens", str(SEQ_LEN)), "--weight code=0.3: draws none of 1 row; raise it"),
        ((*TWO, "--seq-len", "64"), "--seq-len 64: a mixture has one"),
        ((*TWO, "--continues", "old"), "--continues old: write NAME@POSITION"),
        ((*TWO, "--continues", "old@1"), "mixture old: there is none in "),
        ((*TWO, "--tokens", "1" + "0" * 24), "Invalid value for '--tokens': 1000"),
        ((*TWO, "--seed", "9" * 23), "Invalid value for '--seed': 999"),
        ((*TWO, "--epochs", "web=" + "9" * 26), "--epochs web=9"),
        ((*TWO, "--epochs", "web=" + "9" * 18), "the mixture would have 42"),
        (("--weight", "web=0." + "0" * 18 + "1"), "--weight web=0.0000"),
        (("--weight", "web=" + "9" * 5000), "--weight web=9999"),
        ((*TWO, "--tokens", str(2**63 - 1), "--epochs", "web=1"), "--tokens 9"),
        (("--weight", "web=1", "--weight", f"code=0.{'0' * 17}1", "--epochs", "code=1"), "the mix"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(more: tuple[str, ...], said: str, output: Path) -> None:
    assert error_of(mix(output, "blend", *more)).startswith(said)
    assert not (output / "_mixtures").exists()


def test_a_bucket_without_sequences_of_this_length_is_named(output: Path) -> None:
    run("mix", output, "blend", "--seq-len", "64", "--weight", "web=1").refuses(
        f"--weight web: no sequences of 64 are published in {output}",
        f"seq_lens there: {SEQ_LEN}",
    )


def test_a_name_that_is_too_long_for_a_file_is_a_mistake(output: Path) -> None:
    for name in ("n" * 201, "_n", ""):
        said = error_of(mix(output, name, *TWO))
        assert said.startswith(f"mixture {name[:60]!r}: use only letters, digits and ._-, at most")
    mix(output, "n" * 200, *TWO).succeeds()


def test_a_mixture_that_many_lanes_alone_can_read_says_so(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Readers number steps by 31 bits."""
    tokens = str(5 * 16 * 2**31 * SEQ_LEN)
    mix(output, "long", *TWO, "--tokens", tokens).succeeds()
    assert "long: is read with lanes=128 or more, because it is long" in caplog.text
    opened = partial(PackedSequences, output, mixture="long")
    assert opened(lanes=128).num_rows == 5 * 16 * 2**31
    with pytest.raises(InputError, match="steps or more"):
        opened(lanes=64)


def test_buckets_of_two_tokenizers_are_refused(output: Path) -> None:
    write_bucket(output, "code", (8,), tokenizer="8" * 64)
    said = error_of(mix(output, "blend", *TWO))
    assert said.startswith("bucket code: has another tokenizer than bucket web; pack both")


def test_a_mixture_that_continues_another_keeps_its_versions(output: Path) -> None:
    mix(output, "old", *TWO).succeeds()
    write_bucket(output, "web", (5, 5))  # a new night
    write_bucket(output, "math", (8,))
    more = ("--weight", "web=1", "--weight", "math=1", "--tokens", str(8 * SEQ_LEN))
    mix(output, "new", *more, "--continues", "old@20").succeeds()
    old, new = mixture(output, "old"), mixture(output, "new")
    assert new["buckets"]["web"]["version"] == old["buckets"]["web"]["version"]
    assert new["continues"]["mixture"] == "old"
    assert new["continues"]["position"] == 20
    refused = {
        ("--continues", "old@31"): "--continues old@31: give a position of 0 to 30",
        ("--continues", "new@19"): "--continues new@19: give a position of 20 to 28",
        ("--continues", "old@2", "--seed", "1"): "--seed 1: mixture old has 0",
    }
    for given, said in refused.items():
        assert error_of(mix(output, "third", *more, *given)).startswith(said)


def test_prune_leaves_what_a_mixture_names_and_says_so(output: Path) -> None:
    mix(output, "blend", *TWO)
    kept = json.loads((output / f"web/sequences-{SEQ_LEN}/_current.json").read_text())["version"]
    write_bucket(output, "web", (5, 5))
    ran = run("prune", output, "--bucket", "web", "--yes").succeeds()
    line = f"kept web sequences-{SEQ_LEN} {kept}: needed by mixture blend"
    assert line in ran.out.splitlines()
    assert (output / f"web/sequences-{SEQ_LEN}/{kept}/_manifest.json").exists()
    (listed,) = [
        said
        for said in run("versions", output).out.splitlines()
        if said.startswith(f"web sequences-{SEQ_LEN} {kept}")
    ]
    assert "; needed by mixture blend" in listed
    rows = json.loads(run("versions", output, "--json").out)
    assert [row["mixtures"] for row in rows if row["version"] == kept] == [["blend"]]


def test_prune_refuses_if_a_mixture_does_not_say_what_it_keeps(output: Path) -> None:
    mix(output, "blend", *TWO)
    path = output / "_mixtures/blend.json"
    held = path.read_text()
    path.write_text(held.replace('"rows": 30', '"rows": "30"'))
    run("prune", output, "--yes").refuses(f"{path}: buckets.web.rows '30'")
    path.write_text(held)
    shutil.rmtree(
        output
        / "code"
        / f"sequences-{SEQ_LEN}"
        / mixture(output, "blend")["buckets"]["code"]["version"]
    )
    says = "put the version back, or remove the mixture if nothing reads it"
    run("prune", output, "--bucket", "web", "--yes").refuses(says)


def test_the_report_of_a_mixture_tells_tokens_epochs_and_cuts(output: Path) -> None:
    mix(output, "blend", *TWO, "--epochs", "web=2")
    ran = run("report", output, "--mixture", "blend").succeeds()
    assert ran.err == ""
    cells = " | ".join(read_page(ran.out).cells)
    assert f"30.0 % | 26 | {26 * SEQ_LEN:,} | 9 | 2.889" in cells
    assert "60 | 1.67 % | 50.0 % | 0.0 %" in cells  # of 60 documents 1 and 30
    assert error_of(run("report", output, "--mixture", "x")).startswith("mixture x: there is none")


def test_the_command_of_the_readme_runs_as_printed(output: Path) -> None:
    text = (ROOT / "conf/README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^bfpack (mix .*)$", text, re.MULTILINE)
    there = command.replace(" out ", f" {output} ").replace("2048", str(SEQ_LEN))
    name, *arguments = shlex.split(there)
    arguments.remove("--output")
    arguments.remove(str(output))
    run(name, output, *arguments).succeeds()
    assert drawn(output, "blend") == {"web": 30, "code": 13}
