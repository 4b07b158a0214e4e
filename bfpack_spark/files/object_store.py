"""Object stores through obstore, for what pyarrow's file systems do not have: a conditional put,
and the ETag of an object."""

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore, from_url

from bfpack_spark.errors import JobError
from bfpack_spark.files.addresses import Address, divide, start_and_key
from bfpack_spark.files.azure import AZURE_SCHEMES, as_obstore_knows_it

_GCS = ("gs", "gcs")
_FEW = 16  # objects; the folder that holds so few may hold many others


def object_store(folder: str) -> tuple[ObjectStore, str]:
    """Return the store of s3://, s3a://, gs://, abfss://... and the key in it, letter by letter.
    Credentials are found as the store's own tools find them. What pyarrow takes from the address
    (endpoint, region) is taken here too."""
    address = divide(folder)
    container, endpoint, config = _container(address)
    if endpoint and address.scheme not in _GCS:  # obstore takes none there
        config["endpoint"] = endpoint
    plain = (endpoint or os.environ.get("AWS_ENDPOINT_URL", "")).startswith("http://")
    client: Any = {"allow_http": plain}
    return from_url(container, config=config, client_options=client), address.key.strip("/")


def _container(address: Address) -> tuple[str, str, Any]:
    """Return the address of a bucket or container as obstore takes it, the endpoint if it is not
    the store's own, and other settings."""
    if address.scheme in AZURE_SCHEMES:
        return *as_obstore_knows_it(address.authority, dict(os.environ)), {}
    told = dict(parse_qsl(address.options))
    endpoint = told.get("endpoint_override", "")
    if endpoint and "://" not in endpoint:
        endpoint = f"{told.get('scheme', 'https')}://{endpoint}"
    scheme = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}.get(address.scheme, address.scheme)
    container = f"{scheme}://{address.authority.rpartition('@')[2]}"
    return container, endpoint, {"region": told["region"]} if "region" in told else {}


def create_object(path: str, raw: bytes) -> bool:
    """Put an object if there is none, and return whether there was none. Raises JobError if the
    store does not answer."""
    store, key = object_store(path)
    try:
        obstore.put(store, key, raw, mode="create")
    except (AlreadyExistsError, PreconditionError):
        return False
    except BaseError as error:
        raise storage_error(error) from None
    return True


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The facts that tell a file from a changed one."""

    size: int
    modified: int | None = None  # ns; None: not told
    etag: str | None = None


def look_at_object(path: str) -> Seen | None:
    """Return the facts about an object by one request, or None if there is no such object. Raises
    JobError if the store does not answer."""
    store, key = object_store(path)
    try:
        return _seen(obstore.head(store, key))
    except FileNotFoundError:
        return None
    except BaseError as error:
        raise storage_error(error) from None


def look_below(paths: list[str]) -> list[Seen | None]:
    """Return the facts about each object, or None if it is not there. Up to 16 objects take a
    request each; for more, one listing per store covers the folder that holds the objects there.
    Raises JobError if the store does not answer."""
    if len(paths) > _FEW:
        parts = [start_and_key(path) for path in paths]
        keys: dict[str, list[str]] = defaultdict(list)
        for start, key in parts:
            keys[start].append(key)
        with suppress(BaseError):  # a listing also fails for a key that is no path beside them
            seen = {start: _below(start + _folder(own)) for start, own in keys.items()}
            return [seen[start].get(key.strip("/")) for start, key in parts]
    return [look_at_object(path) for path in paths]


def _folder(keys: list[str]) -> str:
    return os.path.commonprefix(keys).rpartition("/")[0]  # noqa: RUF071  # whole names are left


def _below(folder: str) -> dict[str, Seen]:
    store, prefix = object_store(folder)
    every = (meta for chunk in obstore.list(store, prefix or None) for meta in chunk)
    return {meta["path"]: _seen(meta) for meta in every}


def _seen(meta: Mapping[str, Any]) -> Seen:
    etag = meta["e_tag"]
    if etag is not None and not etag.endswith('"'):  # Azure's listing leaves the quotes out
        etag = f'"{etag}"'
    return Seen(size=meta["size"], etag=etag)


def storage_error(error: BaseError) -> JobError:
    lines = str(error).splitlines() or [type(error).__name__]
    return JobError(f"storage: {lines[0]}; correct access to it, then run it again")
