"""An API of AWS's that takes requests down."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from boto3.session import Session

from eventstore.adapters.aws.environment import AwsEnvironment
from eventstore.adapters.aws.json_calls import JsonCalls
from eventstore.adapters.aws.service_calls import ServiceCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["NOBODY", "Answer", "Api", "environment", "session", "sqs_at"]

NOBODY = "http://127.0.0.1:9"
"""Where nothing listens."""


class Answer(NamedTuple):
    """An answer to one request."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass
class Api:
    """Responds with its next answer, with the last one again and again."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"{}")])
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, by names that begin each word with a capital."""
    ports: list[int] = field(default_factory=list)
    """The client's ports, request by request: as many as connections."""
    respond: Callable[[bytes], Answer | None] | None = None
    """What answers in place of `answers`, if anything; where it has no answer, the connection is closed."""

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[Api]:
        api = cls()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                api.requests.append(
                    (self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                )
                api.headers.append({name.title(): value for name, value in self.headers.items()})
                api.ports.append(self.client_address[1])
                answer = api.next_answer(api.requests[-1][2])
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def do_DELETE(self) -> None:
                self.do_POST()

            def do_GET(self) -> None:
                self.do_POST()

            def do_PUT(self) -> None:
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

    def next_answer(self, request: bytes) -> Answer | None:
        if self.respond:
            return self.respond(request)
        return Answer(*(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]))


def session() -> Session:
    """A session with credentials; always the same, for the models of services take long to read."""
    return _SESSION


_SESSION = Session("AKID", "secret", "token", region_name="eu-west-1")


def environment() -> AwsEnvironment:
    """The keys and the region of that session, in a function whose endpoints are those of the process."""
    runtime = {
        "AWS_LAMBDA_FUNCTION_NAME": "any",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    return AwsEnvironment({**os.environ, **runtime})


def sqs_at(url: str) -> JsonCalls:
    """Calls of SQS at a URL, each tried once."""
    return JsonCalls(ServiceCalls("sqs", environment(), endpoint=url, seconds=20), target="AmazonSQS", version="1.0")
