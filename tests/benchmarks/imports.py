"""Importing the REST function and the client, each against importing the libraries that it stands on."""

from __future__ import annotations

import os
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
_CLIENT = "import eventstore_client"
_LISTED = """
import sys, eventstore_client
found = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print("import " + ", ".join(name for name, file in found.items() if "site-packages" in file))
"""
_TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"


def figures() -> Iterator[Figure]:
    """Each import in a process of its own, compiled before; then first events."""
    rounds = _rounds(_OURS, _THEIRS)
    what = "Importing the REST function, against redis, pydantic and Powertools' resolver alone"
    yield Figure(what, rounds.cost, Unit.RATIO, Aim("≤", 1.25))
    yield Figure("Importing the REST function", median(rounds.ours) * 1000, Unit.MILLISECONDS)
    of_client = _rounds(_CLIENT, _output(_LISTED).strip())
    yield Figure("Importing the client, against its libraries alone", of_client.cost, Unit.RATIO, Aim("≤", 1.25))
    yield Figure("Importing the client", median(of_client.ours) * 1000, Unit.MILLISECONDS)
    yield from first_events.figures()


def _rounds(statement: str, other: str) -> Rounds:
    """Import by one statement and by another, in turn; the first pair does not count."""
    ours, theirs = [], []
    for number in range(_ROUNDS + 1):
        pair = (_seconds(statement), _seconds(other)) if number % 2 else (_seconds(other), _seconds(statement))[::-1]
        if number:
            ours.append(pair[0])
            theirs.append(pair[1])
    return Rounds(tuple(ours), tuple(theirs))


def _seconds(statement: str) -> float:
    return float(_output(_TIMED.format(statement)))


def _output(program: str) -> str:
    command = [sys.executable, "-c", program]
    # Where no bytecode is written, each import would compile what is ours, and not what is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True, env=environment).stdout
