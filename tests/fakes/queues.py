"""`ports.queues`, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import Posting, postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.frames.frame import Delivery
    from eventstore.groups import Member
    from eventstore.subscriptions import Connection

__all__ = ["FakeDeliveries", "FakeDispatchQueue"]


class FakeDispatchQueue:
    """Keeps what was rung."""

    def __init__(self) -> None:
        self.rung: list[int] = []
        self.later: list[tuple[int, float]] = []
        self.told_gone: list[str] = []
        self.closing: list[Connection] = []
        self.told_ended: list[tuple[str, Member]] = []
        self.broken = False

    def request_turns(self, partitions: Iterable[int]) -> None:
        if self.broken:
            raise QueueUnavailable("broken for a test")
        self.rung += partitions

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        self.later.append((partition, seconds))

    def connection_closed(self, connection: str) -> None:
        self.told_gone.append(connection)

    def close_connection(self, connection: Connection) -> None:
        if self.broken:
            raise QueueUnavailable("broken for a test")
        self.closing.append(connection)

    def subscription_deleted(self, name: str, members: Iterable[Member]) -> None:
        if self.broken:
            raise QueueUnavailable("broken for a test")
        self.told_ended += [(name, member) for member in members]


class FakeDeliveries:
    """Keeps what was sent, as the queue would carry it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.broken = False

    def send(self, deliveries: Sequence[Delivery]) -> None:
        self.sent += [delivery.encoded() for delivery in deliveries]
        if self.broken:
            raise QueueUnavailable("broken for a test, after it was sent")

    def taken(self) -> list[Posting]:
        """What is to be posted, since the last time that this was asked."""
        sent, self.sent = self.sent, []
        return [posting for delivery in sent for posting in postings(delivery)]
