"""A rule on a real store: a durable subscription whose target is a program of the test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore.durable.pushing import PushResults
from eventstore.filters import parse_filters
from eventstore.groups import DeliverySettings
from eventstore.live.push import NoTime, Pusher
from eventstore.ports import Refusal, Start, TargetThrottled, TargetUnavailable
from eventstore.subscriptions import Durable, Target
from tests.examples import events
from tests.fakes.targets import FakeTarget
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.pushes import PushedEvent
    from eventstore.groups import Command, Group

__all__ = ["NAME", "Rule", "body_of", "failing", "refusing"]

NAME = "rule"


class Rule:
    """A durable subscription with a target, and the function that pushes to it.

    Attributes:
        seconds: The time that the function has for a push.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: int = 1,
        batch: int = 1,
        concurrency: int = 1,
        **settings: int,
    ) -> None:
        self.live = Live(client, partitions=partitions)
        self.target = FakeTarget()
        self.seconds = 100.0
        target = Target("lambda", "handle", batch=batch, concurrency=concurrency)
        self.durable = Durable("0" * 24, NAME, parse_filters([]), settings=DeliverySettings(**settings), target=target)
        self.live.durables.create(self.durable, dict.fromkeys(range(partitions), Start.OLDEST))
        self.pusher = Pusher(lambda _: self.target, self.live.pushes, self.live.dispatch_queue, clock=self.live.clock)
        self.results = PushResults(self.live.durables)

    @property
    def group(self) -> Group:
        """The group, of the only partition."""
        return self.live.durables.groups(self.durable)[0]

    def publish(self, stream: str, count: int, *, start: int = 1) -> None:
        self.live.store.publish(events(count, start=start), stream=stream)

    def command(self, command: Command, *, partition: int = 0) -> None:
        """Enqueue a command for a partition, and request its turn."""
        self.live.dispatch_queue.request_turns(self.live.durables.enqueue(self.durable, {partition: [command]}))

    def waiting(self) -> list[str]:
        """The groups of pushes that are not made yet."""
        return [group for group, texts in self.live.pushes.by_group.items() if texts]

    def push_next(self, group: str, *, report: bool = True) -> None:
        """Make the next push of a group. Without its report, it comes again."""
        texts = self.live.pushes.by_group[group]
        before = len(self.live.dispatch_queue.results)
        try:
            self.pusher.push(texts[0], until=self.live.clock.now() + int(self.seconds * 1000))
        except NoTime:
            return
        if report:
            texts.pop(0)
        else:
            del self.live.dispatch_queue.results[before:]

    def report(self) -> None:
        """Apply the reports of pushes, as `dispatch` does."""
        results, self.live.dispatch_queue.results = self.live.dispatch_queue.results, []
        for result in results:
            self.results.enqueue(result)
            self.live.dispatch_queue.request_turns([result.partition])

    def settle(self) -> None:
        """Serve, push and report until nothing is left to do now."""
        while True:
            self.live.settle()
            groups = self.waiting()
            if not groups and not self.live.dispatch_queue.results:
                return
            for group in groups:
                self.push_next(group)
            self.report()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and take the turns that were requested for then."""
        self.live.clock.pass_seconds(seconds)
        self.live.dispatch_queue.request_turns(range(self.live.log.partitions))
        self.settle()

    def open_circuit(self) -> None:
        """Let time pass until the circuit of a target that is away is open."""
        while not self.group.circuit.is_open:
            self.pass_time(60)

    def letters(self) -> list[tuple[str, int]]:
        """The events in the dead letter queue."""
        return [(letter.stream, letter.sequence) for letter in self.live.letters.kept]


def refusing(*events: tuple[str, int], **refusal: Any) -> Callable[[PushedEvent], Refusal | None]:  # noqa: ANN401
    """Return what refuses these events."""
    return lambda event: Refusal("no", **refusal) if (event.stream, event.sequence) in events else None


def failing(error: type[TargetThrottled | TargetUnavailable], **details: Any) -> Callable[[PushedEvent], Exception]:  # noqa: ANN401
    """Return what fails every call."""
    return lambda _: error("out of order", **details)


def body_of(event: PushedEvent) -> dict[str, Any]:
    """Return the event as its target reads it."""
    body: dict[str, Any] = json.loads(event.text)
    return body
