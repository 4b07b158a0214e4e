"""A proxy on loopback before an S3 server, which answers some of the requests wrongly."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KINDS = ("503", "cut", "reply lost", "slow")
_SLOW_SECONDS = 0.2


class Proxy(ThreadingHTTPServer):
    """Hands requests on; the next `times` of a method ("" is any) get a fault of KINDS, or every
    so many-th of them does."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = (host, port)
        self._lock = threading.Lock()
        self.fail("", "", 0)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, kind: str, method: str, times: int, every: int = 1) -> None:
        with self._lock:
            self._kind, self._method, self._times, self._every = kind, method, times, every
            self._asked, self.done = 0, 0

    def fault_for(self, method: str) -> str:
        """The kind of fault that this request gets, if any."""
        with self._lock:
            if self._method not in ("", method) or self.done >= self._times:
                return ""
            self._asked += 1
            if self._asked % self._every:
                return ""
            self.done += 1
            return self._kind


@contextmanager
def started_proxy(host: str, port: int) -> Iterator[Proxy]:
    with Proxy(host, port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _hand_on(self) -> None:
        body = self._body()
        kind = self.server.fault_for(self.command)
        if kind == "503":
            self._answer(503, [], b"<Error><Code>SlowDown</Code></Error>")
        elif kind == "cut":  # the store never hears of it
            self.close_connection = True
        else:
            status, headers, answer = self._ask(body)
            if kind == "slow":
                threading.Event().wait(_SLOW_SECONDS)
            if kind == "reply lost":  # it is done, and nobody is told
                self.close_connection = True
            else:
                self._answer(status, headers, answer)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _hand_on  # noqa: N815  # http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server.behind)
        left_out = ("connection", "transfer-encoding", "content-length", "expect")
        told = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
        connection.request(self.command, self.path, body, told)
        answer = connection.getresponse()
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in left_out]
        if self.command == "HEAD" and (size := answer.getheader("Content-Length")):
            headers.append(("Content-Length", size))
        found = answer.read()
        connection.close()
        return answer.status, headers, found

    def _answer(self, status: int, headers: list[tuple[str, str]], answer: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
