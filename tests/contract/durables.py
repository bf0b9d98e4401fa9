"""What all `Durables` keep, with the `Registry` and `Turns` beside them. An adapter's test inherits this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import (
    ConnectionNotFound,
    StoreUnavailable,
    SubscriptionConflict,
    SubscriptionNotFound,
    TooManySubscriptions,
    TurnLost,
)
from eventstore.filters import parse_filters
from eventstore.filters.named import FilterReference
from eventstore.groups import DeliverySettings, Group, Join, Leave, Release
from eventstore.ports import Start, TurnResult
from eventstore.positions import BEGINNING, Position
from eventstore.streams import partition_of
from eventstore.subscriptions import EVENTSTORE, Connection, Durable, Subscription
from tests.examples import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports import Durables, Log, Registry, Turn, Turns

KEY = "0" * 24


def durable(name: str = "workers", *, key: str = KEY, streams: tuple[str, ...] = (), attempts: int = 5) -> Durable:
    filters = parse_filters([{"prefix": {"type": "io."}}])
    return Durable(key, name, filters, streams, DeliverySettings(max_attempts=attempts), created=7)


def following(name: str = "failures", *, key: str = KEY, attempts: int = 5) -> Durable:
    """A subscription that names a filter."""
    made = durable(key=key, attempts=attempts)
    used = parse_filters([{"suffix": {"type": ".failed"}}, {"prefix": {"type": "io."}}])
    return replace(made, filter=used, reference=FilterReference(name, made.filter))


def create(durables: Durables, made: Durable | None = None, start: Start | Position = Start.OLDEST) -> Durable:
    made = made or durable()
    return durables.create(made, dict.fromkeys(durables.partitions(made), start))


def begin(turns: Turns, partition: int = 0) -> Turn:
    return turns.begin(partition, events=10, behind=10)


def connected(registry: Registry, name: str = "c") -> None:
    registry.connect(Connection(name, EVENTSTORE, 5))


def places(groups: Mapping[int, Group]) -> dict[int, Position]:
    return {partition: group.place for partition, group in groups.items()}


class DurablesContract:
    """The store has four partitions."""

    class TestCreating:
        def test_it_is_kept_by_its_name(self, durables: Durables) -> None:
            made = durable(streams=("wf",), attempts=3)
            assert create(durables, made) == made
            assert durables.get("workers") == made

        def test_the_one_that_stands_stays(self, durables: Durables, turns: Turns) -> None:
            first = create(durables)
            assert create(durables, durable(key="1" * 24, attempts=9)) == first
            assert durables.get("workers") == first
            assert list(begin(turns).groups) == [first.key]

        def test_creating_it_again_moves_it_nowhere(self, durables: Durables) -> None:
            create(durables, start=Position(5, 6, 7))
            create(durables)
            assert places(durables.groups(durable())) == dict.fromkeys(range(4), Position(5, 6, 7))

        def test_creating_it_again_creates_the_groups_that_an_earlier_try_did_not(self, durables: Durables) -> None:
            durables.create(durable(), {2: Position(5, 6, 7)})
            create(durables)
            assert places(durables.groups(durable())) == dict.fromkeys(range(4), BEGINNING) | {2: Position(5, 6, 7)}

        def test_it_has_its_groups_once_every_partition_has_one(self, durables: Durables) -> None:
            durables.create(durable(), {2: Position(5, 6, 7)})
            assert not durables.has_groups(durable())
            create(durables)
            assert durables.has_groups(durable())
            durables.delete("workers")
            assert not durables.has_groups(durable())

        def test_it_has_its_groups_where_it_is_concerned(self, durables: Durables) -> None:
            assert durables.has_groups(create(durables, durable(streams=("wf",))))

        def test_now_is_behind_all_that_is_stored(self, durables: Durables, log: Log) -> None:
            log.append("wf", events(3))
            create(durables, start=Start.NOW)
            assert not any(tail.events for tail in log.tail(places(durables.groups(durable())), count=9).values())

        def test_what_was_removed_before_is_known(self, durables: Durables, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            create(durables)
            removals = {partition: group.removals for partition, group in durables.groups(durable()).items()}
            assert removals == dict.fromkeys(range(4), 0) | {partition_of("wf", 4): 1}

        def test_behind_a_place_that_was_given_no_removal_is_known(self, durables: Durables, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            create(durables, start=Position(5, 6, 7))
            assert {group.removals for group in durables.groups(durable()).values()} == {0}

        def test_behind_a_place_that_knew_of_removals_these_are_known(self, durables: Durables) -> None:
            durables.create(durable(), dict.fromkeys(range(4), Position(5, 6, 7)), removals={2: 9})
            removals = {partition: group.removals for partition, group in durables.groups(durable()).items()}
            assert removals == dict.fromkeys(range(4), 0) | {2: 9}

        def test_it_concerns_all_partitions_or_those_of_its_streams(self, durables: Durables) -> None:
            streams = ("wf-1", "wf-2", "wf-3")
            assert list(durables.partitions(durable())) == [0, 1, 2, 3]
            wanted = sorted({partition_of(stream, 4) for stream in streams})
            assert list(durables.partitions(durable(streams=streams))) == wanted

        def test_it_stands_only_where_it_is_concerned(self, durables: Durables) -> None:
            made = create(durables, durable(streams=("wf",)))
            assert list(durables.groups(made)) == [partition_of("wf", 4)]

    class TestFinding:
        def test_what_was_never_made_is_not_there(self, durables: Durables) -> None:
            with pytest.raises(SubscriptionNotFound):
                durables.get("workers")

        def test_names_are_listed_in_order_from_a_prefix_and_after_a_name(self, durables: Durables) -> None:
            for number, name in enumerate(("b-2", "a", "b-1", "c", "b-3")):
                create(durables, durable(name, key=f"{number:024x}"))
            assert durables.names(prefix="", after="", count=9) == ["a", "b-1", "b-2", "b-3", "c"]
            assert durables.names(prefix="b-", after="", count=2) == ["b-1", "b-2"]
            assert durables.names(prefix="b-", after="b-2", count=9) == ["b-3"]
            assert durables.names(prefix="b-", after="a", count=9) == ["b-1", "b-2", "b-3"]
            assert durables.names(prefix="b-", after="c", count=9) == []

    class TestNaming:
        def test_the_reference_to_a_filter_is_kept_with_the_definition(self, durables: Durables) -> None:
            made = following()
            assert create(durables, made) == made
            assert durables.get("workers") == made
            assert list(durables.definitions(["none", "workers"])) == [made]

        def test_it_changes_with_the_definition(self, durables: Durables) -> None:
            first = create(durables)
            second = replace(following(), version=2)
            third = replace(first, version=3)
            assert durables.change(first, second)
            assert durables.get("workers") == second
            assert durables.change(second, third)
            assert durables.get("workers") == third

        def test_a_definition_that_was_read_with_another_reference_is_not_replaced(self, durables: Durables) -> None:
            made = create(durables, following())
            assert not durables.change(replace(made, reference=None), replace(made, version=2))
            assert not durables.change(following("others"), replace(made, version=2))
            assert durables.get("workers") == made

        def test_turns_know_the_filter_and_not_its_name(self, durables: Durables, turns: Turns) -> None:
            made = create(durables, following())
            assert turns.durables(0, [made.key])[made.key] == replace(made, reference=None)

        def test_a_deleted_subscription_leaves_no_reference_to_its_successor(self, durables: Durables) -> None:
            create(durables, following())
            durables.delete("workers")
            made = create(durables, replace(durable(key="1" * 24), filter=following().filter))
            assert durables.get("workers") == made

    class TestDeleting:
        def test_nothing_is_left_of_it(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            durables.delete("workers")
            with pytest.raises(SubscriptionNotFound):
                durables.get("workers")
            assert durables.names(prefix="", after="", count=9) == []
            assert durables.groups(made) == {}
            assert not any(begin(turns, partition).groups for partition in range(4))
            assert turns.durables(0, [made.key]) == {}

        def test_what_is_not_there_cannot_be_deleted(self, durables: Durables) -> None:
            with pytest.raises(SubscriptionNotFound):
                durables.delete("workers")

        def test_others_stay(self, durables: Durables) -> None:
            other = create(durables, durable("other", key="1" * 24))
            create(durables)
            durables.delete("workers")
            assert (durables.get("other"), len(durables.groups(other))) == (other, 4)

        def test_a_new_one_of_its_name_begins_anew(self, durables: Durables) -> None:
            create(durables, start=Position(5, 6, 7))
            durables.delete("workers")
            again = create(durables, durable(key="1" * 24))
            assert places(durables.groups(again)) == dict.fromkeys(range(4), BEGINNING)

        def test_a_turn_that_is_under_way_brings_nothing_of_it_back(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            turn = begin(turns)
            durables.delete("workers")
            turns.commit(turn, TurnResult(groups={made.key: Group()}))
            assert durables.groups(made) == {}

        def test_no_commands_are_enqueued_for_a_deleted_subscription(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            other = create(durables, durable("other", key="1" * 24))
            durables.delete("workers")
            assert list(durables.enqueue(made, {0: [Leave("c")]})) == []
            assert list(begin(turns).groups) == [other.key]
            assert list(begin(turns).commands) == []

    class TestCommands:
        def test_commands_come_in_their_order(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            other = create(durables, durable("other", key="1" * 24))
            durables.enqueue(made, {0: [Join("c", "w"), Leave("c")]})
            durables.enqueue(other, {0: [Join("d", "w")]})
            durables.enqueue(made, {0: [Release("c")]})
            wanted = [(made.key, Join("c", "w")), (made.key, Leave("c")), (other.key, Join("d", "w"))]
            assert list(begin(turns).commands) == [*wanted, (made.key, Release("c"))]

        def test_commands_are_enqueued_in_their_partition_only(self, durables: Durables, turns: Turns) -> None:
            durables.enqueue(create(durables), {2: [Leave("c")]})
            assert [len(begin(turns, partition).commands) for partition in range(4)] == [0, 0, 1, 0]

        def test_partitions_without_a_pending_wakeup_need_one(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            assert list(durables.enqueue(made, {1: [Leave("c")], 3: [Leave("c")]})) == [1, 3]
            assert list(durables.enqueue(made, {1: [Leave("c")], 2: [Leave("c")]})) == [2]
            begin(turns, 1)
            assert list(durables.enqueue(made, {1: [Leave("c")]})) == [1]

        def test_no_more_may_wait_than_a_few_turns_take_in(self, durables: Durables, turns: Turns) -> None:
            """The store has room for 2,000."""
            made = create(durables)
            durables.enqueue(made, {0: [Leave("c")] * 2000})
            with pytest.raises(StoreUnavailable, match="send it again"):
                durables.enqueue(made, {0: [Leave("c")]})
            assert list(durables.enqueue(made, {1: [Leave("c")]})) == [1]
            turn = begin(turns)
            turns.commit(turn, TurnResult())
            assert list(durables.enqueue(made, {0: [Leave("c")] * len(turn.commands)})) == [0]

    class TestTurns:
        def test_it_brings_definitions_states_and_its_time(self, durables: Durables, turns: Turns) -> None:
            made = create(durables, start=Position(5, 6, 7))
            turn = begin(turns)
            assert turn.groups[made.key].place == Position(5, 6, 7)
            assert turns.durables(0, [made.key, "none"])[made.key] == made
            assert turn.now > 1_700_000_000_000

        def test_what_it_took_in_is_gone_once_it_advanced(self, durables: Durables, turns: Turns) -> None:
            durables.enqueue(create(durables), {0: [Leave("c")]})
            assert turns.commit(begin(turns), TurnResult()) is False
            assert begin(turns).commands == []

        def test_what_came_meanwhile_is_left_to_the_next(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            durables.enqueue(made, {0: [Join("c", "w")]})
            turn = begin(turns)
            durables.enqueue(made, {0: [Leave("c")]})
            assert turns.commit(turn, TurnResult()) is True
            assert list(begin(turns).commands) == [(made.key, Leave("c"))]

        def test_a_second_try_has_the_commands_and_the_time_of_the_first(
            self, durables: Durables, turns: Turns, log: Log
        ) -> None:
            made = create(durables)
            durables.enqueue(made, {0: [Join("c", "w")]})
            first = begin(turns)
            durables.enqueue(made, {0: [Leave("c")]})
            for number in range(8):
                log.append(f"wf-{number}", events(1))
            second = begin(turns)
            assert second.fencing_token > first.fencing_token
            states = [(turn.now, turn.goal, turn.groups, turn.commands) for turn in (first, second)]
            assert states[0] == states[1]

        def test_states_that_moved_are_kept_and_others_stay(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            other = create(durables, durable("other", key="1" * 24), Position(1, 1, 1))
            turns.commit(begin(turns), TurnResult(groups={made.key: Group(place=Position(8, 8, 8))}))
            assert durables.groups(made)[0].place == Position(8, 8, 8)
            assert durables.groups(other)[0].place == Position(1, 1, 1)

        def test_who_lost_the_turn_writes_nothing(self, durables: Durables, turns: Turns) -> None:
            made = create(durables)
            durables.enqueue(made, {0: [Leave("c")]})
            turn = begin(turns)
            begin(turns)
            with pytest.raises(TurnLost):
                turns.commit(turn, TurnResult(groups={made.key: Group(frame=9)}, alarm=9))
            newest = begin(turns)
            assert (durables.groups(made)[0].frame, newest.alarm, len(newest.commands)) == (0, 0, 1)

        def test_alarms_are_kept_until_there_is_a_later_one(self, durables: Durables, turns: Turns) -> None:
            create(durables)
            far = 1 << 45
            turns.commit(begin(turns), TurnResult(alarm=far))
            turns.commit(begin(turns), TurnResult())
            assert begin(turns).alarm == far

        def test_a_second_try_asks_for_the_turn_whose_alarm_it_may_have_been(
            self, durables: Durables, turns: Turns
        ) -> None:
            create(durables)
            alarm = begin(turns).now + 50
            turns.commit(begin(turns), TurnResult(alarm=alarm))
            first = begin(turns)
            # Another partition, whose turns advance, shows the time.
            while (turn := begin(turns, 1)).now < alarm:
                turns.commit(turn, TurnResult())
            second = begin(turns)
            assert (second.now, second.alarm) == (first.now, alarm)
            assert turns.commit(second, TurnResult()) is (first.now < alarm)

        def test_a_partition_with_a_group_waits_for_ever(self, durables: Durables, turns: Turns) -> None:
            create(durables, durable(streams=("wf",)))
            assert list(turns.waiting()) == [partition_of("wf", 4)]

    class TestTakingPart:
        def test_what_a_connection_calls_so_is_known(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            assert [registry.joined("c", own_id) for own_id in ("w", "x")] == ["workers", None]

        def test_a_subscription_of_its_own_is_none_to_take_part_in(self, registry: Registry) -> None:
            connected(registry)
            registry.subscribe(Subscription(KEY, "c", "s", parse_filters([])), {0: Start.NOW})
            assert registry.joined("c", "s") is None
            assert registry.unsubscribe("c", "s") is None

        def test_who_is_not_connected_cannot_take_part(self, registry: Registry) -> None:
            with pytest.raises(ConnectionNotFound):
                registry.join("c", "w", "workers")

        def test_an_id_serves_once_for_whatever_it_was(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            with pytest.raises(SubscriptionConflict):
                registry.join("c", "w", "others")
            registry.unsubscribe("c", "w")
            with pytest.raises(SubscriptionConflict):
                registry.subscribe(Subscription(KEY, "c", "w", parse_filters([])), {0: Start.NOW})

        def test_taking_part_counts_as_a_subscription(self, registry: Registry) -> None:
            connected(registry)
            for number in range(50):
                registry.join("c", f"w{number}", f"workers-{number}")
            with pytest.raises(TooManySubscriptions):
                registry.join("c", "one-more", "workers")

        def test_who_unsubscribes_takes_part_no_more(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            registry.unsubscribe("c", "w")
            assert registry.joined("c", "w") is None

        def test_the_subscriptions_that_a_connection_leaves_are_returned_until_it_is_forgotten(
            self, registry: Registry
        ) -> None:
            connected(registry)
            for number in range(2):
                registry.join("c", f"w{number}", f"workers-{number}")
            registry.subscribe(Subscription(KEY, "c", "s", parse_filters([])), {0: Start.NOW})
            assert sorted(registry.disconnect("c")) == ["workers-0", "workers-1"]
            assert sorted(registry.disconnect("c")) == ["workers-0", "workers-1"]
            assert registry.expired_connections(before=9, count=9) == ["c"]
            registry.forget("c")
            assert registry.disconnect("c") is None
            assert registry.expired_connections(before=9, count=9) == []

        def test_subscriptions_that_were_left_before_are_not_returned_again(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            registry.unsubscribe("c", "w")
            assert list(registry.disconnect("c")) == []

        def test_who_is_gone_takes_part_no_more(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            registry.disconnect("c")
            with pytest.raises(ConnectionNotFound):
                registry.join("c", "x", "workers")
