"""A client that does not read its messages."""

from __future__ import annotations

import io
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.invocation import Limits
from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.dev.sockets import RawClient, opening
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, Client, event

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENTS = 80
# Far more than the buffers on the way, some megabytes, can hold.
_DATA = "x" * 90_000


class Watched(io.StringIO):
    """The output of the stack; sets an event when a connection is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed_one = threading.Event()

    def write(self, text: str) -> int:
        if "CLOSE" in text:
            self.closed_one.set()
        return super().write(text)


@pytest.mark.needs("own-stack")
def test_a_stalled_client_delays_nobody_and_is_disconnected() -> None:
    written = Watched()
    limits = Limits(websocket_send_seconds=0.5)
    with (
        ValkeyServer.start() as valkey,
        running(
            TEMPLATE, parameters={"RedisUrl": valkey.url}, limits=limits, terminal=Terminal(stream=written)
        ) as stack,
    ):
        hub = LocalHub.of(stack, valkey)
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
            assert [received_event["id"] for received_event in reader.until_events(_EVENTS)] == [
                str(n) for n in range(1, _EVENTS + 1)
            ]
            assert written.closed_one.wait(SECONDS)
            received = []
            with suppress(ConnectionError, ValueError, TypeError):
                while True:
                    received.append(next_event(stalled)["hubsequence"])
        assert received == [str(n) for n in range(1, len(received) + 1)]
        assert len(received) < _EVENTS


def next_event(client: RawClient) -> Mapping[str, str]:
    """The next event; raises ConnectionError at the end of the connection."""
    frame = client.frame()
    if frame is None or frame[0] != 0x81:
        raise ConnectionError
    said: Mapping[str, str] = json.loads(frame[1])
    return said
