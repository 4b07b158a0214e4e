"""Addresses: what a user writes, what travels, and what is taken letter by letter."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfpack_spark.files.addresses import (
    Address,
    as_it_travels,
    as_written,
    check_no_credentials,
    divide,
    start_and_key,
)

KEYS = st.text(st.sampled_from("ab%41#?=& :@+/{}[]*\\éü"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("/data/a%41", ("", "", "", "/data/a%41")),
        ("file:///data/a%41#x?y", ("file", "", "", "/data/a%41#x?y")),
        ("s3://b/k?region=x", ("s3", "b", "", "k?region=x")),  # it travels: no more is split off
        ("s3://b?region=x/k?a", ("s3", "b", "region=x", "k?a")),
        ("S3A://b", ("s3a", "b", "", "")),
        ("abfss://c@a.dfs.core.windows.net/k", ("abfss", "c@a.dfs.core.windows.net", "", "k")),
        ("ts=2024-01-01 00:00/x", ("", "", "", "ts=2024-01-01 00:00/x")),
        ("./s3://b/k", ("", "", "", "./s3://b/k")),
    ],
)
def test_an_address_is_divided_and_its_key_is_all_the_rest(
    address: str, parts: tuple[str, str, str, str]
) -> None:
    scheme, authority, options, key = parts
    wanted = Address(scheme=scheme, authority=authority, options=options, key=key)
    assert divide(address) == wanted
    assert "".join(start_and_key(address)) == address
    assert start_and_key(address)[1] == key


@pytest.mark.parametrize(
    ("written", "travels"),
    [
        ("s3://b/in?region=x&scheme=http", "s3://b?region=x&scheme=http/in"),
        ("s3a://b/a?b/c?region=x", "s3a://b?region=x/a?b/c"),
        ("s3://b/in?endpoint_override=http://h:9", "s3://b?endpoint_override=http:%2F%2Fh:9/in"),
        ("s3://b?region=x", "s3://b?region=x"),
        ("s3://b?region=x/a?region=y", "s3://b?region=x/a?region=y"),
        ("s3://b?/a?region=y", "s3://b?/a?region=y"),
        ("s3://b/a?region=x&colour=red", "s3://b/a?region=x&colour=red"),
        ("s3://b/part-?.jsonl", "s3://b/part-?.jsonl"),
        ("hdfs://h:9000/a?region=x", "hdfs://h:9000/a?region=x"),
        ("/data/a?region=x", "/data/a?region=x"),
        ("/Volumes/main/x/y#1", "/Volumes/main/x/y#1"),
        ("abfss://c@a.dfs.core.windows.net/x?y=z", "abfss://c@a.dfs.core.windows.net/x?y=z"),
        ("db.table", "db.table"),
    ],
)
def test_options_that_are_known_move_to_the_bucket_and_all_else_is_key(
    written: str, travels: str
) -> None:
    assert as_it_travels(written) == travels
    assert as_it_travels(travels) == travels


def test_other_tools_get_the_options_at_the_end() -> None:
    assert as_written("s3://b?region=x/out/shards") == "s3://b/out/shards?region=x"
    assert as_written("s3://b/out#1") == "s3://b/out#1"
    assert as_written("/out?") == "/out?"


@given(KEYS, st.sampled_from(["s3://b/", "s3://b?region=x/", "file:///", "hdfs://h:1/", "/"]))
def test_no_letter_of_a_key_is_changed_however_often_it_is_taken(key: str, start: str) -> None:
    address = start + key
    assert divide(f"{address}/name").key == f"{divide(address).key}/name"
    once = as_it_travels(address)
    assert as_it_travels(once) == once
    assert divide(once).key == divide(address).key


def test_the_home_is_as_in_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert as_it_travels("~/a b/*.jsonl") == "/home/me/a b/*.jsonl"
    assert as_it_travels("~") == "/home/me"
    assert as_it_travels("~nobody-of-this-name/x") == "~nobody-of-this-name/x"
    assert as_it_travels("./~/x") == "./~/x"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("dbfs:/x/y", "write /dbfs/x/y "),
        ("dbfs:/Volumes/main/x", "write /Volumes/main/x "),
        ("dbfs:///x/y", "write /dbfs/x/y$"),
        ("viewfs:/x", "write viewfs://HOST/x"),
        ("hdfs:/x", "write hdfs://HOST/x"),
        ("s3:/bucket/x", "write s3://bucket/x"),
        ("file:/x", "write /x"),
        ("file://host/x", "takes no host; write file:///PATH"),
    ],
)
def test_what_is_half_an_address_is_refused_with_the_remedy(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        as_it_travels(written)
    assert str(raised.value).startswith(f"{written}: ")
    with pytest.raises(ValueError, match="is empty"):
        as_it_travels("")


def test_a_local_name_with_a_colon_is_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ts:").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("a:b.jsonl", "ts:/b", "ts=2024-01-01 00%3A00/x", "./dbfs:/x", "a:/b"):
        assert as_it_travels(name) == name
        assert divide(name).is_local


SECRETS = [
    "s3://AKIAX:canary@bucket/in",
    "s3://AKIAX:can/canary@bucket/in",
    "s3://canary@bucket/in",
    "s3a://bucket/in?access_key=canary",
    "s3://bucket/in?region=x&secret_key=canary",
    "s3://bucket?secret_key=canary/in",
    "s3:/AKIAX:canary@bucket/in",
    "s3://AKIAX%3Acanary@bucket/in",
    "hdfs://me:canary@host:9000/in",
    "https://me:canary@host/tokenizer.json",
    "https://account.blob.core.windows.net/c/in?sv=2024&sig=canary",
    "abfss://c:canary@account/in",
    "abfss://c@account/in?sas_token=canary",
    "gs://bucket/in?access_token=canary",
    "file://me:canary@host/in",
]


@pytest.mark.parametrize("written", SECRETS)
def test_credentials_in_an_address_are_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ValueError, match="holds credentials") as raised:
        as_it_travels(written)
    assert "canary" not in str(raised.value)
    assert "AKIA" not in str(raised.value)


@pytest.mark.parametrize(
    "written",
    [
        "abfss://container@account.dfs.core.windows.net/in",
        "hdfs://me@host:9000/a:b@c",
        "hdfs://[::1]:9000/a",
        "gs://anonymous@bucket/in",
        "s3://bucket/a@b:c?d",
        "s3://bucket/part-?.key=x",
        "file:///a:b@c?token=x",
        "/data/me:word@x?token=y",
        "token=x/me:word@y",
    ],
)
def test_what_is_no_credential_is_let_through(written: str) -> None:
    check_no_credentials(written)
    assert os.fspath(as_it_travels(written)) == written
