"""What waits for a WebSocket client, and how its session ends."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.frames import CloseCode

from eventstore.frames.frame import Address, Kind, Part
from eventstore.subscriptions import EVENTSTORE, Connection, ConnectionId, SubscriptionId
from eventstore_server.metrics.catalogue import ServerMetrics
from eventstore_server.sessions import SLOW_CONSUMER, STORE_RESET
from eventstore_server.websocket_session import SharedText, WebSocketSession

_TO = Address(ConnectionId("c"), SubscriptionId("s"), 1, 0)
_BUFFER = 1000
_PART = Part(Kind.LIVE, 3, ("x",), ("y" * 400,), (_TO,))


class Wire:
    """A connection whose client reads all that it is sent."""

    waiting_bytes = 0

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed: list[tuple[int, str]] = []

    def write(self, *pieces: bytes) -> None:
        self.written.append(b"".join(pieces))

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


@pytest.fixture
def session() -> WebSocketSession:
    return WebSocketSession(
        Connection(ConnectionId("c"), EVENTSTORE, 0),
        shared=SharedText(),
        buffer_bytes=_BUFFER,
        drained=lambda _: None,
        counts=ServerMetrics().frame_counts("websocket"),
    )


def _opened(session: WebSocketSession) -> Wire:
    wire: Any = Wire()
    session.open(wire)
    session.release()
    opened: Wire = wire
    return opened


def test_what_is_delivered_before_the_opening_is_sent_then(session: WebSocketSession) -> None:
    session.deliver(_PART, _TO)
    session.deliver(_PART, _TO)
    wire = _opened(session)
    assert (len(wire.written), wire.closed) == (2, [])


def test_a_client_is_slow_for_which_too_much_waits_before_the_opening(session: WebSocketSession) -> None:
    for _ in range(100):
        session.deliver(_PART, _TO)
        assert session.waiting_bytes <= _BUFFER
    assert session.closed_by == SLOW_CONSUMER
    wire = _opened(session)
    session.deliver(_PART, _TO)
    assert (wire.written, [code for code, _ in wire.closed]) == ([], [CloseCode.TRY_AGAIN_LATER])


def test_nothing_more_waits_for_a_slow_client_whose_subscribe_is_being_handled(session: WebSocketSession) -> None:
    wire = _opened(session)
    session.hold()
    for _ in range(100):
        session.deliver(_PART, _TO)
        assert session.waiting_bytes <= _BUFFER
    assert (wire.written, [code for code, _ in wire.closed]) == ([], [CloseCode.TRY_AGAIN_LATER])


def test_a_session_that_is_closed_before_the_opening_is_closed_then(session: WebSocketSession) -> None:
    session.close(STORE_RESET, "the store was reset")
    wire = _opened(session)
    assert (session.closed_by, wire.closed) == (
        STORE_RESET,
        [(CloseCode.GOING_AWAY, "store-reset: the store was reset")],
    )
