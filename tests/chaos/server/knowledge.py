"""What publishers know: where their events are stored, since when, and which streams lose events on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.transcripts.content import published_part, same, where
from tests.transcripts.matching import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.transcripts.content import Where
    from tests.transcripts.publisher import Publisher
    from tests.transcripts.transcript import Json

__all__ = ["Knowledge"]


@dataclass
class Knowledge:
    """The answered events of streams that keep all events, and what is wrong about answers of the hub.

    Attributes:
        brief: The streams of which events are removed.
        gone: Those that were deleted permanently, or may have been.
        wrong: What was read and cannot be.
    """

    brief: frozenset[str]
    events: dict[Where, Json] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    def learn(self, publisher: Publisher) -> None:
        """Take in what a publisher was answered since."""
        publishes = publisher.publishes
        start = self._seen.get(publisher.name, 0)
        for index in range(start, len(publishes)):
            publish = publishes[index]
            for event, result in zip(publish.events, publish.results, strict=False):
                if result.stream not in self.brief:
                    self.events[result.stream, result.sequence] = event
        # A publish that is under way may still be answered.
        pending = next((i for i in range(start, len(publishes)) if publishes[i].answered is None), len(publishes))
        self._seen[publisher.name] = max(start, pending)

    def due(self, filters: Sequence[Json] = (), stream: str | None = None, first: int = 1) -> dict[Where, Json]:
        """What a read that begins now must return."""
        return {
            place: event
            for place, event in self.events.items()
            if (stream is None or place[0] == stream) and place[1] >= first and _matches(filters, event, place)
        }

    def check(self, about: str, due: dict[Where, Json], events: Sequence[Json], *, first: int | None = None) -> None:
        """Compare what was read with what was due when the read began.

        Args:
            about: What was read, and how.
            first: The sequence from which on the events of one stream have no gap; `None` if they are a selection.
        """
        got = {where(event): event for event in events}
        if missing := sorted(due.keys() - got.keys()):
            self.wrong.append(f"{about} misses {len(missing)} events, such as {missing[0]}")
        for place, event in due.items():
            if place in got and not same(published_part(got[place]), published_part(event)):
                self.wrong.append(f"{about} has {got[place]} at {place}, where {event} was published")
        places = [where(event) for event in events]
        if first is not None and [place[1] for place in places] != list(range(first, first + len(places))):
            self.wrong.append(f"{about} has a gap or disorder: {_short(place[1] for place in places)}")
        last: dict[str, int] = {}
        for stream, sequence in places:
            if sequence <= last.get(stream, 0):
                self.wrong.append(f"{about} has {sequence} of {stream} behind {last[stream]}")
            last[stream] = sequence


def _matches(filters: Sequence[Json], event: Json, place: Where) -> bool:
    recorded = {**event, "hubstream": place[0], "hubsequence": str(place[1])}
    return all(matches(one, recorded) for one in filters)


def _short(numbers: Iterable[int]) -> str:
    listed = list(numbers)
    return f"{listed[:20]} of {len(listed)}"
