"""How the blocking face runs what is written once, as coroutines: its ports never suspend them (decision 073)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["SIGNALS_SEEN_WITHIN", "BlockingIo", "BlockingIterator", "Io", "finish"]

SIGNALS_SEEN_WITHIN = 1.0
"""Seconds after which a wait of the main thread without a near end begins again.

Python runs signal handlers in the main thread, between two instructions. A signal that arrives after the last of them
and before the thread waits does not end the wait, nor does one that the system delivers to another thread
(https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers).
"""

Result = TypeVar("Result")
Item = TypeVar("Item")


class Io(Protocol):
    """How a face waits: the blocking one in the thread of the caller, the asynchronous one beside its event loop."""

    async def run(self, action: Callable[[], Result]) -> Result:
        """Run an action that blocks, and return its result."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class BlockingIo:
    """Blocks the thread of the caller.

    Attributes:
        pause: Waits for a number of seconds.
    """

    pause: Callable[[float], object]

    async def run(self, action: Callable[[], Result]) -> Result:
        """See `Io`."""
        return action()

    async def sleep(self, seconds: float) -> None:
        """See `Io`."""
        self.pause(seconds)


class BlockingIterator(Generic[Item]):
    """An iterator over what an asynchronous iterator returns, whose ports never suspend it."""

    def __init__(self, source: AsyncIterator[Item]) -> None:
        self._source = source

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        try:
            return finish(self._source.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


def finish(awaitable: Awaitable[Result]) -> Result:
    """Run a coroutine whose ports never suspend it, and return its result. No event loop is needed.

    Raises:
        RuntimeError: It was suspended, because a port of it is asynchronous.
    """
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise RuntimeError("a blocking call was suspended: one of its ports is asynchronous")
