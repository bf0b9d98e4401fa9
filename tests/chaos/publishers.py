"""Publishing, in every way that the API has, and what each is to be answered."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.chaos.interests import TYPES
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.log import Event, Stream
    from tests.chaos.world import World
    from tests.functional.rest.api import Reply

__all__ = ["Publishers"]

_BATCH = {"Content-Type": "application/cloudevents-batch+json"}
_STREAMS = 12
_LARGE = 110_000
"""Characters of data that no frame holds."""


class Publishers:
    def __init__(self, world: World) -> None:
        self.world = world
        self._ids = count(1)
        self._names = count(_STREAMS + 1)
        self._source = "/chaos"
        self.names = [f"wf-{number}" for number in range(1, _STREAMS + 1)]
        """The streams that are published to; one that was deleted for good is replaced."""

    def replace(self, name: str) -> None:
        """A stream is gone for good: another takes its turn."""
        self.names[self.names.index(name)] = f"wf-{next(self._names)}"

    # Operations.

    def one(self) -> None:
        self._publish([self._event(self._stream())])

    def batch(self) -> None:
        streams = self.world.rng.sample(self.names, self.world.rng.randint(1, 4))
        rng = self.world.rng
        self._publish([self._event(rng.choice(streams)) for _ in range(rng.randint(2, 12))])

    def large(self) -> None:
        self._publish([self._event(self._stream(), large=True)])

    def expected(self) -> None:
        """Where the stream ends, or that it is new, as it is."""
        name = self._stream()
        self._publish([self._event(name)], stream=name, expected=self.world.log.stream(name).head)

    def stale(self) -> None:
        """A condition that does not hold."""
        name, rng = self._stream(), self.world.rng
        head = self.world.log.stream(name).head
        expected = max(0, head - 1) if head and rng.random() < 0.7 else head + 1
        status, answer = self._send([self._event(name)], stream=name, expected=expected)
        if self._is_refused_for_room(status, answer):
            return
        if status != 412 or answer["actual"] != head:
            raise Violation("a condition is kept", f"{name} ends at {head}, asked {expected}: {status} {answer}", name)

    def duplicate(self) -> None:
        """What was published before comes again: it is stored once, for as long as it is kept."""
        event = self._old()
        if event is None:
            return
        status, answer = self._send([self._again(event)], stream=event.stream)
        if self._is_refused_for_room(status, answer):
            return
        self._settle_duplicate(event, status, answer)

    def conflict(self) -> None:
        """Other content under a source and an id that is kept."""
        event = self._old()
        if event is None:
            return
        other = self._again(event) | {"data": {"n": -1}}
        first = self.world.first_kept(event.stream)
        status, answer = self._send([other], stream=event.stream)
        if self._is_refused_for_room(status, answer):
            return
        if self._newest_with(event) >= first and status == 409:
            return
        # Removed between, or before: then it is new.
        new = status in {200, 201} and answer["results"][0]["sequence"] > self.world.log.stream(event.stream).head
        if new and self.world.first_kept(event.stream) > event.sequence:
            self._append(event.stream, other, answer["results"][0])
            return
        raise Violation("an id has one content", f"{event}, kept from {first}: {status} {answer}", event.stream)

    def over_socket(self) -> None:
        """By the WebSocket protocol, on a connection of its own."""
        world = self.world
        socket = world.hub.gateway.open(bare=False)
        if world.hub.connect(socket.id, bare=False) != 200:
            world.hub.gateway.end(socket.id)
            return
        name = self._stream()
        events = [self._event(name) for _ in range(world.rng.randint(1, 3))]
        head = world.log.stream(name).head
        message: dict[str, Any] = {"action": "publish", "request": "r", "events": events, "stream": name}
        if world.rng.random() < 0.5:
            message["expected"] = head
        answer = world.hub.message(socket.id, message)
        world.hub.gateway.end(socket.id)
        if answer.get("code") == "store-full" and world.full:
            return
        if answer.get("type") != "published":
            raise Violation("a publish is answered", f"{message} is answered {answer}", name)
        self._store([(name, one) for one in events], answer["results"])

    # What they are made of.

    def _stream(self) -> str:
        # Some have much more than others, so that deletions and turns have several steps.
        rng = self.world.rng
        return self.names[min(rng.randrange(len(self.names)), rng.randrange(len(self.names)))]

    def _event(self, name: str, *, large: bool = False) -> dict[str, Any]:
        number = next(self._ids)
        data = {"n": "x" * _LARGE} if large else {"n": number}
        kind = self.world.rng.choice(TYPES)
        return self._written(str(number), kind, name, data)

    def _again(self, event: Event) -> dict[str, Any]:
        return self._written(event.id, event.type, event.stream, {"n": event.data})

    def _written(self, event_id: str, kind: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
        head = {"specversion": "1.0", "id": event_id, "source": self._source, "type": kind}
        return {**head, "workflowid": name, "data": data}

    def _old(self) -> Event | None:
        rng = self.world.rng
        stream = self.world.log.stream(rng.choice(self.names))
        other = {event.id for event in stream.events if event.data is not None and event.data < 0}
        # What was stored under other content since is that content now.
        events = [event for event in stream.events[-40:] if event.data is not None and event.id not in other]
        return rng.choice(events) if events else None

    def _publish(self, events: list[dict[str, Any]], *, stream: str | None = None, expected: int | None = None) -> None:
        status, answer = self._send(events, stream=stream, expected=expected)
        if self._is_refused_for_room(status, answer):
            return
        if status not in {200, 201}:
            raise Violation("a publish is answered", f"{status} {answer}", *(one["workflowid"] for one in events))
        self._store([(one["workflowid"], one) for one in events], answer["results"])

    def _send(
        self, events: list[dict[str, Any]], *, stream: str | None = None, expected: int | None = None
    ) -> tuple[int, Any]:
        headers = dict(_BATCH)
        if expected is not None:
            headers |= {"If-None-Match": "*"} if expected == 0 else {"If-Match": f'"{expected}"'}
        path = "/events" if stream is None else f"/events?stream={stream}"
        reply: Reply = self.world.hub.rest("POST", path, body=json.dumps(events).encode(), headers=headers)
        names = sorted({one["workflowid"] for one in events})
        self.world.note(f"publish {len(events)} to {' '.join(names)} expecting {expected}: {reply.status}")
        return reply.status, reply.json

    def _is_refused_for_room(self, status: int, answer: Any) -> bool:  # noqa: ANN401 - JSON is anything
        if status == 503 and answer["code"] == "store-full" and self.world.full and "results" not in answer:
            self.world.faults["publish refused, for the store is full"] += 1
            return True
        return False

    def _store(self, events: list[tuple[str, dict[str, Any]]], results: list[dict[str, Any]]) -> None:
        if len(results) != len(events):
            raise Violation("every event is answered for", f"{events}: {results}")
        by_stream: dict[str, list[int]] = {}
        for number, (name, _) in enumerate(events):
            by_stream.setdefault(name, []).append(number)
        # A publish stores stream after stream, in the order in which it names them.
        for name, numbers in by_stream.items():
            for number in numbers:
                self._append(name, events[number][1], results[number])

    def _append(self, name: str, event: dict[str, Any], result: dict[str, Any]) -> None:
        world = self.world
        data = event["data"]["n"]
        stored = world.log.append(
            name, event["id"], event["type"], data if isinstance(data, int) else None, world.hub.clocks.stored_at()
        )
        if (result["stream"], result["sequence"], result["id"]) != (name, stored.sequence, event["id"]):
            raise Violation("sequences have no gap", f"{stored} was answered {result}", name)
        for durable in world.durables.values():
            durable.published(stored)

    def _settle_duplicate(self, event: Event, status: int, answer: Any) -> None:  # noqa: ANN401 - as above
        if status not in {200, 201}:
            raise Violation("a publish is answered", f"{status} {answer}", event.stream)
        [result] = answer["results"]
        if result["duplicate"]:
            newest = self._newest_with(event)
            if result["sequence"] == self.world.log.stream(event.stream).head + 1:
                # A crashed process stored it again before it could answer.
                self._check_removed(event, result)
                self._append(event.stream, self._again(event), result)
                return
            if result["sequence"] != newest:
                raise Violation("an event is stored once", f"{event}, again: {result}, not {newest}", event.stream)
            return
        self._check_removed(event, result)
        self._append(event.stream, self._again(event), result)

    def _check_removed(self, event: Event, result: dict[str, Any]) -> None:
        if self.world.first_kept(event.stream) <= event.sequence:
            raise Violation("an event is stored once", f"{event} is kept, and stored again: {result}", event.stream)

    def _newest_with(self, event: Event) -> int:
        stream: Stream = self.world.log.stream(event.stream)
        return max(one.sequence for one in stream.events if one.id == event.id)
