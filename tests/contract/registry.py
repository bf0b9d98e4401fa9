"""What every `Registry` and `Turns` keep, wherever they are kept. An adapter's test inherits this and brings both."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import (
    ConnectionNotFound,
    SubscriptionConflict,
    SubscriptionNotFound,
    TooManySubscriptions,
    TurnLost,
)
from eventstore.filters import parse_filters
from eventstore.live.index_terms import terms_of
from eventstore.ports import FIRST_LISTED, Behind, EphemeralRecord, ListedConnection, Start, TurnResult
from eventstore.positions import BEGINNING, Position
from eventstore.streams import partition_of
from eventstore.subscriptions import EVENTSTORE, Connection, Subscription
from tests.contract.turns import TurnsContract
from tests.examples import events

if TYPE_CHECKING:
    from eventstore.ports import Log, Registry, Turn, Turns

_KEYS = itertools.count(1)


def connected(registry: Registry, name: str = "c", *, opened: int = 5) -> Connection:
    connection = Connection(name, EVENTSTORE, opened)
    registry.connect(connection)
    return connection


def subscription(own_id: str = "s", *, connection: str = "c", kind: str = "t") -> Subscription:
    filters = parse_filters([{"exact": {"type": kind}}])
    return Subscription(f"{next(_KEYS):024x}", connection, own_id, filters)


def begin(turns: Turns, partition: int = 0) -> Turn:
    return turns.begin(partition, events=10, behind=10)


def wide(turns: Turns, registry: Registry, log: Log) -> tuple[Turn, tuple[Position, Position]]:
    """A turn of two appends, while somebody listens; and the ends of these."""
    connected(registry)
    one = subscription()
    registry.subscribe(one, {0: Start.NOW})
    turns.commit(begin(turns), TurnResult(caught_up={one.key: terms_of(one)}))
    log.append("wf", events(2))
    log.append("wf", events(2, start=3))
    found = log.tail({0: BEGINNING}, count=9)[0].events
    first, second = (found[index][0].end_of_append() for index in (1, 3))
    return begin(turns), (first, second)


class RegistryContract(TurnsContract):
    class TestConnections:
        def test_a_connection_is_known_until_it_is_gone(self, registry: Registry) -> None:
            connection = connected(registry)
            assert registry.connection("c") == connection
            registry.disconnect("c")
            assert registry.connection("c") is None

        def test_one_that_is_gone_may_go_again(self, registry: Registry) -> None:
            assert registry.disconnect("never-there") is None
            assert registry.connection("never-there") is None

        def test_the_oldest_are_found_by_when_they_were_made(self, registry: Registry) -> None:
            for name, opened in (("young", 30), ("old", 10), ("older", 5)):
                connected(registry, name, opened=opened)
            assert registry.expired_connections(before=30, count=9) == ["older", "old"]
            assert registry.expired_connections(before=30, count=1) == ["older"]

        def test_what_its_credential_allows_is_kept(self, registry: Registry) -> None:
            connection = Connection("c", EVENTSTORE, 5, "svc \ud800", ("acme", "beta"), ("acme:", "beta:", "x."))
            registry.connect(connection)
            assert registry.connection("c") == connection

    class TestListing:
        def test_connections_are_listed_by_when_they_were_opened(self, registry: Registry) -> None:
            for name, opened in (("young", 30), ("old", 10), ("b", 20), ("c", 20), ("a", 20)):
                connected(registry, name, opened=opened)
            listed = registry.listed(after=FIRST_LISTED, count=9)
            assert listed == [(10, "old"), (20, "a"), (20, "b"), (20, "c"), (30, "young")]

        @pytest.mark.parametrize("count", [1, 2, 3, 7])
        def test_a_list_goes_on_after_any_of_them(self, registry: Registry, count: int) -> None:
            for number in range(7):
                connected(registry, f"c{number}", opened=10 + number // 4)
            found: list[str] = []
            after = FIRST_LISTED
            while page := registry.listed(after=after, count=count):
                assert len(page) <= count
                found += [connection.id for connection in page]
                after = page[-1]
            assert found == [f"c{number}" for number in range(7)]

        def test_a_list_goes_on_after_one_that_is_gone(self, registry: Registry) -> None:
            for name in "abc":
                connected(registry, name)
            registry.disconnect("b")
            assert registry.listed(after=ListedConnection(5, "b"), count=9) == [(5, "c")]

        def test_records_are_those_of_registered_connections(self, registry: Registry) -> None:
            one, other = connected(registry, "one"), connected(registry, "other")
            connected(registry, "leaving")
            registry.join("leaving", "w", "workers")
            assert registry.disconnect("leaving") == ["workers"]
            records = registry.records(["other", "never-there", "leaving", "one"])
            assert [record.connection for record in records] == [other, one]
            assert registry.records([]) == []

        def test_a_record_has_the_active_subscriptions(self, registry: Registry) -> None:
            connected(registry)
            first, second = subscription("s2"), replace(subscription("s1"), streams=("a", "b"))
            for each in (first, second, subscription("ended")):
                registry.subscribe(each, {0: Start.NOW})
            registry.unsubscribe("c", "ended")
            for name in ("w2", "w1", "left"):
                registry.join("c", name, f"workers-{name}")
            registry.unsubscribe("c", "left")
            [record] = registry.records(["c"])
            assert record.ephemeral == [
                EphemeralRecord("s1", second.filter.text, ("a", "b"), {}),
                EphemeralRecord("s2", first.filter.text, (), {}),
            ]
            assert list(record.joined.items()) == [("w1", "workers-w1"), ("w2", "workers-w2")]

        def test_a_record_has_the_last_frame_of_each_partition(self, registry: Registry, turns: Turns) -> None:
            connected(registry)
            one, other = subscription("s1"), subscription("s2")
            registry.subscribe(one, dict.fromkeys(range(3), Start.NOW))
            registry.subscribe(other, dict.fromkeys(range(3), Start.NOW))
            turns.commit(begin(turns, 0), TurnResult(frames={one.key: 12, other.key: 3}))
            turns.commit(begin(turns, 2), TurnResult(frames={one.key: 4}))
            [record] = registry.records(["c"])
            assert [each.frames for each in record.ephemeral] == [{0: 12, 2: 4}, {0: 3}]

        def test_after_a_restore_a_record_has_the_numbers_that_turns_continue_from(
            self, registry: Registry, turns: Turns, log: Log
        ) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            turns.commit(begin(turns), TurnResult(frames={one.key: 12}))
            log.renew()
            turn = begin(turns)
            assert turn.frame_offset > 0
            [record] = registry.records(["c"])
            assert record.ephemeral[0].frames == {0: turns.frames(turn, [one.key])[one.key]}

    class TestSubscribing:
        def test_an_id_serves_once_even_after_it_ended(self, registry: Registry) -> None:
            connected(registry)
            registry.subscribe(subscription(), {0: Start.NOW})
            with pytest.raises(SubscriptionConflict):
                registry.subscribe(subscription(), {0: Start.NOW})
            registry.unsubscribe("c", "s")
            with pytest.raises(SubscriptionConflict):
                registry.subscribe(subscription(), {0: Start.NOW})

        def test_who_was_not_answered_may_join_once_more(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            registry.join("c", "w", "workers")
            assert registry.joined("c", "w") == "workers"
            with pytest.raises(SubscriptionConflict):
                registry.join("c", "w", "others")

        def test_who_joined_once_more_has_one_subscription(self, registry: Registry) -> None:
            connected(registry)
            for number in range(50):
                registry.join("c", f"w{number}", "workers")
                registry.join("c", f"w{number}", "workers")
            with pytest.raises(TooManySubscriptions):
                registry.join("c", "one-more", "workers")

        def test_what_has_ended_is_not_joined_again(self, registry: Registry) -> None:
            connected(registry)
            registry.join("c", "w", "workers")
            registry.unsubscribe("c", "w")
            with pytest.raises(SubscriptionConflict):
                registry.join("c", "w", "workers")

        def test_another_connection_may_use_the_same_id(self, registry: Registry) -> None:
            connected(registry, "c")
            connected(registry, "d")
            registry.subscribe(subscription(connection="c"), {0: Start.NOW})
            assert registry.subscribe(subscription(connection="d"), {0: Start.NOW})

        def test_a_connection_has_fifty_at_most_at_a_time(self, registry: Registry) -> None:
            connected(registry)
            for number in range(50):
                registry.subscribe(subscription(f"s{number}"), {0: Start.NOW})
            with pytest.raises(TooManySubscriptions):
                registry.subscribe(subscription("one-more"), {0: Start.NOW})
            registry.unsubscribe("c", "s7")
            assert registry.subscribe(subscription("one-more"), {0: Start.NOW})

        def test_who_is_not_connected_cannot_subscribe(self, registry: Registry, turns: Turns) -> None:
            with pytest.raises(ConnectionNotFound):
                registry.subscribe(subscription(), {0: Start.NOW})
            assert turns.begin(0, events=1, behind=9).idle

        def test_what_was_never_started_cannot_be_ended(self, registry: Registry) -> None:
            connected(registry)
            with pytest.raises(SubscriptionNotFound):
                registry.unsubscribe("c", "s")

        def test_now_is_behind_all_that_is_stored(self, registry: Registry, log: Log) -> None:
            connected(registry)
            log.append("wf", events(3))
            started = registry.subscribe(subscription(), {0: Start.NOW})[0]
            assert not log.tail({0: started.position}, count=9)[0].events

        def test_the_oldest_is_before_all_that_is_stored(self, registry: Registry, log: Log) -> None:
            connected(registry)
            log.append("wf", events(3))
            assert registry.subscribe(subscription(), {0: Start.OLDEST})[0].position == BEGINNING

        def test_each_partition_gets_its_own_start(self, registry: Registry, log: Log) -> None:
            connected(registry)
            log.append("wf", events(3))
            starts = {3: Start.OLDEST, 0: Start.NOW, 1: Position(5, 6, 7)}
            started = registry.subscribe(subscription(), starts)
            assert list(started) == [3, 0, 1]
            assert (started[3].position, started[1].position) == (BEGINNING, Position(5, 6, 7))
            assert started[0].position > BEGINNING

        def test_it_ends_in_all_its_partitions(self, registry: Registry, turns: Turns) -> None:
            connected(registry)
            registry.subscribe(subscription(), dict.fromkeys(range(3), Start.OLDEST))
            registry.unsubscribe("c", "s")
            assert not any(turns.begin(partition, events=9, behind=9).behind for partition in range(3))

        def test_a_connection_that_is_gone_leaves_nothing_of_any(self, registry: Registry, turns: Turns) -> None:
            connected(registry)
            for number in range(3):
                registry.subscribe(subscription(f"s{number}"), dict.fromkeys(range(number + 1), Start.OLDEST))
            registry.disconnect("c")
            assert not any(turns.begin(partition, events=9, behind=9).behind for partition in range(3))

        def test_a_wakeup_is_pending_from_then_on(self, registry: Registry, log: Log) -> None:
            connected(registry)
            registry.subscribe(subscription(), {0: Start.NOW})
            assert not log.append("wf", events(1)).needs_wakeup

    class TestTurns:
        def test_a_subscription_that_is_behind_comes_with_turns_until_it_has_caught_up(
            self, turns: Turns, registry: Registry
        ) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.OLDEST})
            turn = turns.begin(0, events=9, behind=9)
            assert [behind.key for behind in turn.behind] == [one.key]
            assert not turns.commit(turn, TurnResult(caught_up={one.key: terms_of(one)}))
            assert turns.begin(0, events=9, behind=9).idle

        def test_how_far_somebody_came_is_kept(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.OLDEST})
            place = Behind(one.key, Position(7, 8, 9), 3)
            assert turns.commit(turns.begin(0, events=9, behind=9), TurnResult(places={one.key: place}))
            assert list(turns.begin(0, events=9, behind=9).behind) == [place]

        def test_where_the_log_ended_when_it_began_is_kept(self, turns: Turns, registry: Registry, log: Log) -> None:
            connected(registry)
            stream = next(name for name in map(str, itertools.count()) if partition_of(name, 4) == 0)
            log.append(stream, events(1))
            one, other = subscription("s1"), subscription("s2")
            registry.subscribe(one, {0: Start.OLDEST})
            registry.subscribe(other, {0: Start.NOW})
            end = log.tail({0: BEGINNING}, count=9)[0].position.end_of_append()
            log.append(stream, events(1, start=2))
            turn = turns.begin(0, events=9, behind=9)
            assert {behind.key: behind.end for behind in turn.behind} == {one.key: end, other.key: BEGINNING}
            places = {behind.key: replace(behind, position=end) for behind in turn.behind}
            assert turns.commit(turn, TurnResult(places=places))
            assert {one.key: one for one in turns.begin(0, events=9, behind=9).behind} == places

        def test_who_waits_longest_comes_first(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            ones = [subscription(f"s{number}") for number in range(3)]
            for one in ones:
                registry.subscribe(one, {0: Start.OLDEST})
            seen = []
            for _ in range(3):
                turn = turns.begin(0, events=9, behind=1)
                [behind] = turn.behind
                seen.append(behind.key)
                turns.commit(turn, TurnResult(places={behind.key: behind}))
            assert sorted(seen) == [one.key for one in ones]

        def test_candidates_are_those_that_caught_up_under_a_term(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one, other = subscription("s1", kind="t"), subscription("s2", kind="u")
            for each in (one, other):
                registry.subscribe(each, {0: Start.NOW})
            turn = turns.begin(0, events=9, behind=9)
            turns.commit(turn, TurnResult(caught_up={each.key: terms_of(each) for each in (one, other)}))
            [term] = terms_of(one)
            turns.commit(turns.begin(0, events=9, behind=9), TurnResult(frames={one.key: 7}))
            turn = turns.begin(0, events=9, behind=9)
            assert turns.candidates(turn, [term, "0" * 16]) == ({term: [one.key]}, {one.key: 7})
            assert turns.candidates(turn, terms_of(other)) == ({terms_of(other)[0]: [other.key]}, {other.key: 0})

        def test_many_candidates_are_found_whose_frames_are_asked_for(self, turns: Turns, registry: Registry) -> None:
            ones = [subscription(f"s{number}", connection=f"c{number}") for number in range(300)]
            for one in ones:
                connected(registry, one.connection)
                registry.subscribe(one, {0: Start.NOW})
            turn = turns.begin(0, events=9, behind=300)
            result = TurnResult(caught_up={one.key: terms_of(one) for one in ones}, frames={one.key: 5 for one in ones})
            turns.commit(turn, result)
            turn = turns.begin(0, events=9, behind=9)
            keys_by_term, last_frames = turns.candidates(turn, terms_of(ones[0]))
            assert sorted(keys_by_term[terms_of(ones[0])[0]]) == sorted(one.key for one in ones)
            assert {**last_frames, **turns.frames(turn, [one.key for one in ones])} == {one.key: 5 for one in ones}

        def test_all_that_have_caught_up_are_found_once_each(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            several = replace(subscription("s0"), streams=("a", "b", "c"))
            ones = [several, *(subscription(f"s{number}", kind=f"t{number}") for number in range(1, 5))]
            for one in ones:
                registry.subscribe(one, {0: Start.NOW})
            assert turns.caught_up(0) == []
            turn = turns.begin(0, events=9, behind=9)
            turns.commit(turn, TurnResult(caught_up={one.key: terms_of(one) for one in ones[:4]}))
            registry.unsubscribe("c", "s3")
            assert sorted(turns.caught_up(0)) == sorted(one.key for one in ones[:3])
            assert turns.caught_up(1) == []

        def test_very_many_that_have_caught_up_are_found(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            terms = tuple(f"{number:016x}" for number in range(7000))
            turns.commit(turns.begin(0, events=9, behind=9), TurnResult(caught_up={one.key: terms}))
            assert turns.caught_up(0) == [one.key]

        def test_a_definition_is_kept_as_long_as_the_subscription(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            assert turns.definitions(0, [one.key])[one.key] == one
            registry.unsubscribe("c", "s")
            assert turns.definitions(0, [one.key]) == {}

        def test_numbers_of_frames_are_kept(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            turns.commit(turns.begin(0, events=9, behind=9), TurnResult(frames={one.key: 12}))
            assert turns.frames(turns.begin(0, events=9, behind=9), [one.key, "none"]) == {one.key: 12, "none": 0}

        def test_nothing_is_written_of_who_ended_meanwhile(self, turns: Turns, registry: Registry) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            turn = turns.begin(0, events=9, behind=9)
            registry.disconnect("c")
            turns.commit(turn, TurnResult(frames={one.key: 12}, caught_up={one.key: terms_of(one)}))
            assert turns.frames(turn, [one.key]) == {one.key: 0}
            assert turns.candidates(turn, terms_of(one)) == ({}, {})

        def test_a_turn_carries_whole_appends(self, turns: Turns, registry: Registry, log: Log) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            turns.commit(turns.begin(0, events=9, behind=9), TurnResult(caught_up={one.key: terms_of(one)}))
            log.append("wf", events(7))
            log.append("wf", events(7, start=8))
            turn = turns.begin(0, events=3, behind=9)
            assert len(log.tail({0: turn.checkpoint}, count=99, until={0: turn.goal})[0].events) == 7
            assert turn.has_more
            assert turns.commit(turn, TurnResult()) is True

        def test_a_turn_that_did_not_commit_leaves_its_target_to_the_next(
            self, turns: Turns, registry: Registry, log: Log
        ) -> None:
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            turns.commit(turns.begin(0, events=9, behind=9), TurnResult(caught_up={one.key: terms_of(one)}))
            log.append("wf", events(2))
            turn = turns.begin(0, events=9, behind=9)
            log.append("wf", events(2, start=3))
            assert turns.begin(0, events=9, behind=9).goal == turn.goal

        def test_a_turn_that_was_narrowed_stays_so_for_who_takes_it_again(
            self, turns: Turns, registry: Registry, log: Log
        ) -> None:
            turn, (first, second) = wide(turns, registry, log)
            narrowed = turns.narrow(turn, first)
            assert (turn.goal, turn.goal_pinned) == (second, False)
            assert narrowed == replace(turn, goal=first, goal_pinned=True, has_more=True)
            again = turns.begin(0, events=9, behind=9)
            assert (again.goal, again.goal_pinned, again.has_more) == (first, True, True)
            assert turns.narrow(again, second).goal == first

        def test_what_a_narrowed_turn_leaves_is_the_next_ones(self, turns: Turns, registry: Registry, log: Log) -> None:
            turn, (first, second) = wide(turns, registry, log)
            assert turns.commit(turns.narrow(turn, first), TurnResult()) is True
            following = turns.begin(0, events=9, behind=9)
            assert (following.checkpoint, following.goal) == (first, second)
            assert (following.goal_pinned, following.has_more) == (False, False)

        def test_only_the_newest_may_narrow(self, turns: Turns, registry: Registry, log: Log) -> None:
            turn, (first, second) = wide(turns, registry, log)
            newer = turns.begin(0, events=9, behind=9)
            with pytest.raises(TurnLost):
                turns.narrow(turn, first)
            assert (newer.goal, newer.goal_pinned) == (second, False)
            assert turns.narrow(newer, first).goal == first

        def test_a_turn_that_is_done_cannot_be_narrowed(self, turns: Turns, registry: Registry, log: Log) -> None:
            turn, (first, second) = wide(turns, registry, log)
            turns.commit(turn, TurnResult())
            with pytest.raises(TurnLost):
                turns.narrow(turn, first)
            assert turns.begin(0, events=9, behind=9).checkpoint == second

        def test_who_ended_since_the_first_try_is_counted_among_those_that_are_carried(
            self, turns: Turns, registry: Registry
        ) -> None:
            connected(registry)
            for number in range(3):
                registry.subscribe(subscription(f"s{number}"), {0: Start.NOW})
            assert turns.begin(0, events=9, behind=2).carried == 2
            registry.disconnect("c")
            again = turns.begin(0, events=9, behind=2)
            assert (again.carried, list(again.behind)) == (2, [])

        def test_partitions_with_something_to_do_are_known(self, turns: Turns, registry: Registry, log: Log) -> None:
            log.append("wf", events(1))
            assert list(turns.waiting()) == []
            connected(registry)
            one = subscription()
            registry.subscribe(one, {0: Start.NOW})
            assert list(turns.waiting()) == [0]
            turns.commit(begin(turns), TurnResult(caught_up={one.key: terms_of(one)}))
            assert list(turns.waiting()) == []
            log.append("wf", events(1, start=2))
            assert list(turns.waiting()) == [0]
            turns.commit(begin(turns), TurnResult())
            assert list(turns.waiting()) == []
            log.delete("wf")
            assert list(turns.waiting()) == [0]
