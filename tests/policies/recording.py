"""Records the AWS calls of the local stack's functions."""

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
"""The folder that makes a Python process with it on its path record its calls."""

_PROJECT = Path(__file__).parents[2].resolve()


@dataclass(frozen=True, slots=True)
class Call:
    """An AWS call.

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
    """Record the calls of every function process that the local stack starts during the block.

    Args:
        file: Where to.
        variables: More of its environment, such as where a service is that the local stack has not.
    """
    plain = Environment._variables

    def listening(environment: Environment) -> Mapping[str, str]:
        values = plain(environment)
        if environment._function.task_root != _PROJECT:
            return values
        path = os.pathsep.join([str(RECORDER), values["PYTHONPATH"]])
        return {**values, **(variables or {}), "PYTHONPATH": path, "RECORDED_CALLS": str(file)}

    with patch.object(Environment, "_variables", listening):
        yield


def recorded(file: Path) -> frozenset[Call]:
    """The calls recorded so far, without duplicates."""
    if not file.exists():
        return frozenset()
    # A line without a line break is still being written.
    lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return frozenset(_call(json.loads(line)) for line in lines)


def _call(record: Mapping[str, object]) -> Call:
    names = record["names"]
    assert isinstance(names, dict)
    return Call(
        function=str(record["function"]),
        service=str(record["service"]),
        operation=str(record["operation"]),
        # Connection ids are replaced, because all connections are alike.
        names=tuple(sorted((name, "any" if name == "ConnectionId" else value) for name, value in names.items())),
    )
