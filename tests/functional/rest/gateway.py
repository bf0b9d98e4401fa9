"""A minimal HTTP server in front of the handler, for a fuzzer; `eventstore_dev` is the full emulator."""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from functions.rest.app import handler
from tests.functional.rest.api import Context, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serving"]

_ONE_AT_A_TIME = threading.Lock()


class _Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        with _ONE_AT_A_TIME:  # like a Lambda environment
            answer = handler(self._event(), Context(4000))  # type: ignore[arg-type]
        body = answer["body"] or ""
        content = b64decode(body) if answer["isBase64Encoded"] else body.encode()
        self.send_response(answer["statusCode"])
        for name, values in answer["multiValueHeaders"].items():
            for value in values:
                self.send_header(name, value)
        if answer["statusCode"] not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Requests are not logged: a fuzzer reports what it sent."""

    def _event(self) -> dict[str, Any]:
        event = recorded("proxy.json")
        path, _, query = self.path.partition("?")
        event |= {"httpMethod": self.command, "path": path}
        event["requestContext"]["path"] = path
        event["multiValueHeaders"] = {name: self.headers.get_all(name) for name in self.headers}
        event["multiValueQueryStringParameters"] = parse_qs(query, keep_blank_values=True) or None
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return event | {"body": b64encode(body).decode() or None, "isBase64Encoded": bool(body)}


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
