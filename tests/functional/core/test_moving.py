"""A store that is moved: between Redis alone and a journal, in all four ways."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count
from threading import Event as Signal
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.errors import (
    EventConflict,
    EventstoreError,
    SettingsError,
    StoreClosed,
    StreamGone,
    TurnLost,
    WrongExpectedVersion,
)
from eventstore.filters import parse_filters
from eventstore.filters.named import NamedFilter
from eventstore.groups import Group, InFlightEvent, Leave, Member
from eventstore.hub.hub import Hub
from eventstore.hub.moving.composition import moved_store
from eventstore.hub.moving.move import Move, Moved
from eventstore.hub.moving.store import CopyDiffers, MovedStore
from eventstore.hub.settings import Settings
from eventstore.ports import EventSchema, Start, TurnResult
from eventstore.positions import BEGINNING, Position
from eventstore.streams import (
    DurableName,
    Expected,
    FilterName,
    Origin,
    Retention,
    StreamConfig,
    StreamName,
    partition_of,
)
from eventstore.subscriptions import ConnectionId, Durable, SubscriptionId, SubscriptionKey, Target
from tests.contract.registry import connected, subscription
from tests.examples import event, events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports.copied_values import CopiedAppend, CopiedStream
    from eventstore_hosting.valkey import ValkeyServer

_PARTITIONS = 3
_BACKENDS = ("redis", "nats")
_DURABLE = Durable(SubscriptionKey("d" * 24), DurableName("workers"), parse_filters([]))


_TO_A_JOURNAL = pytest.mark.parametrize("hubs", [(a, "nats") for a in _BACKENDS], indirect=True, ids=" to ".join)
"""Only such moves: where events are in Redis alone, there are no records."""


@pytest.fixture(params=[(a, b) for a in _BACKENDS for b in _BACKENDS], ids=" to ".join)
def hubs(request: pytest.FixtureRequest, valkey: ValkeyServer) -> Iterator[tuple[Hub, Hub]]:
    """The hub of the store that is moved, and that of where it is moved to."""
    with ExitStack() as resources:
        both = []
        for number, backend in enumerate(request.param):
            url = f"{valkey.url}/{number}"
            resources.enter_context(Redis.from_url(url)).flushdb()
            environment = {"BACKEND": backend, "REDIS_URL": url, "PARTITIONS": str(_PARTITIONS)}
            hub = resources.enter_context(closing(Hub(Settings.from_environment(environment))))
            if backend != "redis":
                hub.journal = MemoryJournal()
            both.append(hub)
        yield both[0], both[1]


@pytest.fixture
def source(hubs: tuple[Hub, Hub]) -> Hub:
    return hubs[0]


@pytest.fixture
def target(hubs: tuple[Hub, Hub]) -> Hub:
    return hubs[1]


def _move_of(source: Hub, target: Hub, *, store: MovedStore | None = None) -> Move:
    """Return the move; the store of the target hub may be another one."""
    return Move(moved_store(source), store or moved_store(target), clock=SystemClock(), report=lambda _: None)


def _moved(source: Hub, target: Hub) -> Moved:
    return _move_of(source, target).run()


def _all(hub: Hub) -> list[Any]:
    tails = hub.log.tail(dict.fromkeys(range(_PARTITIONS), BEGINNING), count=10_000)
    return [(tail.epoch, tail.events, tail.removals) for _, tail in sorted(tails.items())]


def _read(hub: Hub, stream: str, *, start: int = 1) -> Sequence[RecordedEvent]:
    return hub.log.read(stream, start=start, stop=10_000, count=1000).events


class TestWhatIsMoved:
    def test_events_keep_their_sequences_times_and_positions(self, source: Hub, target: Hub) -> None:
        for number in range(12):
            source.log.append(f"wf-{number}", [event("1", data=number)])
            source.log.append(f"wf-{number}", events(100, start=2))
        moved = _moved(source, target)
        assert (moved.events, moved.streams) == (12 * 101, 12)
        assert _all(target) == _all(source)
        for number in range(12):
            assert _read(target, f"wf-{number}") == _read(source, f"wf-{number}")

    def test_a_stream_goes_on_at_its_next_sequence(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(40))
        _moved(source, target)
        assert list(target.log.append("wf", [event("41")], expected=Expected(40)).sequences) == [41]
        with pytest.raises(WrongExpectedVersion):
            target.log.append("wf", [event("42")], expected=Expected(40))

    def test_events_are_known_by_their_ids_and_content(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", [event(str(number), data=number) for number in range(1, 71)])
        _moved(source, target)
        again = target.log.append("wf", [event("33", data=33), event("71")])
        assert (list(again.sequences), again.duplicates) == ([33, 71], {0})
        with pytest.raises(EventConflict):
            target.log.append("wf", [event("70", data="another")])
        assert [found.sequence for found in target.log.locate("12")] == [12]

    def test_events_without_digests_are_compared_by_their_bodies(
        self, source: Hub, target: Hub, valkey: ValkeyServer
    ) -> None:
        number = partition_of("wf", _PARTITIONS)
        source.log.append("wf", [event("1", data=1), event("2", data=2)])
        with Redis.from_url(f"{valkey.url}/0") as redis:
            # As a version of the hub that had no digests has stored them.
            redis.delete(f"{{p{number}}}:digests:wf")
            redis.hdel(f"{{p{number}}}:state:wf", "digests")
        _moved(source, target)
        with Redis.from_url(f"{valkey.url}/1") as redis:
            assert redis.hget(f"{{p{number}}}:state:wf", "digests") is None
        assert target.log.append("wf", [event("2", data=2)]).duplicates == {0}
        with pytest.raises(EventConflict):
            target.log.append("wf", [event("1", data="another")])

    def test_settings_labels_and_empty_streams_are_there(self, source: Hub, target: Hub) -> None:
        config = StreamConfig(
            Retention(max_age=3600, max_events=50), {"team": "blue"}, Origin(StreamName("a"), 1, 2, complete=True)
        )
        source.log.create("empty", config)
        source.log.append("wf", events(2))
        source.log.configure(source.log.describe("wf"), config)
        _moved(source, target)
        states = [hub.log.streams(prefix="", after="", count=10) for hub in (source, target)]
        assert states[1] == states[0]
        assert [state.config for state in states[1]] == [config, config]

    def test_events_that_retention_removed_stay_removed_and_are_reported(self, source: Hub, target: Hub) -> None:
        source.log.create("wf", StreamConfig(Retention(max_events=3)))
        for start in (1, 5, 9):
            source.log.append("wf", events(4, start=start))
        everything = dict.fromkeys(range(_PARTITIONS), BEGINNING)
        assert [read.sequence for read in _read(source, "wf")] == [10, 11, 12]
        _moved(source, target)
        assert _read(target, "wf") == _read(source, "wf")
        assert target.log.missing(everything) == source.log.missing(everything)
        assert list(target.log.append("wf", [event("13")]).sequences) == [13]
        assert [read.sequence for read in _read(target, "wf")] == [11, 12, 13]

    def test_deletions_are_moved_whether_their_events_are_removed_or_not(self, source: Hub, target: Hub) -> None:
        for stream in ("removed", "hidden", "gone"):
            source.log.append(stream, events(6))
            source.log.delete(stream, permanently=stream == "gone")
        source.log.trim("removed")
        source.log.append("hidden", events(2))
        everything = dict.fromkeys(range(_PARTITIONS), BEGINNING)
        _moved(source, target)
        assert _all(target) == _all(source)
        assert target.log.missing(everything) == source.log.missing(everything)
        assert target.log.gone(["removed", "hidden", "gone"]) == ["gone"]
        with pytest.raises(StreamGone):
            target.log.append("gone", events(1))
        assert [read.sequence for read in _read(target, "hidden")] == [7, 8]
        assert list(target.log.append("removed", events(1)).sequences) == [7]

    def test_what_was_removed_after_it_was_copied_is_not_there(self, source: Hub, target: Hub) -> None:
        for stream in ("deleted", "trimmed", "gone"):
            source.log.append(stream, events(6))
        assert _move_of(source, target).rehearse() == 18
        source.log.delete("deleted")
        source.log.delete("gone", permanently=True)
        source.log.configure(source.log.describe("trimmed"), StreamConfig(Retention(max_events=2)))
        source.log.trim("trimmed")
        source.log.append("deleted", [event("1")])
        _moved(source, target)
        assert _all(target) == _all(source)
        assert [read.sequence for read in _read(target, "trimmed")] == [5, 6]
        # The next sweep removes them from memory, too.
        for partition in range(_PARTITIONS):
            for stream in target.log.deleted(partition):
                target.log.trim(stream)
        assert [list(target.log.deleted(partition)) for partition in range(_PARTITIONS)] == [[]] * _PARTITIONS
        assert _all(target) == _all(source)
        assert list(target.log.append("deleted", [event("1"), event("2")]).sequences) == [7, 8]

    def test_what_is_stored_next_comes_after_every_cursor(self, source: Hub, target: Hub, valkey: ValkeyServer) -> None:
        number = partition_of("wf", _PARTITIONS)
        source.log.append("wf", events(3))
        with Redis.from_url(f"{valkey.url}/0") as redis:
            # As if the clock of the old store were an hour ahead, and the newest entry of its log were a deletion.
            last = redis.xinfo_stream(f"{{p{number}}}:log")["last-generated-id"].decode()
            ahead = f"{int(last.split('-')[0]) + 3_600_000}-7"
            redis.execute_command("XSETID", f"{{p{number}}}:log", ahead)
        cursor = source.log.ends([number])[number].position
        _moved(source, target)
        assert target.log.ends([number])[number].position == cursor
        target.log.append("wf", [event("4")])
        after = target.log.tail({number: cursor}, count=10)[number]
        assert [found.sequence for _, found in after.events] == [4]

    def test_definitions_and_groups_are_moved(self, source: Hub, target: Hub) -> None:
        named = NamedFilter(
            "f" * 24, FilterName("failures"), parse_filters([{"suffix": {"type": ".failed"}}]), created=5
        )
        source.named_filters.create(named)
        schema = EventSchema("0" * 24, "order.placed", "{}", enforce=True)
        source.event_schemas.create(schema)
        source.log.append("wf", events(5))
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.NOW))
        other = replace(_DURABLE, name=DurableName("others"), key=SubscriptionKey("e" * 24))
        source.durables.create(other, dict.fromkeys(range(_PARTITIONS), Start.OLDEST))
        moved = _moved(source, target)
        assert moved.definitions == 4
        assert list(target.durables.names(prefix="", after="", count=10)) == ["others", "workers"]
        for durable in (_DURABLE, other):
            assert target.durables.get(durable.name) == durable
            assert target.durables.groups(durable) == source.durables.groups(durable)
        assert target.named_filters.list(prefix="", after="", count=10) == [named]
        assert target.event_schemas.list(prefix="", after="", count=10) == [schema]

    def test_a_move_of_nothing_leaves_an_empty_store_of_the_same_epochs(self, source: Hub, target: Hub) -> None:
        assert (moved := _moved(source, target)) == Moved(0, 0, 0, moved.closed_ms)
        assert _all(target) == _all(source)
        assert list(target.log.append("wf", events(1)).sequences) == [1]


class TestTheOldStore:
    def test_it_accepts_nothing_and_can_be_read(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(3))
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.NOW))
        state = source.log.describe("wf")
        _moved(source, target)
        before = _all(source)
        refused = [
            lambda: source.log.append("wf", [event("4")]),
            lambda: source.log.append("new", events(2)),
            lambda: source.log.append("wf", [event("4"), event("5")], expected=Expected(3)),
            lambda: source.log.create("new", StreamConfig()),
            lambda: source.log.configure(state, StreamConfig(Retention(max_events=1))),
            lambda: source.log.delete("wf"),
            lambda: source.durables.create(replace(_DURABLE, name=DurableName("new")), {}),
            lambda: source.durables.change(_DURABLE, replace(_DURABLE, version=2)),
            lambda: source.durables.delete(_DURABLE.name),
            lambda: source.durables.enqueue(_DURABLE, {0: [Leave(ConnectionId("c"), orderly=True)]}),
        ]
        for write in refused:
            with pytest.raises(StoreClosed):
                write()
        for partition in range(_PARTITIONS):
            with pytest.raises(TurnLost, match="is being moved"):
                source.turns.begin(partition, events=10, behind=10)
        source.turns.advance()
        # A reader that subscribes wakes up the partition otherwise.
        connected(source.registry)
        source.registry.subscribe(subscription(), dict.fromkeys(range(_PARTITIONS), Start.NOW))
        assert source.log.trim("wf") == 0
        assert _all(source) == before
        assert [read.sequence for read in _read(source, "wf")] == [1, 2, 3]
        with pytest.raises(StoreClosed):
            source.log.append("wf", [event("4")])

    def test_a_turn_that_was_under_way_cannot_commit(self, source: Hub, target: Hub) -> None:
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.NOW))
        turn = source.turns.begin(0, events=10, behind=10)
        _moved(source, target)
        with pytest.raises(TurnLost):
            source.turns.commit(turn, TurnResult())

    @pytest.mark.parametrize("hubs", [("nats", "redis")], indirect=True, ids=" to ".join)
    def test_its_index_is_not_made_anew_while_it_is_closed(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(3))
        _moved(source, target)
        assert source.journaled is not None
        with pytest.raises(StoreClosed):
            source.journaled.rebuild.partition(partition_of("wf", _PARTITIONS))
        assert [read.sequence for read in _read(source, "wf")] == [1, 2, 3]

    def test_it_can_be_opened_again(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(3))
        _moved(source, target)
        moved_store(source).source.reopen()
        assert source.log.append("wf", [event("4")]).needs_wakeup
        source.turns.begin(0, events=10, behind=10)
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.NOW))


class TestWhilePublishersWrite:
    def test_all_that_was_accepted_is_moved_in_order(self, source: Hub, target: Hub) -> None:
        accepted: dict[str, list[int]] = {f"wf-{number}": [] for number in range(3)}
        started = Signal()

        def publish(stream: str) -> None:
            for number in range(1, 100_000):
                try:
                    accepted[stream] += source.log.append(stream, [event(str(number))]).sequences
                except StoreClosed:
                    return
                started.set()

        threads = [Thread(target=publish, args=(stream,)) for stream in accepted]
        for thread in threads:
            thread.start()
        assert started.wait(30)
        _moved(source, target)
        for thread in threads:
            thread.join(30)
        for stream, sequences in accepted.items():
            head = target.log.describe(stream).head
            assert sequences == list(range(1, head + 1))
            assert [read.sequence for read in _read(target, stream, start=head - 5)] == list(range(head - 5, head + 1))
        assert _all(target) == _all(source)

    def test_what_has_not_changed_since_is_not_copied_while_the_store_is_closed(
        self, source: Hub, target: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for stream in ("idle", "busy", "deleted"):
            source.log.create(stream, StreamConfig(Retention(max_events=2)))
            for start in range(1, 9):
                source.log.append(stream, events(1, start=start))
        move, store = _move_of(source, target), moved_store(target)
        move.rehearse()
        source.log.append("busy", [event("9")])
        source.log.delete("deleted")
        copied: list[str] = []
        put = store.target.put_streams

        def note(partition: int, streams: Sequence[CopiedStream]) -> None:
            copied.extend(stream.name for stream in streams)
            put(partition, streams)

        monkeypatch.setattr(store.target, "put_streams", note)
        _move_of(source, target, store=store).run()
        assert set(copied) == {"busy", "deleted"}
        assert _all(target) == _all(source)


class TestAMoveThatFails:
    @pytest.mark.parametrize(
        ("method", "call"),
        [("open", 0), ("append", 0), ("append", 2), ("put_streams", 1), ("put_partition", 1), ("put_definitions", 1)],
    )
    def test_it_leaves_the_store_open_and_can_be_repeated(
        self, source: Hub, target: Hub, monkeypatch: pytest.MonkeyPatch, *, method: str, call: int
    ) -> None:
        for number in range(10):
            source.log.append(f"wf-{number}", events(30))
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.OLDEST))
        store = moved_store(target)
        calls, copy = count(), getattr(store.target, method)

        def fail_at_one(*arguments: object) -> None:
            if next(calls) == call:
                raise ConnectionAbortedError("as a test says")
            copy(*arguments)

        monkeypatch.setattr(store.target, method, fail_at_one)
        with pytest.raises(ConnectionAbortedError):
            _move_of(source, target, store=store).run()
        source.log.append("wf-1", [event("31")])
        source.log.delete("wf-2")
        assert _moved(source, target).events == 10 * 30 + 1 - 30
        assert _all(target) == _all(source)
        assert target.durables.groups(_DURABLE) == source.durables.groups(_DURABLE)

    def test_a_copy_that_differs_is_noticed_before_the_store_is_closed(
        self, source: Hub, target: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source.log.append("wf", events(5))
        store = moved_store(target)

        copy = store.target.append

        def change_one(partition: int, appends: Sequence[CopiedAppend]) -> None:
            for append in appends:
                bodies = [body.replace(b'"3"', b'"x"') for body in append.bodies]
                copy(partition, [append._replace(bodies=bodies)])

        monkeypatch.setattr(store.target, "append", change_one)
        with pytest.raises(CopyDiffers, match="event 3 of stream 'wf'"):
            _move_of(source, target, store=store).run()
        source.log.append("wf", [event("6")])

    def test_a_store_with_other_events_is_not_overwritten(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(1))
        target.log.append("wf", events(1))
        with pytest.raises(SettingsError, match="not empty"):
            _moved(source, target)
        source.log.append("wf", [event("2")])

    @_TO_A_JOURNAL
    def test_an_append_that_no_record_holds_is_named(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", [event("1", data="x" * 300_000), event("2", data="x" * 300_000)])
        target.journal = MemoryJournal(most_bytes=500_000)
        with pytest.raises(EventstoreError, match="an append of 2 events from sequence 1 of stream 'wf'"):
            _moved(source, target)


class TestTheNewStore:
    @_TO_A_JOURNAL
    def test_an_index_of_its_journal_that_is_made_anew_is_equal(
        self, source: Hub, target: Hub, valkey: ValkeyServer
    ) -> None:
        source.log.create("wf", StreamConfig(Retention(max_events=4)))
        for start in range(1, 40, 3):
            source.log.append("wf", events(3, start=start))
        source.log.append("deleted", events(5))
        source.log.delete("deleted")
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.OLDEST))
        _moved(source, target)
        target.log.append("deleted", events(2))
        before, groups = _all(target), target.durables.groups(_DURABLE)
        with Redis.from_url(f"{valkey.url}/1") as redis:
            redis.flushdb()
        assert _all(target) == before
        for partition in range(_PARTITIONS):
            target.turns.begin(partition, events=10, behind=10)
        assert target.durables.groups(_DURABLE) == groups

    def test_the_numbers_of_its_frames_and_turns_are_new(self, source: Hub, target: Hub) -> None:
        turns = [source.turns.begin(0, events=10, behind=10) for _ in range(3)]
        _moved(source, target)
        turn = target.turns.begin(0, events=10, behind=10)
        assert turn.fencing_token > max(turn.fencing_token for turn in turns) + 1
        assert turn.frame_offset > turns[-1].frame_offset


class TestMembers:
    def test_what_they_were_sent_is_sent_again_as_the_same_attempt(self, source: Hub, target: Hub) -> None:
        source.log.append("wf", events(5))
        source.durables.create(_DURABLE, dict.fromkeys(range(_PARTITIONS), Start.OLDEST))
        number = partition_of("wf", _PARTITIONS)
        _put(source, number, _with_a_member(source.durables.groups(_DURABLE)[number]))
        _moved(source, target)
        group = target.durables.groups(_DURABLE)[number]
        assert (group.members, group.owner) == ([], None)
        assert [sent.sequence for sent in group.flight] == [1, 2]

    def test_a_target_goes_on(self, source: Hub, target: Hub) -> None:
        rule = replace(_DURABLE, target=Target("sqs", "arn:aws:sqs:eu-west-1:123456789012:queue"))
        source.durables.create(rule, dict.fromkeys(range(_PARTITIONS), Start.OLDEST))
        group = _with_a_member(source.durables.groups(rule)[0])
        _put(source, 0, group)
        _moved(source, target)
        assert target.durables.groups(rule)[0] == group


def _with_a_member(group: Group) -> Group:
    member = Member(ConnectionId("c"), SubscriptionId("s"))
    flight = [InFlightEvent(Position(1, 0, index), "wf", index + 1, 0, 7) for index in range(2)]
    return replace(group, members=[member], owner=member, frame=7, granted=7, flight=flight)


def _put(hub: Hub, partition: int, group: Group) -> None:
    hub.redis.execute_command("HSET", f"{{p{partition}}}:groups", _DURABLE.key, group.encoded())
