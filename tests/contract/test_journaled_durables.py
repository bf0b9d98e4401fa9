from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.event_schemas import RedisEventSchemas
from eventstore.adapters.redis.named_filters import RedisNamedFilters
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.groups import Join, Leave
from eventstore.ports import Start, TurnResult
from tests.contract.durables import DurablesContract, create, durable, following
from tests.contract.event_schemas import EventSchemasContract, schema
from tests.contract.named_filters import NamedFiltersContract, named
from tests.contract.servers import OnACluster, OnOneServer
from tests.contract.subscribed import SubscribedContract
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock, events
from tests.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.subscriptions import SubscriptionKey
    from eventstore_hosting.valkey import ValkeyServer


def durables_of(store: JournaledStore, **options: int) -> RedisDurables:
    return RedisDurables(
        store.partitions.client,
        partitions=store.partitions,
        definitions=store.durable_definitions,
        groups=store.groups,
        **options,  # type: ignore[arg-type]
    )


def turns_of(store: JournaledStore, clock: FakeClock | None = None) -> RedisTurns:
    return RedisTurns(store.partitions.client, partitions=store.partitions, clock=clock, groups=store.groups)


class OnAJournal:
    @pytest.fixture
    def store(self, client: Client) -> JournaledStore:
        return JournaledStore(client, MemoryJournal(), partitions=4)

    @pytest.fixture
    def log(self, store: JournaledStore) -> JournaledLog:
        return JournaledLog(store)

    @pytest.fixture
    def registry(self, store: JournaledStore) -> RedisRegistry:
        return RedisRegistry(store.partitions.client, partitions=store.partitions)

    @pytest.fixture
    def turns(self, store: JournaledStore) -> RedisTurns:
        return turns_of(store)

    @pytest.fixture
    def durables(self, store: JournaledStore) -> RedisDurables:
        return durables_of(store, waiting=2000)

    @pytest.fixture
    def filters(self, store: JournaledStore) -> RedisNamedFilters:
        return RedisNamedFilters(
            store.partitions.client, partitions=store.partitions, definitions=store.filter_definitions
        )

    @pytest.fixture
    def schemas(self, store: JournaledStore) -> RedisEventSchemas:
        return schemas_of(store)


def schemas_of(store: JournaledStore) -> RedisEventSchemas:
    return RedisEventSchemas(store.partitions.client, partitions=store.partitions, definitions=store.schema_definitions)


class TestDurables(OnOneServer, OnAJournal, DurablesContract):
    pass


class TestDurablesOnACluster(OnACluster, OnAJournal, DurablesContract):
    pass


class TestNamedFilters(OnOneServer, OnAJournal, NamedFiltersContract):
    pass


class TestNamedFiltersOnACluster(OnACluster, OnAJournal, NamedFiltersContract):
    pass


class TestEventSchemas(OnOneServer, OnAJournal, EventSchemasContract):
    pass


class TestEventSchemasOnACluster(OnACluster, OnAJournal, EventSchemasContract):
    pass


class TestSubscribed(OnOneServer, OnAJournal, SubscribedContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def store(self, client: Client, clock: FakeClock) -> JournaledStore:
        return JournaledStore(client, MemoryJournal(), partitions=1, clock=clock)

    @pytest.fixture
    def log(self, store: JournaledStore, clock: FakeClock) -> JournaledLog:
        return JournaledLog(store, clock=clock)

    @pytest.fixture
    def turns(self, store: JournaledStore, clock: FakeClock) -> RedisTurns:
        return turns_of(store, clock)


class TestALostRedis:
    @pytest.fixture
    def redis(self, valkey: ValkeyServer) -> Redis:
        emptied(valkey)
        return Redis.from_url(valkey.url)

    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()

    @pytest.fixture
    def store(self, client: Client, journal: MemoryJournal) -> JournaledStore:
        return JournaledStore(client, journal, partitions=1)

    @pytest.fixture
    def client(self, redis: Redis, valkey: ValkeyServer) -> Client:  # noqa: ARG002 - it is emptied first
        from eventstore.adapters.redis.connection import connect  # noqa: PLC0415 - the only use

        return connect(valkey.url)

    def advanced(self, store: JournaledStore, *, to: int) -> None:
        """Let a turn move the only group to the event of a sequence."""
        turns = turns_of(store)
        turn = turns.begin(0, events=100, behind=0)
        [(key, group)] = turn.groups.items()
        position = JournaledLog(store).tail({0: group.place}, count=100)[0].events
        place = next(at for at, recorded in position if recorded.sequence == to)
        turns.commit(turn, TurnResult({}, {}, {}, {key: replace(group, place=place)}, 0, {}))

    def test_costs_no_definition_no_filter_and_no_schema(self, store: JournaledStore, redis: Redis) -> None:
        durables = durables_of(store)
        filters = RedisNamedFilters(
            store.partitions.client, partitions=store.partitions, definitions=store.filter_definitions
        )
        create(durables, following())
        filters.create(named())
        schemas_of(store).create(schema())
        create(durables, durable("gone", key="d-gone"))
        durables.delete("gone")
        before = durables.get("workers")
        redis.flushall()
        assert durables.names(prefix="", after="", count=9) == ["workers"]
        assert durables.get("workers") == before
        assert filters.list(prefix="", after="", count=9) == [named()]
        assert schemas_of(store).list(prefix="", after="", count=9) == [schema()]
        assert durables.change(before, replace(before, version=before.version + 1))

    def test_a_group_goes_on_where_its_last_turn_left_it(self, store: JournaledStore, redis: Redis) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        log.append("wf", events(2))
        stored = durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(8, start=3))
        self.advanced(store, to=5)
        self.advanced(store, to=7)
        before = durables.groups(stored)
        redis.flushall()
        turn = turns_of(store).begin(0, events=100, behind=0)
        assert turn.groups == {stored.key: before[0]}
        assert turns_of(store).durables(0, [stored.key]) == {stored.key: stored}

    def test_what_a_turn_only_pushed_is_not_in_the_journal_and_forgotten(
        self, store: JournaledStore, redis: Redis, journal: MemoryJournal
    ) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        stored = durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(9))
        self.advanced(store, to=3)
        before, end = durables.groups(stored), journal.end(0)
        turns = turns_of(store)
        turn = turns.begin(0, events=100, behind=0)
        pushed = replace(turn.groups[stored.key], place=turn.goal)
        turns.commit(turn, TurnResult(groups={stored.key: pushed}, pushed=[stored.key]))
        assert durables.groups(stored) == {0: pushed}
        assert journal.end(0) == end
        redis.flushall()
        assert turns_of(store).begin(0, events=100, behind=0).groups == {stored.key: before[0]}

    def test_a_group_that_never_moved_starts_where_it_was_to_start(self, store: JournaledStore, redis: Redis) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        log.append("wf", events(3))
        stored = durables.create(durable(), {0: Start.NOW})
        before = durables.groups(stored)
        log.append("wf", events(3, start=4))
        redis.flushall()
        assert turns_of(store).begin(0, events=100, behind=0).groups == {stored.key: before[0]}

    def test_that_is_older_has_no_group_that_was_deleted_and_all_that_were_created_since(
        self, store: JournaledStore, redis: Redis
    ) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        log.append("wf", events(3))
        durables.create(durable("old", key="d-old"), {0: Start.NOW})
        snapshot = Snapshot(redis)
        durables.delete("old")
        new = durables.create(durable("new", key="d-new"), {0: Start.OLDEST})
        log.append("wf", events(3, start=4))
        self.advanced(store, to=4)
        before = durables.groups(new)
        snapshot.restore()
        log.append("wf", events(1, start=7))
        assert turns_of(store).begin(0, events=100, behind=0).groups == {new.key: before[0]}
        assert durables.names(prefix="", after="", count=9) == ["new"]

    def test_checkpoints_that_others_replace_are_erased(
        self, store: JournaledStore, journal: MemoryJournal, redis: Redis
    ) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        stored = durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(9))
        for sequence in range(1, 9):
            self.advanced(store, to=sequence)
        contents = [record.content for record in journal.read(0, after=0, count=100)]
        assert sum(content is None for content in contents) == 7
        before = {stored.key: durables.groups(stored)[0]}
        redis.flushall()
        assert turns_of(store).begin(0, events=100, behind=0).groups == before
        assert redis.hget("{p0}:partition", "foreign") is None
        durables.delete(stored.name)
        contents = [record.content for record in journal.read(0, after=0, count=100)]
        assert sum(content is None for content in contents) == 8

    def test_times_do_not_depend_on_checkpoints_that_were_erased(
        self, client: Client, journal: MemoryJournal, redis: Redis
    ) -> None:
        clock = FakeClock()
        store = JournaledStore(client, journal, partitions=1, clock=clock)
        durables, log = durables_of(store), JournaledLog(store, clock=clock)
        durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(9))
        clock.pass_seconds(5)
        self.advanced(store, to=3)
        # Another process reads a clock that is behind.
        clock.pass_seconds(-3)
        log.append("wf", events(1, start=10))
        self.advanced(store, to=4)
        before = log.read("wf", start=1, stop=99, count=99).events
        redis.flushall()
        assert log.read("wf", start=1, stop=99, count=99).events == before

    def test_a_checkpoint_that_was_erased_between_reading_and_folding_is_the_same_record(
        self, store: JournaledStore, journal: MemoryJournal, client: Client
    ) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(9))
        self.advanced(store, to=1)
        before = journal.read(0, after=0, count=100)
        self.advanced(store, to=2)
        after = journal.read(0, after=0, count=100)
        another = JournaledStore(client, journal, partitions=1)
        # As processes that read the journal before and after, and fold it late.
        for records in (before, after[: len(before)], after):
            another.index._fold_all(0, records, end=len(after))
        log.append("wf", events(1, start=10))
        another.index.catch_up(0)

    @pytest.mark.parametrize("is_lost", [True, False])
    def test_keeps_the_command_of_a_member_that_joins_once_its_groups_are_there(
        self, client: Client, journal: MemoryJournal, redis: Redis, *, is_lost: bool
    ) -> None:
        connects = [1]
        store = JournaledStore(client, journal, partitions=1, connects=lambda: connects[0])
        durables = durables_of(store)
        JournaledLog(store).append("wf", events(3))
        stored = durables.create(durable(), {0: Start.OLDEST})
        snapshot = Snapshot(redis)
        self.advanced(store, to=2)
        if is_lost:
            redis.flushall()
        else:
            snapshot.restore()
        connects[0] += 1
        assert durables.has_groups(stored)
        durables.enqueue(stored, {0: [Join("c", "w")]})
        turn = turns_of(store).begin(0, events=100, behind=0)
        assert [command for _, command in turn.commands] == [Join("c", "w")]

    def test_that_is_older_forgets_commands_and_a_turn_that_was_under_way(
        self, client: Client, journal: MemoryJournal, redis: Redis
    ) -> None:
        connects = [1]
        store = JournaledStore(client, journal, partitions=1, connects=lambda: connects[0])
        durables, log = durables_of(store), JournaledLog(store)
        log.append("wf", events(3))
        stored = durables.create(durable(), {0: Start.OLDEST})
        durables.enqueue(stored, {0: [Leave("c")]})
        turn = turns_of(store).begin(0, events=100, behind=0)
        assert len(turn.commands) == 1
        snapshot = Snapshot(redis)
        turns_of(store).commit(turn, TurnResult({}, {}, {}, {}, 0, {}))
        self.advanced(store, to=2)
        before = durables.groups(stored)
        snapshot.restore()
        connects[0] += 1
        log.append("wf", events(1, start=4))
        turn = turns_of(store).begin(0, events=100, behind=0)
        assert (turn.commands, turn.is_retry, turn.groups) == ([], False, {stored.key: before[0]})

    def test_a_process_that_hung_before_its_checkpoint_does_not_undo_later_turns(
        self, store: JournaledStore, redis: Redis, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        durables, log = durables_of(store), JournaledLog(store)
        stored = durables.create(durable(), {0: Start.NOW})
        log.append("wf", events(9))
        late: list[tuple[int, int, Mapping[SubscriptionKey, str]]] = []
        with monkeypatch.context() as hanging:
            hanging.setattr(store.groups, "committed", lambda *arguments: late.append(arguments))
            self.advanced(store, to=1)
        self.advanced(store, to=5)
        before = durables.groups(stored)
        end = journal.end(0)
        store.groups.committed(*late[0])
        redis.flushall()
        assert turns_of(store).begin(0, events=100, behind=0).groups == {stored.key: before[0]}
        assert journal.end(0) == end
