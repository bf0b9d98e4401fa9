"""Guarantees 6 and 8: events of a stream arrive in order, those of a partition in the order of its log."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.transcripts.violation import Kind, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.transcripts.content import Where
    from tests.transcripts.evidence import Evidence
    from tests.transcripts.reading import Delivery

__all__ = ["disorder", "log_order"]


def disorder(evidence: Evidence) -> Iterator[Violation]:
    """In a session, the sequences of a stream increase; across sessions, no event first arrives after a later one."""
    for reading in evidence.readings:
        in_session: dict[tuple[int, str], int] = {}
        furthest: dict[str, int] = {}
        handled: set[Where] = set()
        for delivery in reading.deliveries:
            stream, sequence = delivery.stream, delivery.sequence
            before = in_session.get((delivery.frame.session, stream), 0)
            if sequence <= before:
                yield _disorder(delivery, before, "in the same session")
            elif sequence < furthest.get(stream, 0) and (stream, sequence) not in handled:
                yield _disorder(delivery, furthest[stream], "in an earlier session")
            in_session[delivery.frame.session, stream] = sequence
            furthest[stream] = max(sequence, furthest.get(stream, 0))
            handled.add((stream, sequence))


def log_order(evidence: Evidence) -> Iterator[Violation]:
    """All sessions agree on one order of the events of a partition."""
    seen: dict[int, dict[tuple[Where, Where], Delivery]] = {}
    for reading in evidence.readings:
        for pair in _neighbours(reading.deliveries):
            edges = seen.setdefault(pair[1].frame.partition, {})
            first, second = ((delivery.stream, delivery.sequence) for delivery in pair)
            known = edges.setdefault((first, second), pair[1])
            if pair[1].frame.at < known.frame.at:
                edges[first, second] = pair[1]
    for edges in seen.values():
        sorter: TopologicalSorter[Where] = TopologicalSorter()
        for first, second in edges:
            sorter.add(second, first)
        try:
            sorter.prepare()
        except CycleError as error:
            yield _cycle(edges, error.args[1])


def _neighbours(deliveries: Sequence[Delivery]) -> Iterator[tuple[Delivery, Delivery]]:
    last: dict[tuple[int, int], Delivery] = {}
    for delivery in deliveries:
        group = delivery.frame.session, delivery.frame.partition
        if group in last:
            yield last[group], delivery
        last[group] = delivery


def _disorder(delivery: Delivery, before: int, when: str) -> Violation:
    sentence = f"{delivery.sequence} of {delivery.stream!r} came after {before}, {when}"
    place = delivery.frame.location(delivery.stream, before, delivery.sequence)
    return Violation(Kind.DISORDER, delivery.frame.at, sentence, place)


def _cycle(edges: dict[tuple[Where, Where], Delivery], cycle: list[Where]) -> Violation:
    # The sorter names a cycle with its first event again at the end.
    steps = [edges[pair] if pair in edges else edges[pair[::-1]] for pair in pairwise(cycle)]
    latest = max(steps, key=lambda delivery: delivery.frame.at)
    ways = "; ".join(f"{first.frame.subscriber} saw it before {first.stream} {first.sequence}" for first in steps)
    named = ", ".join(f"{stream} {sequence}" for stream, sequence in cycle[:-1])
    place = latest.frame.location(latest.stream, latest.sequence)
    return Violation(Kind.LOG_ORDER, latest.frame.at, f"there is no order for {named}: {ways}", place)
