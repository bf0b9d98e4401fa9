"""The grants of members of a durable subscription, by docs/protocol.md, "Durable subscriptions"."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.matching import wanted
from tests.transcripts.pushes import TargetReading
from tests.transcripts.reading import Frame, Verdict
from tests.transcripts.transcript import Ending
from tests.transcripts.violation import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.transcripts.content import Where
    from tests.transcripts.ledger import Entry, Ledger
    from tests.transcripts.membership import Group, Handling, Member, MemberSession, Parked, SentCommand
    from tests.transcripts.pushes import NumberedCall
    from tests.transcripts.transcript import Received

__all__ = ["Grant", "GroupReading", "Try", "cut_off"]

_NUMBERED = frozenset({"owned", "revoked", "events", "truncated"})


@dataclass(eq=False, slots=True)
class Grant:
    """The ownership of a partition, from `owned` until its member releases it.

    Attributes:
        cursor: That of `owned`.
        until: When the member sent `release` or `unsubscribe`, was granted it again, or disconnected.
        frames: Those of events, in the order of their numbers.
    """

    member: Member
    session: int
    whole: MemberSession
    partition: int
    at: float
    until: float = inf
    cursor: str = ""
    frames: list[Frame] = field(default_factory=list)

    def said(self) -> Iterator[SentCommand]:
        """The member's commands about the partition meanwhile; commands by stream are assigned by its frames."""
        streams = {name for frame in self.frames for name, _ in map(where, frame.events)}
        cursors = {self.cursor, *(frame.message["cursor"] for frame in self.frames if "cursor" in frame.message)}
        for said in self.whole.said:
            message = said.message
            ours = message.get("partition") == self.partition or message.get("stream") in streams
            named = message.get("cursor", ())
            ours = ours or not cursors.isdisjoint([named] if isinstance(named, str) else named)
            if self.at <= said.sent <= self.until and ours:
                yield said

    def location(self, stream: str, sequence: int) -> Location:
        """The location of an event of the grant."""
        return Location(
            subscriber=self.member.name,
            session=self.session,
            partition=self.partition,
            stream=stream,
            sequences=(sequence,),
        )

    def silences(self, since: float, deadline: float) -> int:
        """How many deadlines, from a time on, passed without a command about the partition."""
        end = min(self.until, self.whole.ended)
        # The hub may not have received an unanswered command.
        heard = [said.answered for said in self.said() if said.answered is not None]
        moments = sorted([since, end, *(moment for moment in heard if since < moment < end)])
        return sum(int((after - before) / deadline) for before, after in pairwise(moments))

    def silent(self, since: float, until: float) -> bool:
        """Whether the hub received no command of the member in a period."""
        return not any(since <= (said.answered or said.sent) and said.sent <= until for said in self.said())


@dataclass(frozen=True, slots=True)
class Try:
    """A handling and its member; `cut_off` if the hub or the network ended the member's session."""

    member: str
    session: int
    handling: Handling
    cut_off: bool

    @property
    def until(self) -> float:
        return self.handling.ended

    @property
    def well(self) -> bool:
        return not self.handling.failed

    @property
    def location(self) -> Location:
        handling = self.handling
        return Location(
            subscriber=self.member,
            session=self.session,
            partition=handling.partition,
            frame=handling.frame,
            stream=handling.stream,
            sequences=(handling.sequence,),
        )


class GroupReading:
    """The members of a durable subscription, as frames, grants and attempts, or the calls of its target.

    Attributes:
        frames: Every numbered message.
        tries: In the order in which they began, by stream.
        target: Its target; `None` if it has members.
        entries: What the subscription has a right to, in order, by stream.
        order: The places of these events in that order, by stream and sequence.
    """

    def __init__(self, group: Group, ledger: Ledger) -> None:
        self.group = group
        self.frames: list[Frame] = []
        self.grants: list[Grant] = []
        for member in group.members:
            for number, session in enumerate(member.sessions, 1):
                self._read(member, number, session)
        self.tries: Mapping[str, Sequence[Try]] = self._tries()
        entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in ledger.entries.values():
            if entry.kept and wanted(group.wanted, entry.event):
                entries[entry.stream].append(entry)
        self.entries: Mapping[str, Sequence[Entry]] = entries
        self.order: Mapping[str, Mapping[int, int]] = {
            stream: {entry.sequence: index for index, entry in enumerate(owed)} for stream, owed in entries.items()
        }
        self.target = None if group.target is None else TargetReading(group, group.target)
        self.handled: Mapping[Where, float] = {
            (attempt.handling.stream, attempt.handling.sequence): attempt.until
            for tries in self.tries.values()
            for attempt in tries
            if attempt.well
        } | ({} if self.target is None else dict(self.target.handled))
        """The last time that each event was handled."""

    @property
    def calls(self) -> Sequence[NumberedCall]:
        """The calls of its target; none if it has members."""
        return self.target.calls if self.target is not None else ()

    def location(self, stream: str, *sequences: int) -> Location:
        """The location of events of the subscription."""
        return Location(subscriber=self.group.name, stream=stream, sequences=sequences)

    def superseded(self, attempt: Try) -> bool:
        """Whether a member handled an event while the hub had cut it off, and another owned the partition already."""
        if not attempt.cut_off:
            return False
        handling = attempt.handling
        own = (attempt.member, attempt.session)
        before = [one for one in self.grants if one.partition == handling.partition and one.at <= handling.begun]
        newest = max(before, key=lambda one: one.at, default=None)
        return newest is not None and (newest.member.name, newest.session) != own

    def listed(self, end: float) -> Iterator[tuple[float, Parked]]:
        """The parked streams, with the times of their listings."""
        if self.group.finished:
            yield from ((end, parked) for parked in self.group.parked)
        yield from ((redriven.at, redriven.parked) for redriven in self.group.redriven)

    def _read(self, member: Member, number: int, session: MemberSession) -> None:
        last: dict[int, int] = defaultdict(int)
        open_grants: dict[int, Grant] = {}
        for index, received in enumerate(session.received, 1):
            message = received.message
            if message.get("type") not in _NUMBERED or message["id"] != session.subscribe["id"]:
                continue
            partition = message["partition"]
            grant = open_grants.get(partition)
            # Frames in transit may still arrive after `unsubscribe`, but not after `revoked` and `release`.
            owned = grant is not None and received.at <= _released(session, partition, grant.at)
            verdict = _verdict(received, last[partition], owned=owned)
            frame = Frame(member.name, number, index, received.at, message, received.handled, verdict, last[partition])
            self.frames.append(frame)
            last[partition] = max(last[partition], frame.number)
            if verdict is Verdict.NEXT and frame.kind == "owned":
                if grant is not None:
                    grant.until = min(grant.until, received.at)
                until = _let_go(session, partition, received.at)
                cursor = message.get("cursor", "")
                open_grants[partition] = Grant(member, number, session, partition, received.at, until, cursor)
                self.grants.append(open_grants[partition])
            elif verdict is Verdict.NEXT and grant is not None and frame.kind == "events":
                grant.frames.append(frame)

    def _tries(self) -> Mapping[str, Sequence[Try]]:
        tries: dict[str, list[Try]] = defaultdict(list)
        for member in self.group.members:
            for number, session in enumerate(member.sessions, 1):
                for one in session.handlings:
                    tries[one.stream].append(Try(member.name, number, one, cut_off(session)))
        return {
            stream: sorted(attempts, key=lambda attempt: attempt.handling.begun) for stream, attempts in tries.items()
        }


def _verdict(received: Received, last: int, *, owned: bool) -> Verdict:
    number = received.message["frame"]
    if number <= last:
        return Verdict.REPEAT
    if received.message["type"] == "owned":
        # Other members received the numbers between.
        return Verdict.NEXT
    if not owned:
        return Verdict.STRANGE
    return Verdict.NEXT if number == last + 1 else Verdict.HOLE


def cut_off(session: MemberSession) -> bool:
    """Whether the hub may have taken a member for gone: it ended the session, or hung until the member ended it."""
    return session.ending is Ending.DISCONNECTED or any(said.answered is None for said in session.said)


def _released(session: MemberSession, partition: int, since: float) -> float:
    releases = (said for said in session.said if said.message.get("partition") == partition)
    return min((said.sent for said in releases if said.sent >= since), default=session.ended)


def _let_go(session: MemberSession, partition: int, since: float) -> float:
    left = (said.sent for said in session.said if said.message["action"] == "unsubscribe")
    return min([_released(session, partition, since), *left])
