"""Values, the casts between their types (3.7), and what may go wrong (3.3)."""

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
    """Kinds of errors, by the names of the test kit; what cannot be parsed is an `InvalidFilter`."""

    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missingAttribute"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"
    GENERIC = "generic"


class Failure(NamedTuple):
    """One error of an evaluation, which has a value all the same."""

    kind: Kind
    detail: str


Type = type[str] | type[int] | type[bool]
Attributes = Mapping[str, AttributeValue]
Failures = list[Failure]
Evaluator = Callable[[Attributes, Failures], AttributeValue | None]
"""Gives a subexpression's value, and notes what went wrong. None is the value of an attribute that is missing: what
refers to it is the zero value of its own type (3.2), whatever the attribute's would be."""

ZEROS: Mapping[Type, AttributeValue] = {str: "", int: 0, bool: False}

_INTEGERS = range(-(2**31), 2**31)
# Digits are counted before they are read, leading zeros apart, for Python refuses to read thousands.
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})")
_BOOLEANS = {"true": True, "false": False}
_SHOWN = 40


def type_of(value: AttributeValue) -> Type:
    """The type of a value."""
    return value.__class__


def number(text: str) -> int | None:
    """The 32-bit integer that a text is, in base 10 and perhaps with a sign; None if it is none."""
    match = _INTEGER.fullmatch(text)
    if not match:
        return None
    found = int(match[1] + match[2])
    return found if found in _INTEGERS else None


def integer(value: int, failures: Failures) -> int:
    """The result of a calculation, if it has 32 bits."""
    if value in _INTEGERS:
        return value
    failures.append(Failure(Kind.MATH, f"{value} is not a 32-bit integer"))
    return 0


def _to_string(value: AttributeValue, _: Failures) -> str:
    return canonical(value)


def _to_integer(value: AttributeValue, failures: Failures) -> int:
    if not isinstance(value, str):
        return int(value)
    found = number(value)
    if found is None:
        failures.append(Failure(Kind.CAST, f"{value[:_SHOWN]!r} is not a 32-bit integer"))
        return 0
    return found


def _to_boolean(value: AttributeValue, failures: Failures) -> bool:
    if not isinstance(value, str):
        return bool(value)
    found = _BOOLEANS.get(value.lower())
    if found is None:
        failures.append(Failure(Kind.CAST, f"{value[:_SHOWN]!r} is neither true nor false"))
        return False
    return found


CASTS: Mapping[Type, Callable[[AttributeValue, Failures], AttributeValue]] = {
    str: _to_string,
    int: _to_integer,
    bool: _to_boolean,
}
"""How a value becomes one of a type. What cannot be cast is an error, and the type's zero value."""
