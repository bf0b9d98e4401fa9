"""The recording client follows the table of the protocol, and resumes from the cursors that it kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.reading import Verdict
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.reading import Frame, Reading
    from tests.transcripts.transcript import Session

__all__ = ["client_faults", "resumed_cursors"]


def resumed_cursors(evidence: Evidence) -> Iterator[Violation]:
    """A session resumes from cursors of frames that were handled, and they cover every partition.

    Older ones than need be are no fault: events then come again.
    """
    for reading in evidence.readings:
        kept: dict[str, set[int]] = {}
        for number, session in reading.all.items():
            if number > 1 and (wrong := _wrong(session, kept)):
                yield Violation(Kind.CURSOR, session.sent, wrong, reading.location(number))
            kept |= _kept(reading, number)


def client_faults(evidence: Evidence) -> Iterator[Violation]:
    """A frame is handled exactly if its number is the next one, until the client was disconnected."""
    for reading in evidence.readings:
        skipped: dict[tuple[int, int], Frame] = {}
        for frame in reading.frames:
            group = frame.session, frame.partition
            if frame.handled and frame.verdict is not Verdict.NEXT:
                sentence = f"frame {frame.number} was handled after {frame.last}"
                yield Violation(Kind.CLIENT, frame.at, sentence, frame.location())
            elif frame.handled and group in skipped:
                sentence = f"frame {frame.number} was handled, and {skipped[group].number} was not"
                yield Violation(Kind.CLIENT, frame.at, sentence, frame.location())
            elif not frame.handled and frame.verdict is Verdict.NEXT:
                skipped.setdefault(group, frame)
        for number, session in reading.all.items():
            first = reading.all[1].subscribe
            if any(session.subscribe.get(name) != first.get(name) for name in ("filters", "stream")):
                sentence = "it resumed with other filters or streams than it began with"
                yield Violation(Kind.CLIENT, session.sent, sentence, reading.location(number))


def _wrong(session: Session, kept: dict[str, set[int]]) -> str | None:
    given = session.subscribe.get("cursor", [])
    tokens = {part for token in ([given] if isinstance(given, str) else given) for part in token.split(".")}
    if not tokens:
        return "it resumed with no cursor"
    if unknown := sorted(tokens - kept.keys()):
        return f"{unknown[0]!r} is no cursor of a frame that was handled before"
    concerned = set().union(*kept.values())
    if uncovered := concerned - set().union(*(kept[token] for token in tokens)):
        return f"no cursor covers the partitions {sorted(uncovered)}"
    return None


def _kept(reading: Reading, number: int) -> dict[str, set[int]]:
    """The cursors that a client has after a session, with the partitions that each covers."""
    kept: dict[str, set[int]] = {}
    for frame in reading.frames:
        if frame.session == number and frame.handled:
            kept.setdefault(frame.message["cursor"], set()).add(frame.partition)
    if answer := reading.subscribed(number):
        kept.setdefault(answer.message["cursor"], set()).update(answer.message["partitions"])
    return kept
