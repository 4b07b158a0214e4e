"""What is seen of a run: JSON lines that agree with the manifests, job descriptions, a terminal's
bar; and what is seen nowhere: secrets."""

import json
import os
import pty
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from conftest import ROOT, Corpus, pack_options
from outputs import current, manifest, plan_rows, shard_hashes

from bfpack_spark.spark.progress import PARTS, share_done

SECRETS = {"spark.hadoop.fs.s3a.secret.key": "CANARY one=#:! \\x", "spark.x.password": "CANARY-2"}
SECRETS |= {
    "spark.hadoop.fs.azure.account.key.here": "CANARY-6",
    "spark.hadoop.fs.s3a.session.token": "CANARY-7",
    "spark.executorEnv.AWS_ACCESS_KEY": "CANARY-8",
}
SMALL_HEAP = ("--spark-conf", "spark.driver.memory=1g")
CHEAP = ("--spark-conf", "spark.master=local[2]", *SMALL_HEAP)
ONE_CORE = ("--spark-conf", "spark.master=local[1]", *SMALL_HEAP)
COMMAND = [sys.executable, "-c", "from bfpack_spark.cli.main import main; main()"]


@dataclass(frozen=True)
class Seen:
    """All that one run let anybody see."""

    output: Path
    lines: list[dict[str, Any]]
    stdout: str
    stderr: str
    argv: list[str]  # of all its processes, once the JVM is there
    events: str  # Spark's event log
    jvm_umask: str
    temporaries: dict[Path, tuple[int, bytes]]  # while it runs: mode and bytes of each file


CANARIES_IN_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "CANARY-3",
    "AWS_SECRET_ACCESS_KEY": "CANARY-4",
    "AWS_SESSION_TOKEN": "CANARY-5",
}
SHADOWS = ("random.py", "tokenize.py", "queue.py")


@pytest.fixture(scope="module")
def seen(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """`bfpack pack` at 512 in a process of its own, on one core, with secrets in its TOML and
    environment, a TMPDIR of odd characters, umask 027, and files in its directory that bear names
    of Python's modules."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "events").mkdir()
    temporary = folder / "a 'temporary\" place"
    temporary.mkdir()
    for name in SHADOWS:
        (folder / name).write_text("raise SystemExit('imported from the current directory')")
    conf = {
        **SECRETS,
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": (folder / "events").as_uri(),
    }
    toml = "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in conf.items())
    (folder / "c.toml").write_text(f"[spark]\n{toml}")
    options = [*pack_options(corpus, folder / "output"), "--seq-len", 512]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(temporary),
        **CANARIES_IN_ENVIRONMENT,
    }
    bfpack = Path(sys.executable).parent / "bfpack"
    process = subprocess.Popen(
        [bfpack, "pack", "--config", folder / "c.toml", *map(str, options), *ONE_CORE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
        umask=0o027,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    stderr = until_said("tokens: engine", process.stderr)
    argv = list(argv_of(psutil.Process(process.pid)))
    jvm_umask = umask_of_jvm(psutil.Process(process.pid))
    stderr += until_said("plan of 512", process.stderr)
    temporaries = {}
    for path in temporary.rglob("*"):
        with suppress(FileNotFoundError):
            content = path.read_bytes() if path.is_file() else b""
            temporaries[path] = (path.stat().st_mode & 0o777, content)
    stderr += process.stderr.read()
    stdout = process.stdout.read()
    assert process.wait() == 0, stderr
    process.stdout.close()
    process.stderr.close()
    events = "".join(p.read_text() for p in (folder / "events").rglob("[!.]*") if p.is_file())
    lines = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return Seen(folder / "output", lines, stdout, stderr, argv, events, jvm_umask, temporaries)


def until_said(words: str, stream: IO[str]) -> str:
    """What is said up to the line with these words."""
    said = ""
    for line in stream:
        said += line
        if words in line:
            break
    return said


def umask_of_jvm(parent: psutil.Process) -> str:
    (jvm,) = (one for one in parent.children(recursive=True) if one.name() == "java")
    (line,) = (
        line
        for line in Path(f"/proc/{jvm.pid}/status").read_text().splitlines()
        if line.startswith("Umask:")
    )
    return line.split()[1]


def argv_of(parent: psutil.Process) -> Iterator[str]:
    """Of a process and all below it that live."""
    for one in [parent, *parent.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            yield " ".join(one.cmdline())


def test_bytes_do_not_depend_on_cores_or_process(seen: Seen, packed: Path) -> None:
    made, elsewhere = (current(at, "small", "sequences-512") for at in (seen.output, packed))
    assert made.name == elsewhere.name
    assert shard_hashes(made) == shard_hashes(elsewhere)
    assert plan_rows(made) == plan_rows(elsewhere)
    assert [line.startswith("small 512: ") for line in seen.stdout.splitlines()] == [True]


def test_every_stage_is_one_line_whose_counts_are_the_manifests(seen: Seen) -> None:
    stages = {line["stage"]: line for line in seen.lines if "stage" in line}
    assert [line["stage"] for line in seen.lines if "stage" in line] == list(stages)
    assert list(stages) == ["tokenize", "plan", "assemble"]
    assert {line["bucket"] for line in seen.lines} == {"small"}
    tokens = current(seen.output, "small", "tokens")
    sequences = current(seen.output, "small", "sequences-512")
    names = [stages[stage]["version"] for stage in stages]
    assert names == [tokens.name, sequences.name, sequences.name]
    told = manifest(tokens)["accounting"]
    assert {name: stages["tokenize"][name] for name in told} == told
    totals = manifest(sequences)["totals"]
    assert {name: stages["assemble"][name] for name in totals} == totals
    assert stages["plan"]["num_sequences"] == totals["sequences"]
    for line in stages.values():
        assert line["level"] == "info"
        assert line["seconds"] > 0
        assert line["message"]


def test_each_step_has_the_stages_of_spark_that_the_bar_counts(seen: Seen) -> None:
    events = [json.loads(line) for line in seen.events.splitlines()]
    begun = [e["Properties"] for e in events if e["Event"] == "SparkListenerStageSubmitted"]
    stages = Counter(stage.get("spark.job.description") for stage in begun)
    for step in ("tokenize", "plan", "assemble"):
        parts = PARTS[step]
        assert sum(n for name, n in stages.items() if f": {step}" in str(name)) == len(parts), step


def test_the_bar_counts_to_one_total_while_spark_begins_its_stages() -> None:
    for step, parts in PARTS.items():
        assert sum(parts) == pytest.approx(1), step
        begun: list[tuple[int, int]] = []
        shares = [0.0]
        for _ in parts:
            shares += [share_done([*begun, (done, 4)], parts) for done in (0, 2, 4)]
            begun.append((4, 4))
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
    assert share_done([(2, 2), (1, 4)], (0.2, 0.8)) == pytest.approx(0.4)


def test_no_secret_is_in_argv_logs_manifests_or_the_event_log(seen: Seen) -> None:
    assert any("java" in argv.split()[0] for argv in seen.argv)
    places = [*seen.argv, seen.stdout, seen.stderr, seen.events]
    places += [p.read_text() for p in seen.output.rglob("*.json")]
    for key in SECRETS:
        assert key in seen.events  # it was given to Spark
    assert len(places) > 8
    assert not [place for place in places if "CANARY" in place]


def test_no_secret_is_in_any_file_of_output_and_temporaries(seen: Seen) -> None:
    published = [path for path in seen.output.rglob("*") if path.is_file()]
    assert any(path.name == "report.html" for path in published)
    assert any(path.name.startswith("shuffle_") for path in seen.temporaries)
    assert not [path for path in published if b"CANARY" in path.read_bytes()]
    assert not [path for path, (_, held) in seen.temporaries.items() if b"CANARY" in held]


def test_temporaries_are_their_users_alone_and_go_with_the_process(seen: Seen) -> None:
    assert seen.jvm_umask == "0077"
    assert len(seen.temporaries) > 5
    assert not {path: mode for path, (mode, _) in seen.temporaries.items() if mode & 0o077}
    assert not [path for path in seen.temporaries if path.exists()]


def test_what_is_published_has_the_permissions_of_the_users_umask(seen: Seen) -> None:
    found = {path: path.stat().st_mode & 0o777 for path in seen.output.rglob("*")}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o750}
    assert {mode for path, mode in found.items() if path.is_file()} == {0o640}
    assert any(path.parent.name == "shards" for path in found)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_a_terminal_sees_a_bar_with_share_amount_and_rate(
    corpus: Corpus, tmp_path: Path, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    options = [*pack_options(corpus, tmp_path / "output"), "--seq-len", 512]
    process = subprocess.Popen(
        [*COMMAND, "pack", *map(str, options), *CHEAP],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"},
    )
    seen = b""
    while b" shards, " not in seen and b" shard, " not in seen:
        seen += os.read(ours, 1 << 16)
    text = seen.decode(errors="replace")
    assert process.wait() == 0
    for stage in ("tokenize", "plan 512", "assemble 512"):
        assert f"small: {stage}" in text
    assert "100%" in text
    assert " tokens, " in text
    assert "B/s" in text
    assert "bfpack: tokens: 300 documents, " in text
    assert '{"time"' not in text
