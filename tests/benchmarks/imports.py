"""Importing the REST function, against importing the libraries that it stands on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks import first_events
from tests.benchmarks.measure import Aim, Figure, Rounds, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_ROOT = Path(__file__).parents[2]
_ROUNDS = 12
_OURS = "import functions.rest.app"
_THEIRS = "import redis, pydantic; from aws_lambda_powertools.event_handler import APIGatewayRestResolver"
_TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"


def figures() -> Iterator[Figure]:
    """Each import in a process of its own, compiled before; then first events."""
    ours, theirs = [], []
    for number in range(_ROUNDS + 1):
        pair = (_seconds(_OURS), _seconds(_THEIRS)) if number % 2 else (_seconds(_THEIRS), _seconds(_OURS))[::-1]
        if number:
            ours.append(pair[0])
            theirs.append(pair[1])
    rounds = Rounds(tuple(ours), tuple(theirs))
    what = "Importing the REST function, against redis, pydantic and Powertools' resolver alone"
    yield Figure(what, rounds.cost, Unit.RATIO, Aim("≤", 1.25))
    yield Figure("Importing the REST function", median(rounds.ours) * 1000, Unit.MILLISECONDS)
    yield from first_events.figures()


def _seconds(statement: str) -> float:
    command = [sys.executable, "-c", _TIMED.format(statement)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True)
    return float(done.stdout)
