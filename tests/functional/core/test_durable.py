"""Making durable subscriptions while others do, or after a try that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.durable.admin import DurableSubscriptions, StartPosition
from eventstore.errors import StoreUnavailable, SubscriptionConflict, SubscriptionNotFound
from eventstore.filters import parse_filters
from eventstore.groups import AckStream
from eventstore.ports import Start
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore.positions import Position
    from eventstore_hosting.valkey import ValkeyServer

PARTITIONS = 4


@pytest.fixture
def live(valkey: ValkeyServer) -> Iterator[Live]:
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
    client = connect(valkey.url)
    yield Live(client, partitions=PARTITIONS)
    client.close()


@pytest.fixture
def subscriptions(live: Live) -> DurableSubscriptions:
    return live.operators


def durable(key: str, *streams: str) -> Durable:
    return Durable(key * 24, "workers", parse_filters([]), streams)


def waits(live: Live) -> list[int]:
    """The partitions that have a group, and so are always served."""
    return list(live.turns.waiting())


def test_who_comes_second_creates_nothing_of_its_own(live: Live) -> None:
    first, second = durable("a", "wf"), durable("b")
    live.durables.create(first, {partition_of("wf", PARTITIONS): Start.NOW})
    assert live.durables.create(second, dict.fromkeys(range(PARTITIONS), Start.NOW)) == first
    assert waits(live) == [partition_of("wf", PARTITIONS)]


def test_who_loses_the_race_gets_the_conflict(
    live: Live, subscriptions: DurableSubscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.durables.create(durable("a", "wf"), {partition_of("wf", PARTITIONS): Start.NOW})

    def late(name: str) -> Durable:
        raise SubscriptionNotFound(name, durable=True)

    monkeypatch.setattr(live.durables, "get", late)
    with pytest.raises(SubscriptionConflict, match="another definition"):
        subscriptions.create(durable("b"), StartPosition())
    assert waits(live) == [partition_of("wf", PARTITIONS)]


def test_a_try_that_died_is_made_up_for(
    live: Live, subscriptions: DurableSubscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = live.durables.create

    def dying(asked: Durable, starts: Mapping[int, Position | Start], **removals: Mapping[int, int]) -> Durable:
        whole(asked, {0: starts[0]}, **removals)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(live.durables, "create", dying)
        with pytest.raises(KeyboardInterrupt):
            subscriptions.create(durable("a"), StartPosition())
    assert waits(live) == [0]
    stands, created = subscriptions.create(durable("b"), StartPosition())
    assert (stands.key, created, waits(live)) == ("a" * 24, False, [0, 1, 2, 3])


def notified(live: Live) -> list[tuple[str, str, str]]:
    return [(name, *member) for name, member in live.dispatch_queue.deletions]


def test_members_are_notified_once_of_the_end(live: Live, subscriptions: DurableSubscriptions) -> None:
    made = live.durables.create(durable("a"), dict.fromkeys(range(PARTITIONS), Start.NOW))
    for name in ("c1", "c2", "c3"):
        live.connect(name)
        live.members.join(name, f"w-{name}", made.name)
    live.members.leave("c2", [made.name])
    live.settle()
    subscriptions.delete(made.name)
    assert sorted(notified(live)) == [("workers", "c1", "w-c1"), ("workers", "c3", "w-c3")]


def test_nobody_joins_before_every_partition_has_the_group(live: Live, subscriptions: DurableSubscriptions) -> None:
    # The call that created it died in between.
    live.durables.create(durable("a"), {2: Start.NOW})
    live.connect("c1")
    with pytest.raises(StoreUnavailable, match="is being created"):
        live.members.join("c1", "w", "workers")
    subscriptions.create(durable("b"), StartPosition())
    live.members.join("c1", "w", "workers")
    live.settle()
    assert [list(group.members) for group in live.durables.groups(durable("a")).values()] == [[("c1", "w")]] * 4


def test_a_member_whose_connection_was_lost_with_the_store_can_be_removed(live: Live) -> None:
    made = live.durables.create(durable("a"), dict.fromkeys(range(PARTITIONS), Start.NOW))
    for name in ("c1", "c2"):
        live.connect(name)
        live.members.join(name, f"w-{name}", made.name)
    live.settle()
    # Here the groups outlive it, as a journal has them.
    live.registry.forget("c1")
    live.members.disconnect("c1")
    live.settle()
    groups = live.durables.groups(made).values()
    assert {tuple(member.connection for member in group.members) for group in groups} == {("c2",)}
    assert {group.owner and group.owner.connection for group in groups} == {"c2"}


def test_an_end_that_nobody_can_be_notified_of_is_an_end(live: Live, subscriptions: DurableSubscriptions) -> None:
    made = live.durables.create(durable("a"), dict.fromkeys(range(PARTITIONS), Start.NOW))
    live.connect("c1")
    live.members.join("c1", "w", made.name)
    live.settle()
    live.dispatch_queue.broken = True
    subscriptions.delete(made.name)
    with pytest.raises(SubscriptionNotFound):
        live.durables.get(made.name)
    with pytest.raises(SubscriptionNotFound):
        live.members.acknowledge_stream("w", AckStream("c1", "wf", 1))


def test_without_members_nobody_is_notified(live: Live, subscriptions: DurableSubscriptions) -> None:
    live.durables.create(durable("a"), dict.fromkeys(range(PARTITIONS), Start.NOW))
    subscriptions.delete("workers")
    assert notified(live) == []


def test_a_deletion_that_died_can_be_made_again(
    live: Live, subscriptions: DurableSubscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriptions.create(durable("a"), StartPosition())

    client = live.durables._client
    whole = client.execute_command

    def dying(*arguments: object, **options: object) -> object:
        if arguments[0] == "ZREM":
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(client, "execute_command", dying)
        with pytest.raises(KeyboardInterrupt):
            subscriptions.delete("workers")
    assert live.durables.names(prefix="", after="", count=1) == ["workers"]
    subscriptions.delete("workers")
    assert waits(live) == []
    with pytest.raises(SubscriptionNotFound):
        live.durables.get("workers")
