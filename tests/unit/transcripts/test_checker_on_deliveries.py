"""The checker on deliveries: each fault that is put into a good transcript is reported as its kind of violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcripts.checker import first_violation, violations
from tests.transcripts.content import where
from tests.transcripts.matching import wanted
from tests.transcripts.violation import Kind
from tests.unit.transcripts.mutation import MessageRef, chosen, message_refs, violation_in, with_messages, with_session
from tests.unit.transcripts.scenario import transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.transcript import Json, Received, Transcript

seeds = st.integers(0, 1 << 32)
few_examples = settings(max_examples=25)


def with_message(good: Transcript, ref: MessageRef, **members: object) -> Transcript:
    def change(received: list[Received], index: int) -> None:
        received[index] = replace(received[index], message={**received[index].message, **members})

    return with_messages(good, ref, change)


def followed(good: Transcript, *kinds: str) -> Iterator[MessageRef]:
    """Frames that a handled frame of the same partition follows."""
    return (ref for ref in message_refs(good, *kinds) if any(later.handled for later in ref.later()))


def once(good: Transcript, ref: MessageRef) -> list[Json]:
    """The events of a frame that are still stored and that its subscriber received once."""
    frames = [other for other in message_refs(good, "events") if other.subscriber == ref.subscriber]
    count = Counter(where(event) for frame in frames for event in frame.message["events"])
    kept = {where(event) for stream in good.streams for event in stream.events}
    return [event for event in ref.message["events"] if count[where(event)] == 1 and where(event) in kept]


@given(seed=seeds)
@settings(max_examples=60)
def test_a_correct_hub_passes(seed: int) -> None:
    assert violations(transcript(seed)) == []


@given(seed=seeds)
@few_examples
def test_a_lost_frame_is_a_hole(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), followed(good, "events", "live", "truncated"))
    violation = violation_in(with_messages(good, ref, lambda received, index: received.pop(index)))
    assert violation.kind is Kind.HOLE
    assert violation.location.partition == ref.message["partition"]
    assert violation.location.frame == ref.message["frame"] + 1


@given(seed=seeds)
@few_examples
def test_an_event_left_out_of_a_frame_is_reported(seed: int) -> None:
    good = transcript(seed)
    starting = (
        candidate
        for candidate in message_refs(good, "events")
        if candidate.owner.sessions[0].subscribe.get("from") == "start"
    )
    ref = chosen(Random(seed), (candidate for candidate in starting if once(good, candidate)))
    left_out = once(good, ref)[0]
    rest = [event for event in ref.message["events"] if event is not left_out]
    violation = violation_in(with_message(good, ref, events=rest))
    # While catching up, `live` may be the first frame that shows it.
    assert violation.kind in {Kind.INCOMPLETE, Kind.LIVE}
    assert violation.location.subscriber == ref.owner.name
    assert (violation.location.stream, violation.location.sequences[0]) == where(left_out)


@given(seed=seeds)
@few_examples
def test_swapped_events_of_a_stream_are_disorder(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), (candidate for candidate in message_refs(good, "events") if _pair(candidate)))
    first, second = _pair(ref)
    events = list(ref.message["events"])
    events[first], events[second] = events[second], events[first]
    violation = violation_in(with_message(good, ref, events=events))
    assert violation.kind is Kind.DISORDER
    assert violation.location.stream == events[first]["hubstream"]


def _pair(ref: MessageRef) -> tuple[int, int] | tuple[()]:
    """The indexes of two events of one stream in a frame."""
    seen: dict[str, int] = {}
    for index, event in enumerate(ref.message["events"]):
        if event["hubstream"] in seen:
            return seen[event["hubstream"]], index
        seen[event["hubstream"]] = index
    return ()


@given(seed=seeds)
@few_examples
def test_swapped_frames_are_a_hole(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), followed(good, "events"))

    def swap(received: list[Received], index: int) -> None:
        other_index = received.index(ref.later()[0])
        frame, other_frame = received[index], received[other_index]
        received[index], received[other_index] = (
            replace(frame, message=other_frame.message),
            replace(other_frame, message=frame.message),
        )

    assert violation_in(with_messages(good, ref, swap)).kind is Kind.HOLE


@given(seed=seeds)
@few_examples
def test_a_repeated_frame_is_allowed(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "events", "live", "truncated"))
    again = replace(ref.received, handled=False)
    assert first_violation(with_messages(good, ref, lambda received, index: received.insert(index + 1, again))) is None


@given(seed=seeds)
@few_examples
def test_a_repeated_frame_number_with_other_content_is_reported(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "events"))
    message = {**ref.message, "events": ref.message["events"][1:]}
    again = replace(ref.received, message=message, handled=False)
    violation = violation_in(with_messages(good, ref, lambda received, index: received.insert(index + 1, again)))
    assert violation.kind is Kind.REPEAT
    assert violation.location.frame == ref.message["frame"]


@given(seed=seeds, shift=st.integers(1, 5))
@few_examples
def test_a_frame_number_that_is_too_high_is_a_hole(seed: int, shift: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "events", "live"))
    assert violation_in(with_message(good, ref, frame=ref.message["frame"] + shift)).kind is Kind.HOLE


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"other": 1}},
        {"data": None},
        {"extra": "x"},
        {"type": "task.requested.other"},
        {"time": "2026-01-01T00:00:00Z"},
        {"hubtime": "2025-01-01T00:00:00Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_event_is_altered(change: dict[str, Any]) -> None:
    good = transcript(1)
    kept = {where(event) for stream in good.streams for event in stream.events}
    ref = next(candidate for candidate in message_refs(good, "events") if where(candidate.message["events"][0]) in kept)
    first, *rest = ref.message["events"]
    violation = violation_in(with_message(good, ref, events=[{**first, **change}, *rest]))
    assert violation.kind is Kind.ALTERED
    assert (violation.location.stream, violation.location.sequences) == (
        first["hubstream"],
        (int(first["hubsequence"]),),
    )


def test_large_data_may_be_replaced_by_a_dataref() -> None:
    good = transcript(1)
    ref = next(message_refs(good, "events"))
    first, *rest = ref.message["events"]
    named = {name: value for name, value in first.items() if name != "data"} | {"dataref": "/api/v1/events/1"}
    assert first_violation(with_message(good, ref, events=[named, *rest])) is None


@pytest.mark.parametrize("change", [{"id": "never published"}, {"hubsequence": "1000"}], ids=["id", "place"])
def test_an_event_that_nobody_published_is_invented(change: dict[str, str]) -> None:
    good = transcript(1)
    ref = next(message_refs(good, "events"))
    *rest, last = ref.message["events"]
    assert violation_in(with_message(good, ref, events=[*rest, {**last, **change}])).kind is Kind.INVENTED


def test_an_event_at_the_position_of_another_is_altered() -> None:
    good = transcript(1)
    ref = next(candidate for candidate in message_refs(good, "events") if _pair(candidate))
    events = list(ref.message["events"])
    first, second = _pair(ref)
    events[second] = {**events[second], "id": events[first]["id"], "source": events[first]["source"]}
    assert violation_in(with_message(good, ref, events=events)).kind is Kind.ALTERED


@given(seed=seeds)
@few_examples
def test_an_event_that_does_not_match_is_unwanted(seed: int) -> None:
    good = transcript(seed)
    stored = [event for stream in good.streams for event in stream.events]
    narrow = (
        candidate
        for candidate in message_refs(good, "events")
        if not all(wanted(candidate.whole.subscribe, event) for event in stored)
    )
    ref = chosen(Random(seed), narrow)
    stranger = next(event for event in stored if not wanted(ref.whole.subscribe, event))
    violation = violation_in(with_message(good, ref, events=[*ref.message["events"], stranger]))
    assert violation.kind is Kind.UNWANTED
    assert (violation.location.stream, violation.location.sequences[0]) == where(stranger)


@given(seed=seeds)
@few_examples
def test_live_before_the_last_stored_event_is_too_early(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), _before_live(good))

    def swap(received: list[Received], index: int) -> None:
        other_index = received.index(ref.later()[0])
        frame, other_frame = received[index], received[other_index]
        received[index] = replace(frame, message={**other_frame.message, "frame": frame.message["frame"]})
        received[other_index] = replace(other_frame, message={**frame.message, "frame": other_frame.message["frame"]})

    violation = violation_in(with_messages(good, ref, swap))
    assert violation.kind is Kind.LIVE
    assert violation.location.partition == ref.message["partition"]


def _before_live(good: Transcript) -> Iterator[MessageRef]:
    """Frames right before `live` with an event that was stored before the session and was sent once."""
    answered = {
        (result.stream, result.sequence): publish.answered or 0.0
        for publish in reversed(good.publishes)
        for result in publish.results
    }
    for ref in message_refs(good, "events"):
        later = ref.later()[:1]
        old = [event for event in once(good, ref) if answered.get(where(event), ref.whole.sent) < ref.whole.sent]
        if later and later[0].handled and later[0].message["type"] == "live" and old:
            yield ref


@given(seed=seeds)
@few_examples
def test_a_second_live_frame_is_reported(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), (candidate for candidate in message_refs(good, "live") if not candidate.later()))
    again = replace(ref.received, message={**ref.message, "frame": ref.message["frame"] + 1})
    violation = violation_in(with_messages(good, ref, lambda received, index: received.insert(index + 1, again)))
    assert violation.kind is Kind.LIVE


def test_a_missing_live_frame_is_reported() -> None:
    good = transcript(1)
    ref = [candidate for candidate in message_refs(good, "live") if not candidate.later()][-1]
    violation = violation_in(with_messages(good, ref, lambda received, index: received.pop(index)))
    assert violation.kind is Kind.LIVE
    assert "never became live" in violation.sentence


@given(seed=seeds)
@few_examples
def test_a_frame_of_a_partition_outside_the_subscription_is_reported(seed: int) -> None:
    good = transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "subscribed"))
    served = {message.message["partition"] for message in ref.whole.received if "partition" in message.message}
    if not served:
        return
    partitions = [number for number in ref.message["partitions"] if number not in served]
    assert violation_in(with_message(good, ref, partitions=partitions)).kind is Kind.PARTITION


@pytest.mark.parametrize(
    "change", [{"filters": [{"prefix": {"type": ""}}]}, {"stream": ["wf-0"]}], ids=["filters", "stream"]
)
def test_a_client_that_changes_its_filters_is_reported(change: dict[str, Any]) -> None:
    good = transcript(1)
    ref = next(candidate for candidate in message_refs(good, "subscribed") if candidate.session == 1)
    changed = with_session(good, ref, subscribe={**ref.whole.subscribe, **change})
    assert Kind.CLIENT in {violation.kind for violation in violations(changed)}


def test_a_client_that_handles_a_repeated_frame_is_reported() -> None:
    good = transcript(1)
    ref = next(message_refs(good, "events"))
    again = with_messages(good, ref, lambda received, index: received.insert(index + 1, ref.received))
    assert violation_in(again).kind is Kind.CLIENT


def test_a_client_that_skips_the_next_frame_is_reported() -> None:
    good = transcript(1)
    ref = next(followed(good, "live"))
    left = replace(ref.received, handled=False)

    def leave(received: list[Received], index: int) -> None:
        received[index] = left

    assert violation_in(with_messages(good, ref, leave)).kind is Kind.CLIENT
