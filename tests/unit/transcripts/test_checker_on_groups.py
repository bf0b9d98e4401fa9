"""The checker on members: each fault that is put into a good transcript is reported as its kind of violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.transcripts.checker import violations
from tests.transcripts.content import where
from tests.transcripts.evidence import Evidence
from tests.transcripts.rules.failing import tries_of
from tests.transcripts.violation import Kind
from tests.unit.transcripts.group_scenario import group_transcript
from tests.unit.transcripts.mutation import violation_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from tests.transcripts.content import Where
    from tests.transcripts.membership import Group, Handling, MemberSession
    from tests.transcripts.transcript import Json, Received, Transcript

    T = TypeVar("T")

seeds = st.integers(0, 1 << 32)
few_examples = settings(max_examples=25)


@dataclass(frozen=True)
class MessageRef:
    """A reference to one message of a member's session."""

    member: int
    session: int
    index: int
    whole: MemberSession

    @property
    def received(self) -> Received:
        return self.whole.received[self.index]

    @property
    def message(self) -> Json:
        return self.received.message

    @property
    def next(self) -> Received | None:
        """The next message of the same partition."""
        later = self.whole.received[self.index + 1 :]
        return next((frame for frame in later if frame.message.get("partition") == self.message["partition"]), None)


def message_refs(good: Transcript, *kinds: str) -> Iterator[MessageRef]:
    for member, owner in enumerate(good.groups[0].members):
        for session, whole in enumerate(owner.sessions):
            for index, received in enumerate(whole.received):
                if received.message["type"] in kinds:
                    yield MessageRef(member, session, index, whole)


def chosen(random: Random, candidates: Iterator[T]) -> T:
    """A random candidate; rejects an example that has none."""
    listed = list(candidates)
    return random.choice(listed) if listed else reject()


def with_group(good: Transcript, **changes: object) -> Transcript:
    return replace(good, groups=(replace(good.groups[0], **changes),))  # type: ignore[arg-type]


def with_session(good: Transcript, ref: MessageRef, **changes: object) -> Transcript:
    members = list(good.groups[0].members)
    sessions = list(members[ref.member].sessions)
    sessions[ref.session] = replace(ref.whole, **changes)  # type: ignore[arg-type]
    members[ref.member] = replace(members[ref.member], sessions=tuple(sessions))
    return with_group(good, members=tuple(members))


def with_message(good: Transcript, ref: MessageRef, message: Json | None) -> Transcript:
    """The transcript with the referenced message replaced, or removed."""
    received = list(ref.whole.received)
    received[ref.index : ref.index + 1] = [replace(ref.received, message=message)] if message else []
    return with_session(good, ref, received=tuple(received))


def handlings(group: Group) -> Iterator[Handling]:
    return (handling for member in group.members for session in member.sessions for handling in session.handlings)


def deliveries(good: Transcript) -> Counter[Where]:
    """How often each event was sent."""
    return Counter(where(event) for ref in message_refs(good, "events") for event in ref.message["events"])


def without(good: Transcript, ref: MessageRef, place: Where) -> Transcript:
    """The transcript without an event of a frame: not sent, not handled, and not acknowledged by stream."""
    number = ref.message["frame"]
    rest = [event for event in ref.message["events"] if where(event) != place]
    left = [
        handling
        for handling in ref.whole.handlings
        if (handling.frame, handling.stream, handling.sequence) != (number, *place)
    ]
    received = list(ref.whole.received)
    received[ref.index] = replace(ref.received, message={**ref.message, "events": rest})
    said = [
        command
        for command in ref.whole.said
        if (command.message.get("stream"), command.message.get("sequence")) != place
    ]
    return with_session(good, ref, received=tuple(received), handlings=tuple(left), said=tuple(said))


def sent_once(good: Transcript, wanted: Callable[[Where], bool]) -> Iterator[tuple[MessageRef, Where]]:
    """The events that only one frame contains, with that frame."""
    count = deliveries(good)
    for ref in message_refs(good, "events"):
        for place in map(where, ref.message["events"]):
            if count[place] == 1 and wanted(place):
                yield ref, place


def heads(good: Transcript) -> dict[str, int]:
    return {stream.stream: int(stream.events[-1]["hubsequence"]) for stream in good.streams}


@given(seed=seeds)
@settings(max_examples=60)
def test_a_correct_group_passes(seed: int) -> None:
    assert violations(group_transcript(seed)) == []


@given(seed=seeds)
@few_examples
def test_a_lost_frame_of_a_partition_that_is_owned_is_a_hole(seed: int) -> None:
    good = group_transcript(seed)
    followed = (candidate for candidate in message_refs(good, "events") if candidate.next)
    ref = chosen(Random(seed), followed)
    left = [handling for handling in ref.whole.handlings if handling.frame != ref.message["frame"]]
    received = [received_frame for received_frame in ref.whole.received if received_frame is not ref.received]
    bad = with_session(good, ref, received=tuple(received), handlings=tuple(left))
    violation = next(violation for violation in violations(bad) if violation.kind is Kind.HOLE)
    assert violation.location.frame == ref.message["frame"] + 1


@given(seed=seeds)
@few_examples
def test_a_frame_for_a_member_that_does_not_own_the_partition_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    followed = (candidate for candidate in message_refs(good, "owned") if candidate.next)
    ref = chosen(Random(seed), followed)
    violation = violation_in(with_message(good, ref, None))
    assert violation.kind is Kind.STRANGER
    assert violation.location.frame == ref.message["frame"] + 1


@given(seed=seeds)
@few_examples
def test_a_frame_number_reused_for_other_content_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "events"))
    other = replace(ref.received, message={**ref.message, "events": []}, handled=False)
    received = [*ref.whole.received[: ref.index + 1], other, *ref.whole.received[ref.index + 1 :]]
    assert violation_in(with_session(good, ref, received=tuple(received))).kind is Kind.REPEAT


@given(seed=seeds)
@few_examples
def test_an_event_sent_to_a_member_with_changes_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    ref = chosen(Random(seed), message_refs(good, "events"))
    first, *rest = ref.message["events"]
    changed = {**ref.message, "events": [{**first, "type": "other"}, *rest]}
    assert violation_in(with_message(good, ref, changed)).kind is Kind.ALTERED


@given(seed=seeds)
@few_examples
def test_handling_an_event_that_was_not_sent_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    ref = chosen(Random(seed), (candidate for candidate in message_refs(good, "owned") if candidate.whole.handlings))
    first, *rest = ref.whole.handlings
    strange = replace(first, frame=1_000_000)
    assert Kind.UNOWNED in kinds(with_session(good, ref, handlings=(strange, *rest)))


@given(seed=seeds)
@few_examples
def test_handling_after_releasing_the_partition_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    random = Random(seed)
    ref = chosen(random, (candidate for candidate in message_refs(good, "revoked")))
    partition = ref.message["partition"]
    before = [
        index
        for index, handling in enumerate(ref.whole.handlings)
        if handling.partition == partition and handling.begun < ref.received.at
    ]
    if not before:
        reject()
    late = list(ref.whole.handlings)
    late[before[-1]] = replace(late[before[-1]], ended=ref.received.at + 1.5)
    assert Kind.UNOWNED in kinds(with_session(good, ref, handlings=tuple(late)))


@given(seed=seeds)
@few_examples
def test_a_partition_assigned_before_its_release_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    owned_at = {ref.message["partition"]: ref.received.at for ref in message_refs(good, "owned")}
    candidates = (
        ref
        for ref in message_refs(good, "revoked")
        # Another member became the owner while this one was still connected.
        if ref.received.at < owned_at[ref.message["partition"]] < ref.whole.ended
    )
    ref = chosen(Random(seed), candidates)
    commands = [command for command in ref.whole.said if command.message.get("partition") != ref.message["partition"]]
    again = (
        candidate
        for candidate in message_refs(good, "owned")
        if candidate.message["partition"] == ref.message["partition"]
    )
    successor = min(
        (candidate for candidate in again if candidate.received.at > ref.received.at),
        key=lambda candidate: candidate.received.at,
    )
    if (successor.member, successor.session) == (ref.member, ref.session):
        reject()
    violation = next(
        violation
        for violation in violations(with_session(good, ref, said=tuple(commands)))
        if violation.kind is Kind.SHARED
    )
    assert violation.location.partition == ref.message["partition"]


@given(seed=seeds)
@few_examples
def test_handling_two_events_of_a_stream_at_once_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    random = Random(seed)
    pairs = [
        (ref, index, later)
        for ref in message_refs(good, "subscribed")
        for index, handling in enumerate(ref.whole.handlings)
        for later in ref.whole.handlings[index + 1 : index + 2]
        if handling.stream == later.stream
    ]
    ref, index, later = chosen(random, iter(pairs))
    long = list(ref.whole.handlings)
    long[index] = replace(long[index], ended=later.begun + 0.5)
    assert Kind.SHARED in kinds(with_session(good, ref, handlings=tuple(long)))


@given(seed=seeds)
@few_examples
def test_an_event_that_was_never_handled_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    last, redriven = heads(good), {redrive.parked.stream for redrive in good.groups[0].redriven}
    once = sent_once(good, lambda place: last[place[0]] == place[1] and place[0] not in redriven)
    ref, place = chosen(Random(seed), once)
    violation = violation_in(without(good, ref, place))
    assert violation.kind is Kind.UNHANDLED
    assert (violation.location.stream, violation.location.sequences) == (place[0], (place[1],))


@given(seed=seeds)
@few_examples
def test_a_skipped_event_is_reported_at_the_next_one(seed: int) -> None:
    good = group_transcript(seed)
    last, redriven = heads(good), {redrive.parked.stream for redrive in good.groups[0].redriven}
    once = sent_once(good, lambda place: place[1] < last[place[0]] and place[0] not in redriven)
    ref, place = chosen(Random(seed), once)
    violation = violation_in(without(good, ref, place))
    assert violation.kind is Kind.SKIPPED
    assert violation.location.stream == place[0]


@given(seed=seeds)
@few_examples
def test_a_failed_event_resent_without_its_attempt_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    again = (
        candidate
        for candidate in message_refs(good, "events")
        if "stream" in candidate.message and candidate.message["attempt"] > 1
    )
    ref = chosen(Random(seed), again)
    new = {name: value for name, value in ref.message.items() if name not in {"stream", "attempt"}}
    assert violation_in(with_message(good, ref, new)).kind is Kind.ATTEMPT


@given(seed=seeds)
@few_examples
def test_an_event_of_an_earlier_owner_resent_without_its_attempt_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    again = (
        candidate
        for candidate in message_refs(good, "events")
        if "stream" not in candidate.message and "attempt" in candidate.message
    )
    ref = chosen(Random(seed), again)
    new = {name: value for name, value in ref.message.items() if name != "attempt"}
    assert violation_in(with_message(good, ref, new)).kind is Kind.ATTEMPT


@given(seed=seeds)
@few_examples
def test_attempts_beyond_the_maximum_are_reported(seed: int) -> None:
    good = group_transcript(seed)
    ref = chosen(
        Random(seed), (candidate for candidate in message_refs(good, "events") if "stream" in candidate.message)
    )
    assert violation_in(with_message(good, ref, {**ref.message, "attempt": 4})).kind is Kind.ATTEMPT


@given(seed=seeds)
@few_examples
def test_acknowledging_before_handling_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    acks = (
        (ref, index, command)
        for ref in message_refs(good, "events")
        for index, command in enumerate(ref.whole.said)
        if command.message["action"] == "ack"
        and command.message.get("cursor") == ref.message.get("cursor")
        and command.message.get("stream") == ref.message.get("stream")
        and command.sent > ref.received.at
    )
    ref, index, ack = chosen(Random(seed), acks)
    early = list(ref.whole.said)
    early[index] = replace(ack, sent=ref.received.at + 0.1)
    tried = {
        (handling.stream, handling.sequence) for handling in ref.whole.handlings if handling.begun < ref.received.at
    }
    if any(where(event) in tried for event in ref.message["events"]):
        reject()
    assert Kind.CLIENT in kinds(with_session(good, ref, said=tuple(early)))


@given(seed=seeds)
@few_examples
def test_a_stream_that_was_parked_too_early_is_reported(seed: int) -> None:
    assert violation_in(with_parked(seed, attempts=2)).kind is Kind.PARKED


@given(seed=seeds)
@few_examples
def test_a_stream_parked_without_a_failure_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    group = good.groups[0]
    if not group.redriven:
        reject()
    parked = group.redriven[0].parked
    place = (parked.stream, parked.sequence)

    def kept(session: MemberSession) -> MemberSession:
        said = [
            command
            for command in session.said
            if (command.message.get("stream"), command.message.get("sequence")) != place
        ]
        return replace(session, said=tuple(said))

    members = [replace(member, sessions=tuple(map(kept, member.sessions))) for member in group.members]
    mutated = with_group(good, members=tuple(members))
    [reading] = Evidence(mutated).groups
    if sum(tries_of(grant, place, group.ack_deadline) for grant in reading.grants) >= group.max_attempts:
        # Timeouts and losses of owners suffice, whatever was nacked.
        reject()
    seen = [violation for violation in violations(mutated) if violation.kind is Kind.PARKED]
    assert any(
        violation.location.sequences == (parked.sequence,) and "was failed" in violation.sentence for violation in seen
    )


@given(seed=seeds)
@few_examples
def test_a_stream_that_is_parked_in_part_is_reported(seed: int) -> None:
    assert violation_in(with_parked(seed, letters=0)).kind is Kind.PARKED


@given(seed=seeds)
@few_examples
def test_an_event_that_a_redrive_does_not_send_again_is_reported(seed: int) -> None:
    good = group_transcript(seed)
    last = heads(good)
    redriven = {redrive.parked.stream: redrive for redrive in good.groups[0].redriven}

    def unhandled_after_redrive(place: Where) -> bool:
        redrive = redriven.get(place[0])
        return redrive is not None and place[1] == last[place[0]] > redrive.parked.sequence

    ref, place = chosen(Random(seed), sent_once(good, unhandled_after_redrive))
    violation = violation_in(without(good, ref, place))
    assert violation.kind is Kind.REDRIVE
    assert (violation.location.stream, violation.location.sequences) == (place[0], (place[1],))


def with_parked(seed: int, **changes: int) -> Transcript:
    """A transcript whose list of parked streams was changed."""
    good = group_transcript(seed)
    redriven = list(good.groups[0].redriven)
    if not redriven:
        reject()
    redriven[0] = replace(redriven[0], parked=replace(redriven[0].parked, **changes))
    return with_group(good, redriven=tuple(redriven))


def kinds(bad: Transcript) -> set[Kind]:
    return {violation.kind for violation in violations(bad)}
