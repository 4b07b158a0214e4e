"""A server of Spark Connect on loopback, in a process of its own."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
STARTED = re.compile(r"Spark Connect server started at: .*?:(\d+)")


@contextmanager
def connect_server(home: Path, environment: Mapping[str, str], **more: str) -> Iterator[str]:
    """Yield the address of a server that the Spark in `home` starts, with these settings too."""
    settings = {**SETTINGS, **more}
    told = [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [home / "bin" / "spark-submit", "--class", server, "--master", "local[2]", *told]
    with subprocess.Popen(
        [*command, "spark-internal"], stderr=subprocess.PIPE, text=True, env=dict(environment)
    ) as process:
        log: list[str] = []
        ports: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_follow, args=(process, log, ports))
        reader.start()
        try:
            port = ports.get()
            said = "".join(log)
            assert port is not None, f"no server: {said[-3000:]}"
            yield f"sc://127.0.0.1:{port}"
        finally:
            process.terminate()
            reader.join()


def _follow(
    process: "subprocess.Popen[str]", log: list[str], ports: "queue.SimpleQueue[str | None]"
) -> None:
    """Keep what the server says, and hand on the port that it names, or None at its end."""
    assert process.stderr is not None
    for line in process.stderr:
        log.append(line)
        found = STARTED.search(line)
        if found:
            ports.put(found.group(1))
    ports.put(None)
