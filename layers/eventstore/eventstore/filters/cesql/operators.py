"""Operators as steps: each computes the next value from the value so far (3.4)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import AttributeValue
from eventstore.filters.cesql.patterns import TooLong, matcher
from eventstore.filters.cesql.values import CASTS, Attributes, Evaluator, Failure, Failures, Kind, integer, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Advance", "binary", "equals", "like", "one_of", "one_of_these"]

Advance = Callable[[AttributeValue | None, Attributes, Failures], AttributeValue]
"""One step of a chain. None is the value of a missing attribute, for which the result is its zero value."""

_string, _integer, _boolean = CASTS[str], CASTS[int], CASTS[bool]


def binary(sign: str, right: Evaluator) -> Advance:
    """Return the step of an operator.

    Args:
        sign: The operator.
        right: Its right operand.
    """
    if sign in _LOGIC:
        return _LOGIC[sign](right)
    if sign in _ORDERS:
        return _comparison(_ORDERS[sign], right)
    if sign in _ARITHMETIC:
        return _calculation(_ARITHMETIC[sign], right)
    return _equality(right, expected=sign == "=")


def equals(constant: AttributeValue, *, expected: bool) -> Advance:
    """Return the step of a comparison with a literal, the most frequent one.

    Args:
        constant: The literal.
        expected: True for `=`, false for `!=`.
    """
    kind = type_of(constant)
    cast = CASTS[kind]

    def step(value: AttributeValue | None, _: Attributes, failures: Failures) -> bool:
        if value.__class__ is kind:
            return (value == constant) is expected
        return value is not None and (cast(value, failures) == constant) is expected

    return step


def like(pattern: str, *, expected: bool) -> Advance:
    """Return the step of `LIKE`.

    Args:
        pattern: The pattern.
        expected: False for `NOT LIKE`.
    """
    matches = matcher(pattern)

    def step(value: AttributeValue | None, _: Attributes, failures: Failures) -> bool:
        if value is None:
            return False
        try:
            return matches(value if isinstance(value, str) else str(_string(value, failures))) is expected
        except TooLong:
            failures.append(
                Failure(Kind.GENERIC, "the value is too long to be compared with a pattern that has _ in it")
            )
            return False

    return step


def one_of(elements: Sequence[Evaluator], *, expected: bool) -> Advance:
    """Return the step of `IN`. Elements are cast to the type of the value (3.7).

    Args:
        elements: The elements of the list.
        expected: False for `NOT IN`.
    """

    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        values = [element(attributes, failures) for element in elements]
        if value is None or None in values:
            return False
        kind = type_of(value)
        cast = CASTS[kind]
        # All elements are cast before the test, because one that cannot be cast is an error in any place.
        same = [
            element if element.__class__ is kind else cast(element, failures)
            for element in values
            if element is not None
        ]
        return (value in same) is expected

    return step


def one_of_these(constants: Sequence[AttributeValue], *, expected: bool) -> Advance:
    """Return the step of `IN` for literals, which are cast once.

    Args:
        constants: The elements of the list.
        expected: False for `NOT IN`.
    """
    prepared: dict[type, tuple[frozenset[AttributeValue], Failures]] = {}
    for kind, cast in CASTS.items():
        cast_failures: Failures = []
        prepared[kind] = (frozenset(cast(constant, cast_failures) for constant in constants), cast_failures)

    def step(value: AttributeValue | None, _: Attributes, failures: Failures) -> bool:
        if value is None:
            return False
        elements, cast_failures = prepared[type_of(value)]
        failures += cast_failures
        return (value in elements) is expected

    return step


def _conjunction(right: Evaluator) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        if value is None or not _boolean(value, failures):
            return False
        other = right(attributes, failures)
        return other is not None and bool(_boolean(other, failures))

    return step


def _disjunction(right: Evaluator) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        if value is None:
            return False
        if _boolean(value, failures):
            return True
        other = right(attributes, failures)
        return other is not None and bool(_boolean(other, failures))

    return step


def _exclusion(right: Evaluator) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        other = right(attributes, failures)
        if value is None or other is None:
            return False
        return _boolean(value, failures) != _boolean(other, failures)

    return step


def _equality(right: Evaluator, *, expected: bool) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        other = right(attributes, failures)
        if value is None or other is None:
            return False
        # 3.7: the right operand's type picks the definition.
        return (CASTS[type_of(other)](value, failures) == other) is expected

    return step


def _comparison(holds: Callable[[int, int], bool], right: Evaluator) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> bool:
        other = right(attributes, failures)
        if value is None or other is None:
            return False
        return holds(int(_integer(value, failures)), int(_integer(other, failures)))

    return step


def _calculation(calculate: Callable[[int, int, Failures], int], right: Evaluator) -> Advance:
    def step(value: AttributeValue | None, attributes: Attributes, failures: Failures) -> int:
        other = right(attributes, failures)
        if value is None or other is None:
            return 0
        result = calculate(int(_integer(value, failures)), int(_integer(other, failures)), failures)
        return integer(result, failures)

    return step


def _quotient(dividend: int, divisor: int, failures: Failures) -> int:
    if divisor == 0:
        failures.append(Failure(Kind.MATH, f"{dividend} / 0"))
        return 0
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) is (divisor < 0) else -quotient


def _remainder(dividend: int, divisor: int, failures: Failures) -> int:
    if divisor == 0:
        failures.append(Failure(Kind.MATH, f"{dividend} % 0"))
        return 0
    remainder = abs(dividend) % abs(divisor)
    return -remainder if dividend < 0 else remainder


_LOGIC = {"AND": _conjunction, "OR": _disjunction, "XOR": _exclusion}
_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[int, int, Failures], int]] = {
    "+": lambda left, right, _: left + right,
    "-": lambda left, right, _: left - right,
    "*": lambda left, right, _: left * right,
    "/": _quotient,
    "%": _remainder,
}
