"""A function's first call in a process of its own, in which nothing has been read from the environment or the store."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventstore.hub.hub import Hub
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue
from tests.functional.rest.api import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FUNCTIONS", "Called", "call"]

FUNCTIONS = ("rest", "websocket", "dispatch", "sweep")
# Each process is a fork of one that has imported the functions, and has done nothing else.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__, *(f"functions.{name}.app" for name in FUNCTIONS)])


@dataclass(frozen=True)
class Called:
    """What a call answered, and what it left for the queues.

    Attributes:
        answer: What the function returned.
        rung: The partitions that it asked turns for.
        posted: The messages that are to reach connections.
    """

    answer: Any
    rung: list[int]
    posted: list[str]


def call(function: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> Called:
    """Call a function of the folder of this name; what it raises is raised here."""
    with ProcessPoolExecutor(1, mp_context=_PROCESSES) as process:
        return process.submit(_called, function, event, environment).result()


def _called(function: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> Called:
    os.environ.update(environment)
    bells, deliveries, letters = FakeDispatchQueue(), FakeDeliveries(), FakeLetters()
    for name, instead in {"dispatch_queue": bells, "deliveries": deliveries, "letters": letters}.items():
        setattr(Hub, name, instead)
    answer = import_module(f"functions.{function}.app").handler(event, Context())
    return Called(answer, bells.rung, [posting.message for posting in deliveries.taken()])
