"""A server of Spark Connect on loopback, in a process of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers import started_server

SETTINGS = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
STARTED = r"Spark Connect server started at: .*?:(\d+)"


@contextmanager
def connect_server(home: Path, environment: Mapping[str, str], **more: str) -> Iterator[str]:
    """Yield the address of a server that the Spark in `home` starts, with these settings too."""
    settings = {**SETTINGS, **more}
    told = [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [home / "bin" / "spark-submit", "--class", server, "--master", "local[2]", *told]
    with started_server([*command, "spark-internal"], STARTED, environment) as (port, _):
        yield f"sc://127.0.0.1:{port}"
