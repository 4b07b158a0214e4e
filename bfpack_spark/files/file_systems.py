"""The file system of an address, with pyarrow's calls. Only scheme, authority and options decide
it; the key is never given to a parser of URIs."""

import os
from functools import lru_cache

import pyarrow as pa
import pyarrow.fs as pafs

from bfpack_spark.errors import InputError
from bfpack_spark.files import hdfs
from bfpack_spark.files.addresses import Address
from bfpack_spark.files.azure import AZURE_SCHEMES, azure_account

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
    if address.scheme in AZURE_SCHEMES:
        return f"{address.authority.partition('@')[0]}/{key}".rstrip("/")
    if address.scheme in hdfs.SCHEMES:
        return f"/{key}"
    return f"{address.authority.rpartition('@')[2]}/{key}".rstrip("/")


@lru_cache(maxsize=64)
def _opened(
    scheme: str, authority: str, options: str, environment: frozenset[tuple[str, str]]
) -> pafs.FileSystem:
    if scheme in AZURE_SCHEMES:
        return pafs.AzureFileSystem(**azure_account(authority, dict(environment)))
    if scheme in hdfs.SCHEMES:
        return hdfs.hdfs_file_system(scheme, authority)
    query = f"?{options}" if options else ""
    return pafs.FileSystem.from_uri(f"{scheme}://{authority}{query}")[0]
