"""What an index in Redis is worth without its journal, and what a journal can do to it."""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.journaled.changes import Append, CopyAppends, CopyPartition, CopyStream, Create, Delete, Trim
from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.records import Record, decoded, encoded
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.ids import Ids
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import (
    BackendMismatch,
    EventConflict,
    IndexDiverged,
    OutcomeUnknown,
    StoreUnavailable,
    TooLarge,
    WrongExpectedVersion,
)
from eventstore.ports.journal import JournalEnd, JournalRecord
from eventstore.positions import BEGINNING
from eventstore.streams import Expected, Retention, StreamConfig, partition_of
from tests.contract.log import all_of, ids
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock, event, events
from tests.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore_hosting.valkey import ValkeyServer


class FaultyJournal(MemoryJournal):
    """A journal that does what journals must not do, or may.

    Attributes:
        copies: How often each record is stored: more than once if an answer was lost, and it was sent again.
        between: Called once, after the next append has stored its record.
        ended: Whether it does not answer any more.
    """

    def __init__(self, *, most_bytes: int = 1024 * 1024) -> None:
        super().__init__(most_bytes=most_bytes)
        self.copies = 1
        self.between: Callable[[], None] | None = None
        self.ended = False

    def append(self, partition: int, record: bytes) -> int:
        if self.ended:
            raise StoreUnavailable("the journal does not answer")
        for _ in range(self.copies):
            position = super().append(partition, record)
        if (between := self.between) is not None:
            self.between = None
            between()
        return position

    def lose(self, partition: int, count: int) -> None:
        """Forget the last records of a partition."""
        del self._records[partition][-count:]

    def become(self, identity: str) -> None:
        """Become another journal, with the same records."""
        self._identity = identity

    def records(self, partition: int) -> Sequence[JournalRecord]:
        return self.read(partition, after=0, count=1_000_000)

    def stop_at(self, partition: int, position: int) -> Callable[[], None]:
        """Hide the records after a position; return what shows them again."""
        hidden = self._records[partition][position:]
        del self._records[partition][position:]

        def show() -> None:
            self._records[partition].extend(hidden)

        return show


class Hub:
    """A process of the hub."""

    def __init__(
        self, client: Client, journal: MemoryJournal, clock: FakeClock, connects: Callable[[], int] = lambda: 0
    ) -> None:
        numbers = itertools.count(1 << 40)
        self.store = JournaledStore(
            client,
            journal,
            clock=clock,
            partitions=4,
            connects=connects,
            nonce=lambda: next(numbers).to_bytes(8, "big"),
        )
        self.log = JournaledLog(self.store, clock=clock)
        self.turns = RedisTurns(client, partitions=self.store.partitions, clock=clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def redis(valkey: ValkeyServer) -> Iterator[Redis]:
    emptied(valkey)
    with Redis.from_url(valkey.url) as client:
        yield client


@pytest.fixture
def client(redis: Redis, valkey: ValkeyServer) -> Iterator[Client]:  # noqa: ARG001 - it is emptied first
    with closing(connect(valkey.url)) as client:
        yield client


@pytest.fixture
def journal() -> FaultyJournal:
    return FaultyJournal()


@pytest.fixture
def hub(client: Client, journal: FaultyJournal, clock: FakeClock) -> Hub:
    return Hub(client, journal, clock)


@pytest.fixture
def another(client: Client, journal: FaultyJournal, clock: FakeClock) -> Hub:
    """Another process of the same hub."""
    hub = Hub(client, journal, clock)
    numbers = itertools.count(1 << 41)
    hub.store.index._nonce = lambda: next(numbers).to_bytes(8, "big")
    return hub


_NOT_OF_THE_JOURNAL = ("turn", "bell", "outcomes", "ended", "ids", "blocks")
"""Turns, notices, outcomes that processes wait for; and indexes that are made of the log when they are needed."""


def index_of(redis: Redis) -> dict[str, object]:
    """Return all that a journal decides."""
    found: dict[str, object] = {}
    for key in sorted(redis.scan_iter(), key=bytes):
        name = key.decode()
        if name.startswith("{p") and name.partition("}:")[2] not in _NOT_OF_THE_JOURNAL:
            kind = redis.type(key).decode()
            if kind == "stream":
                found[name] = redis.xrange(key), redis.xinfo_stream(key)["last-generated-id"]
            elif kind == "hash":
                found[name] = {field: value for field, value in redis.hgetall(key).items() if field != b"indexed"}
            elif kind == "set":
                found[name] = redis.smembers(key)
            else:
                found[name] = redis.zrange(key, 0, -1, withscores=True)
    return found


def much(hub: Hub, clock: FakeClock) -> None:
    """Do some of everything that a journal records."""
    log = hub.log
    for number in range(1, 8):
        log.append(f"wf-{number}", events(number))
        clock.pass_seconds(0.001 * (number % 2))
    log.append("wf-1", [event("1"), event("new"), event("again"), event("again")])
    log.append("wf-2", events(30, start=10), expected=Expected(2))
    with pytest.raises(WrongExpectedVersion):
        log.append("wf-2", events(1, start=50), expected=Expected(2))
    with pytest.raises(EventConflict):
        log.append("wf-2", [event("1", data=1)])
    log.create("limited", StreamConfig(Retention(max_events=3), {"team": "a"}))
    for number in range(1, 6):
        log.append("limited", events(2, start=2 * number))
    log.configure(log.describe("wf-3"), StreamConfig(labels={"x": "y"}))
    log.delete("wf-4")
    log.append("wf-4", events(2, start=40))
    log.delete("wf-5", permanently=True)
    log.trim("wf-4")
    log.trim("wf-5")
    log.renew()
    log.append("wf-6", events(3, start=60))


def catch_up(hub: Hub) -> None:
    for partition in range(4):
        hub.store.index.catch_up(partition)


class TestALostRedis:
    def test_costs_no_event_no_position_and_no_cursor(
        self, hub: Hub, another: Hub, redis: Redis, clock: FakeClock
    ) -> None:
        much(hub, clock)
        before, index = all_of(hub.log), index_of(redis)
        ends = hub.log.ends(range(4))
        redis.flushall()
        assert another.log.ends(range(4)) == ends
        assert all_of(another.log) == before
        assert index_of(redis) == index

    @pytest.mark.parametrize("meets", ["read", "describe", "locate", "streams", "append", "turn", "tail"])
    def test_is_made_again_by_whoever_meets_it(self, hub: Hub, redis: Redis, meets: str) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        epoch = hub.log.ends([partition])[partition].epoch
        redis.flushall()
        log = hub.log
        if meets == "read":
            assert [e.sequence for e in log.read("wf", start=1, stop=9, count=9).events] == [1, 2, 3]
        elif meets == "describe":
            assert log.describe("wf").head == 3
        elif meets == "locate":
            assert [e.sequence for e in log.locate("2")] == [2]
        elif meets == "streams":
            assert [state.name for state in log.streams(prefix="", after="", count=9)] == ["wf"]
        elif meets == "append":
            assert list(log.append("wf", [event("4")], expected=Expected(3)).sequences) == [4]
        elif meets == "turn":
            assert hub.turns.begin(partition, events=10, behind=10).epoch == epoch
        else:
            assert log.tail({partition: BEGINNING}, count=9)[partition].events
        assert log.ends([partition])[partition].epoch == epoch

    def test_turns_do_not_take_numbers_that_were_used(self, hub: Hub, redis: Redis, clock: FakeClock) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        before = hub.turns.begin(partition, events=10, behind=10)
        hub.log.append("wf", events(1, start=4))
        for _ in range(2):
            redis.flushall()
            clock.pass_seconds(5)
            after = hub.turns.begin(partition, events=10, behind=10)
            assert after.fencing_token > before.fencing_token
            assert after.frame_offset > before.frame_offset
            before = after


class TestAnOlderRedis:
    def test_catches_up_and_its_turns_leap(self, hub: Hub, redis: Redis) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        first = hub.turns.begin(partition, events=10, behind=10)
        snapshot = Snapshot(redis)
        hub.log.append("wf", events(3, start=4))
        hub.log.append("wf", events(3, start=7))
        before = hub.log.tail({partition: BEGINNING}, count=99)
        snapshot.restore()
        assert list(hub.log.append("wf", [event("10")], expected=Expected(9)).sequences) == [10]
        now = hub.log.tail({partition: BEGINNING}, count=99)[partition]
        assert now.events[:-1] == before[partition].events
        assert (now.epoch, ids(hub.log, "wf")) == (before[partition].epoch, [str(n) for n in range(1, 11)])
        after = hub.turns.begin(partition, events=10, behind=10)
        assert after.fencing_token > first.fencing_token + 10_000
        assert after.frame_offset > first.frame_offset + 10_000

    def test_is_caught_up_by_the_sweep(self, hub: Hub, redis: Redis) -> None:
        hub.log.append("wf", events(3))
        snapshot = Snapshot(redis)
        hub.log.append("wf", events(3, start=4))
        snapshot.restore()
        hub.log.index(range(4))
        assert len(ids(hub.log, "wf")) == 6

    def test_is_noticed_by_a_reader_whose_connection_broke(
        self, valkey: ValkeyServer, journal: FaultyJournal, clock: FakeClock, redis: Redis
    ) -> None:
        connects: list[None] = []
        with closing(connect(valkey.url, connected=lambda: connects.append(None))) as client:
            hub = Hub(client, journal, clock, connects=lambda: len(connects))
            partition = partition_of("wf", 4)
            hub.log.append("wf", events(3))
            snapshot = Snapshot(redis)
            hub.log.append("wf", events(3, start=4))
            ends = hub.log.ends([partition])
            for read in (
                lambda: hub.log.ends([partition]) == ends,
                lambda: hub.log.describe("wf").head == 6,
                lambda: len(hub.log.tail({partition: BEGINNING}, count=9)[partition].events) == 6,
                lambda: len(ids(hub.log, "wf")) == 6,
                lambda: [state.head for state in hub.log.streams(prefix="", after="", count=9)] == [6],
                lambda: hub.turns.begin(partition, events=9, behind=9).epoch == ends[partition].epoch,
            ):
                snapshot.restore()
                redis.client_kill_filter(_type="normal", skipme=True)
                assert read()

    def test_is_not_read_while_it_is_made_again(
        self, hub: Hub, another: Hub, redis: Redis, journal: FaultyJournal
    ) -> None:
        partition = partition_of("wf", 4)
        for number in range(1, 20):
            hub.log.append("wf", [event(str(number))])
        redis.flushall()
        half = journal.records(partition)[:10]
        another.store.index._fold_all(partition, half, end=journal.end(partition).position)
        assert redis.hget(f"{{p{partition}}}:partition", "epoch") is None
        assert len(hub.log.tail({partition: BEGINNING}, count=99)[partition].events) == 19
        assert redis.hget(f"{{p{partition}}}:partition", "goal") is None

    def test_does_not_refuse_by_what_it_does_not_know(self, hub: Hub, redis: Redis) -> None:
        hub.log.append("wf", events(3))
        snapshot = Snapshot(redis)
        hub.log.append("wf", events(3, start=4))
        hub.log.append("another", events(1))
        snapshot.restore()
        # By the index alone, both would be refused.
        assert list(hub.log.append("wf", [event("7")], expected=Expected(6)).sequences) == [7]
        assert hub.log.describe("another").head == 1

    def test_where_another_only_died_turns_do_not_leap(self, hub: Hub, another: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(1))
        partition = partition_of("wf", 4)
        before = hub.turns.begin(partition, events=10, behind=10)
        for number in range(2, 6):
            journal.between = _die
            with pytest.raises(Died):
                another.log.append("wf", [event(f"d{number}")])
            hub.log.append("wf", [event(str(number))])
        after = hub.turns.begin(partition, events=10, behind=10)
        assert (after.fencing_token, after.frame_offset) == (before.fencing_token + 1, before.frame_offset)


class Died(Exception):
    """A process ends between writing a record and folding it."""


def _die() -> None:
    raise Died


class TestComparing:
    def test_what_is_appended_meanwhile_is_no_loss(
        self, hub: Hub, another: Hub, journal: FaultyJournal, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        end = journal.end
        asked: list[None] = []

        def end_before_another_append(asked_of: int) -> JournalEnd:
            found = end(asked_of)
            if not asked:
                asked.append(None)
                journal.append(asked_of, encoded(Record(b"hanging.", 0, 0, Create("x", "", ""))))
            return found

        before = hub.turns.begin(partition, events=10, behind=10)
        monkeypatch.setattr(journal, "end", end_before_another_append)
        another.store.index.compare(partition)
        assert asked
        after = hub.turns.begin(partition, events=10, behind=10)
        assert (after.fencing_token, after.frame_offset) == (before.fencing_token + 1, before.frame_offset)
        assert redis.hget(f"{{p{partition}}}:partition", "unrestored") is None

    def test_a_rebuild_of_many_records_leaps_once(self, hub: Hub, redis: Redis) -> None:
        for number in range(200):
            hub.log.append("wf", [event(str(number))])
        partition = partition_of("wf", 4)
        redis.flushall()
        seconds, microseconds = redis.time()
        token = hub.turns.begin(partition, events=10, behind=10).fencing_token
        assert 0 < token - (seconds * 1_000_000 + microseconds) < 60_000_000
        redis.flushall()
        assert hub.turns.begin(partition, events=10, behind=10).fencing_token > token

    def test_a_deletion_on_a_lost_index_deletes_all(self, hub: Hub, redis: Redis) -> None:
        hub.log.append("wf", events(5))
        redis.flushall()
        hub.log.delete("wf")
        assert ids(hub.log, "wf") == []
        assert hub.log.missing({partition_of("wf", 4): BEGINNING})[partition_of("wf", 4)].ranges == [("wf", 1, 5)]


class TestAPublisherThatDies:
    def test_has_its_record_folded_by_the_next_one_which_wakes_up_the_partition(
        self, hub: Hub, another: Hub, journal: FaultyJournal, redis: Redis
    ) -> None:
        hub.log.append("wf", events(1))
        partition = partition_of("wf", 4)
        assert len(ids(hub.log, "wf")) == 1
        journal.between = _die
        with pytest.raises(Died):
            another.log.append("wf", [event("2")])
        assert len(ids(hub.log, "wf")) == 1
        # The one that folds for the other has its own wake-up taken away by it.
        redis.delete(f"{{p{partition}}}:bell")
        appended = hub.log.append("wf", [event("3")])
        assert (list(appended.sequences), appended.needs_wakeup) == ([3], True)
        assert ids(hub.log, "wf") == ["1", "2", "3"]

    def test_may_send_it_again(self, hub: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(1))
        journal.between = _die
        with pytest.raises(Died):
            hub.log.append("wf", [event("2")], expected=Expected(1))
        appended = hub.log.append("wf", [event("2")], expected=Expected(1))
        assert (list(appended.sequences), appended.duplicates) == ([2], {0})

    def test_has_its_record_folded_by_the_sweep(self, hub: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(1))
        journal.between = _die
        with pytest.raises(Died):
            hub.log.append("wf", [event("2")])
        hub.log.index(range(4))
        assert ids(hub.log, "wf") == ["1", "2"]


class TestRepeats:
    def test_a_record_that_is_there_twice_is_one(self, hub: Hub, journal: FaultyJournal) -> None:
        journal.copies = 2
        assert hub.log.create("limited", StreamConfig(Retention(max_events=5)))
        assert not hub.log.append("wf", events(2)).duplicates
        assert list(hub.log.append("wf", events(2, start=3), expected=Expected(2)).sequences) == [3, 4]
        state = hub.log.describe("wf")
        assert hub.log.configure(state, StreamConfig(labels={"a": "b"}))
        assert hub.log.describe("wf").changes == 1
        hub.log.delete("wf")
        assert hub.log.trim("wf") == 4
        before = hub.log.ends([0])[0].epoch
        assert hub.log.renew()[0] == hub.log.ends([0])[0].epoch != before

    def test_a_deletion_that_comes_late_deletes_nothing_newer(self, hub: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(3))
        hub.log.delete("wf")
        partition = partition_of("wf", 4)
        [late] = [r for r in journal.records(partition) if isinstance(decoded(r.content).change, Delete)]
        hub.log.append("wf", events(3, start=4))
        missing = hub.log.missing({partition: BEGINNING})[partition].ranges
        again = decoded(late.content)
        journal.append(partition, encoded(Record(b"late....", again.time, 0, again.change)))
        hub.store.index.catch_up(partition)
        assert ids(hub.log, "wf") == ["4", "5", "6"]
        assert hub.log.missing({partition: BEGINNING})[partition].ranges == missing

    def test_events_that_come_while_a_stream_is_deleted_stay_and_count(
        self, hub: Hub, another: Hub, journal: FaultyJournal
    ) -> None:
        hub.log.append("wf", events(5))
        # Before the record of the deletion, after it was tried.
        append = journal.append

        def late(partition: int, record: bytes) -> int:
            journal.append = append  # type: ignore[method-assign]
            another.log.append("wf", events(6, start=6))
            return append(partition, record)

        journal.append = late  # type: ignore[method-assign]
        hub.log.delete("wf")
        assert ids(hub.log, "wf") == [str(n) for n in range(6, 12)]
        state = hub.log.describe("wf")
        assert (state.first, state.size) == (6, sum(len(e.body) for e in events(6, start=6)))
        assert hub.log.trim("wf") == 5

    def test_a_trim_that_comes_late_removes_nothing_newer(self, hub: Hub, journal: FaultyJournal, redis: Redis) -> None:
        hub.log.create("wf", StreamConfig(Retention(max_events=2)))
        hub.log.append("wf", events(5))
        partition = partition_of("wf", 4)
        [late] = [r for r in journal.records(partition) if isinstance(decoded(r.content).change, Trim)]
        hub.log.append("wf", events(1, start=6))
        before = index_of(redis)
        again = decoded(late.content)
        journal.append(partition, encoded(Record(b"late....", again.time, 0, again.change)))
        hub.store.index.catch_up(partition)
        after = index_of(redis)
        key = f"{{p{partition}}}:partition"
        for index in (before, after):
            fields = index.pop(key)
            assert isinstance(fields, dict)
            index[key] = {name: value for name, value in fields.items() if name not in {b"folded", b"nonce"}}
        assert after == before


class TestRecordsThatCannotBeFolded:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"hello",
            bytes(range(256)),
            encoded(Record(b"12345678", 0, 0, Create("x", "", "")))[:-1],
            b"\x63" + encoded(Record(b"12345678", 0, 0, Create("x", "", "")))[1:],
            encoded(Record(b"12345678", 0, 0, Append("x", "", b"", b"123", b"body"))),
            encoded(Record(b"12345678", 0, 0, CopyAppends(b"", b"", (b"1 0 16383 1 1 1", b"x", b"")))),
            encoded(Record(b"12345678", 0, 0, CopyStream("x", ()))),
            encoded(Record(b"12345678", 0, 0, CopyPartition(()))),
        ],
    )
    def test_are_counted_and_stop_nothing(self, hub: Hub, journal: FaultyJournal, redis: Redis, content: bytes) -> None:
        hub.log.append("wf", events(1))
        partition = partition_of("wf", 4)
        journal.append(partition, content)
        assert list(hub.log.append("wf", [event("2")]).sequences) == [2]
        assert redis.hget(f"{{p{partition}}}:partition", "foreign") == b"1"

    def test_one_whose_step_fails_is_counted_and_said(
        self, hub: Hub, journal: FaultyJournal, redis: Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        hub.log.append("wf", events(1))
        partition = partition_of("wf", 4)
        journal.append(partition, encoded(Record(b"12345678", 0, 0, Delete("wf", False, "no JSON", 1))))
        assert list(hub.log.append("wf", [event("2")]).sequences) == [2]
        assert redis.hget(f"{{p{partition}}}:partition", "foreign") == b"1"
        assert f"a record of partition {partition} could not be folded" in caplog.text


class TestARingThatIsOvertaken:
    def test_events_that_are_there_are_the_outcome(self, hub: Hub, another: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(1))

        def overtake() -> None:
            for number in range(1100):
                another.log.append("wf", [event(f"o{number}")])

        journal.between = overtake
        appended = hub.log.append("wf", [event("2"), event("3")])
        assert (list(appended.sequences), appended.duplicates) == ([2, 3], {0, 1})

    def test_what_may_have_been_refused_is_unknown(self, hub: Hub, another: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(1))

        def overtake() -> None:
            for number in range(1100):
                another.log.append("wf", [event(f"o{number}")])

        journal.between = overtake
        with pytest.raises(OutcomeUnknown, match="send it again"):
            hub.log.create("limited-7", StreamConfig()) if partition_of("limited-7", 4) == partition_of(
                "wf", 4
            ) else hub.log.configure(hub.log.describe("wf"), StreamConfig(labels={"a": "b"}))


def test_what_a_new_process_changes_is_done_once(
    hub: Hub, client: Client, journal: FaultyJournal, clock: FakeClock
) -> None:
    hub.log.append("wf", events(3))
    uses = []
    Hub(client, journal, clock, connects=lambda: 1).store.partitions.opened(range(4), uses.append)
    assert len(uses) == 1


class TestDiverging:
    def refuses(self, hub: Hub, why: str) -> None:
        partition = partition_of("wf", 4)
        for ask in (
            lambda: hub.log.append("wf", [event("late")]),
            lambda: hub.log.delete("wf"),
            lambda: hub.store.index.catch_up(partition),
            lambda: hub.turns.begin(partition, events=10, behind=10),
        ):
            with pytest.raises(IndexDiverged, match=why):
                ask()

    def test_a_journal_that_lost_its_tail_is_noticed_by_the_next_append(self, hub: Hub, journal: FaultyJournal) -> None:
        for number in range(1, 6):
            hub.log.append("wf", [event(str(number))])
        journal.lose(partition_of("wf", 4), 2)
        with pytest.raises(IndexDiverged, match="has lost records"):
            hub.log.append("wf", [event("6")])
        self.refuses(hub, "has lost records")
        # What is there can be read.
        assert len(ids(hub.log, "wf")) == 5

    def test_a_journal_that_lost_its_tail_is_noticed_by_the_sweep(self, hub: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(3))
        journal.lose(partition_of("wf", 4), 1)
        with pytest.raises(IndexDiverged, match="has lost records"):
            hub.log.index(range(4))

    def test_a_server_that_does_not_know_the_newest_records_is_not_believed(
        self, hub: Hub, journal: FaultyJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        stale = JournalEnd("memory", 1)
        with monkeypatch.context() as patched:
            patched.setattr(journal, "end", lambda _: stale)
            assert hub.log.append("wf", [event("4")]).sequences[0] == 4
            hub.store.index.catch_up(partition)
        hub.store.index.catch_up(partition)
        assert ids(hub.log, "wf") == ["1", "2", "3", "4"]
        assert list(hub.log.append("wf", [event("5")]).sequences) == [5]

    def test_an_index_that_was_made_anew_meanwhile_is_not_marked(
        self, hub: Hub, another: Hub, journal: FaultyJournal, redis: Redis
    ) -> None:
        hub.log.append("wf", events(3))
        for number in range(4, 8):
            hub.log.append("wf", [event(str(number))])
        partition = partition_of("wf", 4)
        journal.lose(partition, 3)
        journal.between = lambda: another.store.rebuild.partition(partition)
        with pytest.raises(IndexDiverged, match="has lost records"):
            hub.log.append("wf", [event("late")])
        assert redis.hget(f"{{p{partition}}}:partition", "diverged") is None
        assert list(another.log.append("wf", [event("8")]).sequences) == [6]

    def test_a_journal_whose_tail_is_another_one_is_noticed(
        self, hub: Hub, another: Hub, journal: FaultyJournal
    ) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        journal.lose(partition, 1)
        for _ in range(2):
            journal.append(partition, encoded(Record(b"another.", 0, 0, Create("x", "", ""))))
        with pytest.raises(IndexDiverged, match="another record at 2"):
            another.store.index.catch_up(partition)
        self.refuses(hub, "another record at 2")

    def test_another_journal_is_noticed(self, hub: Hub, another: Hub, journal: FaultyJournal) -> None:
        hub.log.append("wf", events(3))
        journal.become("another")
        with pytest.raises(IndexDiverged, match="another journal"):
            another.log.append("wf", [event("4")])
        self.refuses(hub, "another journal")

    def test_rebuilding_goes_on_from_what_the_journal_has_under_a_new_epoch(
        self, hub: Hub, another: Hub, journal: FaultyJournal
    ) -> None:
        for number in range(1, 6):
            hub.log.append("wf", [event(str(number))])
        partition = partition_of("wf", 4)
        epoch = hub.log.ends([partition])[partition].epoch
        before = hub.turns.begin(partition, events=10, behind=10)
        journal.lose(partition, 2)
        with pytest.raises(IndexDiverged):
            hub.log.append("wf", [event("6")])
        progress: list[tuple[int, int]] = []
        another.store.rebuild.partition(partition, progress=lambda *reported: progress.append(reported))
        assert progress[-1] == (journal.end(partition).position, journal.end(partition).position)
        # The record that was refused is in the journal, and was folded now.
        assert ids(hub.log, "wf") == ["1", "2", "3", "6"]
        assert hub.log.ends([partition])[partition].epoch != epoch
        assert list(hub.log.append("wf", [event("7")]).sequences) == [5]
        after = hub.turns.begin(partition, events=10, behind=10)
        assert after.fencing_token > before.fencing_token + 10_000

    def test_rebuilding_gives_the_same_index(self, hub: Hub, redis: Redis, clock: FakeClock) -> None:
        much(hub, clock)
        before = {key: value for key, value in index_of(redis).items() if not key.endswith(":partition")}
        for partition in range(4):
            hub.store.rebuild.partition(partition)
        after = {key: value for key, value in index_of(redis).items() if not key.endswith(":partition")}
        assert after == before

    def test_a_process_that_indexes_ids_meanwhile_adds_no_place_twice(
        self, hub: Hub, another: Hub, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        run = client.execute_command

        def index_before(command: str, *arguments: object, **options: object) -> object:
            if command == "UNLINK":
                # As a process that had begun before the partition was marked.
                Ids(another.store.partitions).catch_up([partition])
            return run(command, *arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr(client, "execute_command", index_before)
            hub.store.rebuild.partition(partition)
        hub.log.index(range(4))
        assert len(hub.log.locate("2")) == 1
        assert client.execute_command("HVALS", f"{{p{partition}}}:ids") == [b"wf/1", b"wf/2", b"wf/3"]


class TestBackends:
    def test_an_index_is_no_store_of_events(self, hub: Hub, client: Client) -> None:
        hub.log.append("wf", events(1))
        with pytest.raises(BackendMismatch, match="set BACKEND to that of the journal"):
            RedisLog(client).append("wf", events(1))

    def test_a_store_of_events_is_no_index(self, hub: Hub, client: Client, redis: Redis) -> None:
        RedisLog(client, partitions=4).append("wf", events(1))
        before = index_of(redis)
        with pytest.raises(BackendMismatch, match="set BACKEND=redis, or name an empty store"):
            hub.log.append("wf", events(1))
        assert index_of(redis) == before


class TestSizes:
    def test_a_publish_that_the_journal_does_not_take_is_refused(self, client: Client, clock: FakeClock) -> None:
        hub = Hub(client, FaultyJournal(most_bytes=2000), clock)
        hub.log.append("wf", events(3))
        with pytest.raises(TooLarge):
            hub.log.append("wf", events(30, start=4))
        assert ids(hub.log, "wf") == ["1", "2", "3"]

    def test_a_store_without_room_refuses_before_anything_is_journaled(
        self, hub: Hub, redis: Redis, journal: FaultyJournal
    ) -> None:
        hub.log.append("wf", events(3))
        partition = partition_of("wf", 4)
        end = journal.end(partition)
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable, match="out of memory"):
                hub.log.append("wf", [event("4")])
            with pytest.raises(StoreUnavailable, match="out of memory"):
                hub.log.append("wf", [event("4")], expected=Expected(3))
            assert journal.end(partition) == end
            # What frees memory goes on.
            hub.log.delete("wf")
            assert hub.log.trim("wf") == 3
        finally:
            redis.config_set("maxmemory", "0")

    def test_a_journal_that_is_away_leaves_the_index_as_it_is(
        self, hub: Hub, redis: Redis, journal: FaultyJournal
    ) -> None:
        hub.log.append("wf", events(3))
        before = index_of(redis)
        journal.ended = True
        with pytest.raises(StoreUnavailable, match="the journal does not answer"):
            hub.log.append("wf", [event("4")])
        journal.ended = False
        assert index_of(redis) == before
        assert list(hub.log.append("wf", [event("4")]).sequences) == [4]


def test_the_end_of_a_journal_is_its_identity_and_position() -> None:
    journal = FaultyJournal()
    journal.append(0, b"1")
    assert journal.end(0) == JournalEnd("memory", 1)
