"""Pushes: events on their way to the target of a durable subscription, and what came of them.

A push is text: a line of JSON that describes it, then the events as they are pushed. Events are spliced and never
parsed, as in deliveries.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from eventstore.frames.frame import escape_for_sqs
from eventstore.subscriptions import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import DurableName, StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["KAFKA_BYTES", "Failed", "Push", "PushResult", "PushedEvent", "most_bytes", "push_group"]

_QUEUED_BYTES = 200 * 1024
"""The most bytes of the events of a push: SQS accepts messages of 256 KiB."""

KAFKA_BYTES = 512 * 1024
"""The most bytes of the events of a push to a topic of Kafka, which passes no queue: each event of `Limits` fits."""


def most_bytes(target: Target) -> int:
    """Return the most bytes of the events of a push to a target."""
    return KAFKA_BYTES if target.kind == "kafka" else _QUEUED_BYTES


def push_group(key: SubscriptionKey, partition: int) -> str:
    """Return the name of the group within which the pushes of a subscription in a partition keep their order."""
    return f"{key}-{partition}"


class PushedEvent(NamedTuple):
    """An event that is pushed.

    Attributes:
        stream: Its stream.
        sequence: Its sequence in the stream.
        text: The event in the CloudEvents JSON format, with the hub's extensions.
        attempt: The number of this attempt, from 1.
    """

    stream: StreamName
    sequence: int
    text: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Push:
    """Events for a target, in the order of the log.

    Attributes:
        subscription: The name of the durable subscription.
        key: Its key.
        partition: The partition of the events.
        frame: The number of the frame.
        cursor: The cursor of the frame; empty if the events are of held streams.
        target: Where the events go.
        timeout_ms: The most milliseconds that one call of the target may take.
        events: The events; some of them if an earlier push had no time for all.
        part: How often the push was cut because time ran out.
    """

    subscription: DurableName
    key: SubscriptionKey
    partition: int
    frame: int
    cursor: str
    target: Target
    timeout_ms: int
    events: Sequence[PushedEvent]
    part: int = 0

    @property
    def group(self) -> str:
        """The group within which pushes keep their order."""
        return push_group(self.key, self.partition)

    @property
    def identity(self) -> str:
        """The same for each copy of this push, and for nothing else."""
        return f"{self.group}-{self.frame}-{self.part}"

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""
        texts = [escape_for_sqs(event.text) for event in self.events]
        head = {
            "subscription": self.subscription,
            "key": self.key,
            "partition": self.partition,
            "frame": self.frame,
            "cursor": self.cursor,
            "target": self.target.members(),
            "timeout_ms": self.timeout_ms,
            "part": self.part,
            "events": [
                [event.stream, event.sequence, len(text), event.attempt]
                for event, text in zip(self.events, texts, strict=True)
            ],
        }
        return json.dumps(head, separators=(",", ":")) + "\n" + "".join(texts)

    @classmethod
    def decoded(cls, text: str) -> Push:
        """Return the push that was encoded."""
        line, _, texts = text.partition("\n")
        head = json.loads(line)
        ends = list(accumulate((length for _, _, length, _ in head["events"]), initial=0))
        events = [
            PushedEvent(stream, sequence, texts[start:end], attempt)
            for (stream, sequence, _, attempt), (start, end) in zip(head["events"], pairwise(ends), strict=True)
        ]
        return cls(**{**head, "target": Target.of_members(head["target"]), "events": events})

    def rest(self, events: Sequence[PushedEvent]) -> Push:
        """Return a push of the events that are left."""
        return replace(self, events=events, part=self.part + 1)


class Failed(NamedTuple):
    """An event that could not be pushed.

    Attributes:
        stream: Its stream.
        sequence: Its sequence in the stream.
        reason: Why, in the target's own words.
        delay_ms: The milliseconds until the next attempt; None for the hub's own backoff.
        park: Whether to park the stream without another attempt.
        counts: Whether it counts as an attempt. It does not if the target asked to slow down, or was not asked at all.
    """

    stream: StreamName
    sequence: int
    reason: str
    delay_ms: int | None = None
    park: bool = False
    counts: bool = True


@dataclass(frozen=True, slots=True)
class PushResult:
    """What came of a push, or of a part of it.

    Attributes:
        subscription: As in `Push`.
        key: As in `Push`.
        partition: As in `Push`.
        frame: As in `Push`.
        cursor: As in `Push`; empty also if some events are still to be pushed.
        handled: Per stream, the sequence of the last event that the target has handled.
        failed: The first event of each stream that failed.
        unavailable: Why the target could not be reached, if it could not; else empty.
        pause_ms: For how many milliseconds nothing should be pushed, because the target asked to slow down.
    """

    subscription: DurableName
    key: SubscriptionKey
    partition: int
    frame: int
    cursor: str
    handled: dict[StreamName, int]
    failed: Sequence[Failed] = ()
    unavailable: str = ""
    pause_ms: int = 0

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""
        about = [self.subscription, self.key, self.partition, self.frame, self.cursor]
        outcome = [self.handled, list(self.failed), self.unavailable, self.pause_ms]
        return json.dumps([*about, *outcome], separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> PushResult:
        """Return the result that was encoded."""
        subscription, key, partition, frame, cursor, handled, failed, unavailable, pause_ms = json.loads(text)
        failures = [Failed(*members) for members in failed]
        return cls(subscription, key, partition, frame, cursor, handled, failures, unavailable, pause_ms)
