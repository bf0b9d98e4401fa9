"""The checker on targets: small transcripts that keep or break one promise each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.transcripts.calls import Reply
from tests.transcripts.checker import violations
from tests.transcripts.recording import read, written
from tests.transcripts.violation import Kind
from tests.unit.transcripts.mutation import violation_in
from tests.unit.transcripts.target_scenario import ACK_DEADLINE, TargetScenario

if TYPE_CHECKING:
    from tests.transcripts.violation import Violation

A1, A2, A3, B1 = ("a", 1), ("a", 2), ("a", 3), ("b", 1)
FAILURES = (Reply.FAILED, Reply.UNAVAILABLE, Reply.NONE)
"""Answers to a call that count as an attempt."""


def only(scenario: TargetScenario, kind: Kind) -> Violation:
    """The first violation; all are of one kind."""
    found = violations(scenario.transcript())
    assert {violation.kind for violation in found} == {kind}, found
    return found[0]


def a_failing_stream(*, failures: int = 3) -> TargetScenario:
    """The second event of a stream fails, with a reason for each attempt."""
    scenario = TargetScenario({"a": 3, "b": 1})
    scenario.call(A1, A2, B1, reply=Reply.HANDLED, failed={A2}, attempt=1, reason="no 1")
    for number in range(2, failures + 1):
        scenario.call(A2, reply=Reply.FAILED, attempt=number, reason=f"no {number}")
    return scenario


def a_redriven_stream(how: str = "start") -> TargetScenario:
    scenario = a_failing_stream()
    scenario.redrive("a", 2, "no 1", "no 2", "no 3", how=how)
    return scenario


def test_calls_in_order_pass() -> None:
    scenario = TargetScenario({"a": 3, "b": 1})
    scenario.call(A1, B1, attempt=1)
    scenario.call(A2, A3, attempt=1)
    assert violations(scenario.transcript()) == []


@pytest.mark.parametrize("reply", set(Reply) - {Reply.HANDLED})
def test_a_call_that_is_repeated_passes(reply: Reply) -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A2, A3, reply=reply, attempt=1)
    scenario.call(A1, A2, A3, attempt=2)
    assert violations(scenario.transcript()) == []


def test_a_late_copy_of_a_call_passes() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A2, seconds=2.5)
    scenario.call(A1, A2)
    scenario.call(A3)
    scenario.call(A1, A2)
    assert violations(scenario.transcript()) == []


@pytest.mark.parametrize("how", ["start", "skip"])
def test_a_stream_that_is_parked_and_redriven_passes(how: str) -> None:
    scenario = a_redriven_stream(how)
    scenario.call(*([A2, A3] if how == "start" else [A3]), attempt=1)
    assert violations(scenario.transcript()) == []


def test_a_transcript_of_a_target_survives_writing_and_reading() -> None:
    scenario = a_redriven_stream()
    scenario.be_absent()
    scenario.parked = (scenario.listed("a", 2, "no 1"),)
    assert read(written(scenario.transcript())) == scenario.transcript()


def test_an_event_that_was_never_pushed_is_reported() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A2)
    assert only(scenario, Kind.UNHANDLED).location.sequences == (3,)


def test_an_event_that_the_target_never_handled_is_reported() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A2)
    scenario.call(A3, reply=Reply.UNAVAILABLE)
    assert only(scenario, Kind.UNHANDLED).location.sequences == (3,)


def test_a_gap_within_a_call_is_reported() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A3)
    scenario.call(A2)
    violation = violation_in(scenario.transcript())
    assert (violation.kind, violation.location.call, violation.location.sequences) == (Kind.SKIPPED, 1, (1, 3))


def test_disorder_within_a_call_is_reported() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1)
    scenario.call(A3, A2)
    assert violation_in(scenario.transcript()).kind is Kind.SKIPPED


@pytest.mark.parametrize("reply", set(Reply) - {Reply.HANDLED})
def test_an_event_pushed_behind_one_that_was_not_answered_as_handled_is_reported(reply: Reply) -> None:
    scenario = TargetScenario({"a": 2})
    scenario.call(A1, reply=reply)
    scenario.call(A2)
    scenario.call(A1, A2)
    violation = only(scenario, Kind.SKIPPED)
    assert (violation.location.call, violation.location.sequences) == (2, (2,))


def test_an_event_pushed_before_the_answer_to_the_call_of_an_earlier_one_is_reported() -> None:
    scenario = TargetScenario({"a": 2})
    scenario.call(A1, seconds=1.5)
    scenario.call(A2)
    assert only(scenario, Kind.SKIPPED).location.sequences == (2,)


def test_an_event_pushed_behind_one_that_the_answer_names_is_reported() -> None:
    scenario = TargetScenario({"a": 2, "b": 1})
    scenario.call(A1, B1, failed={A1})
    scenario.call(A2)
    scenario.call(A1, A2)
    assert only(scenario, Kind.SKIPPED).location.stream == "a"


def test_an_event_behind_a_failed_one_of_its_call_does_not_count_as_handled() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1, A2, failed={A1})
    scenario.call(A1)
    scenario.call(A3)
    scenario.call(A2, A3)
    assert only(scenario, Kind.SKIPPED).location.call == 3


def test_a_failure_of_one_stream_does_not_concern_another() -> None:
    scenario = TargetScenario({"a": 1, "b": 2})
    scenario.call(A1, B1, failed={A1})
    scenario.call(("b", 2))
    scenario.call(A1)
    assert violations(scenario.transcript()) == []


def test_a_redriven_event_that_is_passed_over_is_reported() -> None:
    scenario = a_redriven_stream()
    scenario.call(A3)
    scenario.call(A2, A3)
    assert only(scenario, Kind.SKIPPED).location.sequences == (3,)


def test_a_redriven_event_that_is_not_handled_again_is_reported() -> None:
    scenario = a_redriven_stream()
    scenario.call(A2)
    assert Kind.REDRIVE in {violation.kind for violation in violations(scenario.transcript())}


def test_a_call_that_is_too_large_is_reported() -> None:
    scenario = TargetScenario({"a": 5})
    scenario.call(*[("a", sequence) for sequence in range(1, 6)])
    assert only(scenario, Kind.BATCH).location.call == 1


def test_a_pushed_event_with_changes_is_reported() -> None:
    scenario = TargetScenario({"a": 1})
    scenario.call(A1)
    good = scenario.transcript()
    [group] = good.groups
    assert group.target is not None
    [call] = group.target.calls
    [pushed] = call.events
    changed = replace(call, events=(replace(pushed, event={**pushed.event, "type": "other"}),))
    bad = replace(group, target=replace(group.target, calls=(changed,)))
    assert violation_in(replace(good, groups=(bad,))).kind is Kind.ALTERED


@pytest.mark.parametrize("reply", FAILURES)
def test_attempts_that_count_failures_pass(reply: Reply) -> None:
    scenario = TargetScenario({"a": 1})
    scenario.call(A1, reply=reply, attempt=1)
    scenario.call(A1, reply=reply, attempt=2)
    scenario.call(A1, attempt=3)
    assert violations(scenario.transcript()) == []


@pytest.mark.parametrize("reply", [Reply.THROTTLED, Reply.CALLER_KILLED])
def test_attempts_that_count_calls_that_were_none_are_reported(reply: Reply) -> None:
    scenario = TargetScenario({"a": 1})
    scenario.call(A1, reply=reply, attempt=1)
    scenario.call(A1, reply=reply, attempt=2)
    scenario.call(A1, attempt=3)
    assert only(scenario, Kind.ATTEMPT).location.call == 3


def test_attempts_that_count_the_failure_of_another_event_are_reported() -> None:
    scenario = TargetScenario({"a": 2})
    scenario.call(A1, A2, reply=Reply.FAILED, attempt=1)
    scenario.call(A1, reply=Reply.FAILED, attempt=2)
    scenario.call(A1, attempt=3)
    scenario.call(A2, attempt=3)
    assert only(scenario, Kind.ATTEMPT).location.sequences == (2,)


def test_an_attempt_that_counts_its_own_failure_is_reported() -> None:
    scenario = TargetScenario({"a": 1})
    scenario.call(A1, reply=Reply.FAILED, attempt=1)
    scenario.call(A1, reply=Reply.FAILED, attempt=3)
    scenario.call(A1, attempt=3)
    assert only(scenario, Kind.ATTEMPT).location.call == 2


def test_more_attempts_than_the_maximum_are_reported() -> None:
    scenario = a_failing_stream()
    scenario.call(A2, A3, attempt=4)
    assert only(scenario, Kind.ATTEMPT).location.call == 4


def test_attempts_that_count_failures_of_before_a_redrive_are_reported() -> None:
    scenario = a_redriven_stream()
    scenario.call(A2, A3, attempt=3)
    assert only(scenario, Kind.ATTEMPT).location.call == 4


def test_a_call_that_took_too_long_may_count_as_an_attempt() -> None:
    scenario = TargetScenario({"a": 1})
    scenario.call(A1, attempt=1, seconds=ACK_DEADLINE)
    scenario.call(A1, attempt=2, seconds=ACK_DEADLINE)
    scenario.call(A1, attempt=3)
    assert violations(scenario.transcript()) == []


def test_a_stream_parked_after_too_few_failures_is_reported() -> None:
    scenario = a_failing_stream(failures=2)
    scenario.parked = (scenario.listed("a", 2, "no 1", "no 2"),)
    violation = only(scenario, Kind.PARKED)
    assert "was failed 2 times" in violation.sentence


def test_a_stream_parked_after_calls_that_were_no_attempts_is_reported() -> None:
    scenario = a_failing_stream(failures=2)
    scenario.call(A2, reply=Reply.THROTTLED, attempt=3, reason="slower")
    scenario.parked = (scenario.listed("a", 2, "no 1", "no 2", "slower"),)
    assert violation_in(scenario.transcript()).kind is Kind.PARKED


def test_a_stream_parked_while_its_target_was_absent_passes() -> None:
    scenario = a_failing_stream(failures=2)
    scenario.be_absent()
    scenario.parked = (scenario.listed("a", 2, "no 1", "no 2", "the connection failed"),)
    assert violations(scenario.transcript()) == []


def test_a_stream_parked_after_more_attempts_than_an_absent_target_costs_is_reported() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1)
    scenario.be_absent()
    scenario.parked = (scenario.listed("a", 2, "the connection failed"),)
    assert "was failed 2 times" in only(scenario, Kind.PARKED).sentence


def test_a_refused_event_that_is_parked_at_once_passes() -> None:
    scenario = TargetScenario({"a": 3})
    scenario.call(A1)
    scenario.call(A2, reply=Reply.REFUSED, reason="never")
    scenario.parked = (scenario.listed("a", 2, "422: never", attempts=1),)
    assert violations(scenario.transcript()) == []


def test_a_stream_parked_for_what_another_event_was_refused_for_is_reported() -> None:
    scenario = TargetScenario({"a": 3, "b": 1})
    scenario.call(A1)
    scenario.call(B1, reply=Reply.REFUSED, reason="never")
    scenario.parked = (
        scenario.listed("a", 2, "422: never", attempts=1),
        scenario.listed("b", 1, "422: never", attempts=1),
    )
    violation = only(scenario, Kind.PARKED)
    assert violation.location.stream == "a"


def test_more_attempts_of_a_parked_event_than_there_were_are_reported() -> None:
    scenario = a_failing_stream()
    scenario.parked = (scenario.listed("a", 2, "no 3", attempts=4),)
    assert "after 4 attempts" in only(scenario, Kind.PARKED).sentence


@pytest.mark.parametrize("errors", [(), ("something else",), ("no 3", "something else")])
def test_a_reason_that_the_target_did_not_give_is_reported(errors: tuple[str, ...]) -> None:
    scenario = a_failing_stream()
    scenario.parked = (scenario.listed("a", 2, *errors),)
    assert "the target said 'no 1', 'no 2', 'no 3'" in only(scenario, Kind.PARKED).sentence


def test_a_stream_that_is_parked_in_part_is_reported() -> None:
    scenario = a_failing_stream()
    scenario.parked = (replace(scenario.listed("a", 2, "no 3"), letters=1),)
    assert "1 of it are parked" in only(scenario, Kind.PARKED).sentence
