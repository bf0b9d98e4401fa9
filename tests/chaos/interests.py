"""The events that a reader selects, and those that are still owed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

    from tests.chaos.log import Event, Log, Stream

__all__ = ["TYPES", "Account", "Interest", "all_of", "any_of", "drawn_interest"]

TYPES = ("task.started", "task.done", "order.placed")


@dataclass(frozen=True)
class Interest:
    """Which events: those that match the filters, of the streams that are named, or of all.

    Attributes:
        wanted: Says of a type and a stream what the filters say.
        parameters: As the query parameters of a read, or of a bare subscription; None where they cannot say it.
    """

    filters: tuple[dict[str, Any], ...]
    wanted: Callable[[str, str], bool]
    parameters: dict[str, list[str]] | None
    streams: tuple[str, ...] = ()

    def concerns(self, stream: str) -> bool:
        return not self.streams or stream in self.streams

    def wants(self, event: Event) -> bool:
        return self.concerns(event.stream) and self.wanted(event.type, event.stream)

    def is_gone(self, log: Log) -> bool:
        """Whether a stream that it names was deleted for good."""
        return any(name in log.streams and log.streams[name].gone for name in self.streams)

    def partitions(self, log: Log) -> list[int]:
        if not self.streams:
            return list(range(len(log.ends)))
        return sorted({log.partition_of(stream) for stream in self.streams})


def any_of(interests: Sequence[Interest]) -> Interest:
    """What one of them wants; they name the same streams."""
    return replace(
        interests[0], wanted=lambda type_, stream: any(interest.wanted(type_, stream) for interest in interests)
    )


def all_of(interests: Sequence[Interest]) -> Interest:
    """What each of them wants."""
    return replace(
        interests[0], wanted=lambda type_, stream: all(interest.wanted(type_, stream) for interest in interests)
    )


def drawn_interest(rng: Random, streams: Iterable[str]) -> Interest:
    """Random filters in every dialect, and sometimes a few streams."""
    one, other = rng.sample(TYPES, 2)
    names = sorted(streams)
    few = tuple(sorted(rng.sample(names, min(len(names), rng.randint(1, 3))))) if rng.random() < 0.3 else ()
    kinds: list[tuple[tuple[dict[str, Any], ...], Callable[[str, str], bool], dict[str, list[str]] | None]] = [
        ((), lambda _t, _s: True, {}),
        ((), lambda _t, _s: True, {}),
        (({"exact": {"type": one}},), lambda t, _s: t == one, {"type": [one]}),
        (({"prefix": {"type": "task."}},), lambda t, _s: t.startswith("task."), {"type": ["task.*"]}),
        (({"suffix": {"type": "ed"}},), lambda t, _s: t.endswith("ed"), None),
        (({"not": {"exact": {"type": one}}},), lambda t, _s: t != one, {"filter": [f"type <> '{one}'"]}),
        (
            ({"any": [{"exact": {"type": one}}, {"exact": {"type": other}}]},),
            lambda t, _s: t in {one, other},
            {"type": [one, other]},
        ),
        (
            ({"sql": f"type = '{one}' OR hubstream LIKE 'wf-1%'"},),
            lambda t, s: t == one or s.startswith("wf-1"),
            {"filter": [f"type = '{one}' OR hubstream LIKE 'wf-1%'"]},
        ),
        (({"prefix": {"hubstream": "wf-1"}},), lambda _t, s: s.startswith("wf-1"), None),
    ]
    return Interest(*rng.choice(kinds), few)


@dataclass
class Account:
    """The events that a reader must receive, and those that it received.

    Attributes:
        owed: Per stream the first sequence that it has a right to; 1 where none stands.
        allowed: Per stream the first sequence that it may get; what it has a right to where none stands.
        had: What it received, or handled.
        reported: The ranges that were reported missing, or excused otherwise.
    """

    owed: dict[str, int] = field(default_factory=dict)
    allowed: dict[str, int] = field(default_factory=dict)
    had: dict[str, set[int]] = field(default_factory=dict)
    reported: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def start(self, stream: str, *, owed: int, allowed: int | None = None) -> None:
        self.owed[stream] = owed
        self.allowed[stream] = owed if allowed is None else allowed

    def take(self, stream: str, sequence: int) -> None:
        self.had.setdefault(stream, set()).add(sequence)

    def excuse(self, stream: str, first: int, last: int) -> None:
        if first <= last:
            self.reported.setdefault(stream, []).append((first, last))

    def is_settled(self, stream: str, sequence: int) -> bool:
        return sequence in self.had.get(stream, ()) or any(
            first <= sequence <= last for first, last in self.reported.get(stream, ())
        )

    def open_of(self, interest: Interest, stream: Stream, *, before: int | None = None) -> Event | None:
        """The first owed event of a stream that did not arrive, before a sequence if given."""
        if not interest.concerns(stream.name):
            return None
        last = stream.head if before is None else before - 1
        for event in stream.events[self.owed.get(stream.name, 1) - 1 : last]:
            if interest.wants(event) and not self.is_settled(event.stream, event.sequence):
                return event
        return None

    def settle(self, stream: Stream) -> None:
        """Owe nothing more of what the stream has had so far; what it may get again stays so."""
        self.allowed.setdefault(stream.name, self.owed.get(stream.name, 1))
        self.owed[stream.name] = stream.head + 1
        self.had.pop(stream.name, None)
        self.reported.pop(stream.name, None)
