"""Starts a server again that ended by itself, for as long as it takes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Keeper", "Kept", "Speaker"]

_WATCH_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY_SECONDS = 30.0
_LINES = 3


class Kept(Protocol):
    """What is kept running: a `KeptServer`."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def data(self) -> str:
        """What it has again after it was killed, as messages call it."""

    @property
    def running(self) -> bool:
        """Whether it is alive."""

    @property
    def ending(self) -> str:
        """How it ended by itself."""

    def restart(self) -> None:
        """Starts it again on its data; raises if it cannot, and can be tried again."""

    def abandon(self) -> None:
        """Ends a start that is under way in another thread."""


class Speaker(Protocol):
    """Where it is said what becomes of a server."""

    def say(self, text: str) -> None:
        """Writes a line."""

    def complain(self, text: str) -> None:
        """Writes a line that something is wrong."""


class Keeper:
    """Keeps a server running, and says on the terminal what becomes of it.

    A start that fails is tried again: what was in its way, a program on its port or a full disk, may go. So is one
    after which the server ends at once. The pauses double, up to half a minute, until it has run for a while.

    Args:
        server: What is kept running.
        terminal: Where that is said.
        pause: Waits for so many seconds.
        clock: Gives the seconds since some moment.
    """

    def __init__(
        self,
        server: Kept,
        *,
        terminal: Speaker,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._terminal = terminal
        self._pause = pause
        self._clock = clock
        self._next_pause = _FIRST_PAUSE
        self._started_at: float | None = None

    async def keep(self) -> None:
        """Watches until it is cancelled, which ends a start that is under way, too."""
        try:
            while True:
                await self._pause(_WATCH_SECONDS)
                if not self._server.running:
                    await self._revive()
        finally:
            self._server.abandon()

    async def _revive(self) -> None:
        how = f" ({self._server.ending})" if self._server.ending else ""
        if self._started_at is not None and self._clock() - self._started_at < _STEADY_SECONDS:
            await self._put_off(f"{self._server.name} ended again{how}.")
        else:
            self._next_pause = _FIRST_PAUSE
            self._terminal.complain(
                f"{self._server.name} ended unexpectedly{how}; starting it again on {self._server.data}"
            )
        while (error := await self._start()) is not None:
            await self._put_off(f"{self._server.name} could not be started: {_told(error)}")
        self._started_at = self._clock()
        self._terminal.say(f"{self._server.name} runs again on {self._server.data}")

    async def _put_off(self, why: str) -> None:
        pause, self._next_pause = self._next_pause, min(2 * self._next_pause, _LONGEST_PAUSE)
        self._terminal.complain(f"{why} Trying again in {pause:g} s")
        await self._pause(pause)

    async def _start(self) -> Exception | None:
        try:
            await asyncio.to_thread(self._server.restart)
        except Exception as error:  # noqa: BLE001 - whatever is in its way, nothing but time takes it away
            return error
        return None


def _told(error: Exception) -> str:
    """An error in one line, as a sentence; of many lines the last ones."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    shown = lines if len(lines) <= _LINES + 1 else [lines[0], *lines[-_LINES:]]
    text = " / ".join(shown) or type(error).__name__
    return text if text.endswith((".", "!", "?")) else f"{text}."
