"""A client that does not read its messages."""

from __future__ import annotations

import io
import json
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from websockets.frames import CloseCode

from eventstore_dev.invocation import Limits
from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.dev.conftest import wait_until
from tests.e2e.dev.sockets import RawClient, opening
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, Client, event
from tests.e2e.servers import server_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.e2e.hubs import Hub

# Far more than the buffers on the way, some megabytes, can hold; the server has one of its own.
_EVENTS = 160 if chosen() == "server" else 80
_DATA = "x" * 90_000
_CLOSE = 0x88


class Watched(io.StringIO):
    """The output of the stack; sets an event when a connection is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_one = threading.Event()

    def write(self, text: str) -> int:
        if "CLOSE" in text:
            self.closed_one.set()
        return super().write(text)


@contextmanager
def on_the_local_stack(folder: Path) -> Iterator[tuple[Hub, Callable[[], None]]]:
    written = Watched()
    limits = Limits(websocket_send_seconds=0.5)
    with (
        ValkeyServer.start(folder=folder) as valkey,
        running(
            TEMPLATE, parameters={"RedisUrl": valkey.url}, limits=limits, terminal=Terminal(stream=written)
        ) as stack,
    ):

        def wait_for_the_end() -> None:
            assert written.closed_one.wait(SECONDS)

        yield LocalHub.of(stack, valkey), wait_for_the_end


@contextmanager
def on_the_server(folder: Path) -> Iterator[tuple[Hub, Callable[[], None]]]:
    with server_hub(folder) as hub:

        def connections() -> int:
            return len(hub.call("GET", "/api/v1/connections").json()["connections"])

        yield hub, lambda: wait_until(lambda: connections() == 1, what="one client is disconnected", seconds=SECONDS)


@pytest.mark.needs("own-hub")
def test_a_stalled_client_delays_nobody_and_is_disconnected(tmp_path: Path) -> None:
    run = on_the_server if chosen() == "server" else on_the_local_stack
    with run(tmp_path) as (hub, wait_for_the_end):
        request = opening("/ws", query={"type": "t"}, headers={"Sec-WebSocket-Protocol": "cloudevents.json"})
        with (
            RawClient.connect(hub, request, buffer=4096) as stalled,
            Client(hub) as reader,
            hub.client() as store,
        ):
            assert stalled.head().startswith("HTTP/1.1 101 ")
            assert next_event(stalled)["type"] == "io.flunq.hub.subscribed"
            reader.subscribe()
            for number in range(1, _EVENTS + 1):
                store.publish([event(number, data=_DATA)])
                reader.until_events(number)
            assert reader.following["s"].ids == [str(n) for n in range(1, _EVENTS + 1)]
            wait_for_the_end()
            received, closing = read_to_the_end(stalled)
        assert received == [str(n) for n in range(1, len(received) + 1)]
        assert len(received) < _EVENTS
        if chosen() == "server":
            code, reason = int.from_bytes(closing[:2]), closing[2:].decode()
            assert (code, reason.partition(":")[0]) == (CloseCode.TRY_AGAIN_LATER, "slow-consumer")


def read_to_the_end(client: RawClient) -> tuple[list[str], bytes]:
    """The sequences of all events that are left, and the content of the close frame; nothing without one."""
    received: list[str] = []
    with suppress(ConnectionError, ValueError, TypeError):
        while (frame := client.frame()) is not None:
            if frame[0] == _CLOSE:
                return received, frame[1]
            received.append(json.loads(frame[1])["hubsequence"])
    return received, b""


def next_event(client: RawClient) -> Mapping[str, str]:
    """The next event; raises ConnectionError at the end of the connection."""
    frame = client.frame()
    if frame is None or frame[0] != 0x81:
        raise ConnectionError
    said: Mapping[str, str] = json.loads(frame[1])
    return said
