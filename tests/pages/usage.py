"""The AWS usage of a million events, computed with the hub's own framing and queue adapters."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any, cast

from eventstore.adapters.aws.sqs_deliveries import SqsDeliveries
from eventstore.adapters.aws.sqs_dispatch_queue import SqsDispatchQueue
from eventstore.adapters.aws.sqs_pushes import SqsPushes
from eventstore.cloudevents.event import RecordedEvent
from eventstore.filters import parse_filters
from eventstore.frames.builder import DeliveryBuilder, FrameLimits
from eventstore.frames.frame import postings
from eventstore.frames.positioned import PositionedEvent
from eventstore.frames.pushes import Push, PushedEvent, PushResult
from eventstore.positions import Position
from eventstore.subscriptions import Subscription, Target
from tests.benchmarks.examples import Events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.aws.json_calls import JsonCalls

__all__ = ["EVENT_GB", "MILLION", "Delivered", "Usage", "delivered", "pushed", "used"]

MILLION = 1_000_000
_GB = 10**9
_CHUNK = 64 * 1024
_BATCH = 10
"""The events of one call of a function, unless its rule says otherwise."""
_METERED = 32 * 1024
_STREAM = "acme:order-000001"
_NOW = 1_764_000_000_000
EVENT_GB = 790 * MILLION / _GB
"""A million events, as they are delivered."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a million events."""

    rest_requests: float
    websocket_messages: float
    lambda_requests: float
    gigabyte_seconds: float
    queue_requests: float
    gigabytes_out: float
    gigabytes_to_queues: float
    gigabytes_logged: float


@dataclass(slots=True)
class _Queue:
    """Calls of SQS that count billed requests: one for each 64 KB of a call, or part of it."""

    requests: int = 0
    sent: int = 0

    def call(self, operation: str, **members: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as of every operation
        messages = members["Entries"] if operation == "SendMessageBatch" else [members]
        self._count(sum(len(message["MessageBody"].encode()) for message in messages))
        return {}

    def receive_and_delete(self, body: str) -> None:
        """Receive and delete a message like an event source mapping, which received it alone."""
        self.requests += ceil(len(body.encode()) / _CHUNK) + 1

    def _count(self, size: int) -> None:
        self.requests += ceil(size / _CHUNK)
        self.sent += size


@dataclass(slots=True)
class _Turn:
    """The usage of one publish and its turn.

    Attributes:
        posts: Of each delivery.
    """

    queue: _Queue = field(default_factory=_Queue)
    posts: list[int] = field(default_factory=list)
    metered: int = 0
    posted: int = 0


def used(subscribers: int, together: int, assumed: Mapping[str, float]) -> Usage:
    """The usage for a number of subscribers of every event, and a number of events in each publish.

    Every publish has a turn of its own: what several publishes share in one turn makes it less. Without subscribers
    there is neither a wake-up nor a turn.
    """
    turn = _turn(subscribers, together) if subscribers else _Turn()
    works = (
        assumed["a turn works"]
        + assumed["a turn works, for each event"] * together
        + assumed["a turn works, for each subscriber"] * subscribers
        + assumed["a turn works, for each event and subscriber"] * together * subscribers
    )
    dispatch = _billed("dispatch", assumed["a turn waits"], works, assumed) if subscribers else 0
    deliver = sum(
        _billed("deliver", assumed["a delivery waits"], assumed["a delivery works, for each post"] * posts, assumed)
        for posts in turn.posts
    )
    calls = (2 if subscribers else 1) + len(turn.posts)
    logged = calls * assumed["logged of a call, bytes"] + assumed["logged of a request, bytes"]
    turns = MILLION / together
    return Usage(
        rest_requests=turns,
        websocket_messages=turns * turn.metered,
        lambda_requests=turns * calls,
        gigabyte_seconds=turns * (_publish(together, assumed) + dispatch + deliver),
        queue_requests=turns * turn.queue.requests,
        gigabytes_out=turns * turn.posted / _GB,
        gigabytes_to_queues=turns * turn.queue.sent / _GB,
        gigabytes_logged=turns * logged / _GB,
    )


def pushed(together: int, assumed: Mapping[str, float]) -> Usage:
    """What is used if a rule pushes every event to one function, and that many events are published at once.

    Every publish has a push of its own, and two turns: one sends the push, the other applies what came of it.
    """
    calls = ceil(together / _BATCH)
    works = 2 * assumed["a turn works"] + assumed["a turn works, for each event"] * together
    dispatch = _billed("dispatch", 2 * assumed["a turn waits"], works, assumed)
    waits = assumed["a push waits"] + assumed["a call of a function takes"] * calls
    works = assumed["a push works, for each call"] * calls + assumed["a push works, for each event"] * together
    push = _billed("push", waits, works, assumed)

    inside, outside = _Queue(), _Queue()
    dispatch_queue = SqsDispatchQueue(cast("JsonCalls", inside), "bells", new_id=str)
    dispatch_queue.request_turns([7])
    inside.receive_and_delete('{"partition": 7}')
    found = [positioned.event for positioned in _events(together)]
    events = [PushedEvent(_STREAM, event.sequence, event.encoded().decode()) for event in found]
    cursor = "c" * 40
    made = Push("rule", "0" * 24, 7, 1, cursor, Target("lambda", "function", batch=_BATCH), 30_000, events)
    SqsPushes(cast("JsonCalls", inside), "pushes").send([made])
    inside.receive_and_delete(made.encoded())
    result = PushResult("rule", "0" * 24, 7, 1, cursor, {})
    SqsDispatchQueue(cast("JsonCalls", outside), "bells", new_id=str).pushed(result)
    outside.receive_and_delete(result.encoded())

    logged = 4 * assumed["logged of a call, bytes"] + assumed["logged of a request, bytes"]
    turns = MILLION / together
    return Usage(
        rest_requests=turns,
        websocket_messages=0,
        lambda_requests=turns * 4,
        gigabyte_seconds=turns * (_publish(together, assumed) + dispatch + push),
        queue_requests=turns * (inside.requests + outside.requests),
        gigabytes_out=0,
        gigabytes_to_queues=turns * inside.sent / _GB,
        gigabytes_logged=turns * logged / _GB,
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the subscribers of one publish are sent.

    Attributes:
        messages: The number of messages.
        size: Their bytes.
    """

    messages: int
    size: int


def delivered(subscribers: int, together: int) -> Delivered:
    """What subscribers of every event are sent if that many events are published at once."""
    turn = _turn(subscribers, together)
    return Delivered(sum(turn.posts), turn.posted)


def _billed(name: str, waits: float, works: float, assumed: Mapping[str, float]) -> float:
    """The gigabyte-seconds of a call."""
    memory = assumed[f"memory of {name}, MB"]
    share = min(1.0, memory / assumed["memory of a whole processor, MB"])
    return memory / 1024 * (waits + works / share) / 1000


def _publish(together: int, assumed: Mapping[str, float]) -> float:
    works = assumed["a publish works"] + assumed["a publish works, for each event"] * together
    return _billed("rest", assumed["a publish waits"], works, assumed)


def _events(together: int) -> list[PositionedEvent]:
    return [
        PositionedEvent(Position(_NOW, 0, index), RecordedEvent(_STREAM, index + 1, _NOW, event.body))
        for index, event in enumerate(Events().take(together))
    ]


@cache
def _turn(subscribers: int, together: int) -> _Turn:
    random, turn = Random(7), _Turn()
    outbox = DeliveryBuilder(
        7, "0" * 12, FrameLimits(), "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/v1/api/v1/events"
    )
    events = _events(together)
    everything = parse_filters([])
    to = [
        (Subscription(f"{number:024x}", b64encode(random.randbytes(11)).decode(), "s1", everything), 1)
        for number in range(subscribers)
    ]
    outbox.add_events(events, to, bare=False)
    sqs = cast("JsonCalls", turn.queue)
    dispatch_queue = SqsDispatchQueue(sqs, "bells", new_id=str)
    dispatch_queue.request_turns([7])
    turn.queue.receive_and_delete('{"partition": 7}')
    deliveries = outbox.deliveries()
    SqsDeliveries(sqs, "deliveries", new_id=str).send(deliveries)
    for delivery in deliveries:
        encoded = delivery.encoded()
        turn.queue.receive_and_delete(encoded)
        posts = 0
        for posting in postings(encoded):
            size = len(posting.message.encode())
            posts += 1
            turn.posted += size
            turn.metered += ceil(size / _METERED)
        turn.posts.append(posts)
    return turn
