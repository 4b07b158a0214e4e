"""Azure's storage: what an address and the environment say of an account."""

from typing import Any
from urllib.parse import urlsplit

AZURE_SCHEMES = {"abfs", "abfss", "wasb", "wasbs"}
# Azure's own names, and the other names that obstore also accepts.
_NAMES = {
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"),
    "sas_token": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    "tenant_id": ("AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"),
    "client_id": ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"),
    "client_secret": ("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
}
_CLOUD = "core.windows.net"
_KNOWN_TO_OBSTORE = (_CLOUD, "fabric.microsoft.com")


def azure_account(authority: str, environment: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of AzureFileSystem for container@ACCOUNT.dfs.core.windows.net: the
    account and its cloud, and from the environment the credentials, and the endpoint if the store
    is not in Azure itself (AZURE_STORAGE_ENDPOINT=http://127.0.0.1:10000/ACCOUNT). Raises
    ValueError if the authority names no account."""
    _, account, cloud = divide_authority(authority, environment)
    held = {
        name: next(filter(None, map(environment.get, names)), "") for name, names in _NAMES.items()
    }
    # Only one kind of credentials is given, because several are refused. If there are none,
    # DefaultAzureCredential finds some.
    kinds = (("account_key",), ("sas_token",), ("tenant_id", "client_id", "client_secret"))
    given = next((names for names in kinds if all(held[name] for name in names)), ())
    told = {name: held[name] for name in given}
    endpoint = urlsplit(environment.get("AZURE_STORAGE_ENDPOINT", ""))
    for kind in ("blob", "dfs"):
        if endpoint.netloc:
            told[f"{kind}_storage_authority"] = endpoint.netloc
            told[f"{kind}_storage_scheme"] = endpoint.scheme
        elif cloud != _CLOUD:
            told[f"{kind}_storage_authority"] = f".{kind}.{cloud}"
    return {"account_name": account, **told}


def divide_authority(authority: str, environment: dict[str, str]) -> tuple[str, str, str]:
    """Return container, account and cloud: "c@a.dfs.core.windows.net" -> "c", "a",
    "core.windows.net". Raises ValueError if the first two are not told."""
    container, at, host = authority.partition("@")
    account, _, rest = host.partition(".")
    account = account or environment.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    if not (container and at and account):
        raise ValueError("write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH")
    return container, account, rest.removeprefix("dfs.").removeprefix("blob.") or _CLOUD


def as_obstore_knows_it(authority: str, environment: dict[str, str]) -> tuple[str, str]:
    """Return the address of a container as obstore takes it, and the endpoint, which is empty in
    the clouds that obstore knows."""
    container, account, cloud = divide_authority(authority, environment)
    endpoint = environment.get("AZURE_STORAGE_ENDPOINT", "")
    if not endpoint and cloud not in _KNOWN_TO_OBSTORE:
        endpoint, cloud = f"https://{account}.blob.{cloud}", _CLOUD
    return f"abfss://{container}@{account}.dfs.{cloud}", endpoint
