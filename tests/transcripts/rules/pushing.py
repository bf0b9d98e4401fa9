"""Targets are called with each stream in order, and attempts are counted and given their reasons by what they said."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.pushes import Acknowledged, NumberedCall
from tests.transcripts.violation import Kind, Location, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import GroupReading
    from tests.transcripts.membership import Parked, Redriven
    from tests.transcripts.pushes import TargetReading

    _Step = Acknowledged | Redriven | NumberedCall

__all__ = [
    "attempts_counted",
    "parked_attempts",
    "parked_reasons",
    "pushed_early",
    "pushed_gaps",
    "too_many_pushed",
]

_UNSURE = 2
"""Events that may have been pushed before are attempt 2, also if no attempt of them was counted."""


def too_many_pushed(evidence: Evidence) -> Iterator[Violation]:
    """No call has more events than the target takes."""
    for group, target in _targets(evidence):
        for call in target.calls:
            if not 1 <= len(call.call.events) <= target.batch:
                sentence = f"a call has {len(call.call.events)} events, and the target takes up to {target.batch}"
                place = Location(subscriber=group.group.name, call=call.number)
                yield Violation(Kind.BATCH, call.call.begun, sentence, place)


def pushed_gaps(evidence: Evidence) -> Iterator[Violation]:
    """In a call, the events of a stream follow each other."""
    for group, target in _targets(evidence):
        for call in target.calls:
            for stream, events in call.by_stream.items():
                order = group.order.get(stream, {})
                known = [sequence for _, sequence in (where(one.event) for one in events) if sequence in order]
                for before, after in pairwise(known):
                    if order[after] != order[before] + 1:
                        sentence = f"{after} of {stream!r} was pushed behind {before}"
                        yield Violation(Kind.SKIPPED, call.call.begun, sentence, call.location(stream, before, after))


def pushed_early(evidence: Evidence) -> Iterator[Violation]:
    """No event is pushed before the target has answered that the earlier events of its stream are handled.

    A skipped event counts as handled from its redrive on. Events from a redriven one on have to be handled again.
    """
    for group, target in _targets(evidence):
        for stream, steps in _steps(group, target).items():
            yield from _early(stream, steps, list(group.order.get(stream, {})))


def attempts_counted(evidence: Evidence) -> Iterator[Violation]:
    """The number of an attempt counts the failures of its event, and no calls that asked to slow down."""
    for group, target in _targets(evidence):
        for call in target.calls:
            attempt = call.call.attempt
            if attempt is None:
                continue
            place = where(call.call.events[0].event)
            failed = target.attempts(place, call.call.begun)
            most = group.group.max_attempts
            if attempt > max(_UNSURE, 1 + failed) or attempt > most:
                sentence = f"it is attempt {attempt} of at most {most}, and was failed {failed} times"
                yield Violation(Kind.ATTEMPT, call.call.begun, sentence, call.location(*place))


def parked_attempts(evidence: Evidence) -> Iterator[Violation]:
    """A parked event was not tried less often than the hub says."""
    for group, target, at, parked in _parked(evidence):
        failed = target.attempts(parked.place, at)
        if parked.attempts > failed:
            sentence = f"it is parked after {parked.attempts} attempts, and was failed {failed} times"
            yield Violation(Kind.PARKED, at, sentence, group.location(*parked.place))


def parked_reasons(evidence: Evidence) -> Iterator[Violation]:
    """The last reason of a parked event repeats what the target said of it, if it said anything."""
    for group, target, at, parked in _parked(evidence):
        failures = target.failures(parked.place, at)
        last = parked.errors[-1] if parked.errors else ""
        is_explained = target.unseen(parked.stream, at) > 0 or any(call.reason in last for call in failures)
        if not last or not is_explained:
            reasons = ", ".join(repr(call.reason) for call in failures if call.reason) or "nothing"
            sentence = f"it is parked for {last!r}, and the target said {reasons}"
            yield Violation(Kind.PARKED, at, sentence, group.location(*parked.place))


def _targets(evidence: Evidence) -> Iterator[tuple[GroupReading, TargetReading]]:
    for group in evidence.groups:
        if group.target is not None:
            yield group, group.target


def _parked(evidence: Evidence) -> Iterator[tuple[GroupReading, TargetReading, float, Parked]]:
    for group, target in _targets(evidence):
        for at, parked in group.listed(evidence.end):
            yield group, target, at, parked


def _early(stream: str, steps: Sequence[_Step], sequences: Sequence[int]) -> Iterator[Violation]:
    done: set[int] = set()
    index = 0  # all before it are done
    for step in steps:
        match step:
            case Acknowledged():
                done.add(step.sequence)
            case NumberedCall():
                while index < len(sequences) and sequences[index] in done:
                    index += 1
                first = where(step.by_stream[stream][0].event)[1]
                due = sequences[index] if index < len(sequences) else first
                if first > due:
                    sentence = f"{first} of {stream!r} was pushed, and {due} was due"
                    yield Violation(Kind.SKIPPED, step.call.begun, sentence, step.location(stream, first))
            case _:
                parked = step.parked.sequence
                done = {one for one in done if one < parked} | ({parked} if step.how == "skip" else set())
                index = 0


def _steps(group: GroupReading, target: TargetReading) -> Mapping[str, Sequence[_Step]]:
    """What happened to each stream, ordered by time."""
    steps: dict[str, list[tuple[float, _Step]]] = {stream: [] for stream in group.entries}
    for call in target.calls:
        for stream in call.by_stream:
            steps.setdefault(stream, []).append((call.call.begun, call))
        for done in call.acknowledged():
            steps[done.stream].append((done.at, done))
    for redriven in group.group.redriven:
        steps.setdefault(redriven.parked.stream, []).append((redriven.at, redriven))
    return {
        stream: [step for _, step in sorted(unordered, key=lambda timed: timed[0])]
        for stream, unordered in steps.items()
    }
