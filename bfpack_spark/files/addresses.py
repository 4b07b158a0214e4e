"""Addresses of files: local paths, and scheme://AUTHORITY/KEY. A key is taken as it is: no
character in it is an escape, a query or a fragment, whatever URIs make of %, # and ?.

    /data/a%41.jsonl                       a local path, as is file:///data/a%41.jsonl
    s3://bucket/a#1.jsonl                  the key is a#1.jsonl; s3a:// is the same
    abfss://container@account/a.jsonl      the authority is container@account
    s3://bucket/in?region=eu-west-1        as a user may write it: known options at the end
    s3://bucket?region=eu-west-1/in        the same, as it travels: /NAME may be added to it

The form in which a user writes an address becomes the form in which it travels once, where it comes
in (`as_it_travels`). From there on only `divide` takes it apart. If a key itself ends in something
that looks like options, options or a bare "?" must be put in front of it: s3://bucket?/a?region=x.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_SCHEMED = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(.*)", re.DOTALL)
_S3 = (
    *("region", "endpoint_override", "scheme", "allow_bucket_creation", "allow_bucket_deletion"),
    *("allow_delayed_open", "smart_defaults", "tls_ca_file_path", "tls_verify_certificates"),
)
_GCS = ("endpoint_override", "scheme", "project_id", "retry_limit_seconds")
_OPTIONS = {"s3": _S3, "s3a": _S3, "gs": _GCS, "gcs": _GCS}
_SECRET = re.compile(
    r"(access|account|api|private|shared)[_-]?key|^key$|secret|passw|token|credential|signature"
    r"|^sig$|^sas|^authorization|^x-amz",
    re.IGNORECASE,
)
_TWO_SLASHES = {
    "file": "/",
    "hdfs": "hdfs://HOST/",
    "viewfs": "viewfs://HOST/",
}
# What is before the key and holds a colon that does not precede a port.
_PASSWORD = re.compile(r"(?!\[)[^/?@:]*:(?!\d*(?:[/?]|$))")
_AT_IS_NO_SECRET = {"abfs", "abfss", "wasb", "wasbs", "hdfs", "viewfs"}


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of an address. For a local path, only the key is set."""

    scheme: str  # in lower case; "" and "file": a local path
    authority: str  # bucket, container@account, host:port
    options: str  # as in a query: region=x&scheme=http
    key: str  # without the slash before it; of a local path, the path

    @property
    def is_local(self) -> bool:
        return self.scheme in ("", "file")


def divide(address: str) -> Address:
    """Return the parts of an address, which must be in the form in which it travels."""
    found = _SCHEMED.fullmatch(address)
    if found is None:
        return Address(scheme="", authority="", options="", key=address)
    head, slash, key = found[2].partition("/")
    authority, _, options = head.partition("?")
    scheme = found[1].lower()
    if scheme == "file":
        key = slash + key
    return Address(scheme=scheme, authority=authority, options=options, key=key)


def start_and_key(address: str) -> tuple[str, str]:
    """Return two parts that make up the address: "s3://bucket/a/b" -> "s3://bucket/", "a/b". A
    local path is all key."""
    found = divide(address)
    return address.removesuffix(found.key), found.key


def as_it_travels(written: str) -> str:
    """Return an address that a user wrote in the form that `divide` takes apart. `~` is the home
    directory, as in a shell. Raises ValueError, without repeating any credentials, if it cannot be
    an address."""
    check_no_credentials(written)
    if not written:
        raise ValueError("is empty; name a path")
    found = _SCHEMED.fullmatch(written)
    if found is None:
        return _local(written)
    if found[1].lower() == "dbfs":
        raise ValueError(f"{written}: is no address; write {_mounted(found[2].lstrip('/'))}")
    head, slash, key = found[2].partition("/")
    if found[1].lower() == "file" and head not in ("", "localhost"):
        raise ValueError(f"{written}: file:// takes no host; write file:///PATH, or the path alone")
    names = _OPTIONS.get(found[1].lower(), ())
    rest, options = _without_options(key if "?" not in head else "", names)
    if not options:
        return written
    options = options.replace("/", "%2F")
    return f"{found[1]}://{head}?{options}{slash}{rest}"


def as_written(address: str) -> str:
    """Return an address in the form in which other tools take it: its options come last."""
    found = divide(address)
    if not found.options:
        return address
    return f"{found.scheme}://{found.authority}/{found.key}?{found.options}"


def check_no_credentials(written: str) -> None:
    """Raise ValueError if there are credentials in an address. The message does not repeat them."""
    found = _SCHEMED.fullmatch(written) or _one_slash(written)
    if found is None:
        return
    scheme, rest = found[1].lower(), found[2]
    head = re.split("[/?]", rest, maxsplit=1)[0]
    at = "@" in head and scheme not in _AT_IS_NO_SECRET and not head.startswith("anonymous@")
    names = re.findall(r"[?&;]([^=&;?/]+)=", rest) if scheme != "file" else []
    if at or _PASSWORD.match(rest) or any(_SECRET.search(name) for name in names):
        raise ValueError(
            f"holds credentials (it begins with {scheme}:// and is not repeated here); leave them "
            "out: they are found as the store's own tools find them, in the environment or in "
            "the files of its command line"
        )


def _local(written: str) -> str:
    one_slash = _one_slash(written)
    if one_slash is not None:
        scheme, rest = one_slash[1], one_slash[2]
        start = _TWO_SLASHES.get(scheme.lower(), f"{scheme}://")
        right = _mounted(rest) if scheme.lower() == "dbfs" else start + rest
        raise ValueError(
            f"{written}: an address has two slashes; write {right} (or ./{written}, if a local "
            "path is meant)"
        )
    return _at_home(written) if written.startswith("~") else written


def _mounted(rest: str) -> str:
    """Return where Databricks mounts dbfs:/REST."""
    return f"/{rest}" if rest.startswith("Volumes/") else f"/dbfs/{rest}"


def _one_slash(written: str) -> re.Match[str] | None:
    """Return scheme and rest of a text such as scheme:/PATH, or None if there is a local folder
    that is called "scheme:"."""
    found = _ONE_SLASH.fullmatch(written)
    return None if found and Path(f"{found[1]}:").exists() else found


def _at_home(written: str) -> str:
    """Return ~/x as HOME/x. A name that is no user's stays as it is, as in a shell."""
    name, slash, rest = written.partition("/")
    try:
        return f"{Path(name).expanduser()}{slash}{rest}"
    except RuntimeError:
        if name == "~":
            raise ValueError(f"{written}: no home is known; write the whole path") from None
        return written


def _without_options(key: str, names: tuple[str, ...]) -> tuple[str, str]:
    """Return a key and the options behind it, if all that is behind its last "?" are known
    options."""
    rest, _, tail = key.rpartition("?")
    pairs = [pair.partition("=") for pair in tail.split("&")]
    known = all(name in names and equals and value for name, equals, value in pairs)
    return (rest, tail) if known else (key, "")
