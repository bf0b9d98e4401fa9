"""The hub whose functions may end at any point, and what happens then: what was not done is sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from eventstore.durable.deletion import DeletionNotices
from eventstore.durable.pushing import PushResults
from eventstore.errors import TurnLost
from eventstore.frames.limits import DEFAULT_SHARDS
from eventstore.groups import AckStream, Nack
from eventstore.live.catch_up import TurnLimits
from eventstore.live.closing import ClosingConnections
from eventstore.live.deliver import Deliverer
from eventstore.live.open_connections import OpenConnections
from eventstore.live.push import Pusher
from eventstore.live.sweep import Sweeper
from tests.fakes.connections import FakeConnections
from tests.fakes.faulty import Faults, Killed
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakePushes
from tests.fakes.targets import FakeTarget
from tests.functional.core.live import Live
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.pushes import PushResult

__all__ = ["Member", "Mortal", "frames_of"]

T = TypeVar("T")

# Small, so that little needs several turns, and two events for three subscribers are too much for one.
_LIMITS = TurnLimits(events=2, behind_events=2, pairs=3 * (1 + 25))

_BATCH = 3
"""Deliveries that one call has."""


class OneByOne:
    """A queue that takes one message after the other, as SQS does, so that a process may end in between."""

    def __init__(self, queue: Any) -> None:  # noqa: ANN401 - of deliveries or of letters
        self._queue = queue

    def send(self, messages: Sequence[Any]) -> None:
        for message in messages:
            self._queue.send([message])

    def discard(self, key: str, *streams: str) -> int:
        removed: int = self._queue.discard(key, *streams)
        return removed


class Mortal(Live):
    def __init__(self, client: Client, faults: Faults, *, partitions: int = 1) -> None:
        self.faults = faults
        super().__init__(faults.wrap(client), partitions=partitions, limits=_LIMITS, wrap=self.wrapped)
        self.connections = FakeConnections()
        self.target = FakeTarget()
        self.restart()

    def wrapped(self, port: Any) -> Any:  # noqa: ANN401 - it looks the same afterwards
        """A port as the hub has it."""
        if isinstance(port, FakeDeliveries | FakeLetters | FakePushes):
            port = OneByOne(self.faults.wrap(port))
        return self.faults.wrap(port)

    def restart(self) -> None:
        """Another process, which knows nothing yet."""
        self.faults.restart()
        self.dispatcher = self.worker(_LIMITS)
        self.deliverer = Deliverer(
            self.wrapped(self.connections),
            self.wrapped(self.dispatch_queue),
            clock=self.clock,
            jitter=lambda: 0.5,
            workers=1,
        )
        target, pushes = self.wrapped(self.target), self.wrapped(self.pushes)
        self.pusher = Pusher(lambda _: target, pushes, self.wrapped(self.dispatch_queue), clock=self.clock)

    def survive(self, step: Callable[[], T]) -> T:
        """Do a step; if the process ends in it, another one does it from the start."""
        while True:
            try:
                return step()
            except Killed:
                self.restart()

    def settle(self) -> None:
        """Call functions with what queues hold, until they hold nothing; a message stays until it is done with."""
        queue = self.dispatch_queue
        while (
            queue.requested_turns
            or queue.closed_connections
            or queue.deletions
            or queue.closing
            or self.deliveries.sent
            or queue.results
            or any(self.pushes.by_group.values())
        ):
            self._push()
            while queue.closed_connections:
                gone = queue.closed_connections[0]
                self.survive(lambda gone=gone: self.members.disconnect(gone))  # type: ignore[misc] # its default
                queue.closed_connections.pop(0)
            while queue.deletions:
                name, member = queue.deletions[0]
                self.survive(lambda name=name, member=member: self.deletion_notices.send(member, name))  # type: ignore[misc] # as above
                queue.deletions.pop(0)
            while queue.closing:
                connection = queue.closing[0]
                self.survive(lambda connection=connection: self.closing_connections.close(connection))  # type: ignore[misc] # as above
                queue.closing.pop(0)
            while queue.requested_turns:
                partition = queue.requested_turns[0]
                self.survive(lambda partition=partition: self._dispatch(partition))  # type: ignore[misc] # as above
                queue.requested_turns.pop(0)
            while self.deliveries.sent:
                batch = [("s0", delivery) for delivery in self.deliveries.sent[:_BATCH]]
                until = self.clock.now() + 1000
                again = self.survive(lambda batch=batch, until=until: self.deliverer.deliver(batch, until=until))  # type: ignore[misc] # as above
                assert not again
                del self.deliveries.sent[: len(batch)]

    def _push(self) -> None:
        """Make the pushes that are waiting, and apply what came of them."""
        for texts in self.pushes.by_group.values():
            while texts:
                until = self.clock.now() + 100_000
                self.survive(lambda text=texts[0], until=until: self.pusher.push(text, until=until))  # type: ignore[misc] # its defaults
                texts.pop(0)
        while self.dispatch_queue.results:
            result = self.dispatch_queue.results[0]
            self.survive(lambda result=result: self._apply(result))  # type: ignore[misc] # as above
            self.dispatch_queue.results.pop(0)

    def _apply(self, result: PushResult) -> None:
        # As functions/dispatch does it.
        PushResults(self.wrapped(self.durables)).enqueue(result)
        self._dispatch(result.partition)

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and request the turns that were requested for later."""
        self.turns.skew += milliseconds
        alarms, self.dispatch_queue.later = self.dispatch_queue.later, []
        for partition, _ in alarms:
            self.survive(lambda partition=partition: self.wrapped(self.dispatch_queue).request_turns([partition]))  # type: ignore[misc] # as above
        self.settle()

    def sweep(self) -> None:
        """Let the sweep, which runs every minute, request the turns that were missed."""
        sweeper = Sweeper(
            self.wrapped(self.log),
            self.wrapped(self.registry),
            self.wrapped(self.turns),
            self.wrapped(self.dispatch_queue),
            self.members,
            clock=self.clock,
            definitions=self.definitions,
        )
        self.survive(lambda: sweeper.sweep(until=self.clock.now() + 1000))
        self.settle()

    @property
    def deletion_notices(self) -> DeletionNotices:
        """What notifies members that their durable subscription was deleted."""
        return DeletionNotices(self.members, self.wrapped(self.registry), self.wrapped(self.deliveries), DEFAULT_SHARDS)

    @property
    def closing_connections(self) -> ClosingConnections:
        """What removes connections that an operator closes, and has them closed."""
        return ClosingConnections(self.members, self.wrapped(self.deliveries), DEFAULT_SHARDS)

    @property
    def open_connections(self) -> Trusted:
        """What lists and closes connections, for an operator who may close all."""
        ports = self.wrapped(self.registry), self.wrapped(self.durables)
        return Trusted(OpenConnections(*ports, self.members, self.wrapped(self.dispatch_queue)))

    def posted(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.connections.posted.get(name, [])]

    def _dispatch(self, partition: int) -> None:
        # As functions/dispatch does it.
        try:
            more = self.dispatcher.serve(partition, until=self.clock.now() + 1000)
        except TurnLost:
            return
        if more:
            self.wrapped(self.dispatch_queue).request_turns([partition])


def frames_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The frames of one subscription, each once; there is no hole, and what comes again is what it was."""
    frames: list[dict[str, Any]] = []
    for message in messages:
        number = message["frame"]
        if number > len(frames):
            assert number == len(frames) + 1, f"frame {number} after {len(frames)}"
            frames.append(message)
        else:
            assert message == frames[number - 1], f"frame {number} is another one when it comes again"
    return frames


class Member:
    """A member of a durable subscription as docs/protocol.md wants it; it fails at what is poisoned.

    Attributes:
        handled: Per stream the sequences, in the order in which they were handled first.
    """

    def __init__(self, hub: Mortal, name: str, handled: dict[str, list[int]], poisoned: set[tuple[str, int]]) -> None:
        self.hub = hub
        self.name = name
        self.handled = handled
        self.poisoned = poisoned
        self._read = 0
        self._frames: dict[int, dict[int, dict[str, Any]]] = {}
        self._held: set[str] = set()

    def work(self) -> bool:
        """Handle what has come since; whether anything had."""
        new = self.hub.posted(self.name)[self._read :]
        for message in new:
            self._read += 1
            if self._is_new(message):
                self._take(message)
        return bool(new)

    def _is_new(self, message: dict[str, Any]) -> bool:
        known, number = self._frames.setdefault(message["partition"], {}), message["frame"]
        if number in known:
            assert message == known[number], f"frame {number} is another one when it comes again"
            return False
        last = max(known, default=0)
        # While others own the partition, they get the numbers between.
        assert number > last if message["type"] == "owned" else number == last + 1, f"frame {number} after {last}"
        known[number] = message
        return True

    def _take(self, message: dict[str, Any]) -> None:
        members = self.hub.members
        if message["type"] == "revoked":
            self.hub.survive(lambda: members.release(self.name, "w", message["partition"]))
        if message["type"] != "events":
            return
        again = message.get("stream")
        if again is not None and not message["events"]:
            self._held.discard(again)
        for event in message["events"]:
            stream, sequence = event["hubstream"], int(event["hubsequence"])
            if (again is None and stream in self._held) or not self._handle(stream, sequence):
                continue
            if again is not None:
                self.hub.survive(
                    lambda s=stream, n=sequence: members.acknowledge_stream("w", AckStream(self.name, s, n))  # type: ignore[misc] # its defaults
                )
        if "cursor" in message:
            self.hub.survive(lambda: members.acknowledge(self.name, "w", [message["cursor"]]))

    def _handle(self, stream: str, sequence: int) -> bool:
        if (stream, sequence) in self.poisoned:
            nack = Nack(self.name, stream, sequence, "poisoned", 0, park=False)
            self.hub.survive(lambda: self.hub.members.fail("w", nack))
            self._held.add(stream)
            return False
        done = self.handled.setdefault(stream, [])
        if sequence == len(done) + 1:
            done.append(sequence)
        assert sequence <= len(done), f"{stream} {sequence} after {done}"
        return True
