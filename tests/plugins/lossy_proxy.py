"""A proxy before an MLflow server that loses one answer or one request, and remembers every write that came by."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_READ_BY_POST = ("/search", "/search-runs", "/get-history")


class LossyProxy:
    """Counts writes from 1 since :meth:`lose`."""

    def __init__(self, upstream: str) -> None:
        self._host = urlsplit(upstream).netloc
        self._lock = threading.Lock()
        self._number, self._done = 0, True
        self.writes: list[str] = []
        """Method, path and body of the writes that were sent through it, lost ones too."""
        self.lost: str = ""
        """The one that was lost, or whose answer was."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy._handle(self, body)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_port}"

    def lose(self, number: int, *, done: bool) -> None:
        """Lose the answer (``done``) or the request of the write of this number; 0: none."""
        with self._lock:
            self._number, self._done, self.writes, self.lost = number, done, [], ""

    def _handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path = handler.path.partition("?")[0]
        mine = False
        if handler.command != "GET" and not path.endswith(_READ_BY_POST):
            with self._lock:
                self.writes.append(f"{handler.command} {handler.path} {body.decode(errors='replace')}")
                mine = len(self.writes) == self._number
                if mine:
                    self.lost = path
        if not mine or self._done:
            connection = http.client.HTTPConnection(self._host, timeout=60)
            headers = {k: v for k, v in handler.headers.items() if k.lower() not in {"host", "connection"}}
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
        if mine:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def lossy_proxy(upstream: str) -> Iterator[LossyProxy]:
    """A proxy before the server at ``upstream``."""
    proxy = LossyProxy(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
