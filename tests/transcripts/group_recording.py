"""Durable subscriptions in recorded transcripts: a line a group, member, attendance, target and call.

Members and the target belong to the group above them, attendances to the member, calls to the target.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tests.transcripts.calls import Absence, Call, Pushed, Reply, Target
from tests.transcripts.membership import Dropped, Group, Handling, Member, MemberSession, Parked, Redriven, SentCommand
from tests.transcripts.transcript import Ending, Received

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GroupReader", "group_lines"]


def group_lines(group: Group) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines of a group, each as its kind and its members."""
    yield "group", asdict(replace(group, members=(), target=None))
    for member in group.members:
        yield "member", {"name": member.name}
        for attendance in member.sessions:
            yield "attendance", asdict(attendance)
    if group.target is not None:
        yield "target", asdict(replace(group.target, calls=()))
        for call in group.target.calls:
            yield "call", asdict(call)


class GroupReader:
    """Reads the lines of groups."""

    def __init__(self) -> None:
        self._groups: list[Group] = []

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that were read."""
        return tuple(self._groups)

    def take(self, kind: str, members: dict[str, Any]) -> None:
        """Read a line.

        Raises:
            ValueError: Its kind is not one of a group.
        """
        if kind == "group":
            self._groups.append(_group(members))
            return
        group = self._groups[-1]
        match kind:
            case "member":
                group = replace(group, members=(*group.members, Member(name=members["name"], sessions=())))
            case "attendance":
                member = group.members[-1]
                member = replace(member, sessions=(*member.sessions, _attendance(members)))
                group = replace(group, members=(*group.members[:-1], member))
            case "target":
                group = replace(group, target=_target(members))
            case "call" if group.target is not None:
                target = replace(group.target, calls=(*group.target.calls, _call(members)))
                group = replace(group, target=target)
            case _:
                raise ValueError(f"there is no kind {kind!r}")
        self._groups[-1] = group


def _attendance(members: dict[str, Any]) -> MemberSession:
    return MemberSession(
        received=tuple(Received(**item) for item in members.pop("received")),
        handlings=tuple(Handling(**item) for item in members.pop("handlings")),
        said=tuple(SentCommand(**item) for item in members.pop("said")),
        dropped=tuple(Dropped(**item) for item in members.pop("dropped")),
        ending=Ending(members.pop("ending")),
        **members,
    )


def _group(members: dict[str, Any]) -> Group:
    redriven, parked = members.pop("redriven"), members.pop("parked")
    del members["members"]
    return Group(
        members=(),
        redriven=tuple(Redriven(parked=_parked(item.pop("parked")), **item) for item in redriven),
        parked=tuple(map(_parked, parked)),
        **members,
    )


def _parked(members: dict[str, Any]) -> Parked:
    return Parked(errors=tuple(members.pop("errors")), **members)


def _target(members: dict[str, Any]) -> Target:
    absences = tuple(Absence(**item) for item in members.pop("absences"))
    return Target(calls=tuple(members.pop("calls")), absences=absences, **members)


def _call(members: dict[str, Any]) -> Call:
    events = tuple(Pushed(**item) for item in members.pop("events"))
    return Call(events=events, reply=Reply(members.pop("reply")), **members)
