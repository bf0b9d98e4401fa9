"""Values, the casts between their types (3.7), and errors (3.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from eventstore.cloudevents.event import AttributeValue, canonical

__all__ = [
    "CASTS",
    "ZEROS",
    "Attributes",
    "Evaluator",
    "Failure",
    "Failures",
    "Kind",
    "Type",
    "integer",
    "number",
    "type_of",
]


class Kind(StrEnum):
    """Kinds of evaluation errors, by the names of the test kit; parsing raises `InvalidFilter`."""

    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missingAttribute"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"
    GENERIC = "generic"


class Failure(NamedTuple):
    """An error of an evaluation, which still has a value."""

    kind: Kind
    detail: str


Type = type[str] | type[int] | type[bool]
Attributes = Mapping[str, AttributeValue]
Failures = list[Failure]
Evaluator = Callable[[Attributes, Failures], AttributeValue | None]
"""Returns the value of a subexpression, and appends errors. None is the value of a missing attribute: an operation on
it has the zero value of its own result type (3.2)."""

ZEROS: Mapping[Type, AttributeValue] = {str: "", int: 0, bool: False}

_INTEGERS = range(-(2**31), 2**31)
# At most ten digits after leading zeros, because Python refuses to parse thousands of digits.
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")
_BOOLEANS = {"true": True, "false": False}
_SHOWN = 40


def type_of(value: AttributeValue) -> Type:
    """Return the type of a value."""
    return value.__class__


def number(text: str) -> int | None:
    """Parse a 32-bit integer in base 10, with an optional sign; None if the text is none."""
    match = _INTEGER.fullmatch(text)
    if not match:
        return None
    value = int(match[1] + match[2])
    return value if value in _INTEGERS else None


def integer(value: int, failures: Failures) -> int:
    """Return the result of a calculation if it has 32 bits; otherwise append a failure and return 0.

    Args:
        value: The result.
        failures: The failures of the evaluation so far.
    """
    if value in _INTEGERS:
        return value
    failures.append(Failure(Kind.MATH, f"{value} is not a 32-bit integer"))
    return 0


def _to_string(value: AttributeValue, _: Failures) -> str:
    return canonical(value)


def _to_integer(value: AttributeValue, failures: Failures) -> int:
    if not isinstance(value, str):
        return int(value)
    result = number(value)
    if result is None:
        failures.append(Failure(Kind.CAST, f"{value[:_SHOWN]!r} is not a 32-bit integer"))
        return 0
    return result


def _to_boolean(value: AttributeValue, failures: Failures) -> bool:
    if not isinstance(value, str):
        return bool(value)
    result = _BOOLEANS.get(value.lower())
    if result is None:
        failures.append(Failure(Kind.CAST, f"{value[:_SHOWN]!r} is neither true nor false"))
        return False
    return result


CASTS: Mapping[Type, Callable[[AttributeValue, Failures], AttributeValue]] = {
    str: _to_string,
    int: _to_integer,
    bool: _to_boolean,
}
"""The casts to each type. A value that cannot be cast is an error, and becomes the zero value of the type."""
