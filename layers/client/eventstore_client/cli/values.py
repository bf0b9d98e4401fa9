"""The values of command-line arguments: numbers, times, types of events and commands."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from eventstore_client.type_filters import pattern_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Command",
    "event_type",
    "json_list",
    "json_object",
    "json_text",
    "label",
    "non_negative",
    "or_none",
    "positive",
    "time_with_zone",
    "type_pattern",
]

_Value = TypeVar("_Value")
_INTEGER = re.compile(r"-?[0-9]+")
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
            parser.error(f"argument {option_string}: expected a command, such as {option_string} ./handle.sh")
        setattr(namespace, self.dest, command)


def positive(text: str) -> int:
    """Parse an integer of 1 or more."""
    return _at_least(1, text)


def non_negative(text: str) -> int:
    """Parse an integer of 0 or more."""
    return _at_least(0, text)


def event_type(text: str) -> _Filter:
    """Parse a type, or a prefix of types that ends in `*`, and return its filter."""
    try:
        return pattern_filter(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def type_pattern(text: str) -> str:
    """Parse a type, or a prefix of types that ends in `*`."""
    event_type(text)
    return text


def or_none(parse: Callable[[str], _Value]) -> Callable[[str], _Value | None]:
    """Return a parser that also accepts `none`, which removes the value."""

    def parse_or_none(text: str) -> _Value | None:
        return None if text == "none" else parse(text)

    return parse_or_none


def label(text: str) -> tuple[str, str]:
    """Parse a label, such as `team=billing`."""
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, such as team=billing, not {text!r}")
    return name, value


def json_object(text: str) -> Mapping[str, Any]:
    """Parse a JSON object."""
    value = _json(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'must be a JSON object, such as {{"lambda": "billing"}}, not {text!r}')
    return value


def json_list(text: str) -> Sequence[Any]:
    """Parse a JSON array."""
    value = _json(text)
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError(f'must be a JSON array, such as [{{"exact": {{"type": "t"}}}}], not {text!r}')
    return value


def json_text(text: str) -> str:
    """Parse a JSON value, and return its text, since its numbers may be none of Python's."""
    _json(text)
    return text


def _at_least(least: int, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be an integer, not {text!r}")
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"must be {least} or more, not {number}")
    return number


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be JSON: {error}") from error


def time_with_zone(text: str) -> datetime:
    """Parse an ISO 8601 time with a time zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"must be a time with a time zone, such as 2026-01-05T09:00:00Z, not {text!r}")
    return time


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")
