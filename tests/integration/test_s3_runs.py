"""Runs whose corpus and output are on S3, in a Spark that has no jars for it: what is there in the
end, and two runs of one bucket at once."""

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow.fs as pafs
import pytest
from conftest import ROOT, Corpus, Ran
from outputs import current, shard_hashes
from s3_store import CREDENTIALS, SECRET, Store

pytestmark = pytest.mark.timeout(900)  # a busy server takes its time

SETTINGS = """
[spark]
"spark.master" = "local[2]"
"spark.driver.memory" = "2g"
"spark.sql.shuffle.partitions" = 4
"spark.eventLog.enabled" = true
"spark.eventLog.compress" = false
"spark.eventLog.dir" = "{events}"
"""
SOURCE = """
import sys
from bfpack_spark.cli.main import main
from bfpack_spark.files import locks
locks.hold_lease.__wrapped__.__kwdefaults__["seconds"] = float(sys.argv[1])
main(sys.argv[2:])
"""

# A registry in place of those that Ivy knows.
REGISTRY = """
<ivysettings>
  <settings defaultResolver="only"/>
  <resolvers><ibiblio name="only" m2compatible="true" root="{address}"/></resolvers>
</ivysettings>
"""


@pytest.mark.parametrize("answers", [False, True])
def test_jars_that_cannot_be_fetched_are_a_reason_that_is_seen(
    store: Store, tmp_path: Path, answers: bool
) -> None:
    address = store.address if answers else "http://127.0.0.1:9"  # none of the jars is on the one
    (tmp_path / "ivysettings.xml").write_text(REGISTRY.format(address=f"{address}/maven/"))
    jars = {
        "packages": "org.apache.hadoop:hadoop-aws:3.5.0",
        "ivySettings": tmp_path / "ivysettings.xml",
        "ivy": tmp_path / "ivy",
    }
    options = [
        x for key, value in jars.items() for x in ("--spark-conf", f"spark.jars.{key}={value}")
    ]
    ran = bfpack(store, tmp_path, "verify", "--seq-len", 512, *options)
    assert ran.code == 2
    assert "unresolved dependency: org.apache.hadoop#hadoop-aws;3.5.0: not found" in ran.err
    assert "error: Spark's JVM did not start, for the reason above" in ran.err
    unreachable = re.search(r"Server access error at url .*", ran.err)
    if answers:
        assert unreachable is None
    else:
        assert unreachable is not None
        assert f"{address}/maven/org/apache" in unreachable[0]


@pytest.fixture(scope="module")
def packed_on_s3(store: Store, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s3a://data/text packed to s3a://data/out; the directory of the event log."""
    pafs.copy_files(str(corpus.path), "data/text", destination_filesystem=store.fs)
    folder = tmp_path_factory.mktemp("packed-on-s3")
    (folder / "events").mkdir()
    ran = bfpack(store, folder, "pack", *source(corpus), "--seq-len", 512, "--seq-len", 2048)
    assert ran.code == 0, ran.err[-3000:]
    assert SECRET not in ran.out + ran.err
    return folder


def source(corpus: Corpus) -> list[object]:
    where = ["--input", "s3a://data/text", "--tokenizer", corpus.tokenizer]
    return [*where, "--id-column", "doc_id"]


def bfpack(
    store: Store, folder: Path, command: str, *arguments: object, output: str = "out"
) -> Ran:
    """Run a command to its end, on bucket `small` of an output in s3a://data."""
    with started(store, folder, command, *arguments, output=output) as process:
        out, err = process.communicate()
    return Ran(process.returncode, out, err)


def started(
    store: Store, folder: Path, command: str, *arguments: object, output: str, lease: float = 60
) -> subprocess.Popen[str]:
    """A command in a process of its own, whose lease on the bucket lasts so many seconds."""
    settings = folder / "s3.toml"
    settings.write_text(SETTINGS.format(events=folder / "events"))
    where = ["--config", settings, "--output", f"s3a://data/{output}", "--bucket", "small"]
    return subprocess.Popen(
        [sys.executable, "-c", SOURCE, str(lease), command, *map(str, [*where, *arguments])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **store.environment, "PYTHONPATH": str(ROOT)},
    )


def shards_on_s3(store: Store, output: str, seq_len: int) -> list[tuple[str, str]]:
    """Names and sha256 of the published shards."""
    kind = f"data/{output}/small/sequences-{seq_len}"
    version = json.loads(store.read(f"{kind}/_current.json"))["version"]
    shards = store.objects(f"{kind}/{version}/shards")
    return [
        (f"shards/{name}", hashlib.sha256(store.read(info.path)).hexdigest())
        for name, info in sorted(shards.items())
    ]


def until(process: subprocess.Popen[str], wanted: str) -> None:
    """Read what a run says until it says this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if wanted in line:
            return
    raise AssertionError("".join(said)[-3000:])


def test_shards_on_s3_have_the_bytes_of_those_on_disk(
    store: Store, packed_on_s3: Path, packed: Path
) -> None:
    for seq_len in (512, 2048):
        ours = shards_on_s3(store, "out", seq_len)
        assert ours == shard_hashes(current(packed, "small", f"sequences-{seq_len}"))


def test_objects_are_put_under_their_names_and_nothing_else_is_left(
    store: Store, packed_on_s3: Path
) -> None:
    there = store.objects("data/out/small")
    manifests = [name for name in there if name.endswith("_manifest.json")]
    assert len(manifests) == 3
    listed = {"tokens/_current.json", "sequences-512/_current.json", "sequences-2048/_current.json"}
    for name in manifests:
        version = name.removesuffix("/_manifest.json")
        entries = json.loads(store.read(f"data/out/small/{name}"))["files"]
        listed |= {name, *(f"{version}/{entry['path']}" for entry in entries)}
    tokenizers = {name for name in there if name.endswith("/tokenizer.json")}
    reports = {name for name in there if "/report/report." in name}
    assert len(reports) == 5  # a page and its numbers of two seq_lens, and what tokenizing cost
    assert set(there) == listed | tokenizers | reports
    # A rename is a copy and a removal: the plans that waited are removed, and (in bulk) the lock.
    removed = {path.rpartition("/")[2] for path in store.asked("DELETE")}
    assert removed == {"_plan.json"}
    assert store.asked("PUT").count("/data/out/small/_lock")
    assert len([line for line in store.log if "/data?delete" in line]) == 1


def test_what_is_on_s3_is_read_back_and_every_invariant_holds(
    store: Store, packed_on_s3: Path
) -> None:
    ran = bfpack(store, packed_on_s3, "verify", "--seq-len", 512, "--input", "s3a://data/text")
    assert ran.code == 0, ran.err[-3000:]
    assert "every invariant holds" in ran.out
    assert "300 documents equal their text tokenized anew" in ran.out


def test_credentials_are_in_no_object_and_no_event_log(store: Store, packed_on_s3: Path) -> None:
    logs = [path.read_text() for path in packed_on_s3.rglob("events*") if path.is_file()]
    assert [log for log in logs if "small: tokenize" in log]
    objects = [store.read(info.path) for info in store.objects("data/out").values()]
    assert objects
    for canary in CREDENTIALS.values():
        assert not [log for log in logs if canary in log]
        assert not [raw for raw in objects if canary.encode() in raw]


def is_java(process: psutil.Process) -> bool:
    return bool(process.name() == "java")


def assert_packed_and_let_go(store: Store, output: str, packed: Path) -> None:
    """The shards of an output are those on the local disk, and nobody holds its lock."""
    version = current(packed, "small", "sequences-512")
    assert shards_on_s3(store, output, 512) == shard_hashes(version)
    assert "_lock" not in store.objects(f"data/{output}/small")


def test_of_two_runs_of_a_bucket_one_works_and_the_other_names_it(
    store: Store, packed_on_s3: Path, corpus: Corpus, packed: Path
) -> None:
    """The first stands still, but for its lease, until the second has ended."""
    options = ["pack", *source(corpus), "--seq-len", 512]
    with started(store, packed_on_s3, *options, output="contested") as first:
        until(first, '"stage": "tokenize"')
        (jvm,) = (p for p in psutil.Process(first.pid).children(recursive=True) if is_java(p))
        jvm.suspend()
        try:
            second = bfpack(store, packed_on_s3, *options, output="contested")
        finally:
            jvm.resume()
        _, err = first.communicate()
    assert second.code == 3
    assert second.out == ""
    (line,) = [x for x in second.err.splitlines() if "another run holds it" in x]
    assert f"(pid {first.pid} on {socket.gethostname()} since 20" in line
    assert "Traceback" not in second.err
    assert first.returncode == 0, err[-3000:]
    assert_packed_and_let_go(store, "contested", packed)


def test_a_dead_runs_lease_lapses_and_the_next_run_goes_on(
    store: Store, packed_on_s3: Path, corpus: Corpus, packed: Path
) -> None:
    options = ["pack", *source(corpus), "--seq-len", 512]
    with started(store, packed_on_s3, *options, output="orphaned", lease=4) as dead:
        until(dead, '"stage": "tokenize"')
        dead.kill()
    assert json.loads(store.read("data/orphaned/small/_lock"))["pid"] == dead.pid
    with started(store, packed_on_s3, *options, output="orphaned", lease=4) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err[-3000:]
    assert "tokens: nothing to do" in err
    assert_packed_and_let_go(store, "orphaned", packed)


@pytest.mark.long
def test_an_output_on_s3_has_any_name(store: Store, packed_on_s3: Path, corpus: Corpus) -> None:
    output = "ts=2024-01-01 00%3A00 q?#é"
    for number, key in enumerate(("p%41#?.parquet", "part 1.parquet", "{2}.parquet")):
        source = corpus.path / f"part-{number}.parquet"
        pafs.copy_files(str(source), f"data/in %41/{key}", destination_filesystem=store.fs)
    where = ["--input", "s3a://data/in %41", "--id-column", "doc_id", "--seq-len", 512]
    options = ["--tokenizer", corpus.tokenizer]
    bfpack(store, packed_on_s3, "pack", *where, *options, output=output).succeeds()
    assert shards_on_s3(store, output, 512)
    ran = bfpack(store, packed_on_s3, "verify", *where[:2], *where[4:], output=output).succeeds()
    assert "300 documents equal their text tokenized anew" in ran.out
