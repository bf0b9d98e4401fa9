"""Members of a durable subscription: each fault is put into a good transcript, and is seen for what it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.transcripts.checker import violations
from tests.transcripts.content import where
from tests.transcripts.violation import Kind
from tests.unit.transcripts.group_scenario import group_transcript
from tests.unit.transcripts.mutation import found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from tests.transcripts.content import Where
    from tests.transcripts.membership import Attendance, Group, Handling
    from tests.transcripts.transcript import Json, Received, Transcript

    T = TypeVar("T")

seeds = st.integers(0, 1 << 32)
some = settings(max_examples=25)


@dataclass(frozen=True)
class Spot:
    """One message of a member's session."""

    member: int
    session: int
    index: int
    whole: Attendance

    @property
    def received(self) -> Received:
        return self.whole.received[self.index]

    @property
    def message(self) -> Json:
        return self.received.message

    @property
    def next(self) -> Received | None:
        """What comes after it, of its partition."""
        later = self.whole.received[self.index + 1 :]
        return next((one for one in later if one.message.get("partition") == self.message["partition"]), None)


def spots(good: Transcript, *kinds: str) -> Iterator[Spot]:
    for member, one in enumerate(good.groups[0].members):
        for session, whole in enumerate(one.sessions):
            for index, received in enumerate(whole.received):
                if received.message["type"] in kinds:
                    yield Spot(member, session, index, whole)


def chosen(random: Random, candidates: Iterator[T]) -> T:
    """Any of them; an example without one proves nothing."""
    listed = list(candidates)
    return random.choice(listed) if listed else reject()


def with_group(good: Transcript, **changes: object) -> Transcript:
    return replace(good, groups=(replace(good.groups[0], **changes),))  # type: ignore[arg-type]


def with_session(good: Transcript, spot: Spot, **changes: object) -> Transcript:
    members = list(good.groups[0].members)
    sessions = list(members[spot.member].sessions)
    sessions[spot.session] = replace(spot.whole, **changes)  # type: ignore[arg-type]
    members[spot.member] = replace(members[spot.member], sessions=tuple(sessions))
    return with_group(good, members=tuple(members))


def with_message(good: Transcript, spot: Spot, message: Json | None) -> Transcript:
    """The transcript with another message at a spot, or none."""
    received = list(spot.whole.received)
    received[spot.index : spot.index + 1] = [replace(spot.received, message=message)] if message else []
    return with_session(good, spot, received=tuple(received))


def handlings(group: Group) -> Iterator[Handling]:
    return (one for member in group.members for session in member.sessions for one in session.handlings)


def deliveries(good: Transcript) -> Counter[Where]:
    """How often each event was sent."""
    return Counter(where(event) for spot in spots(good, "events") for event in spot.message["events"])


def without(good: Transcript, spot: Spot, place: Where) -> Transcript:
    """The transcript in which an event was not in a frame, and so was neither handled nor acknowledged by its name."""
    number = spot.message["frame"]
    rest = [event for event in spot.message["events"] if where(event) != place]
    left = [one for one in spot.whole.handlings if (one.frame, one.stream, one.sequence) != (number, *place)]
    received = list(spot.whole.received)
    received[spot.index] = replace(spot.received, message={**spot.message, "events": rest})
    said = [one for one in spot.whole.said if (one.message.get("stream"), one.message.get("sequence")) != place]
    return with_session(good, spot, received=tuple(received), handlings=tuple(left), said=tuple(said))


def sent_once(good: Transcript, wanted: Callable[[Where], bool]) -> Iterator[tuple[Spot, Where]]:
    """Events that one frame alone brought, with that."""
    count = deliveries(good)
    for spot in spots(good, "events"):
        for place in map(where, spot.message["events"]):
            if count[place] == 1 and wanted(place):
                yield spot, place


def heads(good: Transcript) -> dict[str, int]:
    return {stream.stream: int(stream.events[-1]["hubsequence"]) for stream in good.streams}


@given(seed=seeds)
@settings(max_examples=60)
def test_a_group_that_keeps_its_promises_passes(seed: int) -> None:
    assert violations(group_transcript(seed)) == []


@given(seed=seeds)
@some
def test_a_lost_frame_of_a_partition_that_is_owned_is_a_hole(seed: int) -> None:
    good = group_transcript(seed)
    followed = (one for one in spots(good, "events") if one.next)
    spot = chosen(Random(seed), followed)
    left = [one for one in spot.whole.handlings if one.frame != spot.message["frame"]]
    received = [one for one in spot.whole.received if one is not spot.received]
    bad = with_session(good, spot, received=tuple(received), handlings=tuple(left))
    violation = next(one for one in violations(bad) if one.kind is Kind.HOLE)
    assert violation.place.frame == spot.message["frame"] + 1


@given(seed=seeds)
@some
def test_a_frame_for_one_who_does_not_own_the_partition_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    followed = (one for one in spots(good, "owned") if one.next)
    spot = chosen(Random(seed), followed)
    violation = found(with_message(good, spot, None))
    assert violation.kind is Kind.STRANGER
    assert violation.place.frame == spot.message["frame"] + 1


@given(seed=seeds)
@some
def test_a_number_that_comes_again_for_something_else_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    spot = chosen(Random(seed), spots(good, "events"))
    other = replace(spot.received, message={**spot.message, "events": []}, handled=False)
    received = [*spot.whole.received[: spot.index + 1], other, *spot.whole.received[spot.index + 1 :]]
    assert found(with_session(good, spot, received=tuple(received))).kind is Kind.REPEAT


@given(seed=seeds)
@some
def test_an_event_that_was_changed_on_its_way_to_a_member_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    spot = chosen(Random(seed), spots(good, "events"))
    first, *rest = spot.message["events"]
    changed = {**spot.message, "events": [{**first, "type": "other"}, *rest]}
    assert found(with_message(good, spot, changed)).kind is Kind.ALTERED


@given(seed=seeds)
@some
def test_handling_what_did_not_come_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    spot = chosen(Random(seed), (one for one in spots(good, "owned") if one.whole.handlings))
    first, *rest = spot.whole.handlings
    strange = replace(first, frame=1_000_000)
    assert Kind.UNOWNED in kinds(with_session(good, spot, handlings=(strange, *rest)))


@given(seed=seeds)
@some
def test_handling_after_letting_go_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    random = Random(seed)
    spot = chosen(random, (one for one in spots(good, "revoked")))
    partition = spot.message["partition"]
    before = [
        index
        for index, one in enumerate(spot.whole.handlings)
        if one.partition == partition and one.begun < spot.received.at
    ]
    if not before:
        reject()
    late = list(spot.whole.handlings)
    late[before[-1]] = replace(late[before[-1]], ended=spot.received.at + 1.5)
    assert Kind.UNOWNED in kinds(with_session(good, spot, handlings=tuple(late)))


@given(seed=seeds)
@some
def test_a_partition_that_was_given_on_before_it_was_released_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    taken = {spot.message["partition"]: spot.received.at for spot in spots(good, "owned")}
    candidates = (
        spot
        for spot in spots(good, "revoked")
        # Another member got it while this one was still there.
        if spot.received.at < taken[spot.message["partition"]] < spot.whole.ended
    )
    spot = chosen(Random(seed), candidates)
    held = [one for one in spot.whole.said if one.message.get("partition") != spot.message["partition"]]
    again = (one for one in spots(good, "owned") if one.message["partition"] == spot.message["partition"])
    successor = min((one for one in again if one.received.at > spot.received.at), key=lambda one: one.received.at)
    if (successor.member, successor.session) == (spot.member, spot.session):
        reject()
    violation = next(one for one in violations(with_session(good, spot, said=tuple(held))) if one.kind is Kind.SHARED)
    assert violation.place.partition == spot.message["partition"]


@given(seed=seeds)
@some
def test_two_events_of_a_stream_at_one_time_are_seen(seed: int) -> None:
    good = group_transcript(seed)
    random = Random(seed)
    pairs = [
        (spot, index, later)
        for spot in spots(good, "subscribed")
        for index, one in enumerate(spot.whole.handlings)
        for later in spot.whole.handlings[index + 1 : index + 2]
        if one.stream == later.stream
    ]
    spot, index, later = chosen(random, iter(pairs))
    long = list(spot.whole.handlings)
    long[index] = replace(long[index], ended=later.begun + 0.5)
    assert Kind.SHARED in kinds(with_session(good, spot, handlings=tuple(long)))


@given(seed=seeds)
@some
def test_an_event_that_was_never_handled_is_missed(seed: int) -> None:
    good = group_transcript(seed)
    last, redriven = heads(good), {one.parked.stream for one in good.groups[0].redriven}
    once = sent_once(good, lambda place: last[place[0]] == place[1] and place[0] not in redriven)
    spot, place = chosen(Random(seed), once)
    violation = found(without(good, spot, place))
    assert violation.kind is Kind.UNHANDLED
    assert (violation.place.stream, violation.place.sequences) == (place[0], (place[1],))


@given(seed=seeds)
@some
def test_an_event_that_was_skipped_is_missed_by_the_next_one(seed: int) -> None:
    good = group_transcript(seed)
    last, redriven = heads(good), {one.parked.stream for one in good.groups[0].redriven}
    once = sent_once(good, lambda place: place[1] < last[place[0]] and place[0] not in redriven)
    spot, place = chosen(Random(seed), once)
    violation = found(without(good, spot, place))
    assert violation.kind is Kind.SKIPPED
    assert violation.place.stream == place[0]


@given(seed=seeds)
@some
def test_a_failed_event_that_comes_again_as_if_it_were_new_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    again = (one for one in spots(good, "events") if "stream" in one.message and one.message["attempt"] > 1)
    spot = chosen(Random(seed), again)
    new = {name: value for name, value in spot.message.items() if name not in {"stream", "attempt"}}
    assert found(with_message(good, spot, new)).kind is Kind.ATTEMPT


@given(seed=seeds)
@some
def test_what_an_earlier_owner_had_and_comes_as_if_it_were_new_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    again = (one for one in spots(good, "events") if "stream" not in one.message and "attempt" in one.message)
    spot = chosen(Random(seed), again)
    new = {name: value for name, value in spot.message.items() if name != "attempt"}
    assert found(with_message(good, spot, new)).kind is Kind.ATTEMPT


@given(seed=seeds)
@some
def test_more_attempts_than_there_may_be_are_seen(seed: int) -> None:
    good = group_transcript(seed)
    spot = chosen(Random(seed), (one for one in spots(good, "events") if "stream" in one.message))
    assert found(with_message(good, spot, {**spot.message, "attempt": 4})).kind is Kind.ATTEMPT


@given(seed=seeds)
@some
def test_acknowledging_before_handling_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    acks = (
        (spot, index, one)
        for spot in spots(good, "events")
        for index, one in enumerate(spot.whole.said)
        if one.message["action"] == "ack"
        and one.message.get("cursor") == spot.message.get("cursor")
        and one.message.get("stream") == spot.message.get("stream")
        and one.sent > spot.received.at
    )
    spot, index, ack = chosen(Random(seed), acks)
    early = list(spot.whole.said)
    early[index] = replace(ack, sent=spot.received.at + 0.1)
    tried = {(one.stream, one.sequence) for one in spot.whole.handlings if one.begun < spot.received.at}
    if any(where(event) in tried for event in spot.message["events"]):
        reject()
    assert Kind.CLIENT in kinds(with_session(good, spot, said=tuple(early)))


@given(seed=seeds)
@some
def test_a_stream_that_was_parked_too_early_is_seen(seed: int) -> None:
    assert found(with_parked(seed, attempts=2)).kind is Kind.PARKED


@given(seed=seeds)
@some
def test_a_stream_that_is_parked_though_nobody_failed_it_is_seen(seed: int) -> None:
    good = group_transcript(seed)
    group = good.groups[0]
    if not group.redriven:
        reject()
    parked = group.redriven[0].parked
    place = (parked.stream, parked.sequence)

    def kept(session: Attendance) -> Attendance:
        said = [one for one in session.said if (one.message.get("stream"), one.message.get("sequence")) != place]
        return replace(session, said=tuple(said))

    members = [replace(one, sessions=tuple(map(kept, one.sessions))) for one in group.members]
    seen = [one for one in violations(with_group(good, members=tuple(members))) if one.kind is Kind.PARKED]
    assert any(one.place.sequences == (parked.sequence,) and "was failed" in one.sentence for one in seen)


@given(seed=seeds)
@some
def test_a_stream_that_is_not_parked_whole_is_seen(seed: int) -> None:
    assert found(with_parked(seed, letters=0)).kind is Kind.PARKED


@given(seed=seeds)
@some
def test_what_does_not_come_back_with_a_redrive_is_missed(seed: int) -> None:
    good = group_transcript(seed)
    last = heads(good)
    redriven = {one.parked.stream: one for one in good.groups[0].redriven}

    def lost(place: Where) -> bool:
        one = redriven.get(place[0])
        return one is not None and place[1] == last[place[0]] > one.parked.sequence

    spot, place = chosen(Random(seed), sent_once(good, lost))
    violation = found(without(good, spot, place))
    assert violation.kind is Kind.REDRIVE
    assert (violation.place.stream, violation.place.sequences) == (place[0], (place[1],))


def with_parked(seed: int, **changes: int) -> Transcript:
    """A transcript in which something else was parked than what was listed."""
    good = group_transcript(seed)
    redriven = list(good.groups[0].redriven)
    if not redriven:
        reject()
    redriven[0] = replace(redriven[0], parked=replace(redriven[0].parked, **changes))
    return with_group(good, redriven=tuple(redriven))


def kinds(bad: Transcript) -> set[Kind]:
    return {violation.kind for violation in violations(bad)}
