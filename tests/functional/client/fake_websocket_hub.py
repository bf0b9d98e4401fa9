"""An in-memory hub behind a real WebSocket, which follows docs/protocol.md and can be made to fail."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zlib import crc32

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from tests.functional.client.fake_hub import ReceivedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from websockets.http11 import Request, Response
    from websockets.sync.server import ServerConnection

__all__ = ["FakeWebSocketHub"]

PARTITIONS = range(4)


@dataclass(slots=True)
class Log:
    """The log of a partition; the first `removed` events are gone, and `epoch` changes when it is reset."""

    events: list[dict[str, Any]] = field(default_factory=list)
    removed: int = 0
    epoch: int = 1


@dataclass(slots=True)
class Subscriber:
    connection: ServerConnection
    request: dict[str, Any]
    places: dict[int, int]
    frames: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PARTITIONS, 0))
    live: set[int] = field(default_factory=set)


class FakeWebSocketHub:
    """A hub whose faults the test sets; each fault occurs once.

    Attributes:
        rewire: Replaces each frame by the messages to send; `None` among them closes the connection.
        frames_first: Whether the frames of the catch-up are sent before `subscribed`.
        statuses: The statuses with which the next handshakes are refused.
        guard: Returns the status and reason with which a handshake is refused, or `None`.
        answers: The messages with which the next subscribe requests are answered.
        elsewhere: The address to which handshakes are redirected.
        silent: Whether pings are left unanswered.
        shares: The frames for each member that joins a durable subscription, in order.
        react: Returns the frames to send for each command of a member; may raise `ConnectionError` to close.
        refusals: The messages with which the next commands of members are answered instead of an acknowledgement.
        joined: The answer to a member that joins.
    """

    def __init__(self) -> None:
        self.logs = {number: Log() for number in PARTITIONS}
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.frames_first = False
        self.silent = False
        self.batch = 3
        self.statuses: deque[int] = deque()
        self.guard: Callable[[ReceivedRequest], tuple[int, str] | None] = lambda _: None
        self.elsewhere = ""
        self.answers: deque[dict[str, Any]] = deque()
        self.rewire: Callable[[dict[str, Any]], Sequence[dict[str, Any] | None]] = lambda frame: [frame]
        self.shares: deque[list[dict[str, Any]]] = deque()
        self.react: Callable[[dict[str, Any]], Sequence[dict[str, Any]]] = lambda _: []
        self.commands: list[dict[str, Any]] = []
        self.refusals: deque[dict[str, Any]] = deque()
        self.joined: dict[str, Any] = {"type": "subscribed", "partitions": [*PARTITIONS]}
        self._heard = threading.Condition()
        self.connected = 0
        self.unsubscribed = 0
        self.pinged = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        self._subscribers: list[Subscriber] = []
        self._lock = threading.RLock()
        self._open: set[ServerConnection] = set()

    @contextmanager
    def running(self) -> Iterator[FakeWebSocketHub]:
        with serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=["eventstore.v1"],  # type: ignore[list-item]
            process_request=self._admit,
            close_timeout=1,
            ping_interval=None,
        ) as server:
            self.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
                self.disconnect()

    def publish(self, stream: str, count: int = 1, **attributes: object) -> None:
        with self._lock:
            number = crc32(stream.encode()) % len(PARTITIONS)
            log = self.logs[number]
            for _ in range(count):
                sequence = 1 + sum(event["hubstream"] == stream for event in log.events)
                log.events.append(
                    {"specversion": "1.0", "id": f"{sequence}", "source": "/tests", "type": "t", **attributes}
                    | {"hubstream": stream, "hubsequence": f"{sequence}", "hubtime": "2026-01-05T09:00:00Z"}
                )
            for subscriber in self._subscribers:
                self._turn(subscriber, number)

    def remove(self, stream: str) -> None:
        """Remove all events of the stream's partition, before any subscriber has reached them."""
        log = self.logs[crc32(stream.encode()) % len(PARTITIONS)]
        log.removed = len(log.events)

    def truncate(self, stream: str) -> None:
        """Send `truncated` for the stream to every subscriber."""
        number = crc32(stream.encode()) % len(PARTITIONS)
        with self._lock:
            for subscriber in self._subscribers:
                missing = [{"stream": stream, "first": 5, "last": 9}]
                self._frame(subscriber, number, {"type": "truncated", "missing": missing})

    def renew(self, stream: str) -> int:
        """Reset the stream's partition; return its number."""
        number = crc32(stream.encode()) % len(PARTITIONS)
        self.logs[number] = Log(epoch=self.logs[number].epoch + 1)
        return number

    def disconnect(self) -> None:
        """Close every connection, as API Gateway does after two hours."""
        with self._lock:
            connections = [*self._open]
        for connection in connections:
            connection.close(1001)

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages on every connection; by default a pong, which only wakes the reader."""
        with self._lock:
            connections = [*self._open]
        for connection in connections:
            for message in messages or ({"type": "pong"},):
                connection.send(json.dumps({"id": "s", **message}))

    def until_command(self, *, count: int = 1, **members: object) -> dict[str, Any]:
        """Wait for `count` commands with these members; return the last of them."""

        def matching() -> list[dict[str, Any]]:
            return [message for message in self.commands if members.items() <= message.items()]

        with self._heard:
            assert self._heard.wait_for(lambda: len(matching()) >= count, timeout=20), (members, self.commands)
            return matching()[count - 1]

    def until_subscribed(self, count: int) -> None:
        """Return once `count` subscribe requests have arrived."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.requests) >= count, timeout=20), self.requests

    def _admit(self, _: ServerConnection, request: Request) -> Response | None:
        if request.path != "/ws":
            raise AssertionError(request.path)
        if self.elsewhere:
            response = _.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = self.elsewhere
            return response
        if refused := self.guard(ReceivedRequest("GET", request.path, dict(request.headers.raw_items()))):
            return _.respond(HTTPStatus(refused[0]), json.dumps({"message": refused[1]}))
        if not self.statuses:
            return None
        return _.respond(HTTPStatus(self.statuses.popleft()), '{"message": "not now"}')

    def _serve(self, connection: ServerConnection) -> None:
        with self._lock:
            self._open.add(connection)
            self.connected += 1
        try:
            while True:
                self._handle(connection, json.loads(connection.recv()))
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._open.remove(connection)
                self._subscribers = [s for s in self._subscribers if s.connection is not connection]
            self.left.release()

    def _handle(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        if message == {"action": "ping"}:
            self.pinged.release()
            if not self.silent:
                connection.send('{"type":"pong"}')
            return
        if message["action"] == "unsubscribe":
            self.unsubscribed += 1
            connection.send(json.dumps({"type": "unsubscribed", "id": message["id"], "request": message["request"]}))
            return
        if "subscription" in message or message["action"] != "subscribe":
            self._share(connection, message)
            return
        known = {"id", "filters", "filter_name", "stream", "from", "cursor"}
        if message.pop("action") != "subscribe" or set(message) - known:
            raise AssertionError(message)
        with self._heard:
            self.requests.append(message)
            self._heard.notify_all()
        with self._lock:
            if self.answers:
                connection.send(json.dumps(self.answers.popleft() | {"id": message["id"]}))
                return
            places, recovery = self._places(message)
            subscriber = Subscriber(connection, message, places)
            subscribed = {"type": "subscribed", "id": message["id"], "cursor": self._cursor(places), **recovery}
            self._subscribers.append(subscriber)
            if not self.frames_first:
                connection.send(json.dumps(subscribed))
            for number in PARTITIONS:
                self._turn(subscriber, number)
            if self.frames_first:
                connection.send(json.dumps(subscribed))

    def _share(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        if message["action"] == "subscribe":
            with self._heard:
                self.requests.append(message)
                self._heard.notify_all()
            answer = self.answers.popleft() if self.answers else self.joined
            sent = [answer, *(self.shares.popleft() if self.shares else [])]
        else:
            with self._heard:
                self.commands.append(message)
                self._heard.notify_all()
            answer = self.refusals.popleft() if self.refusals else {"type": "acknowledged"}
            try:
                sent = [answer | {"request": message["request"]}, *self.react(message)]
            except ConnectionError:
                connection.close(1001)
                return
        for answer_frame in sent:
            connection.send(json.dumps(answer_frame | {"id": message["id"]}))

    def _places(self, message: dict[str, Any]) -> tuple[dict[int, int], dict[str, Any]]:
        recovery: dict[str, Any] = {"recovery": "complete", "partitions": [*PARTITIONS]}
        if "cursor" not in message:
            start = message["from"] == "start"
            return {n: log.removed if start else len(log.events) for n, log in self.logs.items()}, recovery
        places: dict[int, int] = {}
        renewed, missing = set(), []
        for part in ".".join(message["cursor"]).split("."):
            for text in part.split("~"):
                number, epoch, place = (int(digits) for digits in text.split("-"))
                if epoch == self.logs[number].epoch:
                    places[number] = max(place, places.get(number, 0))
                else:
                    places[number] = 0
                    renewed.add(number)
        if set(places) != set(PARTITIONS):
            raise AssertionError(message["cursor"])
        for number, place in places.items():
            log = self.logs[number]
            gone = log.events[place : log.removed]
            missing += [{"stream": e["hubstream"], "first": int(e["id"]), "last": int(e["id"])} for e in gone]
            places[number] = max(place, log.removed)
        if missing:
            recovery |= {"recovery": "truncated", "missing": missing}
        if renewed:
            recovery |= {"recovery": "new-epoch", "renewed": sorted(renewed)}
        return places, recovery

    def _cursor(self, places: dict[int, int]) -> str:
        return "~".join(f"{number}-{self.logs[number].epoch}-{place}" for number, place in places.items())

    def _turn(self, subscriber: Subscriber, number: int) -> None:
        log = self.logs[number]
        streams = subscriber.request.get("stream")
        while subscriber.places[number] < len(log.events):
            place = subscriber.places[number]
            events = log.events[place : place + self.batch]
            subscriber.places[number] += len(events)
            matching = [event for event in events if not streams or event["hubstream"] in streams]
            if matching:
                self._frame(subscriber, number, {"type": "events", "events": matching})
        if number not in subscriber.live:
            subscriber.live.add(number)
            self._frame(subscriber, number, {"type": "live"})

    def _frame(self, subscriber: Subscriber, number: int, content: dict[str, Any]) -> None:
        subscriber.frames[number] += 1
        cursor = self._cursor({number: subscriber.places[number]})
        frame = {"id": subscriber.request["id"], "partition": number, "frame": subscriber.frames[number], **content}
        with suppress(ConnectionClosed):
            for sent in self.rewire({**frame, "cursor": cursor}):
                if sent is None:
                    subscriber.connection.close(1001)
                    return
                subscriber.connection.send(json.dumps(sent, ensure_ascii=False))
