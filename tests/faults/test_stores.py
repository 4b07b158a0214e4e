"""An S3 server that answers 503, cuts connections, loses replies or is slow: what is written is
there whole or not at all, what is read is right, and a lock is held by one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from conftest import Ran
from faults.corpora import deliver
from faults.injection import holding
from faults.kit import Drivers, one_line, pack_command, started_host
from faults.matrix import Matrix
from faults.proxy import KINDS, Proxy, started_proxy
from s3_store import Store

from bfpack_spark.errors import BusyError
from bfpack_spark.files import access, write_own_files
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.locks import hold_bucket

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

OUTPUT = "s3a://data/out"


@pytest.fixture(scope="module")
def proxy(store: Store) -> Iterator[Proxy]:
    with started_proxy("127.0.0.1", store.port) as started, pytest.MonkeyPatch.context() as patch:
        told = {"AWS_ENDPOINT_URL": started.address}
        told |= {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
        for name, value in (store.environment | told).items():
            patch.setenv(name, value)
        yield started


@pytest.fixture(scope="module")
def cloud(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drivers]:
    """Drivers and workers that have the proxy for their store."""
    folder = tmp_path_factory.mktemp("cloud")
    with started_host(folder / "host") as host:
        yield Drivers(host, folder)


@pytest.fixture(scope="module")
def upload(store: Store, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A delivery of Parquet and one of JSONL, in the store."""
    folder = tmp_path_factory.mktemp("upload")
    for form in ("parquet", "jsonl"):
        local = deliver(folder / form, form).new
        pafs.copy_files(str(local), f"data/in/{form}", destination_filesystem=store.fs)
    return "s3://data/in"


def hashes(store: Store, folder: str) -> dict[str, str]:
    """Hashes of all objects below a folder, but for reports, which hold times."""
    hashes = {
        name: hashlib.sha256(store.read(info.path)).hexdigest()
        for name, info in store.objects(folder).items()
        if "/report/" not in info.path
    }
    assert hashes
    return hashes


@pytest.mark.long
def test_a_run_on_a_store_that_fails_all_the_time_gives_the_same_bytes(
    cloud: Drivers,
    proxy: Proxy,
    store: Store,
    upload: str,
    tiny_tokenizer: Path,
    matrix: Matrix,
) -> None:
    """Every seventh request, of driver and workers, reading and writing; run again where that was
    too much."""

    def pack(output: str) -> Ran:
        return cloud.run(*pack_command(f"{upload}/parquet", tiny_tokenizer, f"s3://data/{output}"))

    pack("right").succeeds()
    right = hashes(store, "data/right")
    for kind in KINDS:
        output = kind.replace(" ", "-")
        proxy.fail(kind, "", 10**6, every=7)
        ran = pack(output)
        assert proxy.done > 5
        proxy.fail("", "", 0)
        outcome = "same bytes"
        if ran.code:
            assert one_line(ran, 5)
            outcome = "one line, exit 5; same bytes when run again"
            ran = pack(output)
        assert ran.code == 0, ran.err
        assert hashes(store, f"data/{output}") == right
        matrix.add(f"S3, {kind}, to every seventh request of a run", outcome)


def test_an_object_that_is_replaced_during_the_run_fails_it_and_is_named(
    cloud: Drivers, store: Store, upload: str, tiny_tokenizer: Path, matrix: Matrix
) -> None:
    """By one of the same size, when all of it has been read."""
    pafs.copy_files("data/in/jsonl", "data/in/moving", store.fs, store.fs)
    command = pack_command("s3://data/in/moving", tiny_tokenizer, "s3://data/moving")
    with holding(cloud.host.faults, "check_unique - before") as gate:
        driver = cloud.start(*command)
        driver.wait_at(gate)
        content = store.read("data/in/moving/c.jsonl").decode()
        store.put("data/in/moving/c.jsonl", content.replace("forget", "FORGET"))
        gate.let_go()
        ran = driver.wait()
    assert "c.jsonl has been written since it was listed" in one_line(ran, 5)
    assert "b/tokens/_current.json" not in hashes(store, "data/moving")
    matrix.add("object replaced during the run", "exit 5, one line names it")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("times", [1, 100])
def test_a_pointer_is_old_or_new_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str, times: int
) -> None:
    old, new = b'{"version": "old"}', b'{"version": "new"}'
    write_own_files.write_bytes(OUTPUT, "b/tokens/_current.json", old)
    proxy.fail(kind, "PUT", times)
    outcome = "new one is there"
    try:
        write_own_files.write_bytes(OUTPUT, "b/tokens/_current.json", new)
    except OSError:
        outcome = "OSError, old or new one is there"
    assert proxy.done
    proxy.fail("", "", 0)
    found = access.read_bytes(f"{OUTPUT}/b/tokens/_current.json")
    assert found in ((new,) if outcome == "new one is there" else (old, new))
    write_own_files.write_bytes(OUTPUT, "b/tokens/_current.json", new)
    assert access.read_bytes(f"{OUTPUT}/b/tokens/_current.json") == new
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
    found = access.read_bytes(f"{root}/shards/part-0.parquet")
    assert found in ((raw,) if outcome == "whole" else (raw, None))
    matrix.add(f"S3, {kind}, to one PUT of a shard", outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_right_whatever_the_store_answers(
    proxy: Proxy, matrix: Matrix, kind: str
) -> None:
    raw = bytes(range(256)) * 4_000
    write_own_files.write_bytes(OUTPUT, "b/read", raw)
    proxy.fail(kind, "GET", 1)
    assert access.read_bytes(f"{OUTPUT}/b/read") == raw
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
