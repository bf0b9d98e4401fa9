"""Guarantee 8: each partition becomes live once, after all earlier events were sent."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.transcripts.reading import Verdict
from tests.transcripts.transcript import BARE
from tests.transcripts.violation import Kind, Location, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.transcripts.evidence import Evidence, Right
    from tests.transcripts.ledger import Entry
    from tests.transcripts.reading import Frame, Reading

__all__ = ["live_missing", "live_too_early", "live_twice"]


def live_too_early(evidence: Evidence) -> Iterator[Violation]:
    """Events answered before the subscribe request are sent before `live`.

    Not what was answered before `subscribed` came: that travels another way, and may be later than `live`.
    """
    for reading, right in evidence.rights:
        placed = _by_partition(evidence, right.entries)
        for frame in _lives(reading):
            if frame.session == 1 and not _from_start(reading):
                continue  # it starts live
            if late := next(_late(reading, right, placed.get(frame.partition, ()), frame), None):
                sentence = (
                    f"{late.sequence} of {late.stream!r} was stored before the subscription, and had not been sent"
                )
                place = frame.location(late.stream, late.sequence)
                yield Violation(Kind.LIVE, frame.at, sentence, place)


def live_twice(evidence: Evidence) -> Iterator[Violation]:
    """A partition of a subscription becomes live once."""
    for reading in evidence.readings:
        first: dict[tuple[int, int], Frame] = {}
        for frame in _lives(reading):
            before = first.setdefault((frame.session, frame.partition), frame)
            if before is not frame:
                sentence = f"frame {before.number} was live already"
                yield Violation(Kind.LIVE, frame.at, sentence, frame.location())


def live_missing(evidence: Evidence) -> Iterator[Violation]:
    """In the last session of a subscriber that caught up, every partition became live."""
    for reading in evidence.readings:
        last = len(reading.all)
        answer = reading.subscribed(last) if reading.subscriber.caught_up and last else None
        if answer is None or reading.all[last].subscribe.get("subprotocol") == BARE:
            continue
        live = {frame.partition for frame in _lives(reading) if frame.session == last}
        for partition in sorted(set(answer.message["partitions"]) - live):
            location = Location(subscriber=reading.subscriber.name, session=last, partition=partition)
            yield Violation(Kind.LIVE, evidence.end, f"partition {partition} never became live", location)


def _lives(reading: Reading) -> Iterator[Frame]:
    for frame in reading.frames:
        if frame.kind == "live" and frame.verdict is not Verdict.REPEAT and frame.session in reading.sessions:
            yield frame


def _from_start(reading: Reading) -> bool:
    return reading.all[1].subscribe.get("from") == "start"


def _by_partition(evidence: Evidence, entries: Iterable[Entry]) -> Mapping[int | None, Sequence[Entry]]:
    """Entries with the partition in which their stream was seen, if any."""
    grouped: dict[int | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        grouped[evidence.partitions.get(entry.stream)].append(entry)
    return grouped


def _late(reading: Reading, right: Right, entries: Iterable[Entry], live: Frame) -> Iterator[Entry]:
    sent = reading.sessions[live.session].sent
    for entry in entries:
        place = entry.stream, entry.sequence
        due = entry.kept and entry.answered < sent and not reading.excuses(*place)
        if due and right.handled.get(place, live.index + 1) > live.index:
            yield entry
