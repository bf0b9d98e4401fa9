"""Clients of ephemeral subscriptions who do whatever they like, and what they have a right to."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from eventstore.errors import StreamNotFound
from eventstore.frames.builder import FrameLimits
from eventstore.live.catch_up import TurnLimits
from tests.examples import event

if TYPE_CHECKING:
    from tests.functional.core.live import Live

__all__ = ["LIMITS", "PARTITIONS", "STREAMS", "Reader", "Readers"]

PARTITIONS = 2
STREAMS = ("wf-1", "wf-2", "wf-3")
LIMITS = TurnLimits(
    events=4, behind=2, behind_events=3, behind_together=4, pairs=3 * (2 + 25), frames=FrameLimits(events=2)
)
"""Small ones, so that whoever catches up needs several turns, and three who listen make a turn go less far."""

ENOUGH = 300
"""Turns in which everything that a few dozen steps left is done."""


@dataclass
class Reader:
    """A client as docs/protocol.md wants it: it drops what it has had, and resumes where a frame is missing.

    Attributes:
        wants: The type of the events that it asked for; all, if none.
        since: Per stream, the first sequence that it has a right to.
    """

    name: str
    wants: str
    since: dict[str, int]
    cursor: str
    cursors: dict[int, str] = field(default_factory=dict)
    last: Counter[int] = field(default_factory=Counter)
    handled: dict[str, list[int]] = field(default_factory=lambda: {stream: [] for stream in STREAMS})

    @property
    def filters(self) -> list[object]:
        return [{"exact": {"type": self.wants}}] if self.wants else []

    def take(self, message: dict[str, Any]) -> bool:
        """Whether all is well; a frame is missing otherwise."""
        partition, frame = message["partition"], message["frame"]
        if frame > self.last[partition] + 1:
            return False
        if frame == self.last[partition] + 1:
            self.last[partition], self.cursors[partition] = frame, message["cursor"]
            for one in message.get("events", ()):
                self.handle(one["hubstream"], int(one["hubsequence"]))
        return True

    def handle(self, stream: str, sequence: int) -> None:
        done = self.handled[stream]
        assert not done or sequence > done[-1], f"{self.name}: {sequence} of {stream} comes after {done[-1]}"
        done.append(sequence)


class Readers(RuleBasedStateMachine):
    """Clients that publish, listen, resume and leave. What goes wrong is up to who inherits it."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.live = live
        self.names = (f"c{number}" for number in itertools.count(1))
        self.readers: list[Reader] = []
        self.types: dict[str, list[str]] = {stream: [] for stream in STREAMS}
        self.removed: dict[str, int] = dict.fromkeys(STREAMS, 0)

    # What is published, and who listens.

    @rule(stream=st.sampled_from(STREAMS), types=st.lists(st.sampled_from("tu"), min_size=1, max_size=5))
    def publish(self, stream: str, types: list[str]) -> None:
        start = len(self.types[stream]) + 1
        self.types[stream] += types
        self.live.store.publish([event(str(start + n), type=one) for n, one in enumerate(types)], stream=stream)

    @rule(stream=st.sampled_from(STREAMS))
    def delete(self, stream: str) -> None:
        with suppress(StreamNotFound):
            self.live.log.delete(stream)
        self.removed[stream] = len(self.types[stream])

    @precondition(lambda self: len(self.readers) < 5)
    @rule(oldest=st.booleans(), wants=st.sampled_from(["", "t"]))
    def subscribe(self, wants: str, *, oldest: bool) -> None:
        since = {s: self.removed[s] + 1 if oldest else len(self.types[s]) + 1 for s in STREAMS}
        reader = Reader(next(self.names), wants, since, "")
        reader.cursor = self.live.subscribe(reader.name, filters=reader.filters, oldest=oldest).cursor
        self.readers.append(reader)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        self.resume_one(data.draw(st.sampled_from(self.readers)))

    def resume_one(self, reader: Reader) -> None:
        self.live.registry.disconnect(reader.name)
        reader.name = next(self.names)
        reader.last.clear()
        cursors = [reader.cursor, *reader.cursors.values()]
        reader.cursor = self.live.subscribe(reader.name, filters=reader.filters, cursors=cursors).cursor

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        self.live.registry.disconnect(reader.name)

    # What the hub does.

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def turn(self, partition: int) -> None:
        if self.live.dispatcher.take_turn(partition):
            self.live.dispatch_queue.request_turns([partition])
        self.deliver()

    def deliver(self, *, arrives: bool = True) -> None:
        received = self.live.received()
        for reader in list(self.readers):
            if arrives and not all(reader.take(message) for message in received.get(reader.name, ())):
                self.resume_one(reader)

    # In the end turns are requested until nothing is left to do, as by the sweep.

    def teardown(self) -> None:
        turns = itertools.count(1)
        self.live.dispatch_queue.request_turns(range(PARTITIONS))
        while partitions := set(self.live.dispatch_queue.requested_turns) | set(self.live.turns.waiting()):
            self.live.dispatch_queue.requested_turns.clear()
            for partition in partitions:
                assert next(turns) < ENOUGH, "it comes to an end"
                self.turn(partition)
        for reader, stream in itertools.product(self.readers, STREAMS):
            self.check(reader, stream)

    def check(self, reader: Reader, stream: str) -> None:
        first = max(reader.since[stream], self.removed[stream] + 1)
        wanted = [n for n, kind in enumerate(self.types[stream], start=1) if not reader.wants or kind == reader.wants]
        missed = {sequence for sequence in wanted if sequence >= first} - set(reader.handled[stream])
        assert not missed, f"{reader.name}: {missed} of {stream} never came"
        assert set(reader.handled[stream]) <= set(wanted), "nobody gets what he did not ask for"
        early = [sequence for sequence in reader.handled[stream] if sequence < reader.since[stream]]
        assert not early, f"{reader.name}: {early} of {stream} came though it began behind them"
