"""The checker on resuming: which recovery the hub reports, and from which cursors the client resumes."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcripts.checker import first_violation, violations
from tests.transcripts.violation import Kind
from tests.unit.transcripts.mutation import MessageRef, chosen, message_refs, violation_in, with_messages, with_session
from tests.unit.transcripts.scenario import Scenario, transcript

if TYPE_CHECKING:
    from tests.transcripts.transcript import Received, Transcript

seeds = st.integers(0, 1 << 32)
few_examples = settings(max_examples=25)


def removed_while_away() -> Transcript:
    """A subscriber received 1..3 of a stream; 4..6 are removed while it is disconnected; 7 and 8 are kept."""
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
    """A connected subscriber received 1..3; 4..6 are removed before they are sent."""
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    scenario.publish("wf-0", 5)
    scenario.remove("wf-0", before=7)
    return scenario.finished()


def store_was_reset() -> Transcript:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    scenario.recreate()
    scenario.publish("wf-0", 2)
    client.connect()
    return scenario.finished()


def resumed_subscribed(good: Transcript) -> MessageRef:
    return next(ref for ref in message_refs(good, "subscribed") if ref.session == 1)


def with_members(good: Transcript, ref: MessageRef, **members: object) -> Transcript:
    """The transcript with members of a message replaced; a member that is `None` is removed."""

    def change(received: list[Received], index: int) -> None:
        changed = {**received[index].message, **members}
        message = {name: value for name, value in changed.items() if value is not None}
        received[index] = replace(received[index], message=message)

    return with_messages(good, ref, change)


@pytest.mark.parametrize("good", [removed_while_away, removed_while_catching_up, store_was_reset])
def test_a_truthful_recovery_passes(good: Any) -> None:  # noqa: ANN401 - one of the functions above
    assert violations(good()) == []


def test_complete_is_untrue_if_events_were_removed() -> None:
    good = removed_while_away()
    false = with_members(good, resumed_subscribed(good), recovery="complete", missing=None)
    violation = violation_in(false)
    assert violation.kind is Kind.UNTOLD
    assert violation.location.sequences == (4, 7)


def test_complete_with_missing_contradicts_itself() -> None:
    good = removed_while_away()
    assert violation_in(with_members(good, resumed_subscribed(good), recovery="complete")).kind is Kind.RECOVERY


@pytest.mark.parametrize(("first", "last", "gap"), [(5, 6, 4), (4, 5, 6)])
def test_truncated_that_names_too_little_is_untrue(first: int, last: int, gap: int) -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": first, "last": last}]
    violation = violation_in(with_members(good, resumed_subscribed(good), missing=missing))
    assert violation.kind is Kind.UNTOLD
    assert violation.location.sequences == (gap, 7)


@pytest.mark.parametrize(("first", "last"), [(4, 7), (4, 99), (0, 6), (6, 4)])
def test_truncated_that_names_stored_events_is_untrue(first: int, last: int) -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": first, "last": last}]
    assert violation_in(with_members(good, resumed_subscribed(good), missing=missing)).kind is Kind.RECOVERY


def test_truncated_may_have_more_than_it_lists() -> None:
    good = removed_while_away()
    missing = [{"stream": "wf-0", "first": 4, "last": 4}]
    assert first_violation(with_members(good, resumed_subscribed(good), missing=missing, missing_more=True)) is None


def test_truncated_must_name_something() -> None:
    good = removed_while_away()
    assert violation_in(with_members(good, resumed_subscribed(good), missing=[])).kind is Kind.RECOVERY


@pytest.mark.parametrize("good", [removed_while_away, removed_while_catching_up])
def test_new_epoch_is_untrue_if_the_store_is_the_same(good: Any) -> None:  # noqa: ANN401 - one of the functions above
    good_transcript = good()
    ref = list(message_refs(good_transcript, "subscribed"))[-1]
    changed = with_members(good_transcript, ref, recovery="new-epoch", renewed=[0], missing=None)
    assert violation_in(changed).kind is Kind.RECOVERY


@pytest.mark.parametrize("recovery", ["complete", "truncated"])
def test_a_store_reset_must_be_reported(recovery: str) -> None:
    good = store_was_reset()
    assert (
        violation_in(with_members(good, resumed_subscribed(good), recovery=recovery, renewed=None)).kind
        is Kind.RECOVERY
    )


def test_new_epoch_names_the_renewed_partitions() -> None:
    good = store_was_reset()
    assert violation_in(with_members(good, resumed_subscribed(good), renewed=None)).kind is Kind.RECOVERY


def test_an_event_missing_after_a_store_reset_is_reported() -> None:
    good = store_was_reset()
    ref = next(ref for ref in message_refs(good, "events") if ref.session == 1)
    violation = violation_in(with_members(good, ref, events=ref.message["events"][1:]))
    assert (violation.kind, violation.location.session) == (Kind.INCOMPLETE, 2)


def test_what_is_removed_before_the_answer_to_a_subscription_from_the_start_is_owed_to_nobody() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    scenario.remove("wf-0", before=4)
    client.connect()
    scenario.publish("wf-0", 1)
    good = scenario.finished()
    # The request was sent before all of that, and the hub took its time.
    [subscriber] = good.subscribers
    [session] = subscriber.sessions
    slow = replace(subscriber, sessions=(replace(session, connected=0.0, sent=0.0),))
    assert violations(replace(good, subscribers=(slow,))) == []


def test_an_unknown_recovery_is_reported() -> None:
    good = removed_while_away()
    assert violation_in(with_members(good, resumed_subscribed(good), recovery="partial")).kind is Kind.RECOVERY


def test_removal_during_a_subscription_must_be_reported() -> None:
    good = removed_while_catching_up()
    ref = next(message_refs(good, "truncated"))
    missing = [{"stream": "wf-0", "first": 5, "last": 6}]
    violation = violation_in(with_members(good, ref, missing=missing))
    assert (violation.kind, violation.location.sequences[0]) == (Kind.UNTOLD, 4)


def test_a_truncated_frame_must_name_something() -> None:
    good = removed_while_catching_up()
    assert violation_in(with_members(good, next(message_refs(good, "truncated")), missing=[])).kind is Kind.RECOVERY


def test_a_cursor_of_an_unhandled_frame_is_reported() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.receive(scenario.hub.partition("wf-0"), handle=False)
    client.cut()
    client.connect()
    good = scenario.finished()
    assert first_violation(good) is None
    first = good.subscribers[0].sessions[0].received
    unhandled = next(frame.message["cursor"] for frame in first if not frame.handled)
    ref = resumed_subscribed(good)
    cursors = [*ref.whole.subscribe["cursor"], unhandled]
    violation = violation_in(with_session(good, ref, subscribe={**ref.whole.subscribe, "cursor": cursors}))
    assert violation.kind is Kind.CURSOR
    assert violation.location.session == 2


@given(seed=seeds)
@few_examples
def test_a_cursor_that_the_hub_did_not_send_is_reported(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), (candidate for candidate in message_refs(good, "subscribed") if candidate.session))
    cursors = [*ref.whole.subscribe["cursor"], "elsewhere"]
    subscribe = {**ref.whole.subscribe, "cursor": cursors}
    assert violation_in(with_session(good, ref, subscribe=subscribe)).kind is Kind.CURSOR


def test_cursors_that_leave_out_a_partition_are_reported() -> None:
    good = removed_while_away()
    ref = resumed_subscribed(good)
    subscribe = {**ref.whole.subscribe, "cursor": ref.whole.subscribe["cursor"][1:2]}
    assert violation_in(with_session(good, ref, subscribe=subscribe)).kind is Kind.CURSOR


def test_resuming_without_a_cursor_is_reported() -> None:
    good = removed_while_away()
    ref = resumed_subscribed(good)
    subscribe = {name: value for name, value in ref.whole.subscribe.items() if name != "cursor"}
    assert violation_in(with_session(good, ref, subscribe=subscribe)).kind is Kind.CURSOR


def test_cursors_may_be_joined_into_one() -> None:
    good = removed_while_away()
    ref = resumed_subscribed(good)
    subscribe = {**ref.whole.subscribe, "cursor": ".".join(ref.whole.subscribe["cursor"])}
    assert first_violation(with_session(good, ref, subscribe=subscribe)) is None


def test_resuming_earlier_with_repeated_events_is_allowed() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    client._cursors.clear()
    client.connect()
    client.catch_up()
    good = scenario.finished()
    assert sum(len(ref.message["events"]) for ref in message_refs(good, "events")) == 6
    assert first_violation(good) is None


def test_resuming_earlier_without_repeated_events_is_allowed() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    scenario.publish("wf-0", 2)
    good = scenario.finished()
    ref = resumed_subscribed(good)
    subscribe = {**ref.whole.subscribe, "cursor": ref.whole.subscribe["cursor"][:1]}
    assert first_violation(with_session(good, ref, subscribe=subscribe)) is None


def test_an_event_sent_in_a_later_session_after_its_successor_is_disorder() -> None:
    scenario = Scenario()
    client = scenario.subscriber(**{"from": "start"})
    scenario.publish("wf-0", 3)
    client.catch_up()
    client.cut()
    client._cursors.clear()
    client.connect()
    good = scenario.finished()
    ref = next(message_refs(good, "events"))
    events = [event for event in ref.message["events"] if event["hubsequence"] != "2"]
    changed = with_members(good, ref, events=events)
    assert {violation.kind for violation in violations(changed)} >= {Kind.DISORDER}
    disorder = next(violation for violation in violations(changed) if violation.kind is Kind.DISORDER)
    assert (disorder.location.session, disorder.location.sequences) == (2, (3, 2))


def test_a_subscription_from_now_receives_no_older_event() -> None:
    scenario = Scenario()
    scenario.publish("wf-0", 2)
    older = scenario.hub.event("wf-0", 2)
    client = scenario.subscriber(**{"from": "now"})
    client.catch_up()
    scenario.publish("wf-0", 1)
    good = scenario.finished()
    ref = next(message_refs(good, "events"))
    assert violation_in(with_members(good, ref, events=[older, *ref.message["events"]])).kind is Kind.EARLY


def test_subscribers_that_see_a_log_in_two_orders_are_reported() -> None:
    scenario = Scenario()
    first, second = scenario.subscriber(**{"from": "start"}), scenario.subscriber(**{"from": "start"})
    streams = [name for name in ("wf-0", "wf-1", "wf-2", "wf-3", "wf-4", "wf-5") if scenario.hub.partition(name) == 2]
    scenario.publish(streams[0], 1)
    scenario.publish(streams[1], 1)
    first.catch_up()
    second.catch_up()
    good = scenario.finished()
    assert first_violation(good) is None
    ref = list(message_refs(good, "events"))[-1]
    violation = violation_in(with_members(good, ref, events=ref.message["events"][::-1]))
    assert violation.kind is Kind.LOG_ORDER
    assert violation.location.subscriber == "subscriber-2"


def test_a_subscriber_that_did_not_catch_up_may_miss_the_latest_events() -> None:
    scenario = Scenario()
    scenario.subscriber(**{"from": "start"}).connect()
    scenario.publish("wf-0", 3)
    good = scenario.finished()
    session = good.subscribers[0].sessions[0]
    cut = replace(session, received=session.received[:1])
    short = replace(good.subscribers[0], sessions=(cut,), caught_up=False)
    assert first_violation(replace(good, subscribers=(short,))) is None
    violation = violation_in(replace(good, subscribers=(replace(short, caught_up=True),)))
    assert violation.kind is Kind.INCOMPLETE
