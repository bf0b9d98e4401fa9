"""What an instance has received from others when it takes over a partition."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import StoreUnavailable
from eventstore.ports.instances import InstanceId, Received
from eventstore_server import cluster
from eventstore_server.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ME = InstanceId("me")


class Inbox:
    """The instances of a store, of which one has an inbox."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.is_there = True
        self._changed = threading.Condition()

    def heartbeat(self, instance: InstanceId) -> Sequence[InstanceId]:
        return [instance]

    def dead(self) -> Sequence[InstanceId]:
        return []

    def leave(self, _: InstanceId) -> None:
        """It has nothing to remove."""

    def send(self, _: InstanceId, messages: Sequence[bytes]) -> bool:
        with self._changed:
            if self.is_there:
                self.messages += messages
            self._changed.notify_all()
            return self.is_there

    def receive(self, _: InstanceId, after: str, *, block_ms: int) -> Received:
        place = int(after.partition("-")[0])
        with self._changed:
            self._changed.wait_for(lambda: len(self.messages) > place, timeout=block_ms / 1000)
            # One at a time, so that others can come between two.
            messages = self.messages[place : place + 1]
        return Received(messages, f"{place + len(messages)}-0", has_gap=False)


@contextmanager
def running(inbox: Inbox, received: Callable[[bytes], None]) -> Iterator[Cluster]:
    instance = Cluster(
        ME,
        inbox,  # type: ignore[arg-type] # it has what is called
        partitions=1,
        alive_seconds=60,
        has_journal=False,
        owns=lambda _: None,
        lost=lambda: None,
        received=received,
        died=lambda _: None,
        was_away=lambda: None,
    )
    instance.run()
    try:
        yield instance
    finally:
        instance.stop()
        inbox.send(ME, [b"wakes the thread up"])


def test_messages_that_were_sent_before_are_received_first() -> None:
    inbox, received = Inbox(), list[bytes]()
    with running(inbox, received.append) as own:
        for number in range(50):
            sent = [b"p%d" % number, b"q%d" % number]
            inbox.send(ME, sent)
            own.receive_earlier()
            assert received[-2:] == sent
    assert not [message for message in received if message.startswith(b"m")]


def test_an_instance_without_an_inbox_waits_for_nothing() -> None:
    inbox, received = Inbox(), list[bytes]()
    inbox.is_there = False
    with running(inbox, received.append) as own:
        own.receive_earlier()
    assert received == []


def test_a_partition_is_not_served_while_messages_are_not_received(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_RECEIVED_WITHIN", 0.05)
    inbox, received = Inbox(), list[bytes]()
    go_on = threading.Event()

    def receive(message: bytes) -> None:
        assert go_on.wait(20)
        received.append(message)

    with running(inbox, receive) as own:
        inbox.send(ME, [b"p1"])
        with pytest.raises(StoreUnavailable, match="messages of other instances were not received"):
            own.receive_earlier()
        go_on.set()
        # The marker that comes too late is passed over.
        monkeypatch.setattr(cluster, "_RECEIVED_WITHIN", 20.0)
        inbox.send(ME, [b"p2"])
        own.receive_earlier()
    assert received == [b"p1", b"p2"]
