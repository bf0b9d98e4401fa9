"""The newest bodies are read from Redis, where the journal would need milliseconds for them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.journaled.changes import Append
from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.records import Record, decoded, encoded
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.direct import Direct
from eventstore.adapters.redis.growth import Growth
from eventstore.errors import StoreUnavailable
from eventstore.positions import BEGINNING
from eventstore.streams import StreamConfig, StreamName
from tests.contract.log import ids
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock, event, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports.journal import JournalRecord
    from eventstore_hosting.valkey import ValkeyServer

_BODIES = "{p0}:bodies"


class SlowJournal(MemoryJournal):
    """A journal from which nobody wants to read.

    Attributes:
        fetched: The positions that were fetched from it, in order.
        between: Called once, after the next append has stored its record.
    """

    def __init__(self) -> None:
        super().__init__(is_costly_to_fetch=True)
        self.fetched: list[int] = []
        self.between: Callable[[], None] | None = None

    def append(self, partition: int, record: bytes) -> int:
        position = super().append(partition, record)
        if (between := self.between) is not None:
            self.between = None
            between()
        return position

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        self.fetched += positions
        return super().fetch(partition, positions)

    def records(self, partition: int) -> list[bytes]:
        return [content for _, content in self.read(partition, after=0, count=1000) if content is not None]


@pytest.fixture
def journal() -> SlowJournal:
    return SlowJournal()


@pytest.fixture
def redis(valkey: ValkeyServer) -> Iterator[Redis]:
    emptied(valkey)
    with Redis.from_url(valkey.url) as client:
        yield client


@pytest.fixture
def client(redis: Redis, valkey: ValkeyServer) -> Iterator[Client]:  # noqa: ARG001 - it is emptied first
    with closing(connect(valkey.url)) as client:
        yield client


class Opens:
    """Makes processes of one hub."""

    def __init__(self, client: Client, journal: MemoryJournal) -> None:
        self._client = client
        self._journal = journal

    def __call__(self, *, direct: bool = False, window_bytes: int = 1 << 20) -> JournaledLog:
        store = JournaledStore(
            self._client,
            self._journal,
            partitions=1,
            clock=FakeClock(),
            direct=Direct.of(self._client) if direct else None,
            window_bytes=window_bytes,
        )
        return JournaledLog(store)


@pytest.fixture
def opens(client: Client, journal: SlowJournal) -> Opens:
    return Opens(client, journal)


def all_of(log: JournaledLog) -> list[bytes]:
    return [recorded.body for _, recorded in log.tail({0: BEGINNING}, count=1000)[0].events]


@pytest.mark.parametrize("direct", [False, True])
class TestWhatIsInTheWindow:
    def test_is_read_without_the_journal(self, opens: Opens, journal: SlowJournal, *, direct: bool) -> None:
        published = events(9)
        log = opens(direct=direct)
        for each in published[:3]:
            log.append("wf", [each])
        log.append("wf", published[3:])
        assert ids(opens(), "wf") == [str(number) for number in range(1, 10)]
        assert all_of(opens()) == [each.body for each in published]
        [found] = opens().locate("5", source="/tests", stream=None)
        assert found.body == published[4].body
        assert journal.fetched == []

    def test_is_kept_in_the_round_trip_in_which_readers_learn_of_the_append(
        self, opens: Opens, redis: Redis, *, direct: bool
    ) -> None:
        log = opens(direct=direct)
        log.append("wf", [event("1")])
        growth = Growth(0, BEGINNING)
        log.append("wf", [event("2")], growth=growth)
        assert [entry.events for entry in growth.entries] == [1, 1]
        assert redis.hlen(_BODIES) == 4

    def test_is_kept_by_a_server_that_has_lost_its_scripts(
        self, opens: Opens, journal: SlowJournal, redis: Redis, *, direct: bool
    ) -> None:
        log = opens(direct=direct)
        log.append("wf", [event("1")])
        redis.script_flush()
        log.append("wf", [event("2")])
        log.append("wf", [event("3")])
        assert ids(opens(), "wf") == ["1", "2", "3"]
        assert journal.fetched == []

    def test_is_kept_once_by_an_append_that_waits_for_those_before_it(
        self, opens: Opens, journal: SlowJournal, *, direct: bool
    ) -> None:
        log = opens(direct=direct)
        log.append("wf", [event("1")])
        # The record of a publisher that died.
        change = decoded(journal.records(0)[1]).change
        assert isinstance(change, Append)
        journal.append(0, encoded(Record(b"another!", 1, 0, replace(change, stream=StreamName("other")))))
        log.append("wf", [event("2")])
        assert ids(opens(), "wf") == ["1", "2"]
        assert journal.fetched == []


class TestWhatIsNotInTheWindow:
    def test_is_read_from_the_journal_and_the_window_has_no_more_bytes_than_it_may(
        self, opens: Opens, journal: SlowJournal, redis: Redis
    ) -> None:
        published = [event(str(number), data="x" * 100 * number) for number in range(1, 21)]
        log = opens(window_bytes=10_000)
        for number, each in enumerate(published):
            log.append(f"wf-{number}", [each])
            if number % 5 == 0:
                # Records that append nothing.
                log.create(f"empty-{number}", StreamConfig())
            kept = redis.hgetall(_BODIES)
            counted = int(kept.pop(b"bytes"))
            kept.pop(b"first")
            assert sum(map(len, kept.values())) == counted <= 10_000
        assert all_of(opens()) == [each.body for each in published]
        newest = max(journal.fetched)
        assert journal.fetched == [
            position
            for position, content in enumerate(journal.records(0), 1)
            if position <= newest and isinstance(decoded(content).change, Append)
        ]
        assert all(int(position) > newest for position in kept)
        # As much as there is room for.
        assert counted + len(journal.records(0)[newest - 1]) > 10_000

    def test_is_a_record_that_is_longer_than_the_window(self, opens: Opens, journal: SlowJournal, redis: Redis) -> None:
        log = opens(window_bytes=1000)
        log.append("wf", [event("1")])
        log.append("wf", [event("2", data="x" * 1000)])
        log.append("wf", [event("3")])
        assert ids(opens(), "wf") == ["1", "2", "3"]
        assert journal.fetched == [3]
        assert {b"2", b"4"} < redis.hgetall(_BODIES).keys()

    def test_is_what_a_full_server_refuses_to_keep(self, opens: Opens, journal: SlowJournal, redis: Redis) -> None:
        log = opens()
        log.append("wf", [event("1")])
        journal.between = lambda: redis.config_set("maxmemory", "1") and None
        try:
            log.append("wf", [event("2")])
        finally:
            redis.config_set("maxmemory", "0")
        assert ids(opens(), "wf") == ["1", "2"]
        assert journal.fetched == [3]

    def test_is_what_was_there_before_redis_was_emptied(self, opens: Opens, journal: SlowJournal, redis: Redis) -> None:
        log = opens()
        log.append("wf", events(3))
        redis.flushall()
        assert ids(opens(), "wf") == ["1", "2", "3"]
        assert journal.fetched == [2]
        log.append("wf", [event("4")])
        assert ids(opens(), "wf") == ["1", "2", "3", "4"]
        assert journal.fetched == [2, 2]

    def test_is_what_a_rebuild_has_deleted(self, opens: Opens, journal: SlowJournal, redis: Redis) -> None:
        log = opens()
        log.append("wf", events(3))
        log._store.rebuild.partition(0)
        assert not redis.exists(_BODIES)
        assert ids(opens(), "wf") == ["1", "2", "3"]
        assert journal.fetched == [2]

    def test_is_a_record_that_comes_after_newer_ones_have_taken_its_room(
        self, opens: Opens, journal: SlowJournal, redis: Redis
    ) -> None:
        late, log = opens(window_bytes=1000), opens(window_bytes=1000)
        log.append("wf", [event("1")])

        def overtake() -> None:
            # Their folds wait for the record that is late, and do it.
            for number in range(2, 12):
                log.append("wf", [event(str(number))])

        journal.between = overtake
        late.append("late", [event("late")])
        assert ids(opens(), "late") == ["late"]
        assert journal.fetched == [3]
        assert not redis.hexists(_BODIES, "3")


class TestAWindowOfAnotherHistory:
    def test_gives_no_event_that_is_not_of_the_journal(
        self, opens: Opens, client: Client, journal: SlowJournal, redis: Redis
    ) -> None:
        opens().append("wf", [event("1", data="of another journal"), event("2")])
        other = redis.dump(_BODIES)
        redis.flushall()
        again = SlowJournal()
        log = Opens(client, again)()
        published = [event("1", data="of this journal..."), event("2")]
        log.append("wf", published)
        redis.delete(_BODIES)
        redis.restore(_BODIES, 0, other)
        reader = Opens(client, again)()
        assert all_of(reader) == [each.body for each in published]
        assert again.fetched == [2]
        assert journal.fetched == []

    def test_does_not_hide_that_the_journal_has_another_record(
        self, opens: Opens, journal: SlowJournal, redis: Redis
    ) -> None:
        log = opens()
        log.append("wf", [event("1")])
        record = journal.records(0)[1]
        journal._records[0][1] = record[:2] + bytes(8) + record[10:]
        redis.hset(_BODIES, "2", journal.records(0)[1])
        with pytest.raises(StoreUnavailable, match="another record at 2"):
            ids(opens(), "wf")

    @pytest.mark.parametrize("copy", [b"", b"foreign", bytes(100)])
    def test_may_hold_anything(self, opens: Opens, journal: SlowJournal, redis: Redis, copy: bytes) -> None:
        log = opens()
        log.append("wf", [event("1")])
        redis.hset(_BODIES, "2", copy)
        assert ids(opens(), "wf") == ["1"]
        assert journal.fetched == [2]


def test_a_journal_that_is_fast_has_no_window(client: Client, redis: Redis) -> None:
    Opens(client, MemoryJournal())().append("wf", events(3))
    assert not redis.exists(_BODIES)


def test_records_without_bodies_do_not_keep_the_window_from_being_trimmed(
    opens: Opens, journal: SlowJournal, redis: Redis
) -> None:
    log = opens(window_bytes=1000)
    log.append("wf", [event("1")])
    # More than one call passes.
    for _ in range(3500):
        journal.append(0, b"of a later hub")
    for number in range(2, 20):
        log.append("wf", [event(str(number))])
    kept = redis.hgetall(_BODIES)
    assert int(kept[b"bytes"]) <= 1000
    assert int(kept[b"first"]) > 3500
    assert ids(opens(), "wf") == [str(number) for number in range(1, 20)]
    assert max(journal.fetched) < int(kept[b"first"])
