"""A member handles events in any order that its handlers finish in, against a model of the hub."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.member import Member
from eventstore_client.ownership import OpenFrame

if TYPE_CHECKING:
    from eventstore_client.ownership import Delivery

SEEDS = range(80)


@dataclass
class Hub:
    """A hub that sends the events of one partition to one member, redelivers what failed, and checks what it hears.

    Attributes:
        log: The events in order: stream and sequence.
        sent: How many of them were sent in frames with a cursor.
        covered: How many the last cursor acknowledged.
        handled: For each stream, the sequence up to which a handler has returned.
        holds: For each held stream, the sequence up to which its events were acknowledged.
        nacks: Requests of nacks that the hub has not confirmed.
    """

    rng: random.Random
    log: list[tuple[str, int]] = field(default_factory=list)
    sent: int = 0
    covered: int = 0
    frame: int = 1
    handled: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    nacks: set[str] = field(default_factory=set)

    def append(self, stream: str) -> None:
        sequence = 1 + sum(name == stream for name, _ in self.log)
        self.log.append((stream, sequence))

    def send(self) -> None:
        """Send the next events, without those of held streams."""
        end = min(len(self.log), self.sent + self.rng.randint(1, 6))
        places = [place for place in self.log[self.sent : end] if place[0] not in self.holds]
        self.sent = end
        self._frame(events=places, cursor=f"c{end}")

    def redeliver(self, stream: str) -> None:
        """Send the next events of a held stream again, or end the hold."""
        begin = self.holds[stream] + 1
        pending = [place for place in self.log[: self.sent] if place[0] == stream and place[1] >= begin]
        if not pending:
            del self.holds[stream]
            self._frame(events=[], stream=stream, attempt=1)
        else:
            self._frame(events=pending[: self.rng.randint(1, 3)], stream=stream, attempt=2)

    def hear(self, message: dict[str, Any]) -> None:
        """Check a message of the member, and answer it later."""
        assert message["action"] in {"ack", "nack"}, message
        self.answers.append({"type": "acknowledged", "request": message["request"]})
        if message["action"] == "nack":
            self.holds.setdefault(message["stream"], message["sequence"] - 1)
            self.holds[message["stream"]] = min(self.holds[message["stream"]], message["sequence"] - 1)
            self.nacks.add(message["request"])
        elif "cursor" in message:
            self._hear_cursor(message["cursor"])
        else:
            stream, sequence = message["stream"], message["sequence"]
            assert sequence <= self.handled.get(stream, 0), message
            if stream in self.holds:
                self.holds[stream] = max(self.holds[stream], sequence)

    def _hear_cursor(self, cursor: str | list[str]) -> None:
        if isinstance(cursor, list):
            [cursor] = cursor
        end = int(cursor[1:])
        if end > self.covered:
            assert not self.nacks, "a cursor overtook a nack"
            for stream, sequence in self.log[:end]:
                assert sequence <= self.handled.get(stream, 0) or stream in self.holds, (cursor, stream, sequence)
            self.covered = end

    def _frame(self, *, events: list[tuple[str, int]], **members: object) -> None:
        self.frame += 1
        bodies = [
            {"specversion": "1.0", "id": f"{sequence}", "source": "/tests", "type": "t"}
            | {"hubstream": stream, "hubsequence": f"{sequence}", "hubtime": "2026-01-05T09:00:00Z"}
            for stream, sequence in events
        ]
        self.frames.append(
            {"type": "events", "id": "s", "partition": 1, "frame": self.frame, "events": bodies, **members}
        )


@dataclass
class Run:
    """One run: what happens next is drawn.

    Attributes:
        is_fast: Whether no handler exceeds its deadline.
    """

    rng: random.Random
    is_fast: bool = False
    now: float = 0.0
    running: list[Delivery] = field(default_factory=list)
    given: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hub = Hub(self.rng)
        self.member = Member("workers", url="ws://hub", clock=lambda: self.now)
        self.member.join()
        joined = self.member.message()
        assert joined is not None
        assert joined["action"] == "subscribe"
        for message in (
            {"type": "subscribed", "id": "s", "ack_deadline": 30},
            {"type": "owned", "id": "s", "partition": 1, "frame": 1, "cursor": "c0"},
        ):
            self.member.accept(json.dumps(message))

    def step(self, *, failing: float) -> None:
        hub, rng = self.hub, self.rng
        match rng.randint(0, 6):
            case 0:
                hub.append(rng.choice("abcdef"))
            case 1 if hub.sent < len(hub.log):
                hub.send()
            case 2 if hub.holds:
                self._redeliver()
            case 3:
                self._deliver()
            case 4:
                self.begin()
            case 5 if self.running:
                self.finish(rng.choice(self.running), failing=failing)
            case 6 if not self.is_fast:
                self.now += rng.choice([0.1, 1.0, 9.0])
                self.member.tick()
        self._pass_on()

    def begin(self) -> None:
        found = self.member.next()
        assert not isinstance(found, OpenFrame)
        if found is not None:
            stream, sequence = found.event.stream, found.event.sequence
            assert all(one.event.stream != stream for one in self.running), "two events of one stream"
            assert sequence <= self.hub.handled.get(stream, 0) + 1, "an event was left out"
            self.running.append(found)
            self.given.append((stream, sequence))
            self.member.begin(found)

    def finish(self, delivery: Delivery, *, failing: float) -> None:
        self.running.remove(delivery)
        if self.rng.random() < failing:
            self.member.failed(delivery, ValueError("no"), "no")
        else:
            stream = delivery.event.stream
            self.hub.handled[stream] = max(self.hub.handled.get(stream, 0), delivery.event.sequence)
            self.member.handled(delivery)

    def settle(self) -> None:
        """Let all that is left be handled."""
        hub = self.hub
        rounds = 0
        while hub.covered < len(hub.log) or hub.holds or hub.frames or hub.answers:
            rounds += 1
            assert rounds < 5000, "nothing is left to do, and events are not acknowledged"
            if hub.sent < len(hub.log):
                hub.send()
            if hub.holds and not hub.frames:
                self._redeliver()
            self._deliver()
            self.begin()
            for delivery in [*self.running]:
                self.finish(delivery, failing=0.0)
            self._pass_on()

    def _redeliver(self) -> None:
        stream = self.rng.choice([*self.hub.holds])
        # One frame of a held stream is under way at a time.
        if not any(frame.get("stream") == stream for frame in self.hub.frames):
            self.hub.redeliver(stream)

    def _deliver(self) -> None:
        hub = self.hub
        if hub.answers and (not hub.frames or self.rng.random() < 0.5):
            answer = hub.answers.pop(0)
            hub.nacks.discard(answer["request"])
            self.member.accept(json.dumps(answer))
        elif hub.frames:
            self.member.accept(json.dumps(hub.frames.pop(0)))

    def _pass_on(self) -> None:
        while message := self.member.message():
            self.hub.hear(dict(message))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_handled_in_order_and_no_cursor_passes_one_that_is_not(seed: int) -> None:
    run = Run(random.Random(seed))
    failing = run.rng.choice([0.0, 0.1, 0.4])
    for _ in range(400):
        run.step(failing=failing)
    run.settle()
    assert run.hub.handled == {stream: sequence for stream, sequence in run.hub.log}  # noqa: C416 - the last counts
    assert run.member.is_confirmed


@pytest.mark.parametrize("seed", SEEDS)
def test_without_failures_every_event_is_handled_once(seed: int) -> None:
    run = Run(random.Random(seed), is_fast=True)
    for _ in range(400):
        run.step(failing=0.0)
    run.settle()
    assert sorted(run.given) == sorted(run.hub.log)
