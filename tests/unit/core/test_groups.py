"""The state of a durable subscription in one partition: the effect of each command and of each timeout."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.groups import (
    Ack,
    AckStream,
    Change,
    Command,
    DeliverySettings,
    Group,
    Heard,
    Held,
    InFlightEvent,
    Join,
    Leave,
    Loss,
    Member,
    Nack,
    Parked,
    Redrive,
    Release,
    Replay,
    Silence,
    Step,
    apply,
    apply_timeouts,
    decoded,
    due,
    encoded,
    owner_of,
    with_loss,
)
from eventstore.positions import BEGINNING, END_OF_APPEND, Cursor, Position, before

KEY = "0" * 24
NOW = 1_000_000
SETTINGS = DeliverySettings(ack_deadline_ms=30_000, max_attempts=3, max_in_flight=10)
A, B = Member("a", "w"), Member("b", "w")


def at(order: int) -> Position:
    return Position(5, order, 0)


def in_flight(order: int, stream: str, sequence: int) -> InFlightEvent:
    return InFlightEvent(at(order), stream, sequence)


ONE, TWO, THREE, OTHER = in_flight(1, "wf", 1), in_flight(2, "wf", 2), in_flight(4, "wf", 3), in_flight(3, "other", 1)


def working(**members: object) -> Group:
    """A group whose owner has four events of two streams in flight."""
    group = Group(place=at(4), members=[A], owner=A, heard=NOW, frame=2, flight=[ONE, TWO, OTHER, THREE])
    return replace(group, **members)  # type: ignore[arg-type]


def step(group: Group, *commands: Command, now: int = NOW, settings: DeliverySettings = SETTINGS) -> Step:
    step = Step(group, settings, KEY, 0, now)
    for command in commands:
        apply(step, command)
    return step


def turn(group: Group, *commands: Command, now: int = NOW, settings: DeliverySettings = SETTINGS) -> Step:
    turn_step = step(group, *commands, now=now, settings=settings)
    apply_timeouts(turn_step)
    return turn_step


def silent_turn(group: Group, *commands: Command, now: int) -> Step:
    """Run a turn that knows that the owner was active in no partition."""
    assert group.owner is not None
    return turn(group, *commands, Silence(group.owner.connection, group.heard), now=now)


def nack(
    stream: str, sequence: int, *, by: str = "a", delay: int | None = None, park: bool = False, frame: int = 0
) -> Nack:
    return Nack(by, stream, sequence, "no", delay, park, frame)


def notified(step: Step) -> list[tuple[str, str, int]]:
    """The notifications of a step, as connection, kind and frame."""
    return [
        (notification.member.connection, notification.kind, notification.frame) for notification in step.notifications
    ]


class TestJoining:
    def test_the_first_member_becomes_the_owner(self) -> None:
        group = Group()
        assert notified(turn(group, Join("a", "w"))) == [("a", "owned", 1)]
        assert (group.owner, group.heard) == (A, NOW)

    def test_joining_again_changes_nothing(self) -> None:
        group = working()
        assert notified(turn(group, Join("a", "w"))) == []
        assert group.members == [A]

    def test_a_member_that_rejoins_under_another_name_is_notified_again(self) -> None:
        group = working()
        assert notified(turn(group, Leave("a"), Join("a", "x"))) == [("a", "owned", 3)]
        assert group.owner == Member("a", "x")

    def test_a_new_assignee_waits_until_the_owner_releases_the_partition(self) -> None:
        first, second = contenders()
        group = working(members=[first], owner=first)
        assert notified(turn(group, Join(*second))) == [(first.connection, "revoked", 3)]
        assert group.owner == first

    def test_a_joining_member_that_is_not_assigned_the_partition_changes_nothing(self) -> None:
        second, first = contenders()
        group = working(members=[first], owner=first)
        assert notified(turn(group, Join(*second))) == []


class TestLeaving:
    def test_a_member_that_leaves_loses_ownership(self) -> None:
        group = working()
        assert notified(turn(group, Leave("a"))) == []
        assert (group.members, group.owner) == ([], None)

    def test_the_next_owner_starts_at_the_first_event_in_flight(self) -> None:
        group = working()
        assert notified(turn(group, Leave("a"), Join("b", "w"))) == [("b", "owned", 3)]
        assert (group.place, group.flight) == (before(at(1)), [])

    def test_leaving_with_an_event_of_a_held_stream_counts_as_an_attempt(self) -> None:
        held = Held(before(at(1)), 1, NOW, [ONE], NOW, ["no"])
        group = working(flight=[], held={"wf": held})
        turn(group, Leave("a"), Join("b", "w"))
        assert (held.sent, held.attempt, held.after) == ([], 2, before(at(1)))
        assert held.errors == ["no", "its member went away"]

    def test_events_in_flight_of_a_member_that_left_are_sent_one_at_a_time(self) -> None:
        group = working()
        turn(group, Leave("a"))
        assert (group.probe_remaining, group.owner_losses) == (4, 0)

    def test_an_acknowledgement_counts_down_the_probe_and_resets_owner_losses(self) -> None:
        group = working(probe_remaining=3, owner_losses=1, flight=[ONE])
        turn(group, Ack("a", at(1)))
        assert (group.probe_remaining, group.owner_losses) == (2, 0)

    def test_leaving_with_a_single_event_in_flight_counts_as_an_owner_loss(self) -> None:
        group = working(probe_remaining=3, owner_losses=1, flight=[ONE])
        turn(group, Leave("a"))
        assert (group.owner_losses, group.parked) == (2, {})

    def test_an_event_that_repeatedly_loses_its_owner_is_parked(self) -> None:
        group = working(probe_remaining=3, owner_losses=2, flight=[ONE])
        turn(group, Leave("a"))
        parked = Parked(at(1), before(at(1)), 1, 3, ["its member went away"], NOW, earlier=[ONE])
        assert group.parked == {"wf": parked}

    def test_a_member_lost_with_several_events_in_flight_parks_none(self) -> None:
        group = working(owner_losses=2)
        turn(group, Leave("a"))
        assert (group.owner_losses, group.parked) == (2, {})

    def test_leaving_without_membership_changes_nothing(self) -> None:
        group = working()
        turn(group, Leave("b"))
        assert group == working()


class TestReleasing:
    def test_a_released_partition_goes_to_its_assignee(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        assert notified(turn(group, Release(first.connection))) == [(second.connection, "owned", 3)]

    def test_a_partition_that_was_not_revoked_cannot_be_released(self) -> None:
        group = working()
        turn(group, Release("a"))
        assert group.owner == A

    def test_a_member_that_is_not_the_owner_releases_nothing(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        turn(group, Release(second.connection))
        assert group.owner == first

    def test_an_owner_that_does_not_release_loses_the_partition_after_the_deadline(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        silent_turn(group, now=NOW + 29_999)
        assert group.owner == first
        silent_turn(group, now=NOW + 30_000)
        assert group.owner == second

    def test_an_acknowledgement_extends_the_release_deadline(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        turn(group, Ack(first.connection, at(1)), now=NOW + 29_000)
        silent_turn(group, now=NOW + 58_999)
        assert group.owner == first
        silent_turn(group, now=NOW + 59_000)
        assert group.owner == second

    def test_activity_in_another_partition_extends_the_release_deadline(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        assert turn(group, now=NOW + 30_000).needs_activity
        turn(group, Heard(first.connection, NOW + 29_000), now=NOW + 30_000)
        silent_turn(group, now=NOW + 58_999)
        assert group.owner == first
        silent_turn(group, now=NOW + 59_000)
        assert group.owner == second

    def test_a_release_of_an_earlier_frame_changes_nothing(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        turn(group, Release(first.connection, frame=1))
        assert group.owner == first
        turn(group, Release(first.connection, frame=2))
        assert group.owner == second

    def test_events_in_flight_do_not_extend_the_release_deadline(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW, heard=NOW - 15_000)
        silent_turn(group, now=NOW + 15_000)
        silent_turn(group, now=NOW + 30_000)
        assert (group.owner, group.held) == (second, {})

    def test_an_owner_reassigned_its_revoked_partition_is_notified_after_release(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        assert notified(turn(group, Leave(second.connection))) == []
        assert notified(turn(group, Release(first.connection))) == [(first.connection, "owned", 3)]
        assert not group.revoked

    def test_an_owner_reassigned_its_revoked_partition_is_notified_after_the_deadline(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        turn(group, Leave(second.connection))
        assert notified(silent_turn(group, now=NOW + 30_000)) == [(first.connection, "owned", 3)]


class TestAcknowledging:
    def test_an_acknowledged_event_is_no_longer_in_flight(self) -> None:
        group = working()
        step(group, Ack("a", at(2)), now=NOW + 5)
        assert (group.flight, group.heard) == ([OTHER, THREE], NOW + 5)

    def test_a_repeated_or_earlier_acknowledgement_changes_nothing(self) -> None:
        group = working()
        step(group, Ack("a", at(3)), Ack("a", at(3)), Ack("a", at(1)))
        assert group.flight == [THREE]

    def test_a_member_that_is_not_the_owner_acknowledges_nothing(self) -> None:
        group = working(members=[A, B])
        step(group, Ack("b", at(4)), AckStream("b", "wf", 3), nack("wf", 1, by="b"))
        assert group == working(members=[A, B])

    def test_an_acknowledged_event_of_a_held_stream_is_not_sent_again(self) -> None:
        held = Held(at(0), 2, 7, [ONE, TWO, THREE], NOW, ["no"])
        step(working(held={"wf": held}), AckStream("a", "wf", 2), now=NOW + 5)
        assert held == Held(at(2), 0, NOW + 5, [THREE], NOW + 5, [])

    def test_an_unsent_event_of_a_held_stream_is_not_acknowledged(self) -> None:
        held = Held(at(0), 2, 7, [ONE], NOW)
        step(working(held={"wf": held}), AckStream("a", "wf", 0), AckStream("a", "other", 1))
        assert held == Held(at(0), 2, 7, [ONE], NOW)


class TestFailing:
    def test_a_nack_holds_the_stream_from_the_failed_event(self) -> None:
        group = working()
        step(group, nack("wf", 2, delay=7_000))
        held = Held(before(at(2)), 1, NOW + 7_000, errors=["no"], earlier=[ONE, TWO, THREE])
        assert group.held == {"wf": held}

    def test_a_nack_removes_all_events_of_the_stream_from_flight(self) -> None:
        group = working()
        step(group, nack("wf", 2))
        assert group.flight == [OTHER]

    def test_a_nack_of_an_unsent_event_changes_nothing(self) -> None:
        group = working()
        step(group, nack("wf", 9), nack("none", 1))
        assert group == working()

    def test_another_failure_counts_as_another_attempt(self) -> None:
        held = Held(before(at(1)), 1, NOW, [ONE], NOW, ["no"])
        step(working(held={"wf": held}), nack("wf", 1))
        assert (held.attempt, held.sent, held.errors) == (2, [], ["no", "no"])

    def test_a_failure_before_the_event_is_sent_again_counts_as_no_attempt(self) -> None:
        held = Held(before(at(1)), 1, NOW, errors=["no"])
        step(working(held={"wf": held}), nack("wf", 1))
        assert held.attempt == 1

    def test_each_failed_event_of_a_held_stream_counts_its_own_attempts(self) -> None:
        held = Held(before(at(1)), 0, NOW, [ONE, TWO], NOW)
        step(working(held={"wf": held}), nack("wf", 2))
        assert (held.after, held.attempt, held.errors) == (before(at(2)), 1, ["no"])

    def test_reasons_are_truncated_and_the_latest_are_kept(self) -> None:
        group = working()
        for number in range(20):
            step(
                group,
                Nack("a", "wf", 1, f"{number}" + "x" * 999, 0, park=False),
                settings=replace(SETTINGS, max_attempts=99),
            )
            group.held["wf"].sent = [ONE]
        errors = group.held["wf"].errors
        assert ([error[:2] for error in errors], {len(e) for e in errors}) == ([str(n) for n in range(15, 20)], {300})


class TestBackoff:
    @given(attempt=st.integers(1, 60), stream=st.text(max_size=20), sequence=st.integers(1, 1 << 50))
    def test_the_backoff_doubles_up_to_a_minute_with_jitter(self, attempt: int, stream: str, sequence: int) -> None:
        about = min(1000 * 2 ** (attempt - 1), 60_000)
        assert about // 2 <= self.pause(attempt, stream, sequence) <= about // 2 + about

    @given(attempt=st.integers(1, 9))
    def test_the_same_failure_has_the_same_backoff(self, attempt: int) -> None:
        assert self.pause(attempt, "wf", 1) == self.pause(attempt, "wf", 1)

    def test_different_failures_have_different_backoffs(self) -> None:
        assert len({self.pause(1, f"wf-{number}", 1) for number in range(50)}) > 40

    @staticmethod
    def pause(attempt: int, stream: str, sequence: int) -> int:
        failing = InFlightEvent(at(1), stream, sequence)
        held = Held(before(at(1)), attempt - 1, NOW, [failing], NOW)
        settings = replace(SETTINGS, max_attempts=100)
        step(working(flight=[], held={stream: held}), nack(stream, sequence), settings=settings)
        return held.due - NOW


class TestParking:
    def test_a_stream_out_of_attempts_is_parked_from_the_failed_event(self) -> None:
        group = working(held={"wf": Held(before(at(1)), 2, NOW, [ONE], NOW, ["x", "y"])}, flight=[OTHER])
        step(group, nack("wf", 1))
        assert group.held == {}
        assert group.parked == {"wf": Parked(at(1), before(at(1)), 1, 3, ["x", "y", "no"], NOW, earlier=[ONE])}

    def test_a_stream_with_an_attempt_left_is_not_parked(self) -> None:
        group = working(held={"wf": Held(before(at(1)), 1, NOW, [ONE], NOW)}, flight=[OTHER])
        step(group, nack("wf", 1))
        assert (list(group.held), group.parked) == (["wf"], {})

    def test_a_nack_may_park_the_event_at_once(self) -> None:
        group = working()
        step(group, nack("wf", 2, park=True))
        assert (group.held, group.flight, group.parked["wf"].sequence) == ({}, [OTHER], 2)

    def test_with_one_attempt_the_first_failure_parks_the_stream(self) -> None:
        group = working()
        step(group, nack("wf", 1), settings=replace(SETTINGS, max_attempts=1))
        assert group.parked["wf"].attempts == 1

    @pytest.mark.parametrize(("how", "place"), [("start", before(at(2))), ("skip", at(2)), ("drop", at(4))])
    def test_a_redrive_resumes_at_the_requested_position(self, how: str, place: Position) -> None:
        group = working(flight=[], parked={"wf": Parked(at(2), at(4), 2, 3, ["no"], NOW)})
        step(group, Redrive("wf", how), now=NOW + 5)
        assert (group.parked, group.held) == ({}, {"wf": Held(place, 0, NOW + 5)})

    @pytest.mark.parametrize("how", ["start", "skip", "drop"])
    def test_a_stream_not_yet_copied_to_the_dead_letter_queue_stays_parked(self, how: str) -> None:
        group = working(flight=[], parked={"wf": Parked(at(2), before(at(2)), 2, 3, ["no"], NOW)})
        step(group, Redrive("wf", how))
        assert (list(group.parked), group.held) == (["wf"], {})

    def test_a_stream_that_is_not_parked_cannot_be_redriven(self) -> None:
        group = working()
        step(group, Redrive("wf", "start"))
        assert group == working()


class TestLateCommands:
    """Acknowledgements and nacks that arrive after the deadline of their event, before the event is sent again."""

    @staticmethod
    def timed_out(**members: object) -> Group:
        group = working(**members)
        silent_turn(group, now=NOW + 30_000)
        assert list(group.held) == ["wf"]
        return group

    def test_a_late_acknowledgement_counts_as_handled(self) -> None:
        group = self.timed_out()
        turn(group, Ack("a", at(4)), now=NOW + 30_100)
        held = group.held["wf"]
        assert (held.after, held.attempt, held.errors, held.earlier, group.flight) == (at(4), 0, [], [], [])

    def test_a_late_acknowledgement_by_stream_counts_as_handled(self) -> None:
        group = self.timed_out()
        turn(group, AckStream("a", "wf", 2), now=NOW + 30_100)
        assert (group.held["wf"].after, group.held["wf"].earlier) == (at(2), [THREE])

    def test_a_late_acknowledgement_postpones_the_next_attempt_of_later_events(self) -> None:
        group = self.timed_out()
        turn(group, Ack("a", at(1)), now=NOW + 30_100)
        assert group.held["wf"].due == NOW + 30_100 + 30_000

    def test_a_late_nack_sets_reason_and_delay_and_counts_as_no_further_attempt(self) -> None:
        group = self.timed_out()
        turn(group, nack("wf", 1, delay=7_000), now=NOW + 30_100)
        held = group.held["wf"]
        assert (held.attempt, held.errors, held.due) == (1, ["no"], NOW + 37_100)

    def test_a_late_nack_may_park_the_event(self) -> None:
        group = self.timed_out()
        turn(group, nack("wf", 1, park=True), now=NOW + 30_100)
        assert (group.parked["wf"].sequence, group.parked["wf"].errors) == (1, ["no"])

    def test_a_member_that_always_acknowledges_late_has_nothing_parked(self) -> None:
        group = working()
        now = NOW
        for number in range(1, 20):
            flight = InFlightEvent(at(number), "wf", number)
            group.flight, group.place, group.heard = [flight], at(number), now
            now += 30_000
            silent_turn(group, now=now)
            turn(group, Ack("a", at(number)), now=now + 100)
            assert (group.held.pop("wf").attempt, group.parked) == (0, {})

    def test_a_late_acknowledgement_unparks_a_stream_that_the_deadline_parked(self) -> None:
        group = working()
        turn_step = Step(group, replace(SETTINGS, max_attempts=1), KEY, 0, NOW + 30_000)
        apply(turn_step, Silence("a", NOW))
        apply_timeouts(turn_step)
        assert list(group.parked) == ["wf"]
        turn(group, Ack("a", at(2)), now=NOW + 30_100)
        assert (group.parked, group.held["wf"].after, group.held["wf"].earlier) == ({}, at(2), [THREE])

    def test_a_cursor_does_not_acknowledge_an_event_that_was_sent_again(self) -> None:
        group = self.timed_out()
        group.held["wf"].sent, group.held["wf"].earlier, group.held["wf"].by_cursor = [ONE], [], False
        turn(group, Ack("a", at(4)), now=NOW + 32_000)
        assert (group.held["wf"].sent, group.held["wf"].attempt) == ([ONE], 1)

    def test_a_cursor_does_not_acknowledge_an_event_that_its_owner_nacked(self) -> None:
        group = working()
        turn(group, nack("wf", 1), Ack("a", at(4)))
        assert (group.held["wf"].after, group.held["wf"].attempt) == (before(at(1)), 1)

    def test_a_nack_of_an_earlier_frame_counts_as_no_attempt_of_the_current_one(self) -> None:
        held = Held(before(at(1)), 1, NOW, [ONE], NOW, ["not acknowledged within 30 s"], frame=7)
        step(working(held={"wf": held}), nack("wf", 1, frame=2))
        assert (held.attempt, held.sent, held.errors) == (1, [ONE], ["no"])
        step(working(held={"wf": held}), nack("wf", 1, frame=7))
        assert (held.attempt, held.sent, held.errors) == (2, [], ["no", "no"])

    def test_a_late_nack_acknowledges_the_earlier_events_of_the_stream(self) -> None:
        group = self.timed_out()
        turn(group, nack("wf", 3, delay=5), Ack("a", at(4)), now=NOW + 30_100)
        held = group.held["wf"]
        assert (held.after, held.attempt, held.errors) == (before(at(4)), 1, ["no"])

    def test_a_late_nack_acknowledges_earlier_events_of_a_parked_stream(self) -> None:
        group = working()
        turn_step = Step(group, replace(SETTINGS, max_attempts=1), KEY, 0, NOW + 30_000)
        apply(turn_step, Silence("a", NOW))
        apply_timeouts(turn_step)
        turn(group, nack("wf", 3), now=NOW + 30_100, settings=replace(SETTINGS, max_attempts=1))
        assert group.parked["wf"].sequence == 3

    def test_leaving_without_activity_after_a_timeout_counts_as_one_attempt(self) -> None:
        group = self.timed_out()
        group.held["wf"].sent = [ONE]
        turn(group, Leave("a"), now=NOW + 32_000)
        assert (group.held["wf"].attempt, group.held["wf"].errors) == (1, ["not acknowledged within 30 s"])

    def test_leaving_with_activity_after_a_timeout_counts_as_a_second_attempt(self) -> None:
        group = self.timed_out()
        group.held["wf"].sent, group.held["wf"].frame = [ONE], 9
        turn(group, AckStream("a", "other", 0), now=NOW + 31_000)
        turn(group, Leave("a"), now=NOW + 32_000)
        assert group.held["wf"].attempt == 2


class TestFrames:
    """A cursor acknowledges the frames up to its own, whatever its position."""

    FIRST, SECOND = ONE._replace(frame=5), OTHER._replace(frame=6)

    def test_events_of_later_frames_are_not_acknowledged(self) -> None:
        group = working(flight=[self.FIRST, self.SECOND])
        step(group, Ack("a", at(9), frame=5))
        assert group.flight == [self.SECOND]

    def test_events_of_earlier_frames_are_acknowledged_even_behind_the_cursors_position(self) -> None:
        group = working(flight=[self.FIRST, self.SECOND])
        step(group, Ack("a", at(0), frame=6))
        assert group.flight == []

    def test_events_without_a_frame_number_are_acknowledged_by_position(self) -> None:
        group = working()
        step(group, Ack("a", at(2), frame=9))
        assert group.flight == [OTHER, THREE]


class TestRetriedTurns:
    """A retried turn makes the same decisions, and measures time from its retry."""

    def test_a_retried_turn_measures_deadlines_from_its_retry(self) -> None:
        group = working()
        turn_step = Step(group, SETTINGS, KEY, 0, NOW, stamp=NOW + 40_000)
        apply(turn_step, Ack("a", at(2)))
        apply_timeouts(turn_step)
        assert (group.heard, due(turn_step)) == (NOW + 40_000, NOW + 70_000)

    def test_a_retried_turn_measures_nack_delays_from_its_retry(self) -> None:
        group = working()
        apply(Step(group, SETTINGS, KEY, 0, NOW, stamp=NOW + 40_000), nack("wf", 1, delay=500))
        assert group.held["wf"].due == NOW + 40_500


class TestOvertakingCommands:
    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_of_two_nacked_events_the_first_is_retried(self, order: tuple[int, int]) -> None:
        group = working()
        step(group, *(nack("wf", sequence, delay=5) for sequence in order))
        held = group.held["wf"]
        assert (held.after, held.attempt, held.errors) == (before(at(1)), 1, ["no"])

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_of_two_events_to_park_the_first_is_parked(self, order: tuple[int, int]) -> None:
        group = working()
        step(group, *(nack("wf", sequence, park=True) for sequence in order))
        parked = group.parked["wf"]
        assert (parked.event, parked.copied, parked.sequence) == (at(1), before(at(1)), 1)

    def test_a_retry_takes_precedence_over_parking_a_later_event(self) -> None:
        group = working()
        step(group, nack("wf", 2, park=True), nack("wf", 1))
        assert (group.parked, group.held["wf"].after) == ({}, before(at(1)))

    def test_an_acknowledgement_overtaken_by_a_nack_changes_nothing(self) -> None:
        group = working()
        step(group, nack("wf", 2), AckStream("a", "wf", 1), Ack("a", at(1)))
        assert (group.held["wf"].after, group.held["wf"].attempt) == (before(at(2)), 1)

    def test_a_repeated_nack_counts_as_one_attempt(self) -> None:
        group = working()
        step(group, nack("wf", 1, delay=5), nack("wf", 1, delay=5))
        assert (group.held["wf"].attempt, group.held["wf"].errors) == (1, ["no"])


class TestOutOfOrder:
    """Acknowledgements by stream of events that are in flight behind events of other streams."""

    def test_an_event_acknowledged_out_of_order_leaves_flight(self) -> None:
        group = working()
        step(group, AckStream("a", "other", 1))
        assert group.flight == [ONE, TWO, THREE]

    def test_the_next_owner_skips_events_acknowledged_out_of_order(self) -> None:
        group = working()
        turn(group, AckStream("a", "other", 1), Leave("a"), Join("b", "w"))
        assert (group.place, group.settled) == (before(at(1)), {"other": OTHER})

    def test_an_out_of_order_acknowledgement_is_forgotten_once_no_owner_can_resume_before_it(self) -> None:
        group = working()
        step(group, AckStream("a", "other", 1), Ack("a", at(1)))
        assert group.settled == {"other": OTHER}
        step(group, Ack("a", at(2)))
        assert (group.flight, group.settled) == ([THREE], {})

    def test_acknowledging_the_first_event_in_flight_records_nothing(self) -> None:
        group = working(flight=[ONE, OTHER])
        step(group, AckStream("a", "wf", 1))
        assert (group.flight, group.settled) == ([OTHER], {})


class TestRegranting:
    def test_a_replay_grants_the_partition_to_its_owner_again(self) -> None:
        group = working()
        assert notified(turn(group, Replay(BEGINNING))) == [("a", "owned", 3)]
        assert (group.owner, group.granted) == (A, 3)

    def test_commands_about_frames_before_a_replay_are_ignored(self) -> None:
        group = working()
        turn(group, Replay(BEGINNING))
        group.flight = [ONE, TWO, OTHER, THREE]
        turn(group, Ack("a", at(4), frame=2), AckStream("a", "wf", 3, frame=2), nack("wf", 1, frame=2))
        assert (group.flight, group.held) == ([ONE, TWO, OTHER, THREE], {})
        turn(group, Ack("a", at(4), frame=3))
        assert group.flight == []

    def test_an_ignored_command_still_counts_as_activity(self) -> None:
        group = working(granted=2)
        turn(group, Ack("a", at(4), frame=1), now=NOW + 7)
        assert (group.heard, len(group.flight)) == (NOW + 7, 4)

    def test_a_replay_does_not_grant_a_revoked_partition_again(self) -> None:
        first, second = contenders()
        group = working(members=[first, second], owner=first, revoked=NOW)
        assert notified(turn(group, Replay(BEGINNING))) == []

    def test_a_new_owner_is_sent_unacknowledged_losses_again(self) -> None:
        group = working(losses=[Loss(2, at(1), (("wf", 1, 2),))])
        turn(group, Leave("a"), Join("b", "w"))
        assert group.losses == [Loss(0, at(1), (("wf", 1, 2),))]

    def test_a_new_owner_counts_removals_from_the_first_event_in_flight(self) -> None:
        group = working(removals=9, flight=[ONE._replace(removals=4), TWO])
        turn(group, Leave("a"), Join("b", "w"))
        assert group.removals == 4


class TestLosses:
    LOSS = Loss(5, at(1), (("wf", 1, 2),))

    def test_a_cursor_of_the_same_or_a_later_frame_acknowledges_a_loss(self) -> None:
        for frame, left in ((4, [self.LOSS]), (5, []), (6, [])):
            group = working(losses=[self.LOSS])
            step(group, Ack("a", at(1), frame=frame))
            assert group.losses == left

    def test_a_cursor_without_a_frame_acknowledges_a_loss_by_position(self) -> None:
        group = working(losses=[self.LOSS])
        step(group, Ack("a", at(1)))
        assert group.losses == [self.LOSS]
        step(group, Ack("a", at(2)))
        assert group.losses == []

    def test_an_unsent_loss_cannot_be_acknowledged(self) -> None:
        group = working(losses=[replace(self.LOSS, frame=0)])
        step(group, Ack("a", at(4), frame=9), Ack("a", at(4)))
        assert len(group.losses) == 1

    def test_the_number_of_losses_is_bounded_and_marked_incomplete(self) -> None:
        losses: list[Loss] = []
        for number in range(200):
            losses = with_loss(losses, Loss(number + 1, at(number), (("wf", number, number),)))
        assert len(losses) == 10
        assert (len(losses[-1].ranges), losses[-1].complete, losses[-1].frame) == (100, False, 200)


class TestLeavingInOrder:
    def test_an_orderly_leave_counts_as_no_attempt_of_a_held_stream(self) -> None:
        held = Held(before(at(1)), 1, NOW, [ONE], NOW, ["no"])
        group = working(flight=[], held={"wf": held})
        turn(group, Leave("a", orderly=True), Join("b", "w"))
        assert (held.sent, held.attempt, held.errors) == ([], 1, ["no"])

    def test_an_orderly_leave_starts_no_probe(self) -> None:
        group = working()
        turn(group, Leave("a", orderly=True), Join("b", "w"))
        assert (group.probe_remaining, group.owner_losses, group.place) == (0, 0, before(at(1)))


class TestDefinitionChanges:
    def test_a_newer_definition_is_applied(self) -> None:
        group = working()
        turn(group, Change(2, "…"), now=NOW + 5)
        assert (group.version, group.heard, group.flight) == (2, NOW + 5, [ONE, TWO, OTHER, THREE])

    def test_an_older_definition_is_ignored(self) -> None:
        group = working(version=3)
        turn(group, Change(2, "…"), now=NOW + 5)
        assert group == working(version=3)


class TestReplaying:
    def test_a_replay_forgets_everything_in_progress(self) -> None:
        held, parked = {"wf": Held(at(1), 1, NOW)}, {"bad": Parked(at(1), at(1), 1, 1, [], NOW)}
        group = working(held=held, parked=parked)
        group.settled, group.losses = {"x": ONE}, [Loss(1, at(1), ())]
        step(group, Replay(BEGINNING))
        assert group == working(place=BEGINNING, flight=[], held={}, parked={})

    def test_a_replay_resets_the_count_of_removals(self) -> None:
        group = working(removals=7)
        step(group, Replay(at(1)))
        assert group.removals == 0

    def test_a_replay_from_the_oldest_event_reports_no_earlier_removal(self) -> None:
        group = working(removals=6)
        apply(Step(group, SETTINGS, KEY, 0, NOW, removals=7), Replay(BEGINNING, from_oldest=True))
        assert group.removals == 7


class TestDeadlines:
    def test_the_first_event_in_flight_fails_when_its_deadline_passes_in_silence(self) -> None:
        group = working()
        silent_turn(group, now=NOW + 30_000)
        assert group.held["wf"].errors == ["not acknowledged within 30 s"]
        assert (group.held["wf"].attempt, group.flight) == (1, [OTHER])

    def test_nothing_fails_before_the_deadline(self) -> None:
        group = working()
        silent_turn(group, now=NOW + 29_999)
        assert group == working()

    def test_nothing_fails_before_the_owner_is_known_to_be_silent_everywhere(self) -> None:
        group = working()
        assert turn(group, now=NOW + 30_000).needs_activity
        assert group == working()

    def test_nothing_fails_while_the_owner_is_active_in_another_partition(self) -> None:
        group = working()
        turn(group, Heard("a", NOW + 20_000), now=NOW + 30_000)
        silent_turn(group, now=NOW + 49_999)
        assert (group.held, group.heard) == ({}, NOW + 20_000)

    def test_a_command_applied_before_the_silence_counts_as_activity(self) -> None:
        group = working()
        turn(group, Ack("a", at(0)), Silence("a", NOW), now=NOW + 30_000)
        assert group.held == {}

    def test_the_silence_of_an_earlier_owner_is_ignored(self) -> None:
        group = working()
        turn(group, Silence("b", NOW), now=NOW + 30_000)
        assert group.held == {}

    def test_the_next_event_in_flight_gets_its_own_deadline(self) -> None:
        group = working()
        silent_turn(group, now=NOW + 30_000)
        silent_turn(group, now=NOW + 59_999)
        assert group.flight == [OTHER]
        silent_turn(group, now=NOW + 60_000)
        assert (group.flight, sorted(group.held)) == ([], ["other", "wf"])

    def test_sent_events_of_a_held_stream_have_a_deadline(self) -> None:
        held = Held(before(at(1)), 1, NOW, [ONE], NOW, ["no"])
        silent_turn(working(flight=[], held={"wf": held}), now=NOW + 30_000)
        assert (held.attempt, held.sent, held.errors[1]) == (2, [], "not acknowledged within 30 s")

    def test_each_acknowledgement_of_a_held_stream_starts_a_new_deadline(self) -> None:
        held = Held(before(at(1)), 0, NOW, [ONE, TWO, THREE], NOW)
        group = working(flight=[], held={"wf": held})
        for sequence in (1, 2):
            turn(group, AckStream("a", "wf", sequence), now=NOW + sequence * 20_000)
        assert (held.sent, held.attempt) == ([THREE], 0)

    def test_without_an_owner_no_deadline_passes(self) -> None:
        group = working(members=[], owner=None)
        turn(group, now=NOW + 99_999)
        assert group.held == {}


class TestNextTimeout:
    def test_without_an_owner_there_is_no_timeout(self) -> None:
        assert due(step(working(owner=None, members=[]))) is None

    def test_with_nothing_in_progress_there_is_no_timeout(self) -> None:
        assert due(step(working(flight=[]))) is None

    def test_the_next_timeout_is_the_deadline_of_the_events_in_flight(self) -> None:
        assert due(step(working())) == NOW + 30_000

    def test_the_next_timeout_is_the_next_attempt_of_a_held_stream(self) -> None:
        assert due(step(working(held={"wf": Held(at(1), 1, NOW + 9)}))) == NOW + 9

    def test_the_next_timeout_is_the_deadline_of_a_held_streams_sent_events(self) -> None:
        held = {"wf": Held(at(1), 1, 1, [ONE], NOW - 9)}
        assert due(step(working(flight=[], heard=NOW - 20, held=held))) == NOW + 29_991

    def test_activity_of_the_owner_restarts_the_deadline_of_a_held_stream(self) -> None:
        held = {"wf": Held(at(1), 1, 1, [ONE], NOW - 9)}
        assert due(step(working(flight=[], held=held))) == NOW + 30_000

    def test_a_held_stream_ahead_of_the_groups_position_has_no_timeout(self) -> None:
        assert due(step(working(place=at(1), held={"wf": Held(at(2), 1, NOW + 9)}, flight=[]))) is None

    def test_a_revoked_partition_has_only_its_release_deadline(self) -> None:
        held = {"wf": Held(at(1), 1, NOW + 9)}
        assert due(step(working(revoked=NOW + 5, held=held))) == NOW + 30_005


class TestOwnership:
    MEMBERS = tuple(Member(f"c{number}", "w") for number in range(4))

    @staticmethod
    def owners(members: tuple[Member, ...]) -> list[Member | None]:
        return [owner_of(members, KEY, partition) for partition in range(256)]

    def test_a_group_without_members_has_no_owner(self) -> None:
        assert owner_of([], KEY, 0) is None

    @given(members=st.permutations(MEMBERS))
    def test_the_order_of_joining_does_not_matter(self, members: list[Member]) -> None:
        assert self.owners(tuple(members)) == self.owners(self.MEMBERS)

    @given(newcomer=st.text(min_size=1, max_size=12))
    def test_a_joining_member_moves_no_partition_between_other_members(self, newcomer: str) -> None:
        joined = Member(newcomer, "w")
        moved = [
            (was, now)
            for was, now in zip(self.owners(self.MEMBERS), self.owners((*self.MEMBERS, joined)), strict=True)
            if was != now
        ]
        assert all(now == joined for _, now in moved)

    def test_a_joining_member_takes_its_share_from_every_member(self) -> None:
        before, after = self.owners(self.MEMBERS[:3]), self.owners(self.MEMBERS)
        previous_owners = [was for was, now in zip(before, after, strict=True) if was != now]
        assert 256 / 4 / 2 < len(previous_owners) < 256 / 4 * 2
        assert set(previous_owners) == set(self.MEMBERS[:3])

    @pytest.mark.parametrize("leaving", MEMBERS)
    def test_a_leaving_member_gives_up_its_partitions_only(self, leaving: Member) -> None:
        left = tuple(member for member in self.MEMBERS if member != leaving)
        for was, now in zip(self.owners(self.MEMBERS), self.owners(left), strict=True):
            assert (was == now) == (was != leaving)

    def test_each_subscription_spreads_its_partitions_differently(self) -> None:
        others = [owner_of(self.MEMBERS, "1" * 24, partition) for partition in range(256)]
        assert others != self.owners(self.MEMBERS)


positions = st.builds(Position, st.integers(1, 1 << 45), st.integers(0, 1 << 40), st.integers(0, END_OF_APPEND))
in_flight_event = st.builds(
    InFlightEvent, positions, st.text(), st.integers(1, 1 << 50), st.integers(0, 1 << 40), st.integers(0, 1 << 40)
)
in_flight_events = st.lists(in_flight_event, max_size=3)
times = st.integers(0, 1 << 45)
counts = st.integers(0, 1 << 40)
members = st.builds(Member, st.text(), st.text())
errors = st.lists(st.text(), max_size=3)
states = st.builds(
    Group,
    place=positions,
    members=st.lists(members, max_size=3),
    owner=st.none() | members,
    revoked=times,
    heard=times,
    frame=counts,
    removals=counts,
    frame_offset=counts,
    granted=counts,
    version=counts,
    flight=in_flight_events,
    held=st.dictionaries(
        st.text(),
        st.builds(
            Held,
            *(
                positions,
                counts,
                times,
                in_flight_events,
                times,
                errors,
                in_flight_events,
                st.booleans(),
                counts,
                counts,
                st.booleans(),
            ),
        ),
        max_size=3,
    ),
    parked=st.dictionaries(
        st.text(),
        st.builds(
            Parked,
            *(positions, positions, counts, counts, errors, times, counts),
            *(in_flight_events, st.booleans(), counts, counts),
        ),
        max_size=3,
    ),
    settled=st.dictionaries(st.text(), in_flight_event, max_size=3),
    losses=st.lists(
        st.builds(
            Loss,
            *(counts, positions),
            st.lists(st.tuples(st.text(), counts, counts), max_size=3).map(tuple),
            *(st.booleans(), st.lists(st.text(), max_size=2).map(tuple)),
        ),
        max_size=3,
    ),
)
commands = st.one_of(
    st.builds(Join, st.text(), st.text()),
    st.builds(Leave, st.text(), st.booleans()),
    st.builds(Release, st.text(), counts),
    st.builds(Ack, st.text(), positions, st.text(), counts),
    st.builds(AckStream, st.text(), st.text(), counts, counts),
    st.builds(Nack, st.text(), st.text(), counts, st.text(), st.none() | counts, st.booleans(), counts),
    st.builds(Change, counts, st.text()),
    st.builds(Heard, st.text(), times),
    st.builds(Silence, st.text(), times),
    st.builds(Redrive, st.text(), st.sampled_from(["start", "skip", "drop"])),
    st.builds(Replay, positions),
)


class TestEncoding:
    @given(states)
    def test_a_group_decodes_to_what_was_encoded(self, group: Group) -> None:
        assert Group.decoded(group.encoded()) == group

    def test_a_lone_surrogate_in_a_reason_is_encoded(self) -> None:
        parked = Parked(at(1), at(1), 1, 1, ["\ud83d", "\N{PILE OF POO}"], NOW)
        again = Group.decoded(Group(parked={"wf": parked}).encoded())
        assert again.parked["wf"].errors == ["?", "\N{PILE OF POO}"]

    def test_the_state_of_an_older_version_is_decoded(self) -> None:
        text = (
            '{"place":[5,4,0],"members":[["a","w"]],"owner":["a","w"],"revoked":0,"heard":1000000,"frame":2,'
            '"furthest":[0,0,0],"careful":0,"lost":0,"removals":0,"leap":0,'
            '"flight":[[5,1,0,"wf",1],[5,2,0,"wf",2],[5,3,0,"other",1],[5,4,0,"wf",3]],'
            '"held":{"h":[[5,1,0],1,7,[[5,2,0,"h",1]],8,["no"]]},"parked":{"p":[[5,1,0],[5,1,0],1,2,["no"],3,4]}}'
        )
        held, parked = Held(at(1), 1, 7, [in_flight(2, "h", 1)], 8, ["no"]), Parked(at(1), at(1), 1, 2, ["no"], 3, 4)
        assert Group.decoded(text) == working(held={"h": held}, parked={"p": parked})

    @pytest.mark.parametrize(
        ("text", "command"),
        [
            ('["ack","a",[5,1,0],"e"]', Ack("a", at(1), "e")),
            ('["ack-stream","a","wf",1]', AckStream("a", "wf", 1)),
            ('["nack","a","wf",1,"no",null,false]', nack("wf", 1)),
            ('["leave","a"]', Leave("a")),
            ('["release","a"]', Release("a")),
        ],
    )
    def test_a_command_of_an_older_version_is_decoded(self, text: str, command: Command) -> None:
        assert decoded(text) == command

    @given(commands)
    def test_a_command_decodes_to_what_was_encoded(self, command: Command) -> None:
        again = decoded(encoded(command))
        assert (type(again), astuple(again)) == (type(command), astuple(command))


class TestPositionBefore:
    @given(positions)
    def test_the_position_before_an_event_is_behind_all_earlier_events(self, position: Position) -> None:
        place = before(position)
        assert place < position
        earlier = [Position(position.major, position.minor, position.index - 1)] if position.index else []
        earlier += [Position(position.major, position.minor - 1, END_OF_APPEND)] if position.minor else []
        earlier += [Position(position.major - 1, 1 << 40, END_OF_APPEND)]
        assert all(place >= other for other in earlier)

    @given(positions)
    def test_the_position_before_an_event_survives_a_cursor(self, position: Position) -> None:
        cursor = Cursor({3: ("0a" * 6, before(position))})
        assert Cursor.parse(cursor.token()) == cursor


def contenders() -> tuple[Member, Member]:
    """Two members; the partition is assigned to the second."""
    chosen = owner_of([A, B], KEY, 0)
    return (A, B) if chosen == B else (B, A)
