"""Object stores through obstore, for what pyarrow's file systems do not have: a put on condition,
and the ETag of an object."""

import os
from typing import Any
from urllib.parse import parse_qsl

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from bfpack_spark.addresses import divide
from bfpack_spark.errors import JobError


def object_store(folder: str) -> tuple[ObjectStore, str]:
    """The store of s3://, s3a://, gs://, abfss://... and the key in it, letter by letter.
    Credentials are found as the store's own tools find them; what pyarrow takes from the address
    (endpoint, region) is taken here too."""
    address = divide(folder)
    told = dict(parse_qsl(address.options))
    config: Any = {}
    if "region" in told:
        config["region"] = told["region"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if "endpoint_override" in told:
        endpoint = told["endpoint_override"]
        if "://" not in endpoint:
            endpoint = f"{told.get('scheme', 'https')}://{endpoint}"
        config["endpoint"] = endpoint
    client: Any = {"allow_http": endpoint.startswith("http://")}
    scheme = {"s3a": "s3"}.get(address.scheme, address.scheme)
    store = from_url(f"{scheme}://{address.authority}", config=config, client_options=client)
    return store, address.key.strip("/")


def etags_below(folder: str) -> dict[str, str]:
    """The ETag of every object below a folder that has one, by the object's key. JobError if the
    store does not answer."""
    store, prefix = object_store(folder)
    try:
        found = [meta for chunk in obstore.list(store, prefix or None) for meta in chunk]
    except BaseError as error:
        raise storage_error(error) from None
    return {meta["path"]: meta["e_tag"] for meta in found if meta["e_tag"] is not None}


def storage_error(error: BaseError) -> JobError:
    lines = str(error).splitlines() or [type(error).__name__]
    return JobError(f"storage: {lines[0]}; mend access, then run it again")
