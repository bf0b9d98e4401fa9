"""The published and stored events, and what is known about their times."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from tests.transcripts.content import key, published_part, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.transcripts.content import Key, Where
    from tests.transcripts.transcript import Json, Publish, Result, StoredStream, Transcript

__all__ = ["Entry", "Ledger"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its place.

    Attributes:
        event: As published, with its place as the hub's extensions.
        begun: It was not stored before.
        answered: The time by which it was stored; infinite without an answer.
        kept: The store still holds it in the end.
    """

    stream: str
    sequence: int
    event: Json
    begun: float
    answered: float
    kept: bool


class Ledger:
    """All events of the store, since its last reset.

    Attributes:
        since: When it was made; before all else if it never was again.
        entries: In order of streams and sequences.
        published: What was published under a source and id, each time.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.since = max(transcript.recreated, default=-inf)
        self.publishes: Sequence[Publish] = [one for one in transcript.publishes if one.begun >= self.since]
        self.streams: Mapping[str, StoredStream] = {stream.stream: stream for stream in transcript.streams}
        self.published: dict[Key, list[Json]] = defaultdict(list)
        self._begun: dict[Key, float] = {}
        for publish in self.publishes:
            for event in publish.events:
                self.published[key(event)].append(published_part(event))
                self._begun[key(event)] = min(publish.begun, self._begun.get(key(event), inf))
        by_position = {(one.stream, one.sequence): one for one in self._stored()}
        for publish, event, result in self.answers():
            place = result.stream, result.sequence
            by_position[place] = self._answered(publish, event, result, by_position.get(place))
        self.entries: Mapping[Where, Entry] = {place: by_position[place] for place in sorted(by_position)}
        self._heads: Mapping[str, int] = dict(self.entries.keys())

    def answers(self) -> Iterator[tuple[Publish, Json, Result]]:
        """Every event of every answered publish, with its result."""
        for publish in self.publishes:
            for event, result in zip(publish.events, publish.results, strict=False):
                yield publish, event, result

    def head(self, stream: str) -> int:
        """The last known sequence of a stream."""
        return max(self._heads.get(stream, 0), self.first(stream) - 1)

    def first(self, stream: str) -> int:
        """The first stored sequence of a stream."""
        return self.streams[stream].first if stream in self.streams else 1

    def _stored(self) -> Iterator[Entry]:
        for stream in self.streams.values():
            for event in stream.events:
                name, sequence = where(event)
                yield Entry(name, sequence, event, self._begun.get(key(event), -inf), inf, kept=True)

    def _answered(self, publish: Publish, event: Json, result: Result, known: Entry | None) -> Entry:
        # An unanswered attempt stored a duplicate; this attempt stored any other event.
        begun = self._begun[key(event)] if result.duplicate else publish.begun
        answered = inf if publish.answered is None else publish.answered
        content = {**published_part(event), "hubstream": result.stream, "hubsequence": str(result.sequence)}
        if known is None:
            return Entry(result.stream, result.sequence, content, begun, answered, kept=False)
        return Entry(
            known.stream,
            known.sequence,
            known.event,
            max(begun, known.begun),
            min(answered, known.answered),
            kept=known.kept,
        )
