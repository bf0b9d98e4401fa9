"""Durable subscriptions in recorded transcripts: a line a group, member, attendance, target and call.

Members and the target belong to the group above them, attendances to the member, calls to the target.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
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


@dataclass(slots=True)
class _Lines:
    """The lines of a group.

    Attributes:
        group: The group, without its members and its target.
        members: The name and the sessions of each.
        target: The target, without its calls.
    """

    group: Group
    members: list[tuple[str, list[MemberSession]]] = field(default_factory=list)
    target: Target | None = None
    calls: list[Call] = field(default_factory=list)

    def whole(self) -> Group:
        members = tuple(Member(name=name, sessions=tuple(sessions)) for name, sessions in self.members)
        target = None if self.target is None else replace(self.target, calls=tuple(self.calls))
        return replace(self.group, members=members, target=target)


class GroupReader:
    """Reads the lines of groups."""

    def __init__(self) -> None:
        self._groups: list[_Lines] = []

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that were read."""
        return tuple(lines.whole() for lines in self._groups)

    def take(self, kind: str, members: dict[str, Any]) -> None:
        """Read a line.

        Raises:
            ValueError: Its kind is not one of a group, or no target stands above a call.
            IndexError: No group, or no member, stands above it.
        """
        match kind:
            case "group":
                self._groups.append(_Lines(_group(members)))
            case "member":
                self._groups[-1].members.append((members["name"], []))
            case "attendance":
                self._groups[-1].members[-1][1].append(_attendance(members))
            case "target":
                self._groups[-1].target = _target(members)
            case "call":
                lines = self._groups[-1]
                if lines.target is None:
                    raise ValueError("no target stands above the call")
                lines.calls.append(_call(members))
            case _:
                raise ValueError(f"there is no kind {kind!r}")


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
