"""The queues between the functions, as SQS keeps them: in order per group, each message at least once."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import postings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

    from eventstore.frames.frame import Delivery
    from eventstore.frames.pushes import Push, PushResult
    from eventstore.groups import Member
    from eventstore.ports import DeadLetter
    from eventstore.subscriptions import Connection
    from tests.chaos.clocks import Clocks
    from tests.chaos.wiring import Wiring

__all__ = ["Alarms", "Deliveries", "DispatchQueue", "Fifo", "Letters", "Message", "Outage", "Pushes"]

_REMEMBERED = 300_000
"""For how many milliseconds a FIFO queue recognizes a message that is sent again."""


@dataclass(frozen=True)
class Message:
    """A message of a queue."""

    id: str
    group: str
    body: str


class Fifo:
    """A FIFO queue. What is received stays until it is deleted, and its group waits."""

    def __init__(self) -> None:
        self.groups: dict[str, deque[Message]] = {}
        self._ids = count(1)

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self.groups.values())

    def send(self, group: str, body: str) -> None:
        self.groups.setdefault(group, deque()).append(Message(f"m{next(self._ids)}", group, body))

    def receive(self, rng: Random, *, most: int) -> list[Message]:
        """Up to `most` messages: the first ones of random groups."""
        batch: list[Message] = []
        groups = sorted(self.groups)
        rng.shuffle(groups)
        for group in groups[: rng.randint(1, 4)]:
            batch += list(self.groups[group])[: rng.randint(1, most - len(batch))]
            if len(batch) == most:
                break
        return batch

    def delete(self, message: Message) -> None:
        waiting = self.groups.get(message.group)
        if waiting and message in waiting:
            waiting.remove(message)
            if not waiting:
                del self.groups[message.group]


@dataclass
class Outage:
    """Whether the queues accept messages now."""

    now: bool = False

    def check(self) -> None:
        if self.now:
            raise QueueUnavailable("the queues are away for a while")


@dataclass
class Alarms:
    """Delayed wake-ups, with their time in milliseconds and their partition."""

    waiting: list[tuple[int, int]] = field(default_factory=list)

    def due(self, now: int) -> list[int]:
        """Remove and return the due wake-ups."""
        partitions = [partition for at, partition in sorted(self.waiting) if at <= now]
        self.waiting = [alarm for alarm in self.waiting if alarm[0] > now]
        return partitions


class DispatchQueue:
    """`ports.DispatchQueue`."""

    def __init__(self, wiring: Wiring, queue: Fifo, alarms: Alarms, clocks: Clocks, outage: Outage) -> None:
        self._wiring = wiring
        self._queue = queue
        self._alarms = alarms
        self._clocks = clocks
        self._outage = outage

    def request_turns(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._send(f"p{partition}", {"partition": partition})

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        def send() -> None:
            self._outage.check()
            whole = -int(-seconds // 1)
            self._alarms.waiting.append((self._clocks.true + 1000 * whole, partition))

        self._wiring.call(send)

    def connection_closed(self, connection: str) -> None:
        self._send(f"c{connection}", {"gone": connection})

    def pushed(self, result: PushResult) -> None:
        self._send(f"p{result.partition}", {"partition": result.partition, "pushed": result.encoded()})

    def close_connection(self, connection: Connection) -> None:
        body = {"gone": connection.id, "close": connection.protocol, "opened": connection.opened}
        self._send(f"c{connection.id}", body)

    def subscription_deleted(self, name: str, members: Iterable[Member]) -> None:
        for member in members:
            body = {"ended": member.connection, "id": member.id, "subscription": name}
            self._send(f"c{member.connection}", body)

    def _send(self, group: str, body: dict[str, Any]) -> None:
        def send() -> None:
            self._outage.check()
            self._queue.send(group, json.dumps(body))

        self._wiring.call(send)


class Deliveries:
    """`ports.Deliveries`; the observer sees each message for a client when it is sent."""

    def __init__(
        self, wiring: Wiring, queue: Fifo, outage: Outage, watch: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._wiring = wiring
        self._queue = queue
        self._outage = outage
        self._watch = watch

    def send(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._wiring.call(lambda delivery=delivery: self._send(delivery))  # type: ignore[misc] # its default

    def _send(self, delivery: Delivery) -> None:
        self._outage.check()
        encoded = delivery.encoded()
        self._queue.send(f"s{delivery.shard}", encoded)
        for posting in postings(encoded):
            self._watch(posting.connection, json.loads(posting.message))


class Pushes:
    """`ports.Pushes`; one that is sent again within minutes is dropped, even if it was received meanwhile.

    The observer sees the address and the events of each push that is not the rest of another.
    """

    def __init__(
        self,
        wiring: Wiring,
        queue: Fifo,
        clocks: Clocks,
        outage: Outage,
        watch: Callable[[str, Sequence[tuple[str, int]]], None],
    ) -> None:
        self._wiring = wiring
        self._queue = queue
        self._clocks = clocks
        self._outage = outage
        self._watch = watch
        self._sent: dict[str, int] = {}

    def send(self, pushes: Sequence[Push]) -> None:
        for push in pushes:
            self._wiring.call(lambda push=push: self._send(push))  # type: ignore[misc] # its default

    def _send(self, push: Push) -> None:
        self._outage.check()
        now = self._clocks.true
        if now < self._sent.get(push.identity, now):
            return
        self._sent[push.identity] = now + _REMEMBERED
        self._queue.send(push.group, push.encoded())
        if not push.part:
            self._watch(push.target.address, [(event.stream, event.sequence) for event in push.events])


class Letters:
    """`ports.DeadLetters`; the observer sees each letter when it is first sent."""

    def __init__(self, wiring: Wiring, outage: Outage, watch: Callable[[DeadLetter], None]) -> None:
        self.kept: dict[DeadLetter, None] = {}
        self._wiring = wiring
        self._outage = outage
        self._watch = watch

    def send(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._wiring.call(lambda letter=letter: self._keep(letter))  # type: ignore[misc] # its default

    def _keep(self, letter: DeadLetter) -> None:
        self._outage.check()
        if letter not in self.kept:
            self.kept[letter] = None
            self._watch(letter)

    def discard(self, key: str, *streams: str) -> int:
        def discard() -> int:
            self._outage.check()
            going = [letter for letter in self.kept if letter.key == key and letter.stream in streams]
            for letter in going:
                del self.kept[letter]
            return len(going)

        removed: int = self._wiring.call(discard)
        return removed
