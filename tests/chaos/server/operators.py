"""What operators do: they draw from the whole API, over REST and gRPC, and compare what they read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.chaos.server.loose import NAME as LOOSE
from tests.transcripts.outcomes import NoAnswer, Refused

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from random import Random

    from tests.chaos.server.doors import Door
    from tests.chaos.server.knowledge import Knowledge
    from tests.chaos.server.rest_door import RestDoor
    from tests.transcripts.transcript import Json

__all__ = ["FILTERS", "OPERATIONS", "Operators"]

FILTERS: Sequence[Sequence[Json]] = (
    ({"prefix": {"type": "io.flunq.task."}},),
    ({"any": [{"exact": {"source": "/engine"}}, {"suffix": {"subject": ".json"}}]},),
    ({"not": {"exact": {"type": "io.flunq.timer.fired"}}},),
    ({"prefix": {"type": "io."}}, {"not": {"exact": {"source": "/timers"}}}),
)

OPERATIONS: Mapping[str, float] = {
    "limit a stream": 3,
    "empty a stream": 2,
    "empty a stream if it is current": 2,
    "empty a stream by a stale version": 1,
    "delete a stream for good": 0.6,
    "publish where the stream ends": 3,
    "publish under a stale condition": 1,
    "read a stream": 5,
    "read all that match": 3,
    "get an event": 3,
    "wait for an event": 1,
    "make the subscription": 3,
    "change the subscription": 3,
    "replay the subscription": 1.5,
    "delete the subscription": 0.6,
    "make and delete another subscription": 1,
    "change how much is in flight": 1,
    "put a filter": 2,
    "delete a filter": 0.6,
    "redrive": 1.5,
    "purge": 0.5,
    "close a connection": 1.5,
    "read figures": 1,
}
"""The operations, with their relative frequencies."""

_NAMES = ("urgent", "some")
"""The named filters."""
_STRICT = "workers"
_AGAIN_AFTER = 0.3


@dataclass
class Operators:
    """Run operations; an outcome that is open is no fault, and neither is a refusal that the moment explains.

    Attributes:
        done: How often each operation was answered, and refused.
        publishes: What was published on a condition: when it began, when it was answered, the stream, the event, and
            the results.
    """

    rest: RestDoor
    doors: Sequence[Door]
    knowledge: Knowledge
    random: Random
    now: Callable[[], float]
    done: Counter[str]
    publishes: list[tuple[float, float | None, str, Json, list[dict[str, Any]]]] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    async def run(self, name: str) -> None:
        """Run an operation by its name."""
        door = self.random.choice(self.doors)
        operation: Callable[[Door], Awaitable[None]] = _BY_NAME[name].__get__(self)
        try:
            await operation(door)
            self.done[name] += 1
        except NoAnswer:
            self.done[f"{name}: unanswered"] += 1
        except Refused as refused:
            self.done[f"{name}: {refused.code}"] += 1
            if refused.code not in _EXPLAINED.get(name, frozenset()):
                self.knowledge.wrong.append(f"{name} over {door.name} was refused: {refused}")

    # Streams.

    async def limit(self, door: Door) -> None:
        stream = self._brief()
        limits = (self.random.choice((0, 1, 5, 20)), self.random.choice((0, 0, 2, 10)))
        if self.random.random() < 0.3:
            await door.create_stream(stream, *limits)
        else:
            await door.change_stream(stream, *limits, None)

    async def empty(self, door: Door) -> None:
        await door.delete_stream(self._brief(), None, permanent=False)

    async def empty_current(self, door: Door) -> None:
        stream = self._brief()
        described = await self.random.choice(self.doors).describe_stream(stream)
        await door.delete_stream(stream, str(described.figures["head"]), permanent=False)

    async def empty_stale(self, door: Door) -> None:
        stream = self._brief()
        described = await door.describe_stream(stream)
        await door.delete_stream(stream, str(described.figures["head"] + 1000), permanent=False)
        self.knowledge.wrong.append(f"{stream} was emptied by a version that it never had, over {door.name}")

    async def delete(self, door: Door) -> None:
        stream = self._brief()
        self.knowledge.gone.add(stream)
        await door.delete_stream(stream, None, permanent=True)

    async def publish_expected(self, door: Door) -> None:
        stream = self._brief()
        described = await self.random.choice(self.doors).describe_stream(stream)
        await self._publish(door, stream, described.figures["head"])

    async def publish_stale(self, door: Door) -> None:
        stream = self._brief()
        described = await self.random.choice(self.doors).describe_stream(stream)
        await self._publish(door, stream, described.figures["head"] + 1000)
        self.knowledge.wrong.append(f"an event was stored in {stream} at a place where it never ended")

    # Reads.

    async def read(self, door: Door) -> None:
        streams = sorted({place[0] for place in self.knowledge.events})
        if not streams:
            return
        stream = self.random.choice(streams)
        first = self.random.choice((1, 1, 5))
        due = self.knowledge.due(stream=stream, first=first)
        events = await door.read(stream, first)
        self.knowledge.check(f"{stream} from {first} over {door.name}", due, events, first=first)

    async def search(self, door: Door) -> None:
        filters = self.random.choice(FILTERS)
        due = self.knowledge.due(filters)
        self.knowledge.check(f"a search for {filters} over {door.name}", due, await door.search(filters))

    async def get(self, door: Door) -> None:
        if not self.knowledge.events:
            return
        place = self.random.choice(list(self.knowledge.events))
        event = self.knowledge.events[place]
        got = await door.get(event, place[0])
        self.knowledge.check(f"{event['id']} over {door.name}", {place: event}, [got])

    async def wait(self, door: Door) -> None:  # noqa: ARG002 - REST alone has it
        streams = sorted({place[0] for place in self.knowledge.events})
        if not streams:
            return
        stream = self.random.choice(streams)
        due = self.knowledge.due(stream=stream)
        first = max(sequence for _, sequence in due)
        events = await self.rest.wait(stream, first, seconds=self.random.choice((1, 3)))
        due = {place: event for place, event in due.items() if place[1] >= first}
        self.knowledge.check(f"a wait behind {first} of {stream}", due, events, first=first)

    async def figures(self, door: Door) -> None:
        await self.rest.call("GET", self.random.choice(("stats", "health", "streams", "subscriptions", "connections")))
        await door.describe_subscription(_STRICT)

    # Durable subscriptions.

    async def create(self, door: Door) -> None:
        # Until it is answered: where a call died, its definition may stand, and some partitions have no group yet.
        asked = LOOSE, self.random.choice(FILTERS), self.random.choice(("start", "now")), self._rules()
        while True:
            try:
                return await door.create_subscription(*asked)
            except NoAnswer:
                await asyncio.sleep(_AGAIN_AFTER)

    async def change(self, door: Door) -> None:
        filters = self.random.choice((None, *FILTERS))
        await door.change_subscription(LOOSE, self._rules(), filters, self.random.choice((None, None, "", *_NAMES)))

    async def replay(self, door: Door) -> None:
        await door.replay(LOOSE, self.random.choice(("start", "start", "now")))

    async def remove(self, door: Door) -> None:
        await door.delete_subscription(LOOSE)

    async def pass_by(self, door: Door) -> None:
        name = f"passing-{next(self._numbers)}"
        await door.create_subscription(name, (), "start", self._rules())
        await self.random.choice(self.doors).delete_subscription(name)

    async def change_strict(self, door: Door) -> None:
        await door.change_subscription(_STRICT, {"max_in_flight": self.random.choice((1, 10, 50, 200))}, None, None)

    async def put_filter(self, door: Door) -> None:  # noqa: ARG002 - REST alone has it
        body = {"filters": list(self.random.choice(FILTERS))}
        await self.rest.call("PUT", f"filters/{self.random.choice(_NAMES)}", body)

    async def delete_filter(self, door: Door) -> None:  # noqa: ARG002 - REST alone has it
        await self.rest.call("DELETE", f"filters/{self.random.choice(_NAMES)}")

    async def redrive(self, door: Door) -> None:
        parked = await self.random.choice(self.doors).parked(LOOSE)
        stream = self.random.choice([None, *parked])
        await door.redrive(LOOSE, stream, self.random.choice(("start", "skip", "drop")))

    async def purge(self, door: Door) -> None:
        await door.redrive(LOOSE, None, "purge")

    async def close_connection(self, door: Door) -> None:  # noqa: ARG002 - REST alone has it
        answer, _ = await self.rest.call("GET", "connections", query={"limit": "100"})
        if answer["connections"]:
            connection = self.random.choice(answer["connections"])["id"]
            await self.rest.call("DELETE", f"connections/{connection}")

    def _brief(self) -> str:
        return self.random.choice(sorted(self.knowledge.brief))

    def _rules(self) -> dict[str, int]:
        return {
            "ack_deadline": self.random.choice((5, 6, 8)),
            "max_attempts": self.random.choice((2, 3, 5)),
            "max_in_flight": self.random.choice((1, 10, 100)),
        }

    async def _publish(self, door: Door, stream: str, expected: int) -> None:
        number = next(self._numbers)
        event = {"specversion": "1.0", "id": f"expected-{number}", "source": "/operator", "type": "io.flunq.expected"}
        begun, index = self.now(), len(self.publishes)
        self.publishes.append((begun, None, stream, event, []))
        results = await door.publish(stream, [event], expected)
        self.publishes[index] = (begun, self.now(), stream, event, results)
        if results[0]["sequence"] != expected + 1:
            self.knowledge.wrong.append(f"a publish to {stream} at {expected} over {door.name} was answered {results}")


_BY_NAME: Mapping[str, Any] = {
    "limit a stream": Operators.limit,
    "empty a stream": Operators.empty,
    "empty a stream if it is current": Operators.empty_current,
    "empty a stream by a stale version": Operators.empty_stale,
    "delete a stream for good": Operators.delete,
    "publish where the stream ends": Operators.publish_expected,
    "publish under a stale condition": Operators.publish_stale,
    "read a stream": Operators.read,
    "read all that match": Operators.search,
    "get an event": Operators.get,
    "wait for an event": Operators.wait,
    "make the subscription": Operators.create,
    "change the subscription": Operators.change,
    "replay the subscription": Operators.replay,
    "delete the subscription": Operators.remove,
    "make and delete another subscription": Operators.pass_by,
    "change how much is in flight": Operators.change_strict,
    "put a filter": Operators.put_filter,
    "delete a filter": Operators.delete_filter,
    "redrive": Operators.redrive,
    "purge": Operators.purge,
    "close a connection": Operators.close_connection,
    "read figures": Operators.figures,
}
_STREAM = frozenset({"stream-not-found", "stream-gone", "stream-conflict"})
_SUBSCRIPTION = frozenset({"subscription-not-found", "subscription-conflict"})
_EXPLAINED: Mapping[str, frozenset[str]] = {
    "limit a stream": _STREAM,
    "empty a stream": _STREAM,
    "empty a stream if it is current": _STREAM | {"wrong-expected-version"},
    "empty a stream by a stale version": _STREAM | {"wrong-expected-version"},
    "delete a stream for good": _STREAM,
    "publish where the stream ends": _STREAM | {"wrong-expected-version"},
    "publish under a stale condition": _STREAM | {"wrong-expected-version"},
    "make the subscription": _SUBSCRIPTION,
    "change the subscription": _SUBSCRIPTION | {"filter-not-found"},
    "replay the subscription": _SUBSCRIPTION,
    "delete the subscription": _SUBSCRIPTION,
    "make and delete another subscription": frozenset({"subscription-not-found"}),
    "delete a filter": frozenset({"filter-not-found", "filter-in-use"}),
    "redrive": _SUBSCRIPTION | {"nothing-parked"},
    "purge": _SUBSCRIPTION | {"nothing-parked"},
    "close a connection": frozenset({"connection-not-found"}),
}
"""The refusals that a moment may explain: others are faults of the hub."""
