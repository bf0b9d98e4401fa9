"""What every `Turns` that several instances of the server share keeps of leases.

An adapter's test inherits this suite and brings `log` of one partition, `clock`, which the turns go by, and `turns_of`,
which returns the turns of one process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.errors import PartitionLeased, TurnLost
from eventstore.ports import InstanceId, Lease, TurnResult
from eventstore.streams import Retention, StreamConfig
from tests.contract.turns import begin, ends
from tests.examples import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports import Log, Turns
    from tests.examples import FakeClock

    TurnsOf = Callable[[Lease | None], Turns]

LEASE_MS = 5_000


def lease(instance: str, *, milliseconds: int = LEASE_MS) -> Lease:
    return Lease(InstanceId(instance), milliseconds)


class LeaseContract:
    @pytest.fixture
    def first(self, turns_of: TurnsOf) -> Turns:
        return turns_of(lease("first"))

    @pytest.fixture
    def second(self, turns_of: TurnsOf) -> Turns:
        return turns_of(lease("second"))

    @pytest.fixture
    def function(self, turns_of: TurnsOf) -> Turns:
        """The turns of a function of Lambda, which has no lease."""
        return turns_of(None)

    class TestLeases:
        def test_who_takes_a_turn_takes_the_lease(self, first: Turns, second: Turns) -> None:
            begin(first)
            with pytest.raises(PartitionLeased, match=r"instance first .* partition 0") as refused:
                begin(second)
            assert refused.value.holder == "first"

        def test_a_refused_turn_is_a_lost_turn(self, first: Turns, second: Turns) -> None:
            begin(first)
            with pytest.raises(TurnLost):
                begin(second)

        def test_who_is_refused_changes_nothing_of_the_turn_under_way(
            self, first: Turns, second: Turns, function: Turns, log: Log
        ) -> None:
            log.append("wf", events(2))
            turn = begin(first)
            for other in (second, function):
                with pytest.raises(PartitionLeased):
                    begin(other)
            assert first.frames(turn, []) == {}
            first.commit(turn, TurnResult())
            following = begin(first)
            assert (following.checkpoint, following.fencing_token) == (ends(log)[-1], turn.fencing_token + 1)

        def test_who_is_refused_leaves_the_wakeup_to_the_holder(self, first: Turns, second: Turns, log: Log) -> None:
            begin(first)
            assert log.append("wf", events(1)).needs_wakeup
            with pytest.raises(PartitionLeased):
                begin(second)
            assert not log.append("wf", events(1, start=2)).needs_wakeup
            begin(first)
            assert log.append("wf", events(1, start=3)).needs_wakeup

        def test_a_lease_that_has_expired_is_taken_over(self, first: Turns, second: Turns, clock: FakeClock) -> None:
            turn = begin(first)
            clock.pass_seconds((LEASE_MS - 1) / 1000)
            with pytest.raises(PartitionLeased):
                begin(second)
            clock.pass_seconds(0.001)
            assert begin(second).fencing_token > turn.fencing_token
            with pytest.raises(PartitionLeased):
                begin(first)

        def test_each_turn_renews_the_lease(self, first: Turns, second: Turns, clock: FakeClock) -> None:
            for _ in range(3):
                begin(first)
                clock.pass_seconds(LEASE_MS / 2000)
                with pytest.raises(PartitionLeased):
                    begin(second)

        def test_a_holder_that_nobody_replaced_renews_an_expired_lease(
            self, first: Turns, second: Turns, clock: FakeClock
        ) -> None:
            begin(first)
            clock.pass_seconds(60)
            begin(first)
            with pytest.raises(PartitionLeased):
                begin(second)

        def test_a_lease_lasts_as_long_as_its_holder_asked_for(self, turns_of: TurnsOf, clock: FakeClock) -> None:
            begin(turns_of(lease("long", milliseconds=60_000)))
            clock.pass_seconds(59)
            brief = turns_of(lease("brief", milliseconds=10))
            with pytest.raises(PartitionLeased):
                begin(brief)
            clock.pass_seconds(1)
            begin(brief)
            clock.pass_seconds(0.01)
            begin(turns_of(lease("long", milliseconds=60_000)))

        def test_a_turn_that_lost_its_lease_cannot_commit(
            self, first: Turns, second: Turns, clock: FakeClock, log: Log
        ) -> None:
            log.append("wf", events(2))
            turn = begin(first)
            clock.pass_seconds(60)
            again = begin(second)
            with pytest.raises(TurnLost):
                first.commit(turn, TurnResult())
            with pytest.raises(TurnLost):
                first.frames(turn, [])
            assert (again.is_retry, again.goal) == (True, turn.goal)
            second.commit(again, TurnResult())
            assert second.reached()[0] == turn.goal

        def test_a_turn_whose_lease_expired_commits_if_no_other_has_begun(
            self, first: Turns, clock: FakeClock, log: Log
        ) -> None:
            log.append("wf", events(1))
            turn = begin(first)
            clock.pass_seconds(60)
            first.commit(turn, TurnResult())
            assert first.reached()[0] == turn.goal

        def test_a_lease_does_not_outlast_a_clock_that_is_set_back(
            self, first: Turns, second: Turns, clock: FakeClock
        ) -> None:
            begin(first)
            clock.pass_seconds(-3600)
            begin(second)
            with pytest.raises(PartitionLeased):
                begin(first)

        def test_a_released_lease_is_taken_over_at_once(self, first: Turns, second: Turns) -> None:
            begin(first)
            first.release(0)
            begin(second)
            with pytest.raises(PartitionLeased):
                begin(first)

        def test_only_the_holder_releases_a_lease(self, first: Turns, second: Turns, function: Turns) -> None:
            begin(first)
            second.release(0)
            function.release(0)
            with pytest.raises(PartitionLeased):
                begin(second)

        def test_releasing_a_partition_that_had_no_turn_changes_nothing(
            self, first: Turns, second: Turns, log: Log
        ) -> None:
            first.release(0)
            log.append("wf", events(1))
            assert list(second.subscribed()) == []
            assert begin(second).fencing_token == 1

        def test_a_turn_under_way_can_commit_after_the_release(self, first: Turns, log: Log) -> None:
            log.append("wf", events(1))
            turn = begin(first)
            first.release(0)
            first.commit(turn, TurnResult())
            assert first.reached()[0] == turn.goal

        def test_without_a_lease_a_turn_begins_where_nobody_holds_one(
            self, first: Turns, function: Turns, clock: FakeClock
        ) -> None:
            begin(function)
            begin(first)
            with pytest.raises(PartitionLeased):
                begin(function)
            clock.pass_seconds(60)
            begin(function)

        def test_who_takes_over_schedules_the_next_turn_itself(
            self, first: Turns, second: Turns, function: Turns, clock: FakeClock, log: Log
        ) -> None:
            for takes_over in (second, function):
                log.append("wf", events(1, start=int(takes_over is function) + 1))
                turn = begin(first)
                first.commit(turn, TurnResult(alarm=clock.now() + 600_000))
                clock.pass_seconds(60)
                assert begin(takes_over).alarm == 0
                takes_over.release(0)

        def test_a_turn_that_the_holder_scheduled_ends_with_the_release(
            self, first: Turns, function: Turns, clock: FakeClock, log: Log
        ) -> None:
            log.append("wf", events(1))
            first.commit(begin(first), TurnResult(alarm=clock.now() + 600_000))
            assert begin(first).alarm > 0
            first.release(0)
            assert begin(function).alarm == 0

        def test_a_turn_that_a_function_scheduled_comes_although_an_instance_takes_over(
            self, first: Turns, function: Turns, clock: FakeClock, log: Log
        ) -> None:
            log.append("wf", events(1))
            function.commit(begin(function), TurnResult(alarm=clock.now() + 600_000))
            assert begin(first).alarm > 0

        def test_a_turn_without_a_lease_leaves_none(
            self, first: Turns, second: Turns, function: Turns, clock: FakeClock
        ) -> None:
            begin(first)
            clock.pass_seconds(60)
            begin(function)
            clock.pass_seconds(-60)
            begin(second)
            second.release(0)
            begin(function)
            begin(first)

    class TestSubscriptionsOfTheHolder:
        """The store does not know of the ephemeral subscriptions of an instance. Its lease stands for them."""

        def test_a_partition_that_is_leased_counts_as_one_with_subscriptions(
            self, first: Turns, function: Turns, log: Log
        ) -> None:
            begin(first)
            assert list(function.subscribed()) == [0]
            log.append("wf", events(1))
            assert list(function.waiting()) == [0]
            first.release(0)
            assert (list(function.subscribed()), list(function.waiting())) == ([], [])

        def test_the_checkpoint_of_a_leased_partition_is_left_to_the_holder(
            self, first: Turns, function: Turns, log: Log
        ) -> None:
            log.append("wf", events(1))
            turn = begin(first)
            log.append("wf", events(1, start=2))
            function.advance()
            first.commit(turn, TurnResult())
            assert first.reached()[0] == turn.goal
            first.release(0)
            function.advance()
            assert first.reached()[0] == ends(log)[-1]

        def test_an_append_to_a_leased_partition_needs_a_wakeup_although_none_did_before(
            self, first: Turns, function: Turns, log: Log
        ) -> None:
            function.advance()
            assert not log.append("wf", events(1)).needs_wakeup
            begin(first)
            assert log.append("wf", events(1, start=2)).needs_wakeup

        def test_retention_waits_for_the_holder(self, first: Turns, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            begin(first)
            log.append("wf", events(3))
            assert (log.trim("wf"), log.describe("wf").count) == (0, 3)
            first.commit(begin(first), TurnResult())
            assert (log.trim("wf"), log.describe("wf").count) == (2, 1)
