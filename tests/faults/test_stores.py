"""An S3 server that answers 503, cuts connections, loses replies or is slow: what is written is
there whole or not at all, what is read is right, and a lock is held by one."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator

import pyarrow.fs as pafs
import pytest
from conftest import ROOT
from faults.matrix import Matrix
from faults.proxy import KINDS, Proxy, started_proxy

from bfpack_spark.errors import BusyError
from bfpack_spark.storage import files, own_files
from bfpack_spark.storage.hashing_file import HashingFile
from bfpack_spark.storage.locks import hold_bucket

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

SERVER = ROOT / ".integration" / "s3" / "bin" / "moto_server"
OUTPUT = "s3a://data/out"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a server that is right."""
    if not SERVER.exists():
        pytest.skip(f"{SERVER.relative_to(ROOT)} is missing: run `make test-faults`")
    command = [SERVER, "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        ports: queue.SimpleQueue[int] = queue.SimpleQueue()
        reader = threading.Thread(target=_follow, args=(process, ports))
        reader.start()
        yield ports.get(timeout=300)
        process.terminate()
        reader.join()


def _follow(process: "subprocess.Popen[str]", ports: "queue.SimpleQueue[int]") -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", line):
            ports.put(int(found.group(1)))


@pytest.fixture
def proxy(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with started_proxy("127.0.0.1", server) as started:
        told = {"AWS_ENDPOINT_URL": started.address, "AWS_REGION": "us-east-1"}
        told |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        told |= {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        client = pafs.S3FileSystem(
            access_key="key",
            secret_key="secret",
            region="us-east-1",
            endpoint_override=f"http://127.0.0.1:{server}",
            allow_bucket_creation=True,
        )
        client.create_dir("data")
        yield started


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("times", [1, 100])
def test_a_pointer_is_the_old_one_or_the_new_one_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str, times: int
) -> None:
    old, new = b'{"version": "old"}', b'{"version": "new"}'
    own_files.write_bytes(OUTPUT, "b/tokens/_current.json", old)
    proxy.fail(kind, "PUT", times)
    outcome = "new one is there"
    try:
        own_files.write_bytes(OUTPUT, "b/tokens/_current.json", new)
    except OSError:
        outcome = "OSError, old or new one is there"
    assert proxy.done
    proxy.fail("", "", 0)
    found = files.read_bytes(f"{OUTPUT}/b/tokens/_current.json")
    assert found in ((new,) if outcome == "new one is there" else (old, new))
    own_files.write_bytes(OUTPUT, "b/tokens/_current.json", new)
    assert files.read_bytes(f"{OUTPUT}/b/tokens/_current.json") == new
    matrix.add(f"S3, {kind}, to {'one PUT' if times == 1 else 'every PUT'} of a pointer", outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_is_whole_or_not_there_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str
) -> None:
    raw = bytes(range(256)) * 40_000
    root = f"{OUTPUT}/b/sequences-128/{kind.replace(' ', '-')}"
    proxy.fail(kind, "PUT", 1)
    file = HashingFile(root, "shards/part-0.parquet")
    file.write(raw)
    outcome = "whole"
    try:
        file.publish()
    except OSError:
        outcome = "OSError, whole or not there"
    assert proxy.done
    proxy.fail("", "", 0)
    found = files.read_bytes(f"{root}/shards/part-0.parquet")
    assert found in ((raw,) if outcome == "whole" else (raw, None))
    matrix.add(f"S3, {kind}, to one PUT of a shard", outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_right_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str
) -> None:
    raw = bytes(range(256)) * 4_000
    own_files.write_bytes(OUTPUT, "b/read", raw)
    proxy.fail(kind, "GET", 1)
    assert files.read_bytes(f"{OUTPUT}/b/read") == raw
    assert proxy.done
    matrix.add(f"S3, {kind}, to one GET", "read again, right bytes")


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_is_held_by_one_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str
) -> None:
    bucket = kind.replace(" ", "-")
    proxy.fail(kind, "PUT", 1)
    with hold_bucket(OUTPUT, bucket) as lock:
        assert proxy.done
        lock.check()
        with pytest.raises(BusyError), hold_bucket(OUTPUT, bucket):
            pass
        lock.check()
    with hold_bucket(OUTPUT, bucket) as lock:
        lock.check()
    matrix.add(f"S3, {kind}, to the first PUT of a lock", "held by one")
