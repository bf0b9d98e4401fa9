"""The calls of AWS that functions of the local stack make, and whom they make them of."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from eventstore_dev.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["RECORDER", "Call", "recorded", "recording"]

RECORDER = Path(__file__).parent / "recorder"
"""The folder that makes a Python which has it on its path note its calls."""

_PROJECT = Path(__file__).parents[2].resolve()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS.

    Attributes:
        function: Who made it, by `FunctionName`.
        names: Its parameters that name resources.
    """

    function: str
    service: str
    operation: str
    names: tuple[tuple[str, str], ...]


@contextmanager
def recording(file: Path, *, variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """Lets every process that the local stack starts meanwhile for a function of the project note its calls.

    Args:
        file: Where to.
        variables: More of its environment, such as where a service is that the local stack has not.
    """
    plain = Environment._variables

    def listening(environment: Environment) -> Mapping[str, str]:
        found = plain(environment)
        if environment._function.task_root != _PROJECT:
            return found
        path = os.pathsep.join([str(RECORDER), found["PYTHONPATH"]])
        return {**found, **(variables or {}), "PYTHONPATH": path, "RECORDED_CALLS": str(file)}

    with patch.object(Environment, "_variables", listening):
        yield


def recorded(file: Path) -> frozenset[Call]:
    """What was noted so far, each once."""
    if not file.exists():
        return frozenset()
    # A line that is being written has no end yet.
    lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return frozenset(_call(json.loads(line)) for line in lines)


def _call(told: Mapping[str, object]) -> Call:
    names = told["names"]
    assert isinstance(names, dict)
    return Call(
        function=str(told["function"]),
        service=str(told["service"]),
        operation=str(told["operation"]),
        # Connections are many and alike: what matters is that it is one.
        names=tuple(sorted((name, "any" if name == "ConnectionId" else value) for name, value in names.items())),
    )
