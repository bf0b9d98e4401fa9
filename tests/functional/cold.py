"""The first call of a function in a new process, which has read nothing from the environment or the store."""

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

FUNCTIONS = ("rest", "websocket", "dispatch", "sweep", "archive")
# Each process is forked from one that has only imported the functions.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__, *(f"functions.{name}.app" for name in FUNCTIONS)])


@dataclass(frozen=True)
class Called:
    """The answer of a call, and its messages to the queues.

    Attributes:
        answer: What the function returned.
        requested_turns: The partitions for which it requested turns.
        posted: The messages for connections.
    """

    answer: Any
    requested_turns: list[int]
    posted: list[str]


def call(function: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> Called:
    """Call a function by the name of its folder; its exception is raised here."""
    with ProcessPoolExecutor(1, mp_context=_PROCESSES) as process:
        return process.submit(_called, function, event, environment).result()


def _called(function: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> Called:
    os.environ.update(environment)
    dispatch_queue, deliveries, letters = FakeDispatchQueue(), FakeDeliveries(), FakeLetters()
    for name, instead in {"dispatch_queue": dispatch_queue, "deliveries": deliveries, "letters": letters}.items():
        setattr(Hub, name, instead)
    answer = import_module(f"functions.{function}.app").handler(event, Context())
    return Called(answer, dispatch_queue.requested_turns, [posting.message for posting in deliveries.take_postings()])
