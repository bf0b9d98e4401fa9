"""Guarantees 6 to 9: every matching event arrives, or the hub says that it was removed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.transcripts.violation import Kind, Location, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.transcripts.evidence import Evidence, Right
    from tests.transcripts.ledger import Entry
    from tests.transcripts.reading import Delivery, Reading

__all__ = ["never_came", "passed_over"]


def passed_over(evidence: Evidence) -> Iterator[Violation]:
    """No event of a stream arrives when an earlier matching one never arrives."""
    for reading, right in evidence.rights:
        received = _by_stream(reading)
        for entry in _owed(reading, right):
            if delivery := _passing(received.get(entry.stream, ()), entry):
                sentence = f"{_named(entry)}, yet {delivery.sequence} did"
                place = delivery.frame.location(entry.stream, entry.sequence, delivery.sequence)
                yield Violation(_kind(entry), delivery.frame.at, sentence, place)


def never_came(evidence: Evidence) -> Iterator[Violation]:
    """A subscriber that caught up has received every event that it must receive."""
    for reading, right in evidence.rights:
        if not reading.subscriber.caught_up:
            continue
        received = _by_stream(reading)
        for entry in _owed(reading, right):
            if not _passing(received.get(entry.stream, ()), entry):
                location = Location(
                    subscriber=reading.subscriber.name, stream=entry.stream, sequences=(entry.sequence,)
                )
                yield Violation(_kind(entry), evidence.end, _named(entry), location)


def _by_stream(reading: Reading) -> Mapping[str, Sequence[Delivery]]:
    grouped: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in reading.deliveries:
        grouped[delivery.stream].append(delivery)
    return grouped


def _passing(deliveries: Iterable[Delivery], entry: Entry) -> Delivery | None:
    """The event that was first received after an event of the same stream."""
    return next((delivery for delivery in deliveries if delivery.sequence > entry.sequence), None)


def _owed(reading: Reading, right: Right) -> Iterator[Entry]:
    for entry in right.entries:
        place = entry.stream, entry.sequence
        if place not in right.handled and not reading.excuses(*place):
            yield entry


def _kind(entry: Entry) -> Kind:
    return Kind.INCOMPLETE if entry.kept else Kind.UNTOLD


def _named(entry: Entry) -> str:
    removed = "" if entry.kept else ", which was removed without a word,"
    return f"{entry.sequence} of {entry.stream!r} ({entry.event['id']!r}, {entry.event['type']}){removed} never came"
