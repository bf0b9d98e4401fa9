"""Servers on other processors than the one that measures, as a cache is on another machine than a function.

Left to itself, a kernel puts a client and a server that wait for each other on one processor, or on two, as it likes.
A round trip then takes half as long, or twice, and what a server does weighs twice as much, or half.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["apart_from", "starting_servers"]

ServerT = TypeVar("ServerT")


@contextmanager
def apart_from(start: Callable[[], AbstractContextManager[ServerT]]) -> Iterator[ServerT]:
    """Start a server off the first processor, where this thread stays for as long as the block lasts.

    Args:
        start: Starts it, at once or when its context is entered.
    """
    with ExitStack() as stack:
        with starting_servers():
            server = stack.enter_context(start())
        stack.enter_context(_beside_servers())
        yield server


@contextmanager
def starting_servers() -> Iterator[None]:
    """Processes that are started in the block stay off the first processor."""
    with _on(_allowed()[1:]):
        yield


@contextmanager
def _beside_servers() -> Iterator[None]:
    """This thread stays on the first processor for as long as the block lasts."""
    with _on(_allowed()[:1] if len(_allowed()) > 1 else []):
        yield


def _allowed() -> list[int]:
    # Where a kernel has no such call, nothing is placed.
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def _on(processors: list[int]) -> Iterator[None]:
    if not processors:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
