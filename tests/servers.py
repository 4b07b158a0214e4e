"""Servers in processes of their own, which say when they have started."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def started_server(
    command: Sequence[object], says: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Start a server, and end it; yield what `says` has in parentheses, and all that it says."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    told = [str(part) for part in command]
    with subprocess.Popen(told, **streams, text=True, env=environment) as process:
        log: list[str] = []
        found: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_follow, args=(process, says, log, found))
        reader.start()
        try:
            match = found.get()
            assert match is not None, f"no server: {''.join(log)[-3000:]}"
            yield match, log
        finally:
            process.terminate()
            reader.join()


def _follow(
    process: "subprocess.Popen[str]",
    says: str,
    log: list[str],
    found: "queue.SimpleQueue[str | None]",
) -> None:
    """Keep what the server says, and hand on each match, or None at its end."""
    assert process.stdout is not None
    for line in process.stdout:
        log.append(line)
        if match := re.search(says, line):
            found.put(match[1])
    found.put(None)
