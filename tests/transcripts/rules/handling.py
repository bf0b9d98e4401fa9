"""Every event of a durable subscription is handled at least once, in the order of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.violation import Kind, Place, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.transcripts.evidence import Evidence
    from tests.transcripts.grants import GroupReading

__all__ = ["never_handled", "skipped"]


def never_handled(evidence: Evidence) -> Iterator[Violation]:
    """What matches was handled, or is parked, or was given up in a redrive."""
    for group in evidence.groups:
        if not group.group.finished:
            continue
        parked = {one.stream: one.sequence for one in group.group.parked}
        given_up = _given_up(group)
        for stream, entries in group.entries.items():
            for entry in entries:
                place = stream, entry.sequence
                if (
                    place in group.handled
                    or place in given_up
                    or parked.get(stream, entry.sequence + 1) <= entry.sequence
                ):
                    continue
                sentence = f"{entry.event['id']!r} was neither handled nor parked"
                yield Violation(
                    Kind.UNHANDLED,
                    evidence.end,
                    sentence,
                    Place(subscriber=group.group.name, stream=stream, sequences=(entry.sequence,)),
                )


def skipped(evidence: Evidence) -> Iterator[Violation]:
    """The next event that is handled of a stream is the next one, or an earlier one; what failed is not done with."""
    for group in evidence.groups:
        given_up = _given_up(group)
        for stream, tries in group.tries.items():
            order = {entry.sequence: index for index, entry in enumerate(group.entries.get(stream, ()))}
            sequences = list(order)
            done = -1
            for one in tries:
                sequence, begun = one.handling.sequence, one.handling.begun
                index = order.get(sequence)
                if index is None:
                    continue  # removed since, so that its neighbours are not known
                allowed = done + 1
                while allowed < index and given_up.get((stream, sequences[allowed]), begun) < begun:
                    allowed += 1
                if index > allowed:
                    sentence = f"{sequence} of {stream!r} was handled, and {sequences[allowed]} was due"
                    yield Violation(Kind.SKIPPED, begun, sentence, one.place)
                done = index if one.well else index - 1


def _given_up(group: GroupReading) -> Mapping[tuple[str, int], float]:
    """What was skipped in a redrive, and when."""
    return {(one.parked.stream, one.parked.sequence): one.at for one in group.group.redriven if one.how == "skip"}
