"""Whatever is done to a log in memory and to one on Redis, callers of the port see the same.

A contract's tests say what a log keeps, step by step; this compares what two logs make of steps that nobody thought of.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from eventstore.adapters.memory.log import MemoryLog
from eventstore.adapters.memory.store import MemoryStore
from eventstore.adapters.memory.turns import MemoryTurns
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import EventstoreError
from eventstore.ports import Appended, Slice, TurnResult
from eventstore.positions import BEGINNING, END
from eventstore.streams import ANY, Expected, Retention, StreamConfig
from tests.contract.servers import OnOneServer
from tests.examples import FakeClock, event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Turns
    from eventstore.positions import Position

STREAMS = ("a", "b", "c")
RETENTIONS = (Retention(), Retention(max_events=3), Retention(max_age=5), Retention(max_age=9, max_events=6))
_FAR = 1 << 40

streams = st.sampled_from(STREAMS)
some_streams = st.sampled_from([(), ("a",), ("b", "c")])


def outcome(call: Callable[[], object]) -> object:
    """What a caller sees: a value, or the error and what it says."""
    try:
        value = call()
    except EventstoreError as error:
        return type(error), error.detail
    return value._replace(sequences=list(value.sequences)) if isinstance(value, Appended) else value


def events_of(
    log: Log,
    after: Position,
    *,
    count: int = 7,
    backwards: bool = False,
    until: Position | None = None,
    streams: Sequence[str] = (),
) -> list[tuple[Position, RecordedEvent]]:
    """All events of the partition beyond a position, page by page."""
    found: list[tuple[Position, RecordedEvent]] = []
    at_end = False
    while not at_end:
        limits: Mapping[int, Position] | None = None if until is None else {0: until}
        tail = log.tail({0: after}, count=count, backwards=backwards, until=limits, streams=streams)[0]
        assert len(tail.events) <= count
        found += tail.events
        after, at_end = tail.position, tail.at_end
    return found


def as_read(read: Slice) -> Slice:
    """Return a read without what the port leaves open: Redis reads whole appends."""
    return replace(read, epoch="", size=0)


class TwoLogs(RuleBasedStateMachine):
    """Two logs of one partition, to which the same is done.

    Attributes:
        places: The positions of events that were read, in each log.
        serials: The removal serials of each log at the same moments.
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        client.flushall()
        self.clock = FakeClock()
        store = MemoryStore(partitions=1, clock=self.clock)
        self.logs: tuple[Log, Log] = MemoryLog(store), RedisLog(client, partitions=1, clock=self.clock)
        self.turns: tuple[Turns, Turns] = MemoryTurns(store), RedisTurns(client, partitions=1, clock=self.clock)
        self.places: list[tuple[Position, ...]] = [(BEGINNING, BEGINNING), (END, END)]
        self.serials: list[tuple[int, ...]] = [(0, 0)]
        for stream, retention in zip(STREAMS, RETENTIONS, strict=False):
            self.on_each("create", stream, StreamConfig(retention))

    def agree(self, *calls: Callable[[], object]) -> Any:  # noqa: ANN401 - whatever they answer
        """Call both logs, and return what both see."""
        memory, redis = map(outcome, calls)
        assert memory == redis
        return memory

    def on_each(self, method: str, *arguments: object, **options: object) -> Any:  # noqa: ANN401 - of any method
        return self.agree(*(partial(getattr(log, method), *arguments, **options) for log in self.logs))

    def trim(self) -> None:
        """Retention may remove events when they are read or later; from here on, it has."""
        for log in self.logs:
            for stream in STREAMS:
                log.trim(stream)

    @rule(
        stream=streams,
        ids=st.lists(st.sampled_from("0123456789"), min_size=1, max_size=5),
        data=st.sampled_from([None] * 5 + [1]),
        version=st.sampled_from([None] * 8 + [0, 3]),
    )
    def append(self, stream: str, ids: list[str], data: int | None, version: int | None) -> None:
        events = [event(one, data=data) for one in ids]
        self.on_each("append", stream, events, expected=ANY if version is None else Expected(version))

    @rule(stream=st.sampled_from(["a", "d"]), retention=st.sampled_from(RETENTIONS))
    def create(self, stream: str, retention: Retention) -> None:
        found = [outcome(partial(log.create, stream, StreamConfig(retention))) for log in self.logs]
        # Only the words of the error are an adapter's own.
        assert isinstance(found[0], bool) == isinstance(found[1], bool)
        assert found[0] == found[1] or (found[0][0] == found[1][0])  # type: ignore[index]

    @rule(stream=streams, retention=st.sampled_from(RETENTIONS))
    def configure(self, stream: str, retention: Retention) -> None:
        known = self.on_each("describe", stream)
        if not isinstance(known, tuple):
            assert self.on_each("configure", known, StreamConfig(retention, {"team": "a"}))
            assert not self.on_each("configure", known, StreamConfig())
            self.trim()

    @rule(stream=streams, permanently=st.sampled_from([False] * 9 + [True]))
    def delete(self, stream: str, *, permanently: bool) -> None:
        self.on_each("delete", stream, permanently=permanently)

    @rule()
    def free_memory(self) -> None:
        self.trim()
        self.on_each("deleted", 0)

    @rule(seconds=st.sampled_from([0.001, 1, 4]))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)

    @rule()
    def renew(self) -> None:
        epochs = [log.renew()[0] for log in self.logs]
        assert [log.tail({0: BEGINNING}, count=1)[0].epoch for log in self.logs] == epochs

    @rule(data=st.data(), narrows=st.booleans(), commits=st.booleans())
    def take_turn(self, data: st.DataObject, *, narrows: bool, commits: bool) -> None:
        begun = [turns.begin(0, events=99, behind=9) for turns in self.turns]
        if narrows and begun[0].goal > begun[0].checkpoint:
            between = [
                places
                for places in self.places
                if all(t.checkpoint < p.end_of_append() <= t.goal for t, p in zip(begun, places, strict=True))
            ]
            if between:
                ends = [place.end_of_append() for place in data.draw(st.sampled_from(between))]
                begun = [turns.narrow(turn, end) for turns, turn, end in zip(self.turns, begun, ends, strict=True)]
        assert len({(turn.is_retry, turn.goal_pinned, turn.has_more, turn.idle) for turn in begun}) == 1
        if commits:
            self.agree(*(partial(ts.commit, t, TurnResult()) for ts, t in zip(self.turns, begun, strict=True)))
        self.agree(*(turns.waiting for turns in self.turns))
        self.trim()

    @rule(stream=streams, start=st.integers(1, 9), stop=st.sampled_from([3, 9, _FAR]), backwards=st.booleans())
    def read(self, stream: str, start: int, stop: int, *, backwards: bool) -> None:
        found = [
            outcome(partial(log.read, stream, start=start, stop=stop, count=4, backwards=backwards))
            for log in self.logs
        ]
        one, other = (as_read(read) if isinstance(read, Slice) else read for read in found)
        assert one == other

    @rule(data=st.data(), count=st.sampled_from([1, 3, 50]), of=some_streams, backwards=st.booleans())
    def read_on(self, data: st.DataObject, count: int, of: Sequence[str], *, backwards: bool) -> None:
        starts, ends = (data.draw(st.sampled_from(self.places)) for _ in range(2))
        read = [
            events_of(log, start, count=count, backwards=backwards, until=end, streams=of)
            for log, start, end in zip(self.logs, starts, ends, strict=True)
        ]
        assert [recorded for _, recorded in read[0]] == [recorded for _, recorded in read[1]]
        self.places += [(one, other) for (one, _), (other, _) in zip(*read, strict=True)][:3]
        self.serials.append(tuple(log.missing({0: BEGINNING})[0].serial for log in self.logs))

    @rule(ago=st.integers(-1, 9))
    def read_since_a_time(self, ago: int) -> None:
        read = [events_of(log, log.positions_at(self.clock.now() - 1000 * ago, [0])[0]) for log in self.logs]
        assert [recorded for _, recorded in read[0]] == [recorded for _, recorded in read[1]]
        for log, found in zip(self.logs, read, strict=True):
            assert all(log.times({0: position}) == {0: recorded.time} for position, recorded in found)

    @rule(data=st.data(), of=some_streams)
    def ask_what_is_missing(self, data: st.DataObject, of: Sequence[str]) -> None:
        starts, ends, serials = (
            data.draw(st.sampled_from(known)) for known in (self.places, self.places, self.serials)
        )
        found = [
            log.missing({0: start}, until={0: end}, since={0: serial}, streams=of)[0]
            for log, start, end, serial in zip(self.logs, starts, ends, serials, strict=True)
        ]
        one, other = ((missing.ranges, missing.complete, missing.gone) for missing in found)
        assert one == other

    @rule(event_id=st.sampled_from("0123456789"), stream=st.sampled_from([None, "a", "b"]))
    def locate(self, event_id: str, stream: str | None) -> None:
        found = [sorted(log.locate(event_id, stream=stream)) for log in self.logs]
        assert found[0] == found[1]

    @invariant()
    def the_states_of_streams_agree(self) -> None:
        # The port leaves open which calls remove events that are too old; `describe` does.
        for stream in STREAMS:
            self.on_each("describe", stream)
        self.on_each("streams", prefix="", after="", count=9)
        self.on_each("gone", STREAMS)
        self.on_each("streams_with_retention", 0)

    @invariant()
    def nobody_misses_anything_beyond_the_newest_removal(self) -> None:
        for log in self.logs:
            tail = log.tail({0: BEGINNING}, count=1)[0]
            missing = log.missing({0: tail.removed_until})[0]
            assert (missing.ranges, missing.gone, missing.serial) == ([], [], tail.removals)

    @precondition(lambda self: len(self.places) > 3)
    @rule(data=st.data())
    def ask_for_the_lag(self, data: st.DataObject) -> None:
        starts = data.draw(st.sampled_from(self.places))
        lags = [log.lag({0: start}, most=99)[0] for log, start in zip(self.logs, starts, strict=True)]
        # Redis may count events until their references are removed.
        assert lags[0].events == len(events_of(self.logs[0], starts[0])) <= lags[1].events


class TestOnOneServer(OnOneServer):
    def test_a_log_in_memory_and_one_on_redis_look_the_same_to_their_callers(self, client: Client) -> None:
        run_state_machine_as_test(
            lambda: TwoLogs(client),
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
            ),
        )
