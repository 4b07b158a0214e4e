"""What this process reads and writes on S3: keys, tags, locks, and what is left there."""

import hashlib
import http.client
import json
import os
from collections.abc import Callable

import pytest
from faults.proxy import started_proxy
from s3_store import CREDENTIALS, Store

from bfpack_spark.corpus.documents import Columns
from bfpack_spark.corpus.inventory import split_inventory
from bfpack_spark.corpus.read_corpus import read_documents
from bfpack_spark.corpus.second_look import look_again
from bfpack_spark.corpus.take_inventory import take_inventory
from bfpack_spark.errors import BusyError, InputError, JobError
from bfpack_spark.files import access, own_files, write_own_files
from bfpack_spark.files.hashing_file import HashingFile
from bfpack_spark.files.locks import hold_bucket
from bfpack_spark.load_settings import load_settings


def test_an_object_is_known_by_its_etag_not_by_its_time(within: Store) -> None:
    def taken(content: str) -> list[list[str | int]]:
        for name in ("a.jsonl", "deep/b.jsonl"):
            within.put(f"data/tagged/{name}", content)
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


def test_a_run_whose_first_write_of_the_lock_lost_its_answer_has_the_lock(
    within: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started_proxy("127.0.0.1", within.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        proxy.fail("reply lost", "PUT", 1)
        with hold_bucket("s3://data/lossy", "b") as lock:
            assert proxy.done
            lock.check()
            assert json.loads(within.read("data/lossy/b/_lock"))["pid"] == os.getpid()
            with pytest.raises(BusyError), hold_bucket("s3://data/lossy", "b"):
                pass
    assert not within.objects("data/lossy")


def test_what_an_output_holds_is_written_listed_and_deleted_as_on_a_disk(within: Store) -> None:
    output, version = "s3a://data/own", "b/tokens/0123456789abcdef"
    assert own_files.kinds_in(output, "b") == {}
    assert own_files.files_below(output, "b") == {}
    write_own_files.write_bytes(output, f"{version}/documents/p%41", b"four")
    write_own_files.write_json(output, "b/tokens/_current.json", {})
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
    assert list(within.objects("data/own")) == [f"{version}/documents/p%41"]
    own_files.delete_tree(output, version)
    assert not within.objects("data/own")


def test_a_task_that_gives_up_leaves_no_object(within: Store) -> None:
    given_up, whole = (HashingFile("s3a://data/task", name) for name in ("given-up", "whole"))
    given_up.write(b"half")
    del given_up
    whole.write(b"all")
    assert whole.publish() == hashlib.sha256(b"all").hexdigest()
    assert list(within.objects("data/task")) == ["whole"]
    assert within.read("data/task/whole") == b"all"


# Keys of which a URI, a pattern or a shell would make something else.
KEYS = (
    *("a%41", "aA", "q?x=1", "h#1", "s p", "c:d", "é", "%2F", "a+b", "x,y", "{a}", "[x]"),
    "ts=2024-01-01 00%3A00/x",
)


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_a_key_is_a_key(within: Store, scheme: str) -> None:
    folder = f"data/{scheme}-keys %41?#"
    for key in KEYS:
        within.put(f"{folder}/{key}.jsonl", f'{{"text": "{key}"}}')
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
    store.put("data/told/a%41.jsonl")
    host = store.address.removeprefix("http://")
    options = f"region=us-east-1&scheme=http&endpoint_override={host}"
    settings = load_settings(None, {"input": f"s3://data/told?{options}", "output": "x"})
    assert settings.input == (f"s3://data?{options}/told",)
    (found,) = take_inventory(settings.input, None).files
    assert (found.name, found.path) == ("a%41.jsonl", f"s3://data?{options}/told/a%41.jsonl")
    assert found.etag
    assert access.read_bytes(found.path) == b"{}"
    write_own_files.write_bytes(f"s3://data?{options}/told", "x#?.json", b"{}")
    assert "x#?.json" in store.objects("data/told")
    with hold_bucket(f"s3://data?{options}/told", "b"):
        assert "b/_lock" in store.objects("data/told")
    assert "b/_lock" not in store.objects("data/told")


def test_a_key_that_no_path_can_name_is_refused_by_name(within: Store) -> None:
    within.put("data/odd/a.jsonl")
    connection = http.client.HTTPConnection(within.address.removeprefix("http://"))
    connection.request("PUT", "/data/odd/b//c.jsonl", b"{}")  # pyarrow would not
    assert connection.getresponse().status == 200
    with pytest.raises(InputError, match=r"b//c\.jsonl is a key with a part that is empty"):
        take_inventory("s3://data/odd", None)


def test_what_is_left_out_of_a_folder_of_objects_is_named(within: Store) -> None:
    for name in ("a.jsonl", "README.md", "x.parquet.tmp", "_SUCCESS"):
        within.put(f"data/left/{name}")
    found = take_inventory("s3a://data/{left,left}", None)
    assert [file.name for file in found.files] == ["a.jsonl"]
    assert [left.name for left in found.left_out] == ["README.md", "x.parquet.tmp"]
    within.put("data/left/b.jsonl.gz", "")
    with pytest.raises(InputError, match=r"b\.jsonl\.gz is empty, and 0 bytes are no gzip file"):
        take_inventory("s3a://data/left", None)


LINES = '{"text": "one"}\n'
CHANGES: dict[str, Callable[[Store], object]] = {
    "has been written since it was listed": lambda store: store.put(
        "data/moving/b.jsonl", LINES.replace("one", "eno")
    ),
    "has vanished since it was listed": lambda store: store.fs.delete_file("data/moving/b.jsonl"),
}


@pytest.mark.parametrize("says", CHANGES)
def test_an_object_that_is_another_than_was_listed_is_named_whoever_looks(
    within: Store, says: str
) -> None:
    """Of the same size, or gone; the other one stands."""
    for name in ("a", "b"):
        within.put(f"data/moving/{name}.jsonl", LINES)
    found = take_inventory("s3a://data/moving", None)
    look_again(found)
    first, second = split_inventory(found)
    CHANGES[says](within)
    line = rf"--input: b\.jsonl {says}; run it again when nothing writes there"
    with pytest.raises(JobError, match=line):
        look_again(found)
    columns = Columns(content="text", doc_id=None)
    (documents,) = read_documents([first], "jsonl", columns, 1 << 20)
    assert documents.content.to_pylist() == ["one"]
    with pytest.raises(JobError, match=line):
        list(read_documents([second], "jsonl", columns, 1 << 20))
