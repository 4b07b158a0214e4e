"""A server process on loopback that speaks S3."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.fs as pafs
import pytest
from conftest import ROOT
from servers import started_server

SERVER = ROOT / ".integration" / "s3" / "bin" / "moto_server"
# Credentials come by the standard chain, here the environment, and stay out of all that is written.
SECRET = "canary-of-the-secret-key"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "canary-of-the-key-id", "AWS_SECRET_ACCESS_KEY": SECRET}


@dataclass(frozen=True)
class Store:
    """The server: its address, what it was asked, and a client that is not bfpack's."""

    address: str
    log: list[str]
    fs: pafs.S3FileSystem

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def environment(self) -> dict[str, str]:
        """What a process finds it by."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.address, "AWS_REGION": "us-east-1"}

    def objects(self, folder: str) -> dict[str, pafs.FileInfo]:
        """By name, all that lies below a folder."""
        where = pafs.FileSelector(folder, recursive=True, allow_not_found=True)
        found = self.fs.get_file_info(where)
        files = [info for info in found if info.type == pafs.FileType.File]
        return {info.path.removeprefix(f"{folder}/"): info for info in files}

    def read(self, name: str) -> bytes:
        with self.fs.open_input_stream(name) as stream:
            return bytes(stream.read())

    def put(self, name: str, content: str = "{}") -> None:
        with self.fs.open_output_stream(name, compression=None) as stream:
            stream.write(content.encode())

    def asked(self, method: str) -> list[str]:
        """Paths, without their queries, of the requests of one method (its log is coloured)."""
        return re.findall(rf'"\S*{method} (/[^ ?"]*)', "".join(self.log))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    if not SERVER.exists():
        pytest.skip(f"{SERVER.relative_to(ROOT)} is missing: make test-integration makes it")
    command = [SERVER, "-H", "127.0.0.1", "-p", "0"]
    with started_server(command, r"Running on (http://127\.0\.0\.1:\d+)") as (address, log):
        client = pafs.S3FileSystem(
            access_key="test",
            secret_key="test",
            region="us-east-1",
            endpoint_override=address,
            allow_bucket_creation=True,
        )
        client.create_dir("data")
        yield Store(address, log, client)


@pytest.fixture
def within(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The server as this process finds it, by its environment."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store
