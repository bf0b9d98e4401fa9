"""The values of command-line arguments: numbers, times, types of events and commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Command", "event_type", "non_negative", "positive", "time_with_zone"]

_Filter: TypeAlias = Mapping[str, Mapping[str, str]]


class Command(argparse.Action):
    """An option whose value is a command with its arguments; the command is required."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the command; see `argparse.Action`."""
        command = list(values or ())
        if command[:1] == ["--"]:
            del command[0]
        if not command:
            parser.error(f"argument {option_string}: expected a command")
        setattr(namespace, self.dest, command)


def positive(text: str) -> int:
    """Parse an integer of 1 or more."""
    number = non_negative(text)
    if not number:
        raise argparse.ArgumentTypeError("must be 1 or more, not 0")
    return number


def non_negative(text: str) -> int:
    """Parse an integer of 0 or more."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be an integer, not {text!r}")
    return int(text)


def event_type(text: str) -> _Filter:
    """Parse a type, or a prefix of types that ends in `*`, and return its filter."""
    if "*" in text[:-1] or text in {"", "*"}:
        raise argparse.ArgumentTypeError(
            f"must be a type such as io.flunq.task.failed or io.flunq.task.*, not {text!r}"
        )
    return {"prefix": {"type": text[:-1]}} if text.endswith("*") else {"exact": {"type": text}}


def time_with_zone(text: str) -> datetime:
    """Parse an ISO 8601 time with a time zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"must be a time with a time zone, such as 2026-01-05T09:00:00Z, not {text!r}")
    return time
