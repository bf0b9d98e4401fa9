"""Guarantees 1 to 3: the answers to publishers against the content of the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.transcripts.content import key, published_part, same, where
from tests.transcripts.violation import Kind, Location, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.content import Key, Where
    from tests.transcripts.evidence import Evidence

__all__ = ["gaps", "lost", "misplaced", "strangers", "torn", "twice"]


def lost(evidence: Evidence) -> Iterator[Violation]:
    """An answered event is stored at its answered position, unless it was removed since."""
    by_position = {where(event): event for stream in evidence.ledger.streams.values() for event in stream.events}
    for publish, event, result in evidence.ledger.answers():
        if result.sequence < evidence.ledger.first(result.stream):
            continue
        stored = by_position.get((result.stream, result.sequence))
        location = Location(publisher=publish.publisher, stream=result.stream, sequences=(result.sequence,))
        at = publish.answered or publish.begun
        if stored is None or key(stored) != key(event):
            there = "nothing" if stored is None else f"{stored['id']!r} of {stored['source']!r}"
            sentence = f"{event['id']!r} of {event['source']!r} was answered this place, where the store holds {there}"
            yield Violation(Kind.LOST, at, sentence, location)
        elif not same(published_part(stored), published_part(event)):
            sentence = (
                f"{event['id']!r} was published as {published_part(event)}, and stored as {published_part(stored)}"
            )
            yield Violation(Kind.ALTERED, at, sentence, location)


def misplaced(evidence: Evidence) -> Iterator[Violation]:
    """Answers are consistent: one position for each event, one event for each position, one result for each event."""
    events: dict[Where, Key] = {}
    places: dict[tuple[str, Key], int] = {}
    for publish in evidence.ledger.publishes:
        at = publish.begun if publish.answered is None else publish.answered
        if publish.answered is not None and len(publish.results) != len(publish.events):
            sentence = f"{len(publish.events)} events were answered by {len(publish.results)} results"
            yield Violation(Kind.MISPLACED, at, sentence, Location(publisher=publish.publisher))
    for publish, event, result in evidence.ledger.answers():
        named = key(event)
        at = publish.begun if publish.answered is None else publish.answered
        location = Location(publisher=publish.publisher, stream=result.stream, sequences=(result.sequence,))
        other = events.setdefault((result.stream, result.sequence), named)
        if other != named or result.id != event["id"]:
            sentence = f"the place of {other[1]!r} of {other[0]!r} was answered to {named[1]!r} of {named[0]!r}"
            yield Violation(Kind.MISPLACED, at, sentence, location)
        before = places.setdefault((result.stream, named), result.sequence)
        if before != result.sequence:
            sentence = f"{named[1]!r} of {named[0]!r} was answered {before} before"
            yield Violation(Kind.MISPLACED, at, sentence, location)


def twice(evidence: Evidence) -> Iterator[Violation]:
    """A stream stores each source and id once."""
    for stream in evidence.ledger.streams.values():
        places: dict[Key, int] = {}
        for event in stream.events:
            sequence = where(event)[1]
            before = places.setdefault(key(event), sequence)
            if before != sequence:
                location = Location(stream=stream.stream, sequences=(before, sequence))
                sentence = f"{event['id']!r} of {event['source']!r} stands at {before} and at {sequence}"
                yield Violation(Kind.TWICE, evidence.end, sentence, location)


def gaps(evidence: Evidence) -> Iterator[Violation]:
    """The stored and the answered sequences of a stream start at 1 and have no gap."""
    sequences: dict[str, set[int]] = defaultdict(set)
    for _, _, result in evidence.ledger.answers():
        sequences[result.stream].add(result.sequence)
    unanswered: Counter[str | None] = Counter()
    for publish in evidence.ledger.publishes:
        if publish.answered is None:
            unanswered[publish.stream] += len(publish.events)
    for name in sorted({*sequences, *evidence.ledger.streams}):
        first = evidence.ledger.first(name)
        stream = evidence.ledger.streams.get(name)
        kept = [where(event)[1] for event in stream.events] if stream else []
        if kept != list(range(first, first + len(kept))):
            sentence = f"the store holds {_spans(kept)} of {name!r}, whose first kept is {first}"
            yield Violation(Kind.GAP, evidence.end, sentence, Location(stream=name, sequences=tuple(kept)))
        absent = sorted(set(range(1, first)) - sequences[name])
        # An event of an attempt without an answer may have been stored and removed, and stored again by the next one.
        if len(absent) > unanswered[name] + unanswered[None]:
            sentence = f"nobody was answered {_spans(absent)} of {name!r}, and no attempt without an answer explains it"
            yield Violation(Kind.GAP, evidence.end, sentence, Location(stream=name, sequences=tuple(absent)))


def torn(evidence: Evidence) -> Iterator[Violation]:
    """An unanswered batch is stored as a whole, or not at all."""
    answered = {key(event) for _, event, _ in evidence.ledger.answers()}
    for publish in evidence.ledger.publishes:
        stream = evidence.ledger.streams.get(publish.stream or "")
        if publish.answered is not None or stream is None or stream.first > 1:
            continue
        held = {key(event): where(event)[1] for event in stream.events}
        batch = [key(event) for event in publish.events]
        there = [held[event_key] for event_key in batch if event_key in held]
        if not answered.intersection(batch) and 0 < len(there) < len(batch):
            sentence = f"{len(there)} of {len(batch)} events of one batch are stored"
            location = Location(publisher=publish.publisher, stream=stream.stream, sequences=tuple(there))
            yield Violation(Kind.TORN, evidence.end, sentence, location)


def strangers(evidence: Evidence) -> Iterator[Violation]:
    """The store contains published events only."""
    for stream in evidence.ledger.streams.values():
        for event in stream.events:
            attempts = evidence.ledger.published.get(key(event), [])
            if not any(same(published_part(event), attempt) for attempt in attempts):
                kind = Kind.ALTERED if attempts else Kind.INVENTED
                sentence = f"the store holds {published_part(event)}, which nobody published so"
                location = Location(stream=stream.stream, sequences=(where(event)[1],))
                yield Violation(kind, evidence.end, sentence, location)


def _spans(sequences: list[int]) -> str:
    spans: list[list[int]] = []
    for sequence in sequences:
        if spans and spans[-1][1] + 1 == sequence:
            spans[-1][1] = sequence
        else:
            spans.append([sequence, sequence])
    return ", ".join(f"{first}..{last}" if first != last else str(first) for first, last in spans) or "nothing"
