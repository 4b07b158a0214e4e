"""pyarrow's file system of an address. Only scheme, authority and options decide it; the key is
never given to a parser of URIs."""

import os
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from bfpack_spark.errors import InputError
from bfpack_spark.files.addresses import Address

_AZURE = {"abfs", "abfss", "wasb", "wasbs"}
# Azure's own names, and the other names that obstore also accepts.
_AZURE_NAMES = {
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
    "sas_token": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    "tenant_id": ("AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"),
    "client_id": ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
    "client_secret": ("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
}
# What the clients read from the environment: if it changes, the file system is opened anew.
_ENVIRONMENT = ("AWS_", "AZURE_", "GOOGLE_", "HADOOP_", "CLASSPATH")


def file_system(address: Address) -> pafs.FileSystem:
    """Return the file system of an address. Raises InputError if none is known, or if it cannot be
    opened."""
    if address.is_local:
        return pafs.LocalFileSystem()
    scheme = {"s3a": "s3", "s3n": "s3"}.get(address.scheme, address.scheme)
    told = {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}
    try:
        return _opened(scheme, address.authority, address.options, frozenset(told.items()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        where = f"{address.scheme}://{address.authority}"
        why = " ".join(str(error).split())
        raise InputError(f"{where}: no file system for this address: {why}") from None


def path_in(address: Address) -> str:
    """Return the path of an address in its file system: BUCKET/KEY, or /KEY on HDFS."""
    key = address.key.rstrip("/")
    if address.scheme in _AZURE:
        return f"{address.authority.partition('@')[0]}/{key}".rstrip("/")
    if address.scheme in ("hdfs", "viewfs"):
        return f"/{key}"
    return f"{address.authority.rpartition('@')[2]}/{key}".rstrip("/")


@lru_cache(maxsize=64)
def _opened(
    scheme: str, authority: str, options: str, environment: frozenset[tuple[str, str]]
) -> pafs.FileSystem:
    if scheme in _AZURE:
        return pafs.AzureFileSystem(**azure_account(authority, dict(environment)))
    query = f"?{options}" if options else ""
    return pafs.FileSystem.from_uri(f"{scheme}://{authority}{query}")[0]


def azure_account(authority: str, environment: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of AzureFileSystem for container@ACCOUNT.dfs.core.windows.net: the
    account, and from the environment the credentials, and the endpoint if the store is not in Azure
    itself (AZURE_STORAGE_ENDPOINT=http://127.0.0.1:10000/ACCOUNT)."""
    container, at, host = authority.partition("@")
    account = host.partition(".")[0] or environment.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    if not (container and at and account):
        raise ValueError("write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH")
    told = {name: _first(environment, said) for name, said in _AZURE_NAMES.items()}
    # Only one kind of credentials is given, because several are refused. If there are none,
    # DefaultAzureCredential finds some.
    for names in (("account_key",), ("sas_token",), ("tenant_id", "client_id", "client_secret")):
        if all(told[name] for name in names):
            told = {name: told[name] for name in names}
            break
    else:
        told = {}
    endpoint = urlsplit(environment.get("AZURE_STORAGE_ENDPOINT", ""))
    if endpoint.netloc:
        for kind in ("blob", "dfs"):
            told[f"{kind}_storage_authority"] = endpoint.netloc
            told[f"{kind}_storage_scheme"] = endpoint.scheme
    return {"account_name": account, **told}


def _first(environment: dict[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")
