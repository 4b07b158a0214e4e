"""Whole runs on every kind of store, in one session that has no jars for any of them and whose
default file system is an address where nobody answers."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from azure_store import ArrowClient, Azure
from conftest import ROOT, Corpus, Ran
from gcs_store import Gcs
from hadoop_cluster import DEFAULT_LEASE, Hadoop
from outputs import current, shard_hashes
from s3_store import Store

from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import BusyError, JobError
from bfpack_spark.files import access, create_own_files, own_files, write_own_files
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.locks import hold_bucket

pytestmark = pytest.mark.timeout(600)  # servers are started, and a busy one takes its time

NAMES = ("machine", "s3", "azure", "gcs", "hdfs")
SETTINGS = """
[spark]
"spark.master" = "local[2]"
"spark.driver.memory" = "2g"
"spark.sql.shuffle.partitions" = 4
"spark.hadoop.fs.defaultFS" = "hdfs://127.0.0.1:9"
"spark.hadoop.ipc.client.connect.max.retries" = 0
"""
# Every command in one process, and in the end what Spark itself says of a bare path.
SOURCE = """
import contextlib, io, json, sys
from pyspark.sql import SparkSession
from bfpack_spark.cli.main import main

told = []
for arguments in json.load(sys.stdin):
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
    told.append([code, out.getvalue()])
try:
    SparkSession.getActiveSession().read.parquet("/a/bare/path")
except Exception as error:
    told.append([0, str(error)])
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Place:
    """A store as commands name it, and as another client does."""

    root: str
    environment: dict[str, str]
    client: ArrowClient | Hadoop
    inside: str  # what its client puts before a name
    local: str = ""  # where its output goes, if no lock can be held on it

    @property
    def output(self) -> str:
        return f"{self.local or self.root}/out"


@pytest.fixture(scope="module")
def places(
    store: Store, azure: Azure, gcs: Gcs, hadoop: Hadoop, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Place]:
    there = str(tmp_path_factory.mktemp("machine"))
    machine, s3 = ArrowClient(pafs.LocalFileSystem()), ArrowClient(store.fs)
    return {
        "machine": Place(there, {}, machine, f"{there}/"),
        "s3": Place("s3a://data", store.environment, s3, "data/"),
        "azure": Place(azure.address, azure.environment, azure.client, "data/"),
        "gcs": Place(gcs.address, gcs.environment, gcs.client, "data/", f"{there}/gcs"),
        "hdfs": Place(hadoop.address, {}, hadoop, "/"),
    }


@pytest.fixture(scope="module")
def runs(
    places: dict[str, Place], corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Ran, Ran]]:
    """What pack and verify say on each store; last, what Spark's own reader says."""
    settings = tmp_path_factory.mktemp("settings") / "stores.toml"
    settings.write_text(SETTINGS)
    commands = []
    for place in places.values():
        place.client.copy_in(corpus.path, f"{place.inside}text")
        where = ["--config", settings, "--output", place.output, "--bucket", "small"]
        where += ["--input", f"{place.root}/text/*.parquet", "--seq-len", 512]
        pack = ["pack", *where, "--tokenizer", corpus.tokenizer, "--id-column", "doc_id"]
        commands += [list(map(str, command)) for command in (pack, ["verify", *where])]
    environment = {k: v for place in places.values() for k, v in place.environment.items()}
    done = subprocess.run(
        [sys.executable, "-c", SOURCE],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [Ran(code, out, done.stderr) for code, out in json.loads(done.stdout.splitlines()[-1])]
    each = dict(zip(NAMES, zip(told[0:-1:2], told[1:-1:2], strict=True), strict=True))
    return {**each, "spark": (told[-1], told[-1])}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_on_a_store_leaves_the_bytes_of_one_on_disk_and_no_more(
    name: str,
    runs: dict[str, tuple[Ran, Ran]],
    places: dict[str, Place],
    packed: Path,
    tmp_path: Path,
) -> None:
    pack, verify = runs[name]
    assert pack.code == 0, pack.err[-3000:]
    place = places[name]
    client, root = place.client, f"{place.inside}out"
    if place.local:
        client, root = ArrowClient(pafs.LocalFileSystem()), place.output
    client.copy_out(root, tmp_path / "out")
    ours, theirs = (current(o, "small", "sequences-512") for o in (tmp_path / "out", packed))
    assert shard_hashes(ours) == shard_hashes(theirs)
    there = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
    wanted = {path for path in there if "sequences-2048" not in path}
    version = current(tmp_path / "out", "small", "tokens").name
    its = current(packed, "small", "tokens").name
    found = {path.replace(version, its) for path in client.names_below(root)}
    assert {path.replace(ours.name, theirs.name) for path in found} == wanted
    assert verify.code == 0, verify.err[-3000:]
    assert "every invariant holds" in verify.out
    assert "300 documents equal their text tokenized anew" in verify.out


def test_spark_itself_cannot_read_there(runs: dict[str, tuple[Ran, Ran]]) -> None:
    """The default file system is one where nobody answers, so all the rest did without it."""
    assert "Connection refused" in runs["spark"][0].out


@pytest.fixture(params=["azure", "gcs", "hdfs"])
def place(
    request: pytest.FixtureRequest, places: dict[str, Place], monkeypatch: pytest.MonkeyPatch
) -> Place:
    found = places[request.param]
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def test_one_of_two_holders_has_the_lock_and_the_other_names_it(place: Place) -> None:
    if place.local:
        pytest.skip("no server of Google's store in the registries takes a conditional put")
    output = f"{place.root}/locked"
    with hold_bucket(output, "b") as lock:
        lock.check()
        with pytest.raises(BusyError, match=rf"\(pid {os.getpid()} on "), hold_bucket(output, "b"):
            pass
        lock.check()
    assert not own_files.kinds_in(output, "")


def test_a_lock_lost_on_hdfs_is_known_at_once_and_left_to_its_owner(
    hadoop: Hadoop,
) -> None:
    output = f"{hadoop.address}/lost"
    first = hold_bucket(output, "b")
    lock = first.__enter__()
    own_files.delete_tree(output, "b")
    with hold_bucket(output, "b") as second:
        with pytest.raises(JobError, match="another run may hold the bucket now"):
            lock.check()
        first.__exit__(None, None, None)
        second.check()
        assert set(own_files.files_below(output, "b")) == {"_lock", "_lock_holder"}


HOLDER = """
import signal, sys
from bfpack_spark.files.locks import hold_bucket
with hold_bucket(sys.argv[1], "b"):
    print("held", flush=True)
    signal.pause()
"""


def test_the_lock_of_a_dead_process_lapses_on_hdfs(hadoop: Hadoop) -> None:
    output = f"{hadoop.address}/orphaned"
    command = [sys.executable, "-c", HOLDER, output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=rf"pid {holder.pid} on"), hold_bucket(output, "b"):
            pass
        holder.send_signal(signal.SIGKILL)
    hadoop.lease_lapses_after(1)
    try:
        with hold_bucket(output, "b") as lock:
            lock.check()
    finally:
        hadoop.lease_lapses_after(DEFAULT_LEASE)
    assert own_files.kinds_in(output, "b") == {}


def test_what_nobody_may_replace_is_written_once(place: Place) -> None:
    if place.local:
        pytest.skip("no server of Google's store in the registries takes a conditional put")
    output, name = f"{place.root}/once", "_snapshots/a.json"
    assert create_own_files.create_json(output, name, {"number": 1})
    for number in (1, 2):
        assert not create_own_files.create_json(output, name, {"number": number})
    assert json.loads(access.read_bytes(f"{output}/{name}") or b"") == {"number": 1}
    assert list(own_files.files_below(output, "_snapshots")) == ["a.json"]


def test_files_are_replaced_listed_and_deleted_as_on_a_disk(place: Place) -> None:
    output, version = f"{place.root}/own", "b/tokens/0123456789abcdef"
    assert own_files.kinds_in(output, "b") == {}
    assert own_files.files_below(output, "b") == {}
    for content in (b"four", b"fore"):
        write_own_files.write_bytes(output, f"{version}/documents/p%41 #é", content)
    write_own_files.write_json(output, "b/tokens/_current.json", {})
    assert access.read_bytes(f"{output}/{version}/documents/p%41 #é") == b"fore"
    for content in (b"123", b"12345"):  # two attempts of one task
        file = HashingFile(f"{output}/{version}", "documents/part-0")
        file.write(content)
        file.publish()
    assert own_files.kinds_in(output, "b/tokens") == {
        "_current.json": "file",
        "0123456789abcdef": "folder",
    }
    sizes = {path: facts.size for path, facts in own_files.files_below(output, "b").items()}
    assert sizes == {
        "tokens/0123456789abcdef/documents/p%41 #é": 4,
        "tokens/0123456789abcdef/documents/part-0": 5,
        "tokens/_current.json": 3,
    }
    for _ in range(2):
        own_files.delete_file(output, "b/tokens/_current.json")
        own_files.delete_tree(output, version)
    assert own_files.files_below(output, "b") == {}


def test_an_input_is_known_by_its_address_and_a_change_is_named(place: Place) -> None:
    folder = f"{place.root}/moving"
    for name in ("a%41.jsonl", "deep/b.jsonl"):
        write_own_files.write_bytes(folder, name, b'{"text": 1}')
    found = take_inventory(f"{folder}/**/*.jsonl", None)
    assert [file.path for file in found.files] == [f"{folder}/a%41.jsonl", f"{folder}/deep/b.jsonl"]
    assert found.for_fingerprint() == take_inventory(folder, None).for_fingerprint()
    look_again(found)
    write_own_files.write_bytes(folder, "deep/b.jsonl", b'{"text": 2}')
    with pytest.raises(Exception, match=r"deep/b\.jsonl has been written since it was listed"):
        look_again(found)


def test_a_name_node_that_does_not_answer_is_an_error_that_says_so() -> None:
    with pytest.raises(OSError, match="HDFS: Connection refused"):
        access.exists("hdfs://127.0.0.1:9/x")
