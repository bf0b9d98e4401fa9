"""The calls of a target, read by stream: what was handled, what the hub may know, and which attempts failed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.transcripts.calls import Reply
from tests.transcripts.content import where
from tests.transcripts.violation import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.transcripts.calls import Call, Pushed, Target
    from tests.transcripts.content import Where
    from tests.transcripts.membership import Group

__all__ = ["Acknowledged", "NumberedCall", "TargetReading"]

_UNTIMED = 1.5
"""The most seconds by which a call may time out before the target has worked for the deadline: the hub connects, sends
and is late meanwhile."""

_UNSEEN = 2
"""How many calls that find a target absent count as attempts: the third opens the circuit, and is none (docs/rules.md,
"Circuits")."""

_NO_ATTEMPT = frozenset({Reply.HANDLED, Reply.THROTTLED, Reply.CALLER_KILLED})
"""Answers after which no attempt of the first event is counted, unless they name it or come too late."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An event whose call was answered so that it is handled."""

    at: float
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True)
class NumberedCall:
    """A call, with its number from 1.

    Attributes:
        by_stream: Its events.
    """

    group: str
    number: int
    call: Call
    by_stream: Mapping[str, Sequence[Pushed]]

    def location(self, stream: str, *sequences: int) -> Location:
        """The location of events of the call."""
        return Location(subscriber=self.group, call=self.number, stream=stream, sequences=sequences)

    def failed(self, deadline: float) -> Iterator[Where]:
        """The event of each stream that this call may have counted an attempt of: the first that was not handled."""
        is_late = self.call.ended - self.call.begun >= deadline - _UNTIMED
        for events in self.by_stream.values():
            if is_late or self.call.reply not in _NO_ATTEMPT:
                yield where(events[0].event)
            yield from [where(pushed.event) for pushed in events if pushed.failed][:1]

    def acknowledged(self) -> Iterator[Acknowledged]:
        """The events that the answer says are handled."""
        if self.call.reply is not Reply.HANDLED:
            return
        for events in self.by_stream.values():
            for pushed in events:
                if pushed.failed or pushed.handled is None:
                    break
                yield Acknowledged(self.call.ended, *where(pushed.event))


class TargetReading:
    """The calls of the target of a durable subscription.

    Attributes:
        batch: The most events of one call.
        calls: In the order in which they began.
        handled: When each event was handled last.
    """

    def __init__(self, group: Group, target: Target) -> None:
        self.calls = [
            NumberedCall(group.name, number, call, _by_stream(call)) for number, call in enumerate(target.calls, 1)
        ]
        self.handled: Mapping[Where, float] = {
            where(pushed.event): pushed.handled
            for call in target.calls
            for pushed in call.events
            if pushed.handled is not None
        }
        self.batch = target.batch
        self._target = target
        self._redriven = group.redriven
        self._failed: dict[Where, list[Call]] = defaultdict(list)
        for numbered in self.calls:
            for place in set(numbered.failed(group.ack_deadline)):
                self._failed[place].append(numbered.call)

    def failures(self, place: Where, until: float) -> Sequence[Call]:
        """The failed calls that may have counted as attempts of an event before a time, since its stream was redriven.

        The call that begins at that time is not one of them, as its number counts the failures before it.
        """
        since = self._since(place[0], until)
        return [call for call in self._failed.get(place, ()) if since <= call.begun < until]

    def unseen(self, stream: str, until: float) -> int:
        """How many attempts of an event of a stream the target cannot know of, because it was absent."""
        since = self._since(stream, until)
        return _UNSEEN * sum(absence.since <= until and since <= absence.until for absence in self._target.absences)

    def attempts(self, place: Where, until: float) -> int:
        """The most attempts of an event that may have been counted by a time, since its stream was redriven."""
        return len(self.failures(place, until)) + self.unseen(place[0], until)

    def refused(self, place: Where, until: float) -> bool:
        """Whether the target said that another attempt of an event would be in vain."""
        return any(call.reply is Reply.REFUSED for call in self.failures(place, until))

    def _since(self, stream: str, until: float) -> float:
        # The stream was parked before it was redriven: calls of before have no part in a later listing.
        return max(
            (redriven.at for redriven in self._redriven if redriven.parked.stream == stream and redriven.at < until),
            default=0.0,
        )


def _by_stream(call: Call) -> Mapping[str, Sequence[Pushed]]:
    streams: dict[str, list[Pushed]] = defaultdict(list)
    for pushed in call.events:
        streams[where(pushed.event)[0]].append(pushed)
    return streams
