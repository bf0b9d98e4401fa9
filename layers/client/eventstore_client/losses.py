"""What a subscription or a read lost: events removed, streams deleted, partitions reset."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

__all__ = ["Loss", "Missing", "completed", "require_function"]

_SHOWN = 3
"""The greatest number of streams that the text of a loss names."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A range of events of a stream that were removed, whether or not they match the subscription.

    Attributes:
        stream: The name of the stream.
        first: The first sequence removed.
        last: The last sequence removed.
    """

    stream: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.stream} {self.first}" + (f" to {self.last}" if self.last != self.first else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Events that were removed before a subscription or a read reached them.

    Attributes:
        missing: The events that retention or deletion removed, as far as the hub knows them.
        more: Whether more events are missing than `missing` lists.
        renewed: Partitions that were reset: their former events are lost, and they are followed from their beginning.
        gone: Streams that were deleted permanently and have no further events.
    """

    missing: tuple[Missing, ...] = ()
    more: bool = False
    renewed: tuple[int, ...] = ()
    gone: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line, written for people."""
        removed = [str(missing) for missing in self.missing[:_SHOWN]]
        if self.more or len(self.missing) > _SHOWN or not (removed or self.renewed or self.gone):
            removed.append("others" if removed else "the hub does not report which")
        parts = []
        if removed:
            parts.append(f"events were removed before they were received: {', '.join(removed)}")
        if self.gone:
            shown = [*self.gone[:_SHOWN], *(["others"] if len(self.gone) > _SHOWN else [])]
            parts.append(f"streams were deleted permanently: {', '.join(shown)}")
        if self.renewed:
            parts.append(f"the store was reset in partitions {', '.join(map(str, self.renewed))}")
        return "; ".join(parts)


async def completed(result: object) -> None:
    """Await what `on_loss` returned, if it is a coroutine."""
    if inspect.isawaitable(result):
        await result


def require_function(on_loss: Any) -> None:  # noqa: ANN401 - whatever the caller passed
    """Require a function that can be called without an event loop.

    Raises:
        TypeError: It is a coroutine function: a loss would be accepted before it ran.
    """
    if inspect.iscoroutinefunction(on_loss):
        raise TypeError(f"on_loss cannot be the coroutine function {on_loss!r} here; it can, of AsyncEventStore")
