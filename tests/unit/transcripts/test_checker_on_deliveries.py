"""What subscribers receive: each fault is put into a good transcript, and is seen for what it is."""

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
from tests.unit.transcripts.mutation import Spot, chosen, found, spots, with_messages, with_session
from tests.unit.transcripts.scenario import transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.transcript import Json, Received, Transcript

seeds = st.integers(0, 1 << 32)
some = settings(max_examples=25)


def with_message(good: Transcript, spot: Spot, **members: object) -> Transcript:
    def change(received: list[Received], index: int) -> None:
        received[index] = replace(received[index], message={**received[index].message, **members})

    return with_messages(good, spot, change)


def followed(good: Transcript, *kinds: str) -> Iterator[Spot]:
    """Frames behind which another one of their partition was handled."""
    return (spot for spot in spots(good, *kinds) if any(later.handled for later in spot.later()))


def once(good: Transcript, spot: Spot) -> list[Json]:
    """The events of a frame that its subscriber handled once, and that it has a right to."""
    frames = [one for one in spots(good, "events") if one.subscriber == spot.subscriber]
    count = Counter(where(event) for one in frames for event in one.message["events"])
    kept = {where(event) for stream in good.streams for event in stream.events}
    return [event for event in spot.message["events"] if count[where(event)] == 1 and where(event) in kept]


@given(seed=seeds)
@settings(max_examples=60)
def test_a_hub_that_keeps_its_promises_passes(seed: int) -> None:
    assert violations(transcript(seed)) == []


@given(seed=seeds)
@some
def test_a_lost_frame_is_a_hole(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), followed(good, "events", "live", "truncated"))
    violation = found(with_messages(good, spot, lambda received, index: received.pop(index)))
    assert violation.kind is Kind.HOLE
    assert violation.place.partition == spot.message["partition"]
    assert violation.place.frame == spot.message["frame"] + 1


@given(seed=seeds)
@some
def test_an_event_left_out_of_a_frame_is_missed(seed: int) -> None:
    good = transcript(seed)
    starting = (one for one in spots(good, "events") if one.owner.sessions[0].subscribe.get("from") == "start")
    spot = chosen(Random(seed), (one for one in starting if once(good, one)))
    gone = once(good, spot)[0]
    rest = [event for event in spot.message["events"] if event is not gone]
    violation = found(with_message(good, spot, events=rest))
    # While catching up, `live` may be the first that shows it.
    assert violation.kind in {Kind.INCOMPLETE, Kind.LIVE}
    assert violation.place.subscriber == spot.owner.name
    assert (violation.place.stream, violation.place.sequences[0]) == where(gone)


@given(seed=seeds)
@some
def test_events_of_a_stream_the_other_way_round_are_disorder(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), (one for one in spots(good, "events") if _pair(one)))
    first, second = _pair(spot)
    events = list(spot.message["events"])
    events[first], events[second] = events[second], events[first]
    violation = found(with_message(good, spot, events=events))
    assert violation.kind is Kind.DISORDER
    assert violation.place.stream == events[first]["hubstream"]


def _pair(spot: Spot) -> tuple[int, int] | tuple[()]:
    """Where two events of one stream stand in a frame."""
    seen: dict[str, int] = {}
    for index, event in enumerate(spot.message["events"]):
        if event["hubstream"] in seen:
            return seen[event["hubstream"]], index
        seen[event["hubstream"]] = index
    return ()


@given(seed=seeds)
@some
def test_frames_the_other_way_round_are_a_hole(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), followed(good, "events"))

    def swap(received: list[Received], index: int) -> None:
        other = received.index(spot.later()[0])
        one, two = received[index], received[other]
        received[index], received[other] = replace(one, message=two.message), replace(two, message=one.message)

    assert found(with_messages(good, spot, swap)).kind is Kind.HOLE


@given(seed=seeds)
@some
def test_a_frame_that_comes_again_is_no_fault(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), spots(good, "events", "live", "truncated"))
    again = replace(spot.received, handled=False)
    assert first_violation(with_messages(good, spot, lambda received, index: received.insert(index + 1, again))) is None


@given(seed=seeds)
@some
def test_a_number_that_comes_again_with_other_content_is_a_fault(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), spots(good, "events"))
    message = {**spot.message, "events": spot.message["events"][1:]}
    again = replace(spot.received, message=message, handled=False)
    violation = found(with_messages(good, spot, lambda received, index: received.insert(index + 1, again)))
    assert violation.kind is Kind.REPEAT
    assert violation.place.frame == spot.message["frame"]


@given(seed=seeds, shift=st.integers(1, 5))
@some
def test_a_number_too_high_is_a_hole(seed: int, shift: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), spots(good, "events", "live"))
    assert found(with_message(good, spot, frame=spot.message["frame"] + shift)).kind is Kind.HOLE


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
    spot = next(one for one in spots(good, "events") if where(one.message["events"][0]) in kept)
    first, *rest = spot.message["events"]
    violation = found(with_message(good, spot, events=[{**first, **change}, *rest]))
    assert violation.kind is Kind.ALTERED
    assert (violation.place.stream, violation.place.sequences) == (first["hubstream"], (int(first["hubsequence"]),))


def test_large_data_may_stay_behind_and_be_named() -> None:
    good = transcript(1)
    spot = next(spots(good, "events"))
    first, *rest = spot.message["events"]
    named = {name: value for name, value in first.items() if name != "data"} | {"dataref": "/api/v1/events/1"}
    assert first_violation(with_message(good, spot, events=[named, *rest])) is None


@pytest.mark.parametrize("change", [{"id": "never published"}, {"hubsequence": "1000"}], ids=["id", "place"])
def test_an_event_that_nobody_published_is_invented(change: dict[str, str]) -> None:
    good = transcript(1)
    spot = next(spots(good, "events"))
    *rest, last = spot.message["events"]
    assert found(with_message(good, spot, events=[*rest, {**last, **change}])).kind is Kind.INVENTED


def test_an_event_at_the_place_of_another_is_altered() -> None:
    good = transcript(1)
    spot = next(one for one in spots(good, "events") if _pair(one))
    events = list(spot.message["events"])
    first, second = _pair(spot)
    events[second] = {**events[second], "id": events[first]["id"], "source": events[first]["source"]}
    assert found(with_message(good, spot, events=events)).kind is Kind.ALTERED


@given(seed=seeds)
@some
def test_an_event_that_does_not_match_is_unwanted(seed: int) -> None:
    good = transcript(seed)
    stored = [event for stream in good.streams for event in stream.events]
    narrow = (one for one in spots(good, "events") if not all(wanted(one.whole.subscribe, event) for event in stored))
    spot = chosen(Random(seed), narrow)
    stranger = next(event for event in stored if not wanted(spot.whole.subscribe, event))
    violation = found(with_message(good, spot, events=[*spot.message["events"], stranger]))
    assert violation.kind is Kind.UNWANTED
    assert (violation.place.stream, violation.place.sequences[0]) == where(stranger)


@given(seed=seeds)
@some
def test_live_before_the_last_stored_event_is_too_early(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), _before_live(good))

    def swap(received: list[Received], index: int) -> None:
        other = received.index(spot.later()[0])
        one, two = received[index], received[other]
        received[index] = replace(one, message={**two.message, "frame": one.message["frame"]})
        received[other] = replace(two, message={**one.message, "frame": two.message["frame"]})

    violation = found(with_messages(good, spot, swap))
    assert violation.kind is Kind.LIVE
    assert violation.place.partition == spot.message["partition"]


def _before_live(good: Transcript) -> Iterator[Spot]:
    """Frames right before `live` whose first event was stored before the session, and came once."""
    answered = {
        (result.stream, result.sequence): publish.answered or 0.0
        for publish in reversed(good.publishes)
        for result in publish.results
    }
    for spot in spots(good, "events"):
        later = spot.later()[:1]
        old = [event for event in once(good, spot) if answered.get(where(event), spot.whole.sent) < spot.whole.sent]
        if later and later[0].handled and later[0].message["type"] == "live" and old:
            yield spot


@given(seed=seeds)
@some
def test_live_comes_once(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), (one for one in spots(good, "live") if not one.later()))
    again = replace(spot.received, message={**spot.message, "frame": spot.message["frame"] + 1})
    violation = found(with_messages(good, spot, lambda received, index: received.insert(index + 1, again)))
    assert violation.kind is Kind.LIVE


def test_live_must_come() -> None:
    good = transcript(1)
    spot = [one for one in spots(good, "live") if not one.later()][-1]
    violation = found(with_messages(good, spot, lambda received, index: received.pop(index)))
    assert violation.kind is Kind.LIVE
    assert "never became live" in violation.sentence


@given(seed=seeds)
@some
def test_a_frame_of_a_partition_that_is_not_concerned_is_a_fault(seed: int) -> None:
    good = transcript(seed)
    spot = chosen(Random(seed), spots(good, "subscribed"))
    served = {one.message["partition"] for one in spot.whole.received if "partition" in one.message}
    if not served:
        return
    partitions = [number for number in spot.message["partitions"] if number not in served]
    assert found(with_message(good, spot, partitions=partitions)).kind is Kind.PARTITION


@pytest.mark.parametrize(
    "change", [{"filters": [{"prefix": {"type": ""}}]}, {"stream": ["wf-0"]}], ids=["filters", "stream"]
)
def test_a_client_that_changes_what_it_wants_is_no_witness(change: dict[str, Any]) -> None:
    good = transcript(1)
    spot = next(one for one in spots(good, "subscribed") if one.session == 1)
    changed = with_session(good, spot, subscribe={**spot.whole.subscribe, **change})
    assert Kind.CLIENT in {violation.kind for violation in violations(changed)}


def test_a_client_that_handles_a_repeated_frame_is_no_witness() -> None:
    good = transcript(1)
    spot = next(spots(good, "events"))
    again = with_messages(good, spot, lambda received, index: received.insert(index + 1, spot.received))
    assert found(again).kind is Kind.CLIENT


def test_a_client_that_leaves_out_a_frame_that_was_due_is_no_witness() -> None:
    good = transcript(1)
    spot = next(followed(good, "live"))
    left = replace(spot.received, handled=False)

    def leave(received: list[Received], index: int) -> None:
        received[index] = left

    assert found(with_messages(good, spot, leave)).kind is Kind.CLIENT
