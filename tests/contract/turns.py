"""What every `Turns` keeps where nobody subscribes: the order of turns, and how far a partition was dispatched.

An adapter's test inherits this suite and brings `turns` and `log` of one partition. Where it has a `Registry` too, it
inherits `registry.RegistryContract`, which has this suite and what concerns subscriptions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import TurnLost
from eventstore.ports import TurnResult
from eventstore.positions import BEGINNING
from tests.examples import events

if TYPE_CHECKING:
    from eventstore.ports import Log, Turn, Turns
    from eventstore.positions import Position


def begin(turns: Turns) -> Turn:
    return turns.begin(0, events=9, behind=9)


def ends(log: Log) -> list[Position]:
    """The ends of all appends."""
    found = log.tail({0: BEGINNING}, count=99)[0].events
    return sorted({position.end_of_append() for position, _ in found})


class TurnsContract:
    class TestTurnsOfNobody:
        def test_each_has_a_greater_token(self, turns: Turns) -> None:
            first = turns.begin(0, events=1, behind=1)
            assert turns.begin(0, events=1, behind=1).fencing_token > first.fencing_token

        def test_only_the_newest_may_commit(self, turns: Turns) -> None:
            turn = turns.begin(0, events=1, behind=1)
            newer = turns.begin(0, events=1, behind=1)
            with pytest.raises(TurnLost):
                turns.commit(turn, TurnResult())
            assert turns.commit(newer, TurnResult()) is False

        def test_one_that_commits_twice_changes_nothing_more(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(1))
            turn = begin(turns)
            turns.commit(turn, TurnResult())
            turns.commit(turn, TurnResult())
            assert (dict(turns.reached()), begin(turns).idle) == ({0: turn.goal}, True)

        def test_where_nobody_listens_all_is_dispatched_at_once(self, turns: Turns, log: Log) -> None:
            for number in range(5):
                log.append("wf", events(1, start=number + 1))
            assert turns.commit(turns.begin(0, events=1, behind=1), TurnResult()) is False

        def test_what_was_dispatched_is_known(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            before = turns.reached()[0]
            turn = begin(turns)
            turns.commit(turn, TurnResult())
            assert before < ends(log)[0] == turns.reached()[0] == begin(turns).checkpoint

        def test_a_turn_without_anything_to_do_is_idle(self, turns: Turns, log: Log) -> None:
            assert begin(turns).idle
            log.append("wf", events(1))
            assert not begin(turns).idle

        def test_a_partition_without_subscribers_is_not_waiting_however_its_log_goes_on(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(1))
            assert (list(turns.waiting()), list(turns.subscribed())) == ([], [])
            log.delete("wf")
            assert list(turns.waiting()) == []

        def test_an_append_to_a_partition_without_subscribers_needs_no_wakeup(self, turns: Turns, log: Log) -> None:
            assert log.append("wf", events(1)).needs_wakeup
            begin(turns)
            assert not log.append("wf", events(1, start=2)).needs_wakeup
            assert not log.append("wf", events(3, start=3)).needs_wakeup

        def test_a_deletion_in_a_partition_without_subscribers_needs_no_wakeup(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(1))
            begin(turns)
            assert not log.delete("wf").needs_wakeup

        def test_a_turn_that_never_commits_does_not_make_appends_without_subscribers_need_one(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(1))
            begin(turns)
            begin(turns)
            assert not log.append("wf", events(1, start=2)).needs_wakeup

        def test_turns_where_nobody_subscribes_do_not_follow_each_other(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(1))
            turn = begin(turns)
            log.append("wf", events(1, start=2))
            assert turns.commit(turn, TurnResult()) is False

        def test_the_checkpoint_of_a_partition_without_subscribers_is_advanced_to_the_end(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(2))
            turns.advance()
            assert (turns.reached()[0], begin(turns).idle) == (ends(log)[0], True)
            log.append("wf", events(2, start=3))
            turns.advance()
            assert turns.reached()[0] == ends(log)[1]

        def test_where_the_checkpoint_was_advanced_no_append_needs_a_wakeup(self, turns: Turns, log: Log) -> None:
            turns.advance()
            assert not log.append("wf", events(1)).needs_wakeup

        def test_advancing_where_nothing_is_new_changes_nothing(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            turn = begin(turns)
            turns.commit(turn, TurnResult())
            turns.advance()
            assert begin(turns).fencing_token == turn.fencing_token + 1

        def test_a_turn_that_was_under_way_when_the_checkpoint_was_advanced_cannot_move_it_back(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(2))
            turn = begin(turns)
            log.append("wf", events(2, start=3))
            turns.advance()
            with pytest.raises(TurnLost):
                turns.commit(turn, TurnResult())
            following = begin(turns)
            assert (following.checkpoint, following.is_retry, following.idle) == (ends(log)[1], False, True)

        def test_a_commit_that_is_repeated_after_the_checkpoint_was_advanced_does_not_move_it_back(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(2))
            turn = begin(turns)
            turns.commit(turn, TurnResult())
            log.append("wf", events(2, start=3))
            turns.advance()
            with pytest.raises(TurnLost):
                turns.commit(turn, TurnResult())
            assert turns.reached()[0] == ends(log)[1]

        def test_the_checkpoint_is_advanced_past_a_deletion(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            log.delete("wf")
            log.trim("wf")
            assert list(log.deleted(0)) == ["wf"]
            turns.advance()
            log.trim("wf")
            assert list(log.deleted(0)) == []

        def test_the_checkpoint_is_not_advanced_back_where_the_end_of_the_log_was_removed(
            self, turns: Turns, log: Log
        ) -> None:
            log.append("wf", events(2))
            log.delete("wf")
            turns.advance()
            reached = turns.reached()[0]
            log.trim("wf")
            turns.advance()
            assert turns.reached()[0] == reached

        def test_one_that_did_not_commit_leaves_its_target_to_the_next(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            turn = begin(turns)
            log.append("wf", events(2, start=3))
            again = begin(turns)
            assert (turn.is_retry, again.is_retry, again.goal) == (False, True, turn.goal)
            turns.commit(again, TurnResult())
            following = begin(turns)
            assert (following.is_retry, following.checkpoint, following.goal) == (False, *ends(log))

        def test_the_checkpoint_stays_where_the_end_of_the_log_was_removed(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            turns.commit(begin(turns), TurnResult())
            log.delete("wf")
            turns.commit(begin(turns), TurnResult())
            reached = turns.reached()[0]
            log.trim("wf")
            turn = begin(turns)
            assert (turn.checkpoint, turn.goal, turn.removals) == (reached, reached, 1)

        def test_a_narrowed_target_holds_for_the_next_try_and_is_not_moved_again(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            log.append("wf", events(2, start=3))
            first, second = ends(log)
            turn = begin(turns)
            narrowed = turns.narrow(turn, first)
            assert narrowed == replace(turn, goal=first, goal_pinned=True, has_more=True)
            again = begin(turns)
            assert (again.goal, again.goal_pinned, again.has_more) == (first, True, True)
            assert turns.narrow(again, second).goal == first
            turns.commit(again, TurnResult())
            following = begin(turns)
            assert (following.checkpoint, following.goal, following.goal_pinned) == (first, second, False)

        def test_who_was_overtaken_or_is_done_cannot_narrow(self, turns: Turns, log: Log) -> None:
            log.append("wf", events(2))
            [end] = ends(log)
            turn = begin(turns)
            newer = begin(turns)
            with pytest.raises(TurnLost):
                turns.narrow(turn, end)
            turns.commit(newer, TurnResult())
            with pytest.raises(TurnLost):
                turns.narrow(newer, end)

        def test_who_was_overtaken_learns_of_it_before_it_sends(self, turns: Turns) -> None:
            turn = turns.begin(0, events=1, behind=1)
            assert turns.frames(turn, []) == {}
            turns.begin(0, events=1, behind=1)
            with pytest.raises(TurnLost):
                turns.frames(turn, [])

        def test_candidates_of_a_turn_that_was_overtaken_are_refused(self, turns: Turns) -> None:
            turn = turns.begin(0, events=9, behind=9)
            turns.begin(0, events=9, behind=9)
            for terms in ([], ["0" * 16]):
                with pytest.raises(TurnLost):
                    turns.candidates(turn, terms)

        def test_nobody_is_found_who_never_subscribed(self, turns: Turns) -> None:
            turn, key = begin(turns), "0" * 24
            assert turns.candidates(turn, ["0" * 16]) == ({}, {})
            assert turns.frames(turn, [key]) == {key: 0}
            assert (turns.durables(0, [key]), turns.definitions(0, [key]), list(turns.caught_up(0))) == ({}, {}, [])
            assert turns.commit(turn, TurnResult(frames={key: 7}, caught_up={key: ["0" * 16]})) is False
            assert turns.frames(begin(turns), [key]) == {key: 0}

        def test_a_turn_of_a_history_that_was_lost_cannot_commit(self, turns: Turns, log: Log) -> None:
            turn = begin(turns)
            epochs = log.renew()
            with pytest.raises(TurnLost):
                turns.commit(turn, TurnResult())
            later = begin(turns)
            assert (later.epoch, later.frame_offset > turn.frame_offset) == (epochs[0], True)
