"""`ports.targets`, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Refusal
    from eventstore.subscriptions import Target

__all__ = ["FakeTarget"]


@dataclass
class FakeTarget:
    """A target that handles what `refuse` does not refuse.

    Attributes:
        calls: The events of each call, as stream and sequence.
        handled: The events that it handled.
        refuse: Says what is refused: an event's refusal, or an error of the whole call.
        timeout_ms: The time that every call must be given.
    """

    calls: list[list[tuple[str, int]]] = field(default_factory=list)
    handled: list[tuple[str, int]] = field(default_factory=list)
    refuse: Callable[[PushedEvent], Refusal | Exception | None] = lambda _: None
    timeout_ms: int = 30_000

    def push(
        self, target: Target, events: Sequence[PushedEvent], *, attempt: int, timeout_ms: int
    ) -> Mapping[int, Refusal]:
        assert len(events) <= target.batch
        assert (attempt >= 1, timeout_ms) == (True, self.timeout_ms)
        self.calls.append([(event.stream, event.sequence) for event in events])
        refusals: dict[int, Refusal] = {}
        failed: set[str] = set()
        for index, event in enumerate(events):
            answer = self.refuse(event)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                refusals[index] = answer
                failed.add(event.stream)
            elif event.stream not in failed:
                self.handled.append((event.stream, event.sequence))
        return refusals
