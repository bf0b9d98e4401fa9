"""The checker on members that handle what they have while the hub takes them for gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.transcripts.checker import violations
from tests.transcripts.membership import Group, Handling, Member, MemberSession, SentCommand
from tests.transcripts.transcript import Ending, Publish, Received, Result, StoredStream, Transcript
from tests.transcripts.violation import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.transcript import Json

_SUBSCRIBE = {"action": "subscribe", "id": "w", "subscription": "workers"}
_EVENTS = [{"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"} for number in (1, 2, 3)]
_PLACES = [{"hubstream": "wf", "hubsequence": str(number), "hubtime": "2026-01-01T00:00:00Z"} for number in (1, 2, 3)]
_RECORDED: Sequence[Json] = [event | place for event, place in zip(_EVENTS, _PLACES, strict=True)]


def frame(at: float, number: int, **members: object) -> Received:
    return Received(at, {"id": "w", "partition": 0, "frame": number, **members})


def owned(at: float, number: int) -> Received:
    return frame(at, number, type="owned", cursor=f"c{number}", ack_deadline=30)


def events(at: float, number: int, **members: object) -> Received:
    return frame(at, number, type="events", cursor=f"c{number}", events=list(_RECORDED), **members)


def handled(sequence: int, number: int, begun: float) -> Handling:
    return Handling(partition=0, frame=number, stream="wf", sequence=sequence, begun=begun, ended=begun + 0.1)


def session(received: Sequence[Received], handlings: Sequence[Handling], ended: float, ending: Ending) -> MemberSession:
    acks = [SentCommand({"action": "ack", "id": "w", "stream": "wf", "sequence": 1}, 2.0, 2.1)]
    return MemberSession(
        connected=1.0,
        sent=1.0,
        subscribe=_SUBSCRIBE,
        received=tuple(received),
        handlings=tuple(handlings),
        said=tuple(acks),
        dropped=(),
        ended=ended,
        ending=ending,
    )


def taken_over(first: MemberSession) -> Transcript:
    """A second member owns the partition from 10.0 on, and is sent everything again."""
    second = session(
        [owned(10.0, 3), events(10.1, 4, attempt=2)],
        [handled(sequence, 4, 10.2 + sequence) for sequence in (1, 2, 3)],
        20.0,
        Ending.CLOSED,
    )
    members = (Member(name="first", sessions=(first,)), Member(name="second", sessions=(second,)))
    results = tuple(Result("wf", number, str(number), duplicate=False) for number in (1, 2, 3))
    publish = Publish(publisher="p", begun=0.1, answered=0.2, events=tuple(_EVENTS), stream="wf", results=results)
    group = Group(name="workers", wanted={}, ack_deadline=30, max_attempts=3, members=members)
    stored = StoredStream(stream="wf", first=1, events=tuple(_RECORDED))
    return Transcript(publishes=(publish,), streams=(stored,), subscribers=(), groups=(group,))


_LATE = session(
    [owned(1.5, 1), events(1.6, 2)],
    [handled(1, 2, 1.7), handled(2, 2, 11.0), handled(3, 2, 12.0)],
    12.5,
    Ending.DISCONNECTED,
)


def test_a_member_that_learns_late_that_it_was_cut_off_breaks_no_order() -> None:
    assert violations(taken_over(_LATE)) == []


def test_a_member_whose_instance_hangs_until_it_leaves_loses_its_partitions() -> None:
    unanswered = SentCommand({"action": "ack", "id": "w", "stream": "wf", "sequence": 2}, 11.2, None)
    assert violations(taken_over(replace(_LATE, ending=Ending.CLOSED, said=(*_LATE.said, unanswered)))) == []


def test_a_member_that_the_hub_answers_keeps_its_partitions() -> None:
    broken = violations(taken_over(replace(_LATE, ending=Ending.CLOSED)))
    assert Kind.SHARED in {violation.kind for violation in broken}
