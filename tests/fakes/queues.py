"""`ports.queues`, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import Posting, postings
from eventstore.frames.pushes import PushResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.frames.frame import Delivery
    from eventstore.frames.pushes import Push
    from eventstore.groups import Member
    from eventstore.subscriptions import Connection

__all__ = ["FakeDeliveries", "FakeDispatchQueue", "FakePushes"]


class FakeDispatchQueue:
    """Keeps what was asked of dispatch.

    Attributes:
        requested_turns: The partitions of which a turn was requested.
        later: The partitions of which one was requested for later, each with the seconds until then.
        closed_connections: The connections that are gone.
        closing: The connections to close.
        deletions: The names of subscriptions that were deleted, with each of their members.
        results: What came of pushes.
        broken: Whether it refuses all else than turns for later and connections that are gone.
    """

    def __init__(self) -> None:
        self.requested_turns: list[int] = []
        self.later: list[tuple[int, float]] = []
        self.closed_connections: list[str] = []
        self.closing: list[Connection] = []
        self.deletions: list[tuple[str, Member]] = []
        self.results: list[PushResult] = []
        self.broken = False

    def request_turns(self, partitions: Iterable[int]) -> None:
        self._check()
        self.requested_turns += partitions

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        self.later.append((partition, seconds))

    def connection_closed(self, connection: str) -> None:
        self.closed_connections.append(connection)

    def pushed(self, result: PushResult) -> None:
        self._check()
        self.results.append(PushResult.decoded(result.encoded()))

    def close_connection(self, connection: Connection) -> None:
        self._check()
        self.closing.append(connection)

    def subscription_deleted(self, name: str, members: Iterable[Member]) -> None:
        self._check()
        self.deletions += [(name, member) for member in members]

    def _check(self) -> None:
        if self.broken:
            raise QueueUnavailable("broken for a test")


class FakeDeliveries:
    """Keeps what was sent, as the queue would carry it.

    Attributes:
        sent: The deliveries since postings were taken last.
        shards: The shard of each delivery that was ever sent.
        broken: Whether sending fails.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.shards: list[int] = []
        self.broken = False

    def send(self, deliveries: Sequence[Delivery]) -> None:
        self.sent += [delivery.encoded() for delivery in deliveries]
        self.shards += [delivery.shard for delivery in deliveries]
        if self.broken:
            raise QueueUnavailable("broken for a test, after it was sent")

    def take_postings(self) -> list[Posting]:
        """What is to be posted, since the last time that this was asked."""
        sent, self.sent = self.sent, []
        return [posting for delivery in sent for posting in postings(delivery)]


class FakePushes:
    """Keeps the pushes of each group in order, as texts, each once."""

    def __init__(self) -> None:
        self.by_group: dict[str, list[str]] = {}
        self.sent: set[str] = set()
        self.broken = False

    def send(self, pushes: Sequence[Push]) -> None:
        for push in pushes:
            if push.identity not in self.sent:
                self.sent.add(push.identity)
                self.by_group.setdefault(push.group, []).append(push.encoded())
        if self.broken:
            raise QueueUnavailable("broken for a test, after it was sent")
