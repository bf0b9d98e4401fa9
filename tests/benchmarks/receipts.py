"""Measures when published events arrive at subscribers."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from statistics import quantiles

__all__ = ["Receipts", "ninety_ninth"]

_WITHIN = 60.0


class Receipts:
    """Records the receipts of successive publishes."""

    def __init__(self) -> None:
        self._began = 0.0
        self._wanted = 0
        self._seconds: list[float] = []
        self._complete = asyncio.Event()

    def begin(self, wanted: int) -> None:
        """Start the time, until a number of receipts."""
        self._wanted = wanted
        self._seconds = []
        self._complete.clear()
        self._began = time.perf_counter()

    def take(self, number: int = 1) -> None:
        """Record a number of receipts now."""
        self._seconds += [time.perf_counter() - self._began] * number
        if len(self._seconds) >= self._wanted:
            self._complete.set()

    async def all(self) -> list[float]:
        """The seconds until each, once all are there.

        Raises:
            AssertionError: Not as many came as were to come.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), _WITHIN)
        if len(self._seconds) != self._wanted:
            raise AssertionError(f"{len(self._seconds)} receipts within {_WITHIN:.0f} s; {self._wanted} were due")
        return self._seconds


def ninety_ninth(seconds: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(seconds, n=100, method="inclusive")[98]
