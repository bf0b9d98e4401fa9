"""Clients of the WebSocket protocol for tests, written from docs/protocol.md only."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from websockets.sync.client import connect
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from websockets.sync.client import ClientConnection

    from eventstore_client import EventStore
    from tests.e2e.hubs import Hub

__all__ = ["Bare", "Client", "Following", "Hole", "event", "feed", "opened", "publish", "sequences"]

SECONDS = 60.0
"""A timeout that suffices on a slow machine; a passing test never waits for so long."""

_FRAME = 32 * 1024


class Hole(Exception):
    """A frame was lost."""


def opened(hub: Hub, query: Sequence[tuple[str, str]] = (), **options: Any) -> ClientConnection:  # noqa: ANN401 - what `connect` takes
    """A connection to the hub's WebSocket API."""
    url = hub.websocket_url + (f"?{urlencode(query)}" if query else "")
    connection: ClientConnection = connect(url, additional_headers=hub.headers, proxy=None, **options)
    return connection


def event(name: object, *, stream: str = "wf-1", **members: object) -> dict[str, object]:
    """An event of a workflow."""
    return {"specversion": "1.0", "id": str(name), "source": "/live", "type": "t", "workflowid": stream} | members


def publish(hub: Hub, *events: Mapping[str, object]) -> None:
    with hub.client() as store:
        store.publish(events)


def sequences(events: Sequence[Mapping[str, object]], stream: str) -> list[int]:
    """The sequences of a stream's events, in the order of their arrival."""
    return [int(str(event["hubsequence"])) for event in events if event["hubstream"] == stream]


@contextmanager
def feed(store: EventStore, events: Sequence[Mapping[str, object]], *, at_once: int = 1) -> Iterator[None]:
    """Publish events in the background, in batches; when the block ends, every publish has been answered."""
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            for start in range(0, len(events), at_once):
                store.publish(events[start : start + at_once])
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            failures.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failures, failures


@dataclass
class Following:
    """The state of a subscription across connections, by the rules of docs/protocol.md, "events".

    Attributes:
        start: The cursor of `subscribed`.
        events: What was handled, in the order of handling.
        live: The partitions that caught up, on this connection.
        losses: The `truncated` messages.
    """

    start: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    live: set[int] = field(default_factory=set)
    losses: list[dict[str, Any]] = field(default_factory=list)
    _cursors: dict[int, str] = field(default_factory=dict)
    _last: Counter[int] = field(default_factory=Counter)

    @property
    def cursors(self) -> list[str]:
        """The cursors from which another connection can resume."""
        return [self.start, *self._cursors.values()] if self.start else []

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    def begin(self) -> None:
        """Start on another connection, whose frames are numbered from 1."""
        self._last.clear()
        self.live.clear()

    def is_new(self, partition: int, frame: int, cursor: str) -> bool:
        """Whether a frame has to be handled.

        Raises:
            Hole: One before it is missing.
        """
        if frame > self._last[partition] + 1:
            raise Hole(f"frame {frame} of partition {partition} follows {self._last[partition]}")
        if frame <= self._last[partition]:
            return False
        self._last[partition] = frame
        self._cursors[partition] = cursor
        return True


class _Connection:
    """A connection, which is reset at the end of the block."""

    subprotocol: str

    def __init__(self, hub: Hub, query: Sequence[tuple[str, str]] = ()) -> None:
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            opened(
                hub,
                query,
                subprotocols=[Subprotocol(self.subprotocol)],
                compression=None,
                ping_interval=None,
                open_timeout=SECONDS,
                close_timeout=SECONDS,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._stack.close()

    def cut(self) -> None:
        """End the connection with a reset, without a closing handshake, like a lost network."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        try:
            self.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except OSError:
            return
        self.socket.close_socket()

    def receive(self, *, within: float = SECONDS) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.socket.recv(within, decode=True))
        return said

    def take(self, *, within: float = SECONDS) -> None:
        """Receive one message and handle it."""
        raise NotImplementedError

    def until(self, done: Callable[[], object]) -> None:
        """Receive messages until a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not done():
            self.take(within=max(0.0, deadline - time.monotonic()))


class Client(_Connection):
    """A client of `eventstore.v1`."""

    subprotocol = "eventstore.v1"

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.following: dict[str, Following] = {}
        self._answers: list[dict[str, Any]] = []

    def send(self, message: Mapping[str, object] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.socket.send([text[at : at + _FRAME] for at in range(0, len(text), _FRAME)] or text)

    def ask(self, message: Mapping[str, object] | str) -> dict[str, Any]:
        """Send a message; return its answer, and handle earlier frames."""
        self.send(message)
        self.until(lambda: self._answers)
        return self._answers.pop(0)

    def subscribe(self, own_id: str = "s", into: Following | None = None, **members: object) -> dict[str, Any]:
        """Subscribe; resume from the cursors of `into` if it has any."""
        following = self.following[own_id] = into or Following()
        following.begin()
        if following.cursors:
            members["cursor"] = following.cursors
        answer = self.ask({"action": "subscribe", "id": own_id, **members})
        if answer["type"] == "subscribed":
            following.start = answer["cursor"]
        return answer

    def take(self, *, within: float = SECONDS) -> None:
        said = self.receive(within=within)
        if "frame" not in said:
            self._answers.append(said)
            return
        following = self.following[said["id"]]
        if not following.is_new(said["partition"], said["frame"], said["cursor"]):
            return
        match said["type"]:
            case "events":
                following.events += said["events"]
            case "live":
                following.live.add(said["partition"])
            case "truncated":
                following.losses.append(said)
            case other:
                raise AssertionError(f"the hub says {other}")

    def until_events(self, count: int, own_id: str = "s") -> list[dict[str, Any]]:
        """Wait for `count` events; return all received ones in order."""
        following = self.following[own_id]
        self.until(lambda: len(following.events) >= count)
        return following.events


class Bare(_Connection):
    """A client of `cloudevents.json`, whose subscription is in the URL.

    Attributes:
        words: The hub's own events, but for numbered ones.
    """

    subprotocol = "cloudevents.json"

    def __init__(self, hub: Hub, *query: tuple[str, str], into: Following | None = None) -> None:
        self.following = into or Following()
        self.following.begin()
        self.words: list[dict[str, Any]] = []
        super().__init__(hub, [*query, *(("cursor", cursor) for cursor in self.following.cursors)])

    def subscribed(self) -> dict[str, Any]:
        """The first event of the hub, which carries the start cursor."""
        word = self.word("subscribed")
        self.following.start = word["hubcursor"]
        return word

    def word(self, kind: str) -> dict[str, Any]:
        """Wait for an event of the hub itself; return it."""
        named = f"io.flunq.hub.{kind}"
        self.until(lambda: any(word["type"] == named for word in self.words))
        event = next(word for word in self.words if word["type"] == named)
        self.words.remove(event)
        return event

    def take(self, *, within: float = SECONDS) -> None:
        said = self.receive(within=within)
        if "hubframe" not in said:
            self.words.append(said)
        elif self.following.is_new(said["hubpartition"], said["hubframe"], said["hubcursor"]):
            (self.following.events if "hubsequence" in said else self.following.losses).append(said)

    def until_events(self, count: int) -> list[dict[str, Any]]:
        """Wait for `count` events; return all received ones in order."""
        self.until(lambda: len(self.following.events) >= count)
        return self.following.events
