"""Failed events are sent again with their attempt, parked with all later events, and redriven as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import Grant, GroupReading
    from tests.transcripts.membership import Parked
    from tests.transcripts.reading import Frame

__all__ = [
    "attempts",
    "parked_for_a_reason",
    "parked_whole",
    "redriven_whole",
    "resent",
    "too_many_attempts",
    "tries_of",
]


def attempts(evidence: Evidence) -> Iterator[Violation]:
    """A nacked event is sent again to its member with its stream and a later `attempt`, or after a redrive."""
    for group in evidence.groups:
        for grant in group.grants:
            failed = _nacked(grant)
            for frame in grant.frames:
                for place in map(where, frame.events):
                    since = failed.get(place)
                    if since is None or frame.at <= since or _redriven(group, place[0], since, frame.at):
                        continue
                    if frame.message.get("stream") != place[0] or frame.message.get("attempt", 1) < 2:
                        sentence = f"it was nacked at {since:.6f}, and came again as attempt {_attempt(frame)}"
                        yield Violation(Kind.ATTEMPT, frame.at, sentence, frame.location(*place))


def resent(evidence: Evidence) -> Iterator[Violation]:
    """An event of an earlier owner is sent to a later owner as a further attempt, unless it was parked in between."""
    for group in evidence.groups:
        first: dict[tuple[str, int], tuple[Grant, float]] = {}
        for grant in sorted(group.grants, key=lambda grant: grant.at):
            for frame in grant.frames:
                for place in map(where, frame.events):
                    earlier, since = first.setdefault(place, (grant, frame.at))
                    marked = "stream" in frame.message or frame.message.get("attempt", 1) > 1
                    if earlier is grant or marked or _redriven(group, place[0], since, frame.at):
                        continue
                    sentence = f"{earlier.member.name} was sent it at {since:.6f}, and this does not say so"
                    yield Violation(Kind.ATTEMPT, frame.at, sentence, frame.location(*place))


def too_many_attempts(evidence: Evidence) -> Iterator[Violation]:
    """No event is tried more often than `max_attempts` allows."""
    for group in evidence.groups:
        most = group.group.max_attempts
        for frame in group.frames:
            if "stream" in frame.message and frame.message.get("attempt", 1) > most:
                sentence = f"it is attempt {frame.message['attempt']} of at most {most}"
                yield Violation(Kind.ATTEMPT, frame.at, sentence, frame.location(frame.message["stream"]))


def parked_whole(evidence: Evidence) -> Iterator[Violation]:
    """A stream is parked only when an event is out of attempts, with all later events."""
    for group in evidence.groups:
        for at, parked in group.listed(evidence.end):
            if wrong := _wrong(group, parked, at):
                yield Violation(Kind.PARKED, at, wrong, group.location(*parked.place))


def parked_for_a_reason(evidence: Evidence) -> Iterator[Violation]:
    """A stream of members is parked only after enough failures of an event: nacks, timeouts, or lost owners."""
    for group in evidence.groups:
        if group.target is not None:
            continue  # its failed calls are counted by `pushing.parked_attempts`
        for at, parked in group.listed(evidence.end):
            tries = sum(tries_of(grant, parked.place, group.group.ack_deadline) for grant in group.grants)
            if not _asked_to_park(group, parked, at) and tries < group.group.max_attempts:
                sentence = f"it is parked, and was failed {tries} times of {group.group.max_attempts}"
                yield Violation(Kind.PARKED, at, sentence, group.location(*parked.place))


def redriven_whole(evidence: Evidence) -> Iterator[Violation]:
    """Every event of a redriven stream is handled after the redrive, unless the stream is parked again."""
    for group in evidence.groups:
        if not group.group.finished:
            continue
        for redriven in group.group.redriven:
            stream, at = redriven.parked.stream, redriven.at
            again = [p.sequence for p in group.group.parked if p.stream == stream]
            again += [r.parked.sequence for r in group.group.redriven if r.parked.stream == stream and r.at > at]
            first = redriven.parked.sequence + (redriven.how == "skip")
            for entry in group.entries.get(stream, ()):
                due = first <= entry.sequence < min(again, default=entry.sequence + 1)
                if due and group.handled.get((stream, entry.sequence), at) <= at:
                    sentence = f"{entry.sequence} of {stream!r} was not handled after the redrive at {at:.6f}"
                    yield Violation(Kind.REDRIVE, evidence.end, sentence, group.location(stream, entry.sequence))


def _nacked(grant: Grant) -> dict[tuple[str, int], float]:
    """The events that the owner nacked, with the time of the first answer."""
    nacked: dict[tuple[str, int], float] = {}
    for said in grant.said():
        if said.message["action"] == "nack" and said.answered is not None:
            nacked.setdefault((said.message["stream"], said.message["sequence"]), said.answered)
    return nacked


def _redriven(group: GroupReading, stream: str, since: float, until: float) -> bool:
    return any(redriven.parked.stream == stream and since <= redriven.at <= until for redriven in group.group.redriven)


def _attempt(frame: Frame) -> object:
    return frame.message.get("attempt", "nothing")


def tries_of(grant: Grant, place: tuple[str, int], deadline: float) -> int:
    """How often an owner failed an event: by nacks, by timeouts, or by leaving with it.

    Args:
        grant: What the owner was sent and said.
        place: Stream and sequence of the event.
        deadline: The acknowledgement deadline, in seconds.
    """
    since = min((frame.at for frame in grant.frames if place in map(where, frame.events)), default=None)
    if since is None:
        return 0
    said = [command.message for command in grant.said()]
    nacks = sum(
        bool(command["action"] == "nack" and (command["stream"], command["sequence"]) == place) for command in said
    )
    went_away = grant.until >= grant.whole.ended
    return nacks + went_away + grant.silences(since, deadline)


def _asked_to_park(group: GroupReading, parked: Parked, at: float) -> bool:
    if group.target is not None:
        return group.target.refused(parked.place, at)
    return any(
        said.message["action"] == "nack"
        and said.message.get("park")
        and (said.message["stream"], said.message["sequence"]) == parked.place
        for grant in group.grants
        for said in grant.whole.said
    )


def _wrong(group: GroupReading, parked: Parked, at: float) -> str | None:
    if parked.attempts < group.group.max_attempts and not _asked_to_park(group, parked, at):
        return f"it is parked after {parked.attempts} attempts of {group.group.max_attempts}"
    behind = [
        entry for entry in group.entries.get(parked.stream, ()) if _behind(entry.sequence, entry.begun, parked, at)
    ]
    if parked.letters != len(behind):
        return f"{parked.letters} of it are parked, and {len(behind)} stand from there on"
    return None


def _behind(sequence: int, begun: float, parked: Parked, at: float) -> bool:
    return sequence >= parked.sequence and begun <= at
