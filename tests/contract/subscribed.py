"""What subscriptions change of a `Log` and its `Turns`: which writes need a wake-up, and what waits for dispatch.

An adapter's test inherits this suite and brings `log`, `turns`, `registry` and `durables` of one partition, and the
`clock` of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.filters import parse_filters
from eventstore.groups import Join
from eventstore.live.index_terms import terms_of
from eventstore.ports import Start, TurnResult
from eventstore.positions import BEGINNING
from eventstore.streams import Retention, StreamConfig
from eventstore.subscriptions import Durable
from tests.contract.log import dispatch, ids, place
from tests.contract.registry import begin, connected, subscription
from tests.examples import event, events

if TYPE_CHECKING:
    from eventstore.ports import Durables, Log, Registry, Turns
    from eventstore.subscriptions import Subscription
    from tests.examples import FakeClock


def subscribed(registry: Registry, turns: Turns) -> Subscription:
    """A live subscription, all of whose wake-ups were handled."""
    connected(registry)
    one = subscription()
    registry.subscribe(one, {0: Start.NOW})
    turns.commit(begin(turns), TurnResult(caught_up={one.key: terms_of(one)}))
    return one


def durable() -> Durable:
    return Durable("d" * 24, "d", parse_filters([]))


class SubscribedContract:
    class TestWakingUp:
        def test_the_partition_of_the_first_subscriber_needs_a_wakeup_from_then_on(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            turns.advance()
            assert not log.append("wf", [event("1")]).needs_wakeup
            subscribed(registry, turns)
            assert log.append("wf", [event("2")]).needs_wakeup
            begin(turns)
            assert log.append("wf", events(2, start=3)).needs_wakeup
            begin(turns)
            assert log.delete("wf").needs_wakeup

        def test_while_a_subscription_has_yet_to_catch_up_too(self, log: Log, turns: Turns, registry: Registry) -> None:
            turns.advance()
            connected(registry)
            registry.subscribe(subscription(), {0: Start.NOW})
            begin(turns)
            assert log.append("wf", [event("1")]).needs_wakeup

        def test_a_new_subscription_has_a_wakeup_outstanding_although_none_was_needed(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            turns.advance()
            connected(registry)
            registry.subscribe(subscription(), {0: Start.NOW})
            assert not log.append("wf", [event("1")]).needs_wakeup
            assert list(turns.waiting()) == [0]

        def test_the_partition_of_a_durable_subscription_needs_a_wakeup(
            self, log: Log, turns: Turns, durables: Durables
        ) -> None:
            turns.advance()
            durables.create(durable(), {0: Start.NOW})
            assert log.append("wf", [event("1")]).needs_wakeup
            begin(turns)
            assert log.append("wf", [event("2")]).needs_wakeup

        def test_a_command_needs_a_wakeup_although_no_append_did(self, turns: Turns, durables: Durables) -> None:
            turns.advance()
            durables.create(durable(), {0: Start.NOW})
            assert list(durables.enqueue(durable(), {0: [Join("c", "s")]})) == [0]
            assert list(durables.enqueue(durable(), {0: [Join("c", "t")]})) == []

        def test_where_the_last_subscription_has_ended_no_append_needs_a_wakeup_after_a_turn(
            self, log: Log, turns: Turns, registry: Registry, durables: Durables
        ) -> None:
            one = subscribed(registry, turns)
            durables.create(durable(), {0: Start.NOW})
            begin(turns)
            registry.unsubscribe(one.connection, one.id)
            begin(turns)
            assert log.append("wf", [event("1")]).needs_wakeup
            durables.delete("d")
            begin(turns)
            assert not log.append("wf", [event("2")]).needs_wakeup

        def test_commands_that_a_deleted_subscription_left_behind_keep_no_partition_awake(
            self, log: Log, turns: Turns, durables: Durables
        ) -> None:
            durables.create(durable(), {0: Start.NOW})
            durables.enqueue(durable(), {0: [Join("c", "s")]})
            durables.delete("d")
            turns.advance()
            assert (log.append("wf", [event("1")]).needs_wakeup, list(turns.waiting())) == (False, [])

        def test_a_turn_whose_subscriptions_have_all_ended_is_followed_by_none(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            one = subscribed(registry, turns)
            log.append("wf", [event("1")])
            turn = begin(turns)
            registry.unsubscribe(one.connection, one.id)
            log.append("wf", [event("2")])
            assert turns.commit(turn, TurnResult()) is False

    class TestCheckpoints:
        def test_partitions_with_subscriptions_are_known(
            self, turns: Turns, registry: Registry, durables: Durables
        ) -> None:
            assert list(turns.subscribed()) == []
            one = subscribed(registry, turns)
            assert list(turns.subscribed()) == [0]
            registry.unsubscribe(one.connection, one.id)
            assert list(turns.subscribed()) == []
            durables.create(durable(), {0: Start.NOW})
            assert list(turns.subscribed()) == [0]

        def test_the_checkpoint_is_not_advanced_where_somebody_subscribes(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            subscribed(registry, turns)
            before = turns.reached()[0]
            log.append("wf", [event("1")])
            turn = begin(turns)
            turns.advance()
            assert (turns.reached()[0], list(turns.waiting())) == (before, [0])
            turns.commit(turn, TurnResult())

        def test_nor_where_a_subscription_has_yet_to_catch_up(self, log: Log, turns: Turns, registry: Registry) -> None:
            log.append("wf", [event("1")])
            connected(registry)
            registry.subscribe(subscription(), {0: Start.OLDEST})
            before = turns.reached()[0]
            turns.advance()
            assert turns.reached()[0] == before

        def test_who_starts_now_gets_nothing_older_however_far_back_the_checkpoint_is(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            turns.commit(begin(turns), TurnResult())
            log.append("wf", events(3))
            one = subscription()
            connected(registry)
            started = registry.subscribe(one, {0: Start.NOW})[0]
            turn = begin(turns)
            assert (turn.live, turn.goal) == (False, started.position)
            turns.commit(turn, TurnResult(caught_up={one.key: terms_of(one)}))
            log.append("wf", [event("4")])
            assert begin(turns).checkpoint == started.position

        def test_what_a_turn_left_whose_subscriptions_have_ended_is_passed(
            self, log: Log, turns: Turns, registry: Registry
        ) -> None:
            one = subscribed(registry, turns)
            log.append("wf", events(3))
            begin(turns)
            registry.unsubscribe(one.connection, one.id)
            turns.advance()
            following = begin(turns)
            assert (following.checkpoint, following.is_retry) == (place(log, "wf", 3).end_of_append(), False)

    class TestRetainingWhatIsNotDispatched:
        @pytest.fixture(autouse=True)
        def _subscribed(self, registry: Registry, turns: Turns) -> None:
            subscribed(registry, turns)

        def test_events_beyond_the_number_stay_until_they_are_dispatched(self, log: Log, turns: Turns) -> None:
            log.create("wf", StreamConfig(Retention(max_events=2)))
            for number in range(1, 6):
                log.append("wf", [event(str(number))])
            assert ids(log, "wf") == ["1", "2", "3", "4", "5"]
            dispatch(turns, 0, place(log, "wf", 2))
            assert (log.trim("wf"), ids(log, "wf"), log.describe("wf").first) == (2, ["3", "4", "5"], 3)

        def test_events_beyond_their_age_stay_until_they_are_dispatched(
            self, log: Log, clock: FakeClock, turns: Turns
        ) -> None:
            log.create("wf", StreamConfig(Retention(max_age=60)))
            log.append("wf", events(2))
            clock.pass_seconds(61)
            assert (ids(log, "wf"), log.describe("wf").count) == (["1", "2"], 2)
            dispatch(turns, 0, place(log, "wf", 2))
            assert ids(log, "wf") == []

        def test_of_one_millisecond_only_what_was_dispatched_goes(self, log: Log, turns: Turns) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            for number in range(1, 5):
                log.append("wf", [event(str(number))])
                log.append("other", [event(str(number))])
            for number in range(1, 4):
                dispatch(turns, 0, place(log, "wf", number))
                log.trim("wf")
                assert ids(log, "wf") == [str(kept) for kept in range(number + 1, 5)]

        def test_a_batch_that_is_not_dispatched_stays_whole(self, log: Log, turns: Turns) -> None:
            log.create("wf", StreamConfig(Retention(max_events=3)))
            log.append("wf", events(700))
            assert log.describe("wf").first == 1
            dispatch(turns, 0, place(log, "wf", 700))
            assert (log.trim("wf"), ids(log, "wf")) == (697, ["698", "699", "700"])

        def test_a_deletion_does_not_wait_for_dispatch(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            assert (ids(log, "wf"), log.describe("wf").size) == ([], 0)

        def test_what_was_not_dispatched_is_kept_no_longer_once_nobody_subscribes(
            self, log: Log, registry: Registry
        ) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.append("wf", events(3))
            registry.disconnect("c")
            assert (log.trim("wf"), ids(log, "wf")) == (2, ["3"])

    class TestRetainingBeforeTheFirstTurn:
        def test_events_wait_for_the_first_turn_of_who_subscribes(self, log: Log, registry: Registry) -> None:
            connected(registry)
            registry.subscribe(subscription(), {0: Start.OLDEST})
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.append("wf", events(3))
            assert ids(log, "wf") == ["1", "2", "3"]

        def test_events_wait_for_the_first_turn_of_a_durable_subscription(
            self, log: Log, turns: Turns, durables: Durables
        ) -> None:
            durables.create(durable(), {0: Start.NOW})
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.append("wf", events(3))
            assert ids(log, "wf") == ["1", "2", "3"]
            dispatch(turns, 0, BEGINNING)
            assert ids(log, "wf") == ["1", "2", "3"]
