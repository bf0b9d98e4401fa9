"""Connections that events are sent to although nobody has them are removed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import StoreUnavailable
from eventstore.frames.frame import Address, Delivery, Kind, Part
from eventstore.ports.instances import InstanceId
from eventstore.subscriptions import Connection, ConnectionId, SubscriptionId
from eventstore_server.gone_connections import GoneConnections
from eventstore_server.queues import instance_deliveries
from eventstore_server.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ME, ANOTHER = InstanceId("aaaaaaaa"), InstanceId("bbbbbbbb")


def part(*connections: str) -> Part:
    to = tuple(Address(ConnectionId(each), SubscriptionId("w"), 1, 0) for each in connections)
    return Part(Kind.EVENTS, 0, ("c",), ("[]",), to)


def removed(*batches: Iterable[str], fails: bool = False) -> list[str]:
    """What is removed if these connections are reported one after the other."""
    found: list[str] = []

    def disconnect(connection: ConnectionId) -> None:
        found.append(connection)
        if fails:
            raise StoreUnavailable("the store does not answer")

    with ThreadPoolExecutor(1) as threads:
        gone = GoneConnections(disconnect, threads=threads)
        for batch in batches:
            gone.remove(map(ConnectionId, batch))
    gone.remove([ConnectionId("after the threads have ended")])
    return found


def test_each_is_removed_once() -> None:
    assert removed(["a", "b", "a"], ["b", "c"]) == ["a", "b", "c"]


def test_a_store_that_does_not_answer_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert removed(["a"], fails=True) == ["a"]
    assert "connection a is gone, and not removed: store-unavailable" in caplog.text


def test_one_that_is_still_sent_to_is_removed_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore_server.gone_connections._AGAIN_AFTER", 0.0)
    assert removed(["a"], ["a"]) == ["a", "a"]


def test_what_is_delivered_to_no_session_is_reported_unless_it_has_just_ended() -> None:
    class Ended:
        connection = Connection(ConnectionId("ended"), "eventstore.v1", 1)
        door, sent_bytes = "websocket", 0

    reported: list[ConnectionId] = []

    async def deliver() -> None:
        sessions = Sessions(ME, asyncio.get_running_loop())
        sessions.gone = reported.extend
        ended: Any = Ended()
        sessions.add(ended)
        sessions.remove(ended.connection.id)
        sessions.post([part("ended", "unknown")])
        delivered = asyncio.Event()
        sessions.after_posts(delivered.set)
        await delivered.wait()

    asyncio.run(deliver())
    assert reported == ["unknown"]


@pytest.mark.parametrize("is_there", [True, False])
def test_connections_of_an_instance_that_is_gone_are_reported(*, is_there: bool) -> None:
    class Cluster:
        def send_parts(self, instance: InstanceId, _: Sequence[Sequence[Part]]) -> bool:
            assert instance == ANOTHER
            return is_there

    reported: list[ConnectionId] = []
    anything: Any = Cluster()
    nothing: Any = type("Sessions", (), {"instance": ME})()
    deliveries = instance_deliveries(nothing, anything, None, gone=reported.extend)
    deliveries.send([Delivery(0, (part(f"{ANOTHER}.0011223344556677"),))])
    assert reported == ([] if is_there else [f"{ANOTHER}.0011223344556677"])
