"""Closing by signals: what is to be closed when a signal comes, by any number of workers at the same time."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["closed_by"]

_closers: dict[int, list[Callable[[], object]]] = {}
"""By signal: what closes those who wait for it. A signal that has come has none."""

_before: dict[int, Any] = {}
"""The actions of these signals that are to be restored. None is that of a handler that Python did not install."""


@contextmanager
def closed_by(signals: Iterable[int], close: Callable[[], object]) -> Iterator[None]:
    """Call a function when one of these signals comes, while the context is entered.

    The first signal closes all that wait for it. The next one has the effect that it had before.

    Args:
        signals: The signals.
        close: Is called in the main thread, between any two instructions: it must not wait for a lock.

    Raises:
        ValueError: The context is entered in another thread than the main one, and there are signals.
    """
    numbers = [*dict.fromkeys(signals)]
    try:
        for number in numbers:
            if number not in _before:
                _before[number] = signal.signal(number, _handle)
            _closers.setdefault(number, []).append(close)
        yield
    finally:
        for number in numbers:
            closers = _closers.get(number, [])
            if close in closers:
                closers.remove(close)
            if not closers:
                _restore(number)


def _handle(number: int, _: object) -> None:
    closers = _closers.pop(number, [])
    _restore(number)
    for close in closers:
        close()


def _restore(number: int) -> None:
    _closers.pop(number, None)
    action = _before.pop(number, None)
    if action is not None:
        signal.signal(number, action)
