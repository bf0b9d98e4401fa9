"""Guarantee 9: the recovery that the hub reports is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.reading import Reading
    from tests.transcripts.transcript import Json

__all__ = ["recoveries", "reported_removals"]


def recoveries(evidence: Evidence) -> Iterator[Violation]:
    """`recovery` is consistent with its message and with resets of the store."""
    for reading in evidence.readings:
        for number, session in reading.all.items():
            answer = reading.subscribed(number)
            if answer is None:
                continue
            wrong = _untrue(session.subscribe, answer.message, renewed=_renewed(evidence, reading, number))
            if wrong:
                sentence = f"recovery is {answer.message['recovery']!r}, {wrong}"
                yield Violation(Kind.RECOVERY, answer.at, sentence, reading.location(number))


def reported_removals(evidence: Evidence) -> Iterator[Violation]:
    """Events that are reported as removed existed, and are no longer stored."""
    for reading in evidence.readings:
        for removal in reading.removals:
            if removal.stream is None:
                continue
            first, head = evidence.ledger.first(removal.stream), evidence.ledger.head(removal.stream)
            span = f"{removal.first}..{removal.last} of {removal.stream!r}"
            if not 1 <= removal.first <= removal.last <= head:
                sentence = f"{span} is reported missing; the stream ends at {head}"
                yield Violation(Kind.RECOVERY, removal.at, sentence, removal.location)
            elif removal.last >= first:
                sentence = f"{span} is reported missing; the store keeps it from {first} on"
                yield Violation(Kind.RECOVERY, removal.at, sentence, removal.location)
        for frame in reading.frames:
            if frame.kind == "truncated" and not _names_any(frame.message):
                yield Violation(Kind.RECOVERY, frame.at, "truncated names nothing", frame.location())


def _untrue(subscribe: Json, answer: Json, *, renewed: bool) -> str | None:
    recovery = answer["recovery"]
    checks = [
        (recovery not in {"complete", "truncated", "new-epoch"}, "which the protocol does not know"),
        (recovery != "complete" and "cursor" not in subscribe, "though no cursor was given"),
        (recovery == "complete" and _names_any(answer), f"though missing is {answer.get('missing')}"),
        (recovery == "truncated" and not _names_any(answer), "and names nothing that is missing"),
        (recovery == "new-epoch" and not renewed, "though the store was not reset"),
        (recovery == "new-epoch" and not answer.get("renewed"), "and names no partition that was renewed"),
        (recovery != "new-epoch" and renewed, "though the store was reset since the cursors were sent"),
        (recovery != "new-epoch" and bool(answer.get("renewed")), f"though renewed is {answer.get('renewed')}"),
    ]
    return next((wrong for holds, wrong in checks if holds), None)


def _names_any(message: Json) -> bool:
    return bool(message.get("missing") or message.get("missing_more"))


def _renewed(evidence: Evidence, reading: Reading, number: int) -> bool:
    """Whether the store was reset between the last answered session and this one."""
    before = [session for session in range(1, number) if reading.subscribed(session)]
    if not before:
        return False
    since = reading.all[before[-1]].sent
    return any(since <= moment <= reading.all[number].sent for moment in evidence.transcript.recreated)
