"""What the local stack adds to a request, on top of the handler's own time.

The handler's own time is that of the same handler, called in this process with the proxy event of the same request, on
the same Valkey: one request over a connection kept alive, one call, and so on.
"""

from __future__ import annotations

import copy
import http.client
import os
from base64 import b64encode
from contextlib import closing, contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eventstore_hosting.valkey import ValkeyServer
from functions.rest.app import handler
from tests.benchmarks.examples import Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.fresh import forget
from tests.functional.rest.api import Context, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sides = tuple[Callable[[], None], Callable[[], None]]

__all__ = ["figures"]

_ROUNDS = 1000
_HEADERS = {"Content-Type": "application/cloudevents+json"}


def figures() -> Iterator[Figure]:
    """A request that asks little of the handler, and one that stores an event."""
    with ValkeyServer.start() as server, _handler_on(server.url), running_hub(server.url) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        with closing(connection):
            events = Events()

            def health(_: int) -> Sides:
                return _over(connection, "GET", "/api/v1/health", b"", 200), _call("GET", "/api/v1/health", b"", 200)

            def publish(_: int) -> Sides:
                first, second = (event.body for event in events.take(2))
                path = "/api/v1/events"
                return _over(connection, "POST", path, first, 201), _call("POST", path, second, 201)

            yield from _figures("GET /api/v1/health", health)
            yield from _figures("POST /api/v1/events with one event", publish)


def _figures(what: str, sides: Callable[[int], Sides]) -> Iterator[Figure]:
    rounds = in_turn(sides, rounds=_ROUNDS)
    yield Figure(f"{what}: what the local stack adds", rounds.surplus * 1000, Unit.MILLISECONDS, Aim("<", 5))
    yield Figure(f"{what}: the whole request", median(rounds.ours) * 1000, Unit.MILLISECONDS)
    yield Figure(f"{what}: the handler's own time", median(rounds.theirs) * 1000, Unit.MILLISECONDS)


def _over(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, wanted: int
) -> Callable[[], None]:
    def request() -> None:
        connection.request(method, path, body=body or None, headers=_HEADERS)
        answer = connection.getresponse()
        _right(answer.status, wanted, answer.read())

    return request


def _call(method: str, path: str, body: bytes, wanted: int) -> Callable[[], None]:
    event = copy.deepcopy(recorded("proxy.json"))
    event |= {"httpMethod": method, "path": path, "resource": path}
    event["requestContext"] |= {"httpMethod": method, "path": path, "resourcePath": path}
    event["headers"] |= _HEADERS
    event["multiValueHeaders"] |= {name: [value] for name, value in _HEADERS.items()}
    if body:
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
    context: Any = Context()

    def call() -> None:
        answer = handler(event, context)
        _right(answer["statusCode"], wanted, answer["body"])

    return call


def _right(status: int, wanted: int, body: object) -> None:
    if status != wanted:
        raise AssertionError(f"answered {status}, not {wanted}: {body!r}")


@contextmanager
def _handler_on(redis_url: str) -> Iterator[None]:
    """The handler of this process, on that Valkey."""
    before = os.environ.get("REDIS_URL")
    os.environ["REDIS_URL"] = redis_url
    forget()
    try:
        yield
    finally:
        if before is None:
            del os.environ["REDIS_URL"]
        else:
            os.environ["REDIS_URL"] = before
        forget()
