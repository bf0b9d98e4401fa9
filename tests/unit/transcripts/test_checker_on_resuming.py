"""What the hub says of a resumed subscription, and from where the client resumes."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcripts.checker import first_violation, violations
from tests.transcripts.violation import Kind
from tests.unit.transcripts.mutation import Spot, chosen, found, spots, with_messages, with_session
from tests.unit.transcripts.scenario import Scenario, transcript

if TYPE_CHECKING:
    from tests.transcripts.transcript import Received, Transcript

seeds = st.integers(0, 1 << 32)
some = settings(max_examples=25)


def removed_while_away() -> Transcript:
    """A subscriber has 1..3 of a stream; 4..6 are removed while it is away, and 7, 8 are kept."""
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    scenario.publish("wf-0", 5)
    scenario.remove("wf-0", before=7)
    client.connect()
    return scenario.finished()


def removed_while_catching_up() -> Transcript:
    """A subscriber that is connected has 1..3; 4..6 are removed before their turn."""
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    scenario.publish("wf-0", 5)
    scenario.remove("wf-0", before=7)
    return scenario.finished()


def made_anew() -> Transcript:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    scenario.recreate()
    scenario.publish("wf-0", 2)
    client.connect()
    return scenario.finished()


def resumed_subscribed(good: Transcript) -> Spot:
    return next(spot for spot in spots(good, "subscribed") if spot.session == 1)


def with_members(good: Transcript, spot: Spot, **members: object) -> Transcript:
    """A message changed; members that are `None` are left out."""

    def change(received: list[Received], index: int) -> None:
        changed = {**received[index].message, **members}
        message = {name: value for name, value in changed.items() if value is not None}
        received[index] = replace(received[index], message=message)

    return with_messages(good, spot, change)


@pytest.mark.parametrize("good", [removed_while_away, removed_while_catching_up, made_anew])
def test_what_the_hub_says_honestly_passes(good: Any) -> None:  # noqa: ANN401 - one of the functions above
    assert violations(good()) == []


def test_complete_is_untrue_if_events_were_removed() -> None:
    good = removed_while_away()
    false = with_members(good, resumed_subscribed(good), recovery="complete", missing=None)
    violation = found(false)
    assert violation.kind is Kind.UNTOLD
    assert violation.place.sequences == (4, 7)


def test_complete_with_missing_contradicts_itself() -> None:
    good = removed_while_away()
    assert found(with_members(good, resumed_subscribed(good), recovery="complete")).kind is Kind.RECOVERY


@pytest.mark.parametrize(("first", "last", "gap"), [(5, 6, 4), (4, 5, 6)])
def test_truncated_that_names_too_little_is_untrue(first: int, last: int, gap: int) -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": first, "last": last}]
    violation = found(with_members(good, resumed_subscribed(good), missing=missing))
    assert violation.kind is Kind.UNTOLD
    assert violation.place.sequences == (gap, 7)


@pytest.mark.parametrize(("first", "last"), [(4, 7), (4, 99), (0, 6), (6, 4)])
def test_truncated_that_names_what_was_not_removed_is_untrue(first: int, last: int) -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": first, "last": last}]
    assert found(with_members(good, resumed_subscribed(good), missing=missing)).kind is Kind.RECOVERY


def test_truncated_may_say_that_there_is_more_than_could_be_told() -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": 4, "last": 4}]
    assert first_violation(with_members(good, resumed_subscribed(good), missing=missing, missing_more=True)) is None


def test_truncated_must_name_something() -> None:
    good = removed_while_away()
    assert found(with_members(good, resumed_subscribed(good), missing=[])).kind is Kind.RECOVERY


@pytest.mark.parametrize("good", [removed_while_away, removed_while_catching_up])
def test_new_epoch_is_untrue_if_the_store_is_the_same(good: Any) -> None:  # noqa: ANN401 - one of the functions above
    told = good()
    spot = list(spots(told, "subscribed"))[-1]
    changed = with_members(told, spot, recovery="new-epoch", renewed=[0], missing=None)
    assert found(changed).kind is Kind.RECOVERY


@pytest.mark.parametrize("recovery", ["complete", "truncated"])
def test_a_store_made_anew_must_be_told(recovery: str) -> None:
    good = made_anew()
    assert found(with_members(good, resumed_subscribed(good), recovery=recovery, renewed=None)).kind is Kind.RECOVERY


def test_new_epoch_names_what_was_renewed() -> None:
    good = made_anew()
    assert found(with_members(good, resumed_subscribed(good), renewed=None)).kind is Kind.RECOVERY


def test_an_event_of_the_new_store_that_did_not_come_is_missed() -> None:
    good = made_anew()
    spot = next(spot for spot in spots(good, "events") if spot.session == 1)
    violation = found(with_members(good, spot, events=spot.message["events"][1:]))
    assert (violation.kind, violation.place.session) == (Kind.INCOMPLETE, 2)


def test_a_recovery_that_the_protocol_does_not_know_is_a_fault() -> None:
    good = removed_while_away()
    assert found(with_members(good, resumed_subscribed(good), recovery="partial")).kind is Kind.RECOVERY


def test_removal_during_a_subscription_must_be_told() -> None:
    good = removed_while_catching_up()
    spot = next(spots(good, "truncated"))
    missing = [{"stream": "wf-0", "first": 5, "last": 6}]
    violation = found(with_members(good, spot, missing=missing))
    assert (violation.kind, violation.place.sequences[0]) == (Kind.UNTOLD, 4)


def test_a_truncated_frame_must_name_something() -> None:
    good = removed_while_catching_up()
    assert found(with_members(good, next(spots(good, "truncated")), missing=[])).kind is Kind.RECOVERY


def test_a_cursor_of_a_frame_that_was_not_handled_leads_too_far() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.receive(scenario.hub.partition("wf-0"), handle=False)
    client.cut()
    client.connect()
    good = scenario.finished()
    assert first_violation(good) is None
    first = good.subscribers[0].sessions[0].received
    unhandled = next(one.message["cursor"] for one in first if not one.handled)
    spot = resumed_subscribed(good)
    cursors = [*spot.whole.subscribe["cursor"], unhandled]
    violation = found(with_session(good, spot, subscribe={**spot.whole.subscribe, "cursor": cursors}))
    assert violation.kind is Kind.CURSOR
    assert violation.place.session == 2


@given(seed=seeds)
@some
def test_a_cursor_that_nobody_gave_is_a_fault(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), (one for one in spots(good, "subscribed") if one.session))
    cursors = [*spot.whole.subscribe["cursor"], "elsewhere"]
    subscribe = {**spot.whole.subscribe, "cursor": cursors}
    assert found(with_session(good, spot, subscribe=subscribe)).kind is Kind.CURSOR


def test_cursors_that_leave_a_partition_open_are_a_fault() -> None:
    good = removed_while_away()
    spot = resumed_subscribed(good)
    subscribe = {**spot.whole.subscribe, "cursor": spot.whole.subscribe["cursor"][1:2]}
    assert found(with_session(good, spot, subscribe=subscribe)).kind is Kind.CURSOR


def test_to_resume_without_a_cursor_is_a_fault() -> None:
    good = removed_while_away()
    spot = resumed_subscribed(good)
    subscribe = {name: value for name, value in spot.whole.subscribe.items() if name != "cursor"}
    assert found(with_session(good, spot, subscribe=subscribe)).kind is Kind.CURSOR


def test_cursors_may_be_joined_to_one() -> None:
    good = removed_while_away()
    spot = resumed_subscribed(good)
    subscribe = {**spot.whole.subscribe, "cursor": ".".join(spot.whole.subscribe["cursor"])}
    assert first_violation(with_session(good, spot, subscribe=subscribe)) is None


def test_to_resume_earlier_than_need_be_is_no_fault_and_events_come_again() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    client._cursors.clear()
    client.connect()
    client.catch_up()
    good = scenario.finished()
    assert sum(len(spot.message["events"]) for spot in spots(good, "events")) == 6
    assert first_violation(good) is None


def test_to_resume_earlier_is_no_fault_if_nothing_comes_again() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    scenario.publish("wf-0", 2)
    good = scenario.finished()
    spot = resumed_subscribed(good)
    subscribe = {**spot.whole.subscribe, "cursor": spot.whole.subscribe["cursor"][:1]}
    assert first_violation(with_session(good, spot, subscribe=subscribe)) is None


def test_an_event_that_comes_in_a_later_session_after_its_successor_is_disorder() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    client._cursors.clear()
    client.connect()
    good = scenario.finished()
    spot = next(spots(good, "events"))
    events = [event for event in spot.message["events"] if event["hubsequence"] != "2"]
    changed = with_members(good, spot, events=events)
    assert {violation.kind for violation in violations(changed)} >= {Kind.DISORDER}
    disorder = next(violation for violation in violations(changed) if violation.kind is Kind.DISORDER)
    assert (disorder.place.session, disorder.place.sequences) == (2, (3, 2))


def test_a_subscription_from_now_receives_nothing_older() -> None:
    scenario = Scenario()
    scenario.publish("wf-0", 2)
    older = scenario.hub.event("wf-0", 2)
    client = scenario.subscriber(**{"from": "now"})
    client.catch_up()
    scenario.publish("wf-0", 1)
    good = scenario.finished()
    spot = next(spots(good, "events"))
    assert found(with_members(good, spot, events=[older, *spot.message["events"]])).kind is Kind.EARLY


def test_subscribers_that_see_a_log_in_two_orders_are_told() -> None:
    scenario = Scenario()
    one, other = scenario.subscriber(**{"from": "start"}), scenario.subscriber(**{"from": "start"})
    streams = [name for name in ("wf-0", "wf-1", "wf-2", "wf-3", "wf-4", "wf-5") if scenario.hub.partition(name) == 2]
    scenario.publish(streams[0], 1)
    scenario.publish(streams[1], 1)
    one.catch_up()
    other.catch_up()
    good = scenario.finished()
    assert first_violation(good) is None
    spot = list(spots(good, "events"))[-1]
    violation = found(with_members(good, spot, events=spot.message["events"][::-1]))
    assert violation.kind is Kind.LOG_ORDER
    assert violation.place.subscriber == "subscriber-2"


def test_a_subscriber_that_did_not_catch_up_is_owed_no_end() -> None:
    scenario = Scenario()
    scenario.subscriber(**{"from": "start"}).connect()
    scenario.publish("wf-0", 3)
    good = scenario.finished()
    session = good.subscribers[0].sessions[0]
    cut = replace(session, received=session.received[:1])
    short = replace(good.subscribers[0], sessions=(cut,), caught_up=False)
    assert first_violation(replace(good, subscribers=(short,))) is None
    violation = found(replace(good, subscribers=(replace(short, caught_up=True),)))
    assert violation.kind is Kind.INCOMPLETE
