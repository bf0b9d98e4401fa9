"""Guarantees 5 and 6: received events were published, are unchanged, and match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.content import key, published_part, same, where
from tests.transcripts.matching import wanted
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import GroupReading
    from tests.transcripts.ledger import Ledger
    from tests.transcripts.transcript import Json
    from tests.transcripts.violation import Location

__all__ = ["early", "invented", "unwanted"]


def invented(evidence: Evidence) -> Iterator[Violation]:
    """Every received event was published, is at its position, and has its published content."""
    for reading in evidence.readings:
        for frame in reading.frames:
            if frame.session in reading.sessions:
                for event in frame.events:
                    yield from _checked(evidence.ledger, event, frame.at, frame.location(*where(event)))
    for group in evidence.groups:
        for event, at, place in _received(group):
            yield from _checked(evidence.ledger, event, at, place)


def unwanted(evidence: Evidence) -> Iterator[Violation]:
    """Every event received matches the filters and streams of its subscription."""
    for reading in evidence.readings:
        for frame in reading.frames:
            subscribe = reading.all[frame.session].subscribe
            for event in frame.events:
                if not wanted(subscribe, event):
                    asked = {name: subscribe[name] for name in ("filters", "stream") if name in subscribe}
                    sentence = f"{published_part(event)} does not match {asked}"
                    yield Violation(Kind.UNWANTED, frame.at, sentence, frame.location(*where(event)))
    for group in evidence.groups:
        for event, at, place in _received(group):
            if not wanted(group.group.wanted, event):
                sentence = f"{published_part(event)} does not match {dict(group.group.wanted)}"
                yield Violation(Kind.UNWANTED, at, sentence, place)


def early(evidence: Evidence) -> Iterator[Violation]:
    """A subscription from now receives no event whose publish was answered before the request."""
    for reading in evidence.readings:
        first = reading.sessions.get(1)
        if first is None or first.subscribe.get("from", "now") != "now" or "cursor" in first.subscribe:
            continue
        for delivery in reading.deliveries:
            entry = evidence.ledger.entries.get((delivery.stream, delivery.sequence))
            if entry and entry.answered < first.sent:
                sentence = (
                    f"it was answered at {entry.answered:.6f}, and the subscription from now sent at {first.sent:.6f}"
                )
                place = delivery.frame.location(delivery.stream, delivery.sequence)
                yield Violation(Kind.EARLY, delivery.frame.at, sentence, place)


def _received(group: GroupReading) -> Iterator[tuple[Json, float, Location]]:
    """The events that members or a target received, each with its time and location."""
    for frame in group.frames:
        for event in frame.events:
            yield event, frame.at, frame.location(*where(event))
    for call in group.calls:
        for pushed in call.call.events:
            yield pushed.event, call.call.begun, call.location(*where(pushed.event))


def _checked(ledger: Ledger, event: Json, at: float, place: Location) -> Iterator[Violation]:
    attempts = ledger.published.get(key(event), [])
    if not attempts:
        yield Violation(Kind.INVENTED, at, f"nobody published {published_part(event)}", place)
        return
    entry = ledger.entries.get(where(event))
    if entry and key(entry.event) != key(event):
        sentence = f"{event['id']!r} came as this place, where {entry.event['id']!r} stands"
        yield Violation(Kind.ALTERED, at, sentence, place)
    elif entry is None and not _may_have_been_removed(ledger, event):
        yield Violation(Kind.INVENTED, at, f"{event['id']!r} never stood there", place)
    elif not any(_same_as_published(event, attempt) for attempt in attempts):
        sentence = f"{published_part(event)} came, and {attempts[0]} was published"
        yield Violation(Kind.ALTERED, at, sentence, place)
    elif entry and entry.kept and event.get("hubtime") != entry.event.get("hubtime"):
        sentence = f"its hubtime came as {event.get('hubtime')}, and reads back as {entry.event.get('hubtime')}"
        yield Violation(Kind.ALTERED, at, sentence, place)


def _may_have_been_removed(ledger: Ledger, event: Json) -> bool:
    """Whether the event may be an unanswered one that the store has removed."""
    stream, sequence = where(event)
    return sequence < ledger.first(stream)


def _same_as_published(event: Json, attempt: Json) -> bool:
    """Equality, except that large data may be replaced by a reference (CloudEvents extension "Dataref")."""
    came = published_part(event)
    if "dataref" in came and "dataref" not in attempt and not came.keys() & {"data", "data_base64"}:
        left = {"dataref", "data", "data_base64"}
        return same(
            *({name: value for name, value in compared.items() if name not in left} for compared in (came, attempt))
        )
    return same(came, attempt)
