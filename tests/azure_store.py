"""A server process on loopback that speaks the protocol of Azure's storage."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from conftest import ROOT
from servers import started_server

SERVER = ROOT / ".integration" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
ACCOUNT = "bfpack"
KEY = "Y2FuYXJ5LW9mLXRoZS1henVyZS1rZXk="  # of this server alone
OPTIONS = (
    *("--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"),
    *("--blobHost", "127.0.0.1", "--blobPort", "0"),
)


@dataclass(frozen=True)
class ArrowClient:
    """A client of a store that is not bfpack's."""

    fs: pafs.FileSystem

    def copy_in(self, source: Path, target: str) -> None:
        if isinstance(self.fs, pafs.LocalFileSystem):
            self.fs.create_dir(target)
        pafs.copy_files(str(source), target, destination_filesystem=self.fs)

    def copy_out(self, source: str, target: Path) -> None:
        target.mkdir()
        pafs.copy_files(source, str(target), source_filesystem=self.fs)

    def names_below(self, folder: str) -> set[str]:
        found = self.fs.get_file_info(pafs.FileSelector(folder, recursive=True))
        files = [info.path for info in found if info.type == pafs.FileType.File]
        return {path.removeprefix(f"{folder}/") for path in files}


@dataclass(frozen=True)
class Azure:
    endpoint: str
    client: ArrowClient

    @property
    def address(self) -> str:
        return f"abfss://data@{ACCOUNT}.dfs.core.windows.net"

    @property
    def environment(self) -> dict[str, str]:
        """What a process finds it by."""
        return {"AZURE_STORAGE_ACCOUNT_KEY": KEY, "AZURE_STORAGE_ENDPOINT": self.endpoint}


@pytest.fixture(scope="session")
def azure() -> Iterator[Azure]:
    if not SERVER.exists():
        pytest.skip(f"{SERVER.relative_to(ROOT)} is missing: make test-integration makes it")
    environment = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    says = r"listens on http://(127\.0\.0\.1:\d+)"
    with started_server([SERVER, *OPTIONS], says, environment) as (host, _):
        fs = pafs.AzureFileSystem(
            account_name=ACCOUNT,
            account_key=KEY,
            blob_storage_authority=host,
            dfs_storage_authority=host,
            blob_storage_scheme="http",
            dfs_storage_scheme="http",
        )
        fs.create_dir("data")
        yield Azure(f"http://{host}/{ACCOUNT}", ArrowClient(fs))
