"""Conditions: the filters of each dialect, as JSON and as a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents.event import AttributeValue, canonical
from eventstore.filters import clauses, prefixes
from eventstore.filters.equalities import NONE, Equalities, equal, intersect, union

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Condition", "Test", "all_of", "any_of", "conjunction", "exact", "negation", "prefix", "suffix"]

Test = Callable[[Mapping[str, AttributeValue]], bool]
"""Returns whether an event with these attributes matches."""


class Condition(NamedTuple):
    """A filter, or a part of one.

    Attributes:
        written: The condition as decoded JSON.
        holds: Tests the attributes of an event.
        equalities: Every matching event has one of them; empty if none are known.
        prefixes: The stream of every matching event has one of these prefixes; None if it can be any stream.
        clauses: Every matching event fulfils all of them.
    """

    written: Mapping[str, object]
    holds: Test
    equalities: Equalities
    prefixes: prefixes.Prefixes = None
    clauses: clauses.Clauses = clauses.NONE


def exact(values: Mapping[str, str]) -> Condition:
    """Return the condition that attributes have exactly these values."""
    holds = _every(values, lambda value: value.__eq__)
    equalities = intersect(*(equal(name, [value]) for name, value in values.items()))
    return Condition({"exact": values}, holds, equalities, prefixes.named(values), clauses.exact(values))


def prefix(values: Mapping[str, str]) -> Condition:
    """Return the condition that attributes start with these texts."""
    holds = _every(values, lambda start: lambda value: value.startswith(start))
    return Condition({"prefix": values}, holds, NONE, prefixes.named(values))


def suffix(values: Mapping[str, str]) -> Condition:
    """Return the condition that attributes end with these texts."""
    return Condition({"suffix": values}, _every(values, lambda end: lambda value: value.endswith(end)), NONE)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that all of these hold."""
    equalities = intersect(*(condition.equalities for condition in conditions))
    starts = prefixes.intersect(*(condition.prefixes for condition in conditions))
    required = clauses.all_of(condition.clauses for condition in conditions)
    return Condition(
        {"all": [condition.written for condition in conditions]}, conjunction(conditions), equalities, starts, required
    )


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that at least one of these holds."""
    tests = [condition.holds for condition in conditions]
    equalities = union(*(condition.equalities for condition in conditions))
    starts = prefixes.union(*(condition.prefixes for condition in conditions))
    required = clauses.any_of(condition.clauses for condition in conditions)

    def holds(attributes: Mapping[str, AttributeValue]) -> bool:
        for test in tests:  # noqa: SIM110 - any() costs a generator per event
            if test(attributes):
                return True
        return False

    return Condition({"any": [condition.written for condition in conditions]}, holds, equalities, starts, required)


def negation(condition: Condition) -> Condition:
    """Return the condition that this one does not hold."""
    test = condition.holds
    return Condition({"not": condition.written}, lambda attributes: not test(attributes), NONE)


def conjunction(conditions: Sequence[Condition]) -> Test:
    """Return a test for all of these conditions, which is true if there are none."""
    tests = [condition.holds for condition in conditions]
    if len(tests) == 1:
        return tests[0]

    def holds(attributes: Mapping[str, AttributeValue]) -> bool:
        for test in tests:  # noqa: SIM110 - all() costs a generator per event
            if not test(attributes):
                return False
        return True

    return holds


def _every(values: Mapping[str, str], compared_with: Callable[[str], Callable[[str], bool]]) -> Test:
    tests = [(name, compared_with(value)) for name, value in values.items()]

    def holds(attributes: Mapping[str, AttributeValue]) -> bool:
        for name, test in tests:
            value = attributes.get(name)
            if value is None or not test(value if isinstance(value, str) else canonical(value)):
                return False
        return True

    return holds
