"""An in-memory hub behind real HTTP, which behaves as the client expects and can be made to fail."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter, defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from eventstore.cloudevents import batch_from_json, same_content
from eventstore.cloudevents.event import RecordedEvent
from eventstore.errors import EventstoreError
from eventstore.streams import stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore.cloudevents.event import Event

__all__ = ["FakeHub", "ReceivedRequest"]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """An HTTP request, or the handshake of a WebSocket, as it was received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


class Problem(Exception):
    def __init__(self, status: int, code: str, **members: object) -> None:
        self.status = status
        self.members = {"type": f"urn:flunq:problem:{code}", "title": code, "status": status, "code": code, **members}


def refused(status: int, *, detail: str) -> Problem:
    """The problem of a status, with a code that a hub sends with it."""
    return Problem(status, "unavailable" if status >= 500 or status == 429 else "refused", detail=detail)


class FakeHub:
    """A hub whose faults the test sets.

    Attributes:
        faults: The faults of the next publishes: a status, `drop` before or `lose` after storing the events.
        guard: Returns the status and reason with which a request is refused, or `None`.
        reads: The statuses with which the next reads of a single event are refused.
        missing: The `missing` member of a page, by the sequence at which the page starts.
    """

    def __init__(self) -> None:
        self.streams: dict[str, list[bytes]] = defaultdict(list)
        self.places: dict[tuple[str, bytes], int] = {}
        self.faults: deque[int | str] = deque()
        self.before_publish: Callable[[str], object] = lambda _: None
        self.guard: Callable[[ReceivedRequest], tuple[int, str] | None] = lambda _: None
        self.received: list[ReceivedRequest] = []
        self.reads: deque[int] = deque()
        self.publishes = 0
        self.sizes: list[tuple[int, int]] = []
        self.overlaps: list[str] = []
        self.missing: dict[int, list[dict[str, Any]]] = {}
        self.url = ""
        self._lock = threading.Lock()
        self._working: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[FakeHub]:
        server = _Server(("127.0.0.1", 0), _Handler, bind_and_activate=True)
        server.hub = self
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def bodies(self, stream: str) -> Sequence[str]:
        return [body.decode() for body in self.streams[stream]]

    def publish(self, body: bytes, stream: str | None, expected: str | None) -> tuple[int, object]:
        self.publishes += 1
        if self.faults and self.faults[0] != "lose":
            fault = self.faults.popleft()
            if fault == "drop":
                raise ConnectionAbortedError
            raise refused(int(fault), detail="the store does not answer")
        try:
            events = batch_from_json(body)
        except EventstoreError as error:
            listed = [{"pointer": getattr(error, "pointer", ""), "detail": error.detail}]
            raise Problem(422, error.code, detail=error.detail, errors=listed) from error
        self.sizes.append((len(events), len(body)))
        names = {stream or stream_of(event) for event in events}
        self._enter(names)
        try:
            for name in names:
                self.before_publish(name)
            with self._lock:
                results = self._store(events, stream, expected)
        finally:
            self._leave(names)
        if self.faults and self.faults[0] == "lose":
            self.faults.popleft()
            raise ConnectionAbortedError
        return (200 if all(r["duplicate"] for r in results) else 201), {"results": results}

    def page(self, stream: str, query: dict[str, str]) -> bytes:
        if stream not in self.streams:
            raise Problem(404, "stream-not-found", detail=f"there is no stream {stream!r}")
        start, limit = int(query.get("cursor") or query.get("from") or 1), int(query["limit"])
        kept = [
            RecordedEvent(stream, sequence, 1_700_000_000_000, body).encoded()
            for sequence, body in enumerate(self.streams[stream], 1)
            if start <= sequence <= int(query.get("to", 10**9))
        ]
        following = b',"next":"%d"' % (start + limit) if len(kept) > limit else b""
        missing = self.missing.get(start)
        gone = b',"missing":%b' % json.dumps(missing).encode() if missing else b""
        return b'{"events":[%b]%b%b}' % (b",".join(kept[:limit]), following, gone)

    def event(self, identity: str, query: dict[str, str]) -> bytes:
        if self.reads:
            raise refused(self.reads.popleft(), detail="not this time")
        for sequence, body in enumerate(self.streams[query["stream"]], 1):
            event = json.loads(body)
            if (event["id"], event["source"]) == (identity, query["source"]):
                return RecordedEvent(query["stream"], sequence, 1_700_000_000_000, body).encoded()
        raise Problem(404, "event-not-found", detail=f"there is no event {identity!r}")

    def _store(self, events: Sequence[Event], stream: str | None, expected: str | None) -> list[dict[str, Any]]:
        streams, places = {name: [*kept] for name, kept in self.streams.items()}, dict(self.places)
        results: list[dict[str, Any]] = []
        for index, event in enumerate(events):
            name = stream or stream_of(event)
            kept = streams.setdefault(name, [])
            place = places.get((name, event.key))
            if place and not same_content(kept[place - 1], event.body):
                detail = f"stream {name!r} holds another event with id {event.id!r}"
                raise Problem(409, "event-conflict", detail=detail, errors=[{"pointer": f"/{index}", "detail": detail}])
            actual = len(self.streams.get(name, ()))
            if not place and expected is not None and int(expected) != actual:
                raise Problem(412, "wrong-expected-version", detail=f"it ends at {actual}", actual=actual)
            if not place:
                kept.append(event.body)
                places[name, event.key] = len(kept)
            results.append(
                {"stream": name, "sequence": places[name, event.key], "id": event.id, "duplicate": bool(place)}
            )
        self.streams.update(streams)
        self.places = places
        return results

    def _enter(self, names: set[str]) -> None:
        with self._lock:
            self.overlaps += [name for name in names if self._working[name]]
            self._working.update(names)

    def _leave(self, names: set[str]) -> None:
        with self._lock:
            self._working.subtract(names)


class _Server(ThreadingHTTPServer):
    hub: FakeHub
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A connection that was dropped on purpose is not reported."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused(body):
            return
        if self.headers["Content-Type"] != "application/cloudevents-batch+json":
            raise AssertionError(self.headers["Content-Type"])
        expected = self.headers["If-Match"]
        expected = expected.strip('"') if expected else "0" if self.headers["If-None-Match"] else None
        self._answer(lambda query: self.server.hub.publish(body, query.get("stream"), expected))

    def do_GET(self) -> None:
        if self._refused(b""):
            return
        path = urlsplit(self.path).path.split("/")
        hub = self.server.hub
        if path[-1] == "health":
            self._answer(lambda _: (200, {"status": "ok"}))
        elif path[-1] == "events":
            self._answer(lambda query: (200, hub.page(unquote(path[-2]), query)))
        elif path[-2] == "events":
            self._answer(lambda query: (200, hub.event(unquote(path[-1]), query)))
        else:
            self._answer(lambda _: (200, {"id": unquote(path[-1]), "head": len(hub.streams[unquote(path[-1])])}))

    def _refused(self, body: bytes) -> bool:
        arrived = ReceivedRequest(self.command, self.path, dict(self.headers), body)
        self.server.hub.received.append(arrived)
        refused = self.server.hub.guard(arrived)
        if refused is not None:
            answer = json.dumps({"message": refused[1]}).encode()
            self.send_response(refused[0])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        return refused is not None

    def _answer(self, action: Callable[[dict[str, str]], tuple[int, object]]) -> None:
        media = "application/json"
        try:
            status, content = action(dict(parse_qsl(urlsplit(self.path).query)))
        except Problem as problem:
            status, content, media = problem.status, problem.members, "application/problem+json"
        except ConnectionAbortedError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""
