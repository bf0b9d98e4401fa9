"""The recording members acknowledge only what they have handled."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.transcripts.content import Where
    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import Grant
    from tests.transcripts.membership import SentCommand

__all__ = ["unhandled_acks"]


def unhandled_acks(evidence: Evidence) -> Iterator[Violation]:
    """Acknowledged events were handled before; a cursor may also pass dropped events, and answered nacks."""
    for group in evidence.groups:
        for grant in group.grants:
            handled, passed = _handled(grant), _passed(grant)
            for said in grant.said():
                # A list of cursors was acknowledged before: it says that the member is at work, and no more.
                if said.message["action"] != "ack" or isinstance(said.message.get("cursor"), list):
                    continue
                later = said.sent + 1
                for place in _acknowledged(grant, said):
                    passed_by = passed.get(place, later) if "cursor" in said.message else later
                    if min(handled.get(place, later), passed_by) > said.sent:
                        sentence = f"{place[1]} of {place[0]!r} was acknowledged, and had not been handled"
                        yield Violation(Kind.CLIENT, said.sent, sentence, grant.location(*place))


def _acknowledged(grant: Grant, said: SentCommand) -> Iterator[Where]:
    """The events that a command acknowledges: those up to its cursor, or the named event.

    What is before that one in its stream, the order of handling proves.
    """
    if "cursor" not in said.message:
        yield said.message["stream"], said.message["sequence"]
        return
    for frame in grant.frames:
        if "cursor" in frame.message:
            yield from map(where, frame.events)
            if frame.message["cursor"] == said.message["cursor"]:
                return


def _handled(grant: Grant) -> Mapping[Where, float]:
    """When the owner first handled each event, in any frame."""
    mine = {frame.number for frame in grant.frames}
    return _first(
        ((handling.stream, handling.sequence), handling.ended)
        for handling in grant.whole.handlings
        if handling.partition == grant.partition and handling.frame in mine and not handling.failed
    )


def _passed(grant: Grant) -> Mapping[Where, float]:
    """When the owner nacked or dropped each event, which has to be sent again."""
    dropped = (
        ((dropped.stream, dropped.sequence), dropped.at) for dropped in grant.whole.dropped if dropped.at >= grant.at
    )
    nacked = (
        ((said.message["stream"], said.message["sequence"]), said.answered)
        for said in grant.said()
        if said.message["action"] == "nack" and said.answered is not None
    )
    return _first(chain(dropped, nacked))


def _first(moments: Iterable[tuple[Where, float]]) -> Mapping[Where, float]:
    first: dict[Where, float] = {}
    for place, at in moments:
        first[place] = min(at, first.get(place, at))
    return first
