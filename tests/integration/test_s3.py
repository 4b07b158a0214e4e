"""A corpus and an output on S3: a server process on loopback that speaks its protocol, Spark's own
S3A file system, the objects that are there in the end, and two runs of one bucket at once."""

import hashlib
import http.client
import http.server
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pyarrow.fs as pafs
import pytest
from conftest import ROOT, Corpus, Ran
from outputs import current, shard_hashes

from bfpack_spark.config import load_settings
from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import BusyError, InputError
from bfpack_spark.files import access, own_files
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.locks import hold_bucket

pytestmark = pytest.mark.timeout(
    900
)  # jars of 690 MB are fetched once, and a busy one takes its time

SERVER = ROOT / ".integration" / "s3" / "bin" / "moto_server"
# Credentials come by the standard chain, here the environment, and stay out of all that is written.
SECRET = "canary-of-the-secret-key"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "canary-of-the-key-id", "AWS_SECRET_ACCESS_KEY": SECRET}
SETTINGS = """
[spark]
"spark.master" = "local[2]"
"spark.driver.memory" = "2g"
"spark.sql.shuffle.partitions" = 4
"spark.jars.packages" = "org.apache.hadoop:hadoop-aws:3.5.0"
"spark.jars.ivy" = "{ivy}"
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


@dataclass(frozen=True)
class Store:
    """The server: its address, what it was asked, and a client that is not bfpack's."""

    address: str
    log: list[str]
    fs: pafs.S3FileSystem

    def objects(self, folder: str) -> dict[str, pafs.FileInfo]:
        """By name, all that lies below a folder."""
        where = pafs.FileSelector(folder, recursive=True, allow_not_found=True)
        found = self.fs.get_file_info(where)
        files = [info for info in found if info.type == pafs.FileType.File]
        return {info.path.removeprefix(f"{folder}/"): info for info in files}

    def read(self, name: str) -> bytes:
        with self.fs.open_input_stream(name) as stream:
            return bytes(stream.read())

    def asked(self, method: str) -> list[str]:
        """Paths, without their queries, of the requests of one method (its log is coloured)."""
        return re.findall(rf'"\S*{method} (/[^ ?"]*)', "".join(self.log))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    if not SERVER.exists():
        pytest.skip(f"{SERVER.relative_to(ROOT)} is missing: run `make test-integration`")
    command = [SERVER, "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        log: list[str] = []
        addresses: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_follow, args=(process, log, addresses))
        reader.start()
        address = addresses.get()
        assert address is not None, f"no server: {''.join(log)}"
        client = pafs.S3FileSystem(
            access_key="test",
            secret_key="test",
            region="us-east-1",
            endpoint_override=address,
            allow_bucket_creation=True,
        )
        client.create_dir("data")
        yield Store(address, log, client)
        process.terminate()
        reader.join()


def _follow(
    process: subprocess.Popen[str], log: list[str], addresses: "queue.SimpleQueue[str | None]"
) -> None:
    """Keep what the server says; its address, or None if it ends without one."""
    assert process.stderr is not None
    for line in process.stderr:
        log.append(line)
        if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
            addresses.put(found.group(1))
    addresses.put(None)


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
    ivy = {"ivySettings": tmp_path / "ivysettings.xml", "ivy": tmp_path / "ivy"}
    options = [
        x for key, value in ivy.items() for x in ("--spark-conf", f"spark.jars.{key}={value}")
    ]
    ran = bfpack(store, tmp_path, "verify", "--seq-len", 512, *options)
    assert ran.code == 2
    assert "unresolved dependency: org.apache.hadoop#hadoop-aws;3.5.0: not found" in ran.err
    assert "error: Spark's JVM did not start, for the reason above" in ran.err
    if answers:
        assert out_of_reach(ran) is None
    else:
        assert f"Server access error at url {address}/maven/org/apache" in str(out_of_reach(ran))


@pytest.fixture(scope="module")
def packed_on_s3(store: Store, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """s3a://data/text packed to s3a://data/out; the directory of the event log."""
    pafs.copy_files(str(corpus.path), "data/text", destination_filesystem=store.fs)
    folder = tmp_path_factory.mktemp("packed-on-s3")
    (folder / "events").mkdir()
    ran = bfpack(store, folder, "pack", *source(corpus), "--seq-len", 512, "--seq-len", 2048)
    if reason := out_of_reach(ran):
        pytest.skip(f"hadoop-aws 3.5.0 cannot be fetched: {reason}")
    assert ran.code == 0, ran.err[-3000:]
    assert SECRET not in ran.out + ran.err
    return folder


def out_of_reach(ran: Ran) -> str | None:
    """What Ivy says of a registry that does not answer; None if nothing failed for it. One that
    answers and has no such jar is no reason to skip."""
    failed = re.search(r"unresolved dependency|download failed", ran.err)
    found = re.search(r"Server access error at url .*", ran.err)
    return found[0] if ran.code and failed and found else None


def source(corpus: Corpus) -> list[object]:
    where = ["--input", "s3a://data/text", "--tokenizer", corpus.tokenizer]
    return [*where, "--id-column", "doc_id"]


def address_of(store: Store) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": store.address, "AWS_REGION": "us-east-1"}


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
    ivy = ROOT / ".integration" / "ivy"
    settings.write_text(SETTINGS.format(ivy=ivy, events=folder / "events"))
    where = ["--config", settings, "--output", f"s3a://data/{output}", "--bucket", "small"]
    return subprocess.Popen(
        [sys.executable, "-c", SOURCE, str(lease), command, *map(str, [*where, *arguments])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **CREDENTIALS, **address_of(store), "PYTHONPATH": str(ROOT)},
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


def test_spark_reads_what_is_on_s3_and_finds_every_invariant(
    store: Store, packed_on_s3: Path
) -> None:
    ran = bfpack(store, packed_on_s3, "verify", "--seq-len", 512, "--input", "s3a://data/text")
    assert ran.code == 0, ran.err[-3000:]
    assert "every invariant holds" in ran.out
    assert "300 documents equal their text tokenized anew" in ran.out


def test_credentials_are_in_no_object_and_no_event_log(store: Store, packed_on_s3: Path) -> None:
    logs = [path.read_text() for path in packed_on_s3.rglob("events*") if path.is_file()]
    assert [log for log in logs if "s3a://data/out/small" in log]
    objects = [store.read(info.path) for info in store.objects("data/out").values()]
    assert objects
    for canary in CREDENTIALS.values():
        assert not [log for log in logs if canary in log]
        assert not [raw for raw in objects if canary.encode() in raw]


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
    assert shards_on_s3(store, "contested", 512) == shard_hashes(
        current(packed, "small", "sequences-512")
    )
    assert "_lock" not in store.objects("data/contested/small")


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
    assert shards_on_s3(store, "orphaned", 512) == shard_hashes(
        current(packed, "small", "sequences-512")
    )
    assert "_lock" not in store.objects("data/orphaned/small")


def test_an_object_is_known_by_its_etag_not_by_its_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, **address_of(store)}.items():
        monkeypatch.setenv(name, value)

    def taken(content: str) -> list[list[str | int]]:
        for name in ("a.jsonl", "deep/b.jsonl"):
            with store.fs.open_output_stream(f"data/tagged/{name}") as stream:
                stream.write(content.encode())
        found = take_inventory("s3a://data/tagged", None)
        (only,) = take_inventory("s3a://data/tagged/deep/b.jsonl", None).for_fingerprint()
        (glob,) = take_inventory("s3a://data/tagged/*.jsonl", None).for_fingerprint()
        assert [glob, ["deep/b.jsonl", *only[1:]]] == found.for_fingerprint()
        return found.for_fingerprint()

    first = taken("{}")
    assert [name for name, *_ in first] == ["a.jsonl", "deep/b.jsonl"]
    assert all(isinstance(tag, str) and tag for _, _, tag in first)
    assert taken("{}") == first
    assert [tag for *_, tag in taken("[]")] != [tag for *_, tag in first]


def is_java(process: psutil.Process) -> bool:
    return bool(process.name() == "java")


class LosesReplies(http.server.BaseHTTPRequestHandler):
    """A way to the store on which the answer to the first PUT of each name is lost: it is handed on
    and done, and the connection is cut."""

    store = ""
    lost: ClassVar[list[str]] = []

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        behind = http.client.HTTPConnection(self.store.removeprefix("http://"))
        behind.request(self.command, self.path, body, dict(self.headers))
        answer = behind.getresponse()
        told = answer.read()
        if self.command == "PUT" and self.path not in self.lost:
            self.lost.append(self.path)
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name not in ("Transfer-Encoding", "Content-Length", "Date", "Server", "Connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _pass_on  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_run_whose_first_write_of_the_lock_lost_its_answer_has_the_lock(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = type("Handler", (LosesReplies,), {"store": store.address, "lost": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        for name, value in {**CREDENTIALS, **address_of(store)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with hold_bucket("s3://data/lossy", "b") as lock:
            lock.check()
            assert json.loads(store.read("data/lossy/b/_lock"))["pid"] == os.getpid()
            with pytest.raises(BusyError), hold_bucket("s3://data/lossy", "b"):
                pass
        server.shutdown()
    assert handler.lost == ["/data/lossy/b/_lock"]
    assert not store.objects("data/lossy")


def test_what_an_output_holds_is_written_listed_and_deleted_as_on_a_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, **address_of(store)}.items():
        monkeypatch.setenv(name, value)
    output, version = "s3a://data/own", "b/tokens/0123456789abcdef"
    assert own_files.kinds_in(output, "b") == {}
    assert own_files.files_below(output, "b") == {}
    own_files.write_bytes(output, f"{version}/documents/p%41", b"four")
    own_files.write_json(output, "b/tokens/_current.json", {})
    assert own_files.kinds_in(output, "b/tokens") == {
        "_current.json": "file",
        "0123456789abcdef": "folder",
    }
    assert own_files.folders_in(output, "") == ["b"]
    sizes = {path: facts.size for path, facts in own_files.files_below(output, "b").items()}
    assert sizes == {
        "tokens/0123456789abcdef/documents/p%41": 4,
        "tokens/_current.json": 3,
    }
    own_files.delete_file(output, "b/tokens/_current.json")
    own_files.delete_file(output, "b/tokens/_current.json")
    own_files.delete_tree(output, f"{version}/_temporary")
    assert list(store.objects("data/own")) == [f"{version}/documents/p%41"]
    own_files.delete_tree(output, version)
    assert not store.objects("data/own")


def test_a_task_that_gives_up_leaves_no_object(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, **address_of(store)}.items():
        monkeypatch.setenv(name, value)
    given_up, whole = (HashingFile("s3a://data/task", name) for name in ("given-up", "whole"))
    given_up.write(b"half")
    del given_up
    whole.write(b"all")
    assert whole.publish() == hashlib.sha256(b"all").hexdigest()
    assert list(store.objects("data/task")) == ["whole"]
    assert store.read("data/task/whole") == b"all"


# Keys of which a URI, a pattern or a shell would make something else.
KEYS = (
    *("a%41", "aA", "q?x=1", "h#1", "s p", "c:d", "é", "%2F", "a+b", "x,y", "{a}", "[x]"),
    "ts=2024-01-01 00%3A00/x",
)


@pytest.fixture
def within(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The server as this process finds it, by its environment."""
    for name, value in {**CREDENTIALS, **address_of(store)}.items():
        monkeypatch.setenv(name, value)
    return store


def put(store: Store, name: str, content: str = "{}") -> None:
    with store.fs.open_output_stream(name, compression=None) as stream:
        stream.write(content.encode())


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_key_is_a_key(within: Store, scheme: str) -> None:
    folder = f"data/{scheme}-keys %41?#"
    for key in KEYS:
        put(within, f"{folder}/{key}.jsonl", f'{{"text": "{key}"}}')
    found = take_inventory(f"{scheme}://{folder}", None)
    assert [file.name for file in found.files] == sorted(f"{key}.jsonl" for key in KEYS)
    for file in found.files:
        with access.open_binary(file.path) as stream:
            assert json.loads(stream.read())["text"] == file.name.removesuffix(".jsonl")
        (alone,) = take_inventory(file.path, None).files
        assert (alone.path, alone.size, alone.etag) == (file.path, file.size, file.etag)
    tags = {file.etag for file in found.files}
    assert len(tags) == len(KEYS)
    assert None not in tags


def test_options_of_an_address_reach_whoever_opens_what_lies_below_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    put(store, "data/told/a%41.jsonl")
    host = store.address.removeprefix("http://")
    options = f"region=us-east-1&scheme=http&endpoint_override={host}"
    settings = load_settings(None, {"input": f"s3://data/told?{options}", "output": "x"})
    assert settings.input == (f"s3://data?{options}/told",)
    (found,) = take_inventory(settings.input, None).files
    assert (found.name, found.path) == ("a%41.jsonl", f"s3://data?{options}/told/a%41.jsonl")
    assert found.etag
    assert access.read_bytes(found.path) == b"{}"
    own_files.write_bytes(f"s3://data?{options}/told", "x#?.json", b"{}")
    assert "x#?.json" in store.objects("data/told")
    with hold_bucket(f"s3://data?{options}/told", "b"):
        assert "b/_lock" in store.objects("data/told")
    assert "b/_lock" not in store.objects("data/told")


def test_a_key_that_no_path_can_name_is_refused_by_name(within: Store) -> None:
    put(within, "data/odd/a.jsonl")
    connection = http.client.HTTPConnection(within.address.removeprefix("http://"))
    connection.request("PUT", "/data/odd/b//c.jsonl", b"{}")  # pyarrow would not
    assert connection.getresponse().status == 200
    with pytest.raises(InputError, match=r"b//c\.jsonl is a key with a part that is empty"):
        take_inventory("s3://data/odd", None)


def test_what_is_left_out_of_a_folder_of_objects_is_named(within: Store) -> None:
    for name in ("a.jsonl", "README.md", "x.parquet.tmp", "_SUCCESS"):
        put(within, f"data/left/{name}")
    found = take_inventory("s3a://data/{left,left}", None)
    assert [file.name for file in found.files] == ["a.jsonl"]
    assert [left.name for left in found.left_out] == ["README.md", "x.parquet.tmp"]
    put(within, "data/left/b.jsonl.gz", "")
    with pytest.raises(InputError, match=r"b\.jsonl\.gz is empty, and 0 bytes are no gzip file"):
        take_inventory("s3a://data/left", None)


LINES = '{"text": "one"}\n'
CHANGES: dict[str, Callable[[Store], object]] = {
    "has been written since it was listed": lambda store: put(
        store, "data/moving/b.jsonl", LINES.replace("one", "eno")
    ),
    "has vanished since it was listed": lambda store: store.fs.delete_file("data/moving/b.jsonl"),
}


@pytest.mark.parametrize("says", CHANGES)
def test_an_object_that_is_another_than_was_listed_is_named_whoever_looks(
    within: Store, says: str
) -> None:
    """Of the same size, or gone; the other one stands."""
    for name in ("a", "b"):
        put(within, f"data/moving/{name}.jsonl", LINES)
    found = take_inventory("s3a://data/moving", None)
    look_again(found)
    first, second = split_inventory(found)
    CHANGES[says](within)
    line = rf"--input: b\.jsonl {says}; run it again when nothing writes there"
    with pytest.raises(InputError, match=line):
        look_again(found)
    columns = Columns(content="text", doc_id=None)
    (documents,) = read_documents([first], "jsonl", columns, 1 << 20)
    assert documents.content.to_pylist() == ["one"]
    with pytest.raises(InputError, match=line):
        list(read_documents([second], "jsonl", columns, 1 << 20))


def test_an_output_on_s3_has_any_name(
    store: Store, packed_on_s3: Path, corpus: Corpus, packed: Path
) -> None:
    output = "ts=2024-01-01 00%3A00 q?#é"
    for number, key in enumerate(("p%41#?.parquet", "part 1.parquet", "{2}.parquet")):
        source = corpus.path / f"part-{number}.parquet"
        pafs.copy_files(str(source), f"data/in %41/{key}", destination_filesystem=store.fs)
    where = ["--input", "s3a://data/in %41", "--id-column", "doc_id", "--seq-len", 512]
    options = ["--tokenizer", corpus.tokenizer]
    ran = bfpack(store, packed_on_s3, "pack", *where, *options, output=output)
    assert ran.code == 0, ran.err[-3000:]
    assert shards_on_s3(store, output, 512)
    ran = bfpack(store, packed_on_s3, "verify", *where[:2], *where[4:], output=output)
    assert ran.code == 0, ran.err[-3000:]
    assert "300 documents equal their text tokenized anew" in ran.out
