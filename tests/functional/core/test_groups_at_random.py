"""Durable subscriptions, whatever happens: nothing is lost, streams keep their order, nobody shares a partition."""

from __future__ import annotations

import itertools
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from eventstore.errors import QueueUnavailable
from eventstore.filters import parse_filters
from eventstore.groups import AckStream, DeliverySettings, Nack, Redrive
from eventstore.ports import Start
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable
from tests.examples import event
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client

NAME = "workers"
PARTITIONS = 2
STREAMS = ("wf-1", "wf-2", "wf-3", "wf-4")
DEADLINE = 30_000
SLACK = 10_000
"""The store's clock runs on beside the time that tests let pass; milliseconds."""

ENOUGH = 300
"""Turns in which everything that a few dozen steps left is done."""

Messages = dict[str, list[dict[str, Any]]]


@dataclass
class Worker:
    """A member as docs/protocol.md wants it: what it was sent and has yet to do, per partition."""

    name: str
    queues: dict[int, deque[dict[str, Any]]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    dropping: set[str] = field(default_factory=set)
    places: list[str] = field(default_factory=list)
    sequences: list[tuple[str, int]] = field(default_factory=list)

    def take(self, message: dict[str, Any]) -> None:
        partition, frame = message["partition"], message["frame"]
        if message["type"] == "owned":
            if frame <= self.last.get(partition, 0):
                return
            self.last[partition], self.queues[partition] = frame, deque()
            self.dropping -= {stream for stream in STREAMS if partition_of(stream, PARTITIONS) == partition}
            return
        assert frame <= self.last[partition] + 1, "frames are numbered without a hole"
        if frame > self.last[partition]:
            self.last[partition] = frame
            self.queues[partition].append(message)

    @property
    def busy(self) -> list[int]:
        return [partition for partition, queue in self.queues.items() if queue]


class Work(RuleBasedStateMachine):
    def __init__(self, client: Client) -> None:
        super().__init__()
        client.flushall()
        self.live = Live(client, partitions=PARTITIONS)
        settings = DeliverySettings(ack_deadline_ms=DEADLINE, max_attempts=3, max_in_flight=4)
        self.durable = Durable("0" * 24, NAME, parse_filters([{"exact": {"type": "t"}}]), settings=settings)
        self.live.durables.create(self.durable, dict.fromkeys(range(PARTITIONS), Start.OLDEST))
        self.names = (f"c{number}" for number in itertools.count(1))
        self.workers: dict[str, Worker] = {}
        # Sequences of each stream: how many there are, which are wanted, and which were handled, in order.
        self.ends = dict.fromkeys(STREAMS, 0)
        self.wanted: dict[str, list[int]] = {stream: [] for stream in STREAMS}
        self.handled: dict[str, list[int]] = {stream: [] for stream in STREAMS}
        # Who holds each partition, and since when it was asked to release it.
        self.holders: dict[int, dict[str, int | None]] = {partition: {} for partition in range(PARTITIONS)}
        self.tried: dict[int, Messages] = {}
        self.alarms: list[tuple[int, float]] = []

    # What is published, and who takes part.

    @rule(
        stream=st.sampled_from(STREAMS),
        wanted=st.lists(st.sampled_from([True, True, True, False]), min_size=1, max_size=5),
    )
    def publish(self, stream: str, wanted: list[bool]) -> None:
        events = []
        for is_wanted in wanted:
            self.ends[stream] += 1
            events.append(event(str(self.ends[stream]), type="t" if is_wanted else "u"))
            if is_wanted:
                self.wanted[stream].append(self.ends[stream])
        self.live.store.publish(events, stream=stream)

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def join(self) -> None:
        self.connect()

    def connect(self) -> Worker:
        worker = Worker(next(self.names))
        self.workers[worker.name] = worker
        self.live.connect(worker.name)
        self.live.members.join(worker.name, "w", self.durable.name)
        return worker

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.disconnect(data.draw(st.sampled_from(sorted(self.workers))))

    def disconnect(self, name: str) -> None:
        self.live.members.disconnect(name)
        del self.workers[name]
        for holders in self.holders.values():
            holders.pop(name, None)

    # What the hub does.

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def turn(self, partition: int) -> None:
        if self.live.dispatcher.take_turn(partition):
            self.live.dispatch_queue.request_turns([partition])
        self.sent(partition, self.live.received())

    @rule()
    def turns(self) -> None:
        while self.live.dispatch_queue.requested_turns:
            partitions, self.live.dispatch_queue.requested_turns = set(self.live.dispatch_queue.requested_turns), []
            for partition in partitions:
                self.turn(partition)

    @rule(partition=st.integers(0, PARTITIONS - 1), arrives=st.booleans())
    def turn_that_comes_to_nothing(self, partition: int, *, arrives: bool) -> None:
        self.live.deliveries.broken = True
        with suppress(QueueUnavailable):
            self.live.dispatcher.take_turn(partition)
        self.live.deliveries.broken = False
        messages = self.live.received()
        self.sent(partition, messages, arrives=arrives)
        self.tried[partition] = messages
        self.live.dispatch_queue.request_turns([partition])

    def sent(self, partition: int, messages: Messages, *, arrives: bool = True) -> None:
        if partition in self.tried:
            assert messages == self.tried.pop(partition), "what is sent under a number again is the same"
        for partition_, seconds in self.live.dispatch_queue.later:
            self.alarms.append((partition_, self.live.turns.skew + seconds * 1000))
        self.live.dispatch_queue.later.clear()
        for name, ones in messages.items():
            for message in ones:
                assert message["partition"] == partition
                self.note_holder(name, message)
                if arrives and name in self.workers:
                    self.workers[name].take(message)

    def note_holder(self, name: str, message: dict[str, Any]) -> None:
        holders, now = self.holders[message["partition"]], self.live.turns.skew
        if message["type"] == "revoked" and name in holders and holders[name] is None:
            # A second try sends it later, with the time of the first.
            holders[name] = now
        if message["type"] == "owned" and name in self.workers:
            for other, revoked in holders.items():
                timed_out = revoked is not None and now - revoked >= DEADLINE - SLACK
                assert other == name or timed_out, f"{other} still holds the partition that {name} is given"
            self.holders[message["partition"]] = {name: None}

    @rule(seconds=st.sampled_from([1, 3, 31, 200]))
    def pass_time(self, seconds: int) -> None:
        self.live.turns.skew += seconds * 1000
        self.request_due_turns()

    def request_due_turns(self) -> None:
        now = self.live.turns.skew
        self.live.dispatch_queue.request_turns({partition for partition, at in self.alarms if at <= now})
        self.alarms = [(partition, at) for partition, at in self.alarms if at > now]

    @precondition(lambda self: self.live.letters.kept)
    @rule(data=st.data(), how=st.sampled_from(["start", "skip", "drop"]))
    def redrive(self, data: st.DataObject, how: str) -> None:
        stream = data.draw(st.sampled_from(sorted({letter.stream for letter in self.live.letters.kept})))
        partition = partition_of(stream, PARTITIONS)
        # The time distinguishes what a stream is parked with from what it was parked with before.
        self.live.clock.pass_seconds(0.001)
        self.live.dispatch_queue.request_turns(
            self.live.durables.enqueue(self.durable, {partition: [Redrive(stream, how)]})
        )

    # What members do.

    @precondition(lambda self: any(worker.busy for worker in self.workers.values()))
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        worker = self.workers[data.draw(st.sampled_from([w.name for w in self.workers.values() if w.busy]))]
        message = worker.queues[data.draw(st.sampled_from(worker.busy))].popleft()
        outcomes = st.sampled_from(["ok", "ok", "ok", "ok", "fail", "fail later", "park"])
        self.do(worker, message, {e["hubsequence"]: data.draw(outcomes) for e in message.get("events", ())})

    def do(self, worker: Worker, message: dict[str, Any], outcomes: Mapping[str, str]) -> None:
        if message["type"] != "events":
            return
        worker.dropping.discard(message.get("stream", ""))
        for each in message["events"]:
            stream, sequence = each["hubstream"], int(each["hubsequence"])
            if stream in worker.dropping:
                continue
            outcome = outcomes[each["hubsequence"]]
            if outcome == "ok":
                self.handle(stream, sequence)
                if "stream" in message:
                    worker.sequences.append((stream, sequence))
            else:
                worker.dropping.add(stream)
                delay = 5000 if outcome == "fail later" else None
                self.live.members.fail("w", Nack(worker.name, stream, sequence, "no", delay, outcome == "park"))
        if "cursor" in message:
            worker.places.append(message["cursor"])

    def handle(self, stream: str, sequence: int) -> None:
        letters = {letter.sequence for letter in self.live.letters.kept if letter.stream == stream}
        skipped = [one for one in self.wanted[stream] if one < sequence and one not in letters]
        assert set(skipped) <= set(self.handled[stream]), f"{stream} {sequence} overtook what comes before it"
        assert sequence in self.wanted[stream]
        self.handled[stream].append(sequence)

    @precondition(lambda self: any(worker.places for worker in self.workers.values()))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        worker = self.workers[data.draw(st.sampled_from([w.name for w in self.workers.values() if w.places]))]
        self.live.members.acknowledge(worker.name, "w", [data.draw(st.sampled_from(worker.places))])

    @precondition(lambda self: any(worker.sequences for worker in self.workers.values()))
    @rule(data=st.data())
    def acknowledge_stream(self, data: st.DataObject) -> None:
        worker = self.workers[data.draw(st.sampled_from([w.name for w in self.workers.values() if w.sequences]))]
        stream, sequence = data.draw(st.sampled_from(worker.sequences))
        self.live.members.acknowledge_stream("w", AckStream(worker.name, stream, sequence))

    @precondition(lambda self: any(any(holders.values()) for holders in self.holders.values()))
    @rule()
    def release(self) -> None:
        for partition, holders in self.holders.items():
            for name in [name for name, revoked in holders.items() if revoked is not None]:
                self.live.members.release(name, "w", partition)
                self.workers[name].queues[partition] = deque()
                del holders[name]

    # In the end one member does all that is left, and only requests, at once and for later, bring turns.

    def teardown(self) -> None:
        for name in list(self.workers):
            self.disconnect(name)
        for partition in range(PARTITIONS):
            self.turn(partition)
        worker = self.connect()
        self.live.dispatch_queue.request_turns(range(PARTITIONS))
        turns = itertools.count(1)
        while self.live.dispatch_queue.requested_turns or self.alarms or self.make_room():
            self.alarms.sort(key=lambda alarm: alarm[1])
            if not self.live.dispatch_queue.requested_turns:
                self.live.turns.skew = max(self.live.turns.skew, int(self.alarms[0][1]) + 1)
                self.request_due_turns()
            partitions, self.live.dispatch_queue.requested_turns = set(self.live.dispatch_queue.requested_turns), []
            for partition in partitions:
                assert next(turns) < ENOUGH, "it comes to an end"
                self.turn(partition)
            self.obey(worker)
        for stream in STREAMS:
            self.check(stream)

    def make_room(self) -> bool:
        """Put what is parked back where groups take nothing new for it."""
        partitions: list[int] = []
        for partition, group in self.live.durables.groups(self.durable).items():
            if group.full:
                redrives = [Redrive(stream, "start") for stream in group.parked]
                partitions += self.live.durables.enqueue(self.durable, {partition: redrives})
        self.live.dispatch_queue.request_turns(partitions)
        return bool(partitions)

    def obey(self, worker: Worker) -> None:
        for queue in worker.queues.values():
            while queue:
                message = queue.popleft()
                self.do(worker, message, {e["hubsequence"]: "ok" for e in message.get("events", ())})
        if worker.places:
            self.live.members.acknowledge(worker.name, "w", worker.places)
        for stream, sequence in worker.sequences:
            self.live.members.acknowledge_stream("w", AckStream(worker.name, stream, sequence))
        worker.places, worker.sequences = [], []

    def check(self, stream: str) -> None:
        groups = self.live.durables.groups(self.durable)
        group = groups[partition_of(stream, PARTITIONS)]
        assert (group.flight, group.held) == ([], {}), "nothing is left under way"
        letters = [letter for letter in self.live.letters.kept if letter.stream == stream]
        missing = set(self.wanted[stream]) - set(self.handled[stream]) - {letter.sequence for letter in letters}
        assert not missing, f"{stream}: {missing} were neither handled nor parked"
        for _, some in itertools.groupby(letters, key=lambda letter: letter.since):
            sequences = [letter.sequence for letter in some]
            first, last = sequences[0], sequences[-1]
            assert sequences == [one for one in self.wanted[stream] if first <= one <= last], "parked in order"
        if stream in group.parked:
            assert letters[-1].sequence == self.wanted[stream][-1], "what is parked is parked to the end"


@pytest.mark.parametrize("most_aside", [1000, 1])
def test_whatever_happens_all_is_handled_in_order_or_parked(
    client: Client, monkeypatch: pytest.MonkeyPatch, most_aside: int
) -> None:
    monkeypatch.setattr("eventstore.groups.state.MOST_ASIDE", most_aside)
    run_state_machine_as_test(
        lambda: Work(client),
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
