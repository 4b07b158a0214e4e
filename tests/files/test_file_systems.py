"""What makes a file system of an address; nothing of its key does."""

import pytest

from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import divide
from bfpack_spark.files.azure import azure_account
from bfpack_spark.files.file_systems import file_system, path_in


def test_a_path_in_a_file_system_begins_with_what_holds_it() -> None:
    paths = {
        "s3://b?region=x/k%41#?": "b/k%41#?",
        "gs://anonymous@b/k": "b/k",
        "abfss://c@account.dfs.core.windows.net/k/": "c/k",
        "hdfs://host:9000/k": "/k",
        "s3a://b": "b",
    }
    assert {address: path_in(divide(address)) for address in paths} == paths


def test_azure_is_told_the_account_and_one_way_to_prove_who_asks() -> None:
    authority = "c@account.dfs.core.windows.net"
    assert azure_account(authority, {}) == {"account_name": "account"}
    told = {"AZURE_STORAGE_KEY": "k", "AZURE_STORAGE_SAS_TOKEN": "s", "AZURE_CLIENT_ID": "i"}
    assert azure_account(authority, told) == {"account_name": "account", "account_key": "k"}
    del told["AZURE_STORAGE_KEY"]
    assert azure_account(authority, told)["sas_token"] == "s"
    assert azure_account("workspace@onelake.dfs.fabric.microsoft.com", {}) == {
        "account_name": "onelake",
        "blob_storage_authority": ".blob.fabric.microsoft.com",
        "dfs_storage_authority": ".dfs.fabric.microsoft.com",
    }
    endpoint = {"AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:10000/account"}
    assert azure_account("c@account", endpoint) == {
        "account_name": "account",
        "blob_storage_authority": "127.0.0.1:10000",
        "blob_storage_scheme": "http",
        "dfs_storage_authority": "127.0.0.1:10000",
        "dfs_storage_scheme": "http",
    }


def test_a_file_system_is_opened_once_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    address = divide("s3://bucket?region=us-east-1/k")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    first = file_system(address)
    assert file_system(divide("s3a://bucket?region=us-east-1/other")) is first
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:10")
    assert file_system(address) is not first


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "s3://b?colour=red/x", "abfss://c/x", "hdfs://me@host/x"]
)
def test_an_address_without_a_file_system_is_an_error_that_names_it(address: str) -> None:
    with pytest.raises(InputError, match="no file system for this address"):
        file_system(divide(address))
