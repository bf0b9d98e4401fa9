"""An API of AWS's that takes requests down."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NOBODY", "TRIED_ONCE", "Api", "session"]

NOBODY = "http://127.0.0.1:9"
"""Where nothing listens."""


@dataclass
class Api:
    """Answers as it is told to, the last answer again and again."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"{}")])
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[Api]:
        api = cls()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                api.requests.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                api.headers.append(dict(self.headers))
                status, body = api.answers.pop(0) if len(api.answers) > 1 else api.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_DELETE(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield api
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def session() -> Session:
    return Session("AKID", "secret", "token", region_name="eu-west-1")


TRIED_ONCE = Config(connect_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
