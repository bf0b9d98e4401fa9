"""One filter of each dialect, as it is written and as it is tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents.event import AttributeValue, canonical
from eventstore.filters import clauses, prefixes
from eventstore.filters.index_terms import NONE, Equalities, equal, intersect, union

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Condition", "Test", "all_of", "any_of", "conjunction", "exact", "negation", "prefix", "suffix"]

Test = Callable[[Mapping[str, AttributeValue]], bool]
"""Whether an event with these attributes matches."""


class Condition(NamedTuple):
    """A filter within others.

    Attributes:
        written: As JSON has it.
        holds: Tests an event's attributes.
        equalities: One of them is true of every event that matches, if there are any.
        prefixes: With one of them its stream's name starts; None if it may be any.
        clauses: Every event that matches fulfils all of them.
    """

    written: Mapping[str, object]
    holds: Test
    equalities: Equalities
    prefixes: prefixes.Prefixes = None
    clauses: clauses.Clauses = clauses.NONE


def exact(wanted: Mapping[str, str]) -> Condition:
    """Every attribute has exactly this value."""
    holds = _every(wanted, lambda value: value.__eq__)
    equalities = intersect(*(equal(name, [value]) for name, value in wanted.items()))
    return Condition({"exact": wanted}, holds, equalities, prefixes.named(wanted), clauses.exact(wanted))


def prefix(wanted: Mapping[str, str]) -> Condition:
    """Every attribute starts with this."""
    holds = _every(wanted, lambda start: lambda value: value.startswith(start))
    return Condition({"prefix": wanted}, holds, NONE, prefixes.named(wanted))


def suffix(wanted: Mapping[str, str]) -> Condition:
    """Every attribute ends with this."""
    return Condition({"suffix": wanted}, _every(wanted, lambda end: lambda value: value.endswith(end)), NONE)


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Every one of them holds."""
    equalities = intersect(*(condition.equalities for condition in conditions))
    starts = prefixes.intersect(*(condition.prefixes for condition in conditions))
    required = clauses.all_of(condition.clauses for condition in conditions)
    return Condition(
        {"all": [condition.written for condition in conditions]}, conjunction(conditions), equalities, starts, required
    )


def any_of(conditions: Sequence[Condition]) -> Condition:
    """At least one of them holds."""
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
    """It does not hold."""
    test = condition.holds
    return Condition({"not": condition.written}, lambda attributes: not test(attributes), NONE)


def conjunction(conditions: Sequence[Condition]) -> Test:
    """Whether every one of them holds; of none, it is true."""
    tests = [condition.holds for condition in conditions]
    if len(tests) == 1:
        return tests[0]

    def holds(attributes: Mapping[str, AttributeValue]) -> bool:
        for test in tests:  # noqa: SIM110 - all() costs a generator per event
            if not test(attributes):
                return False
        return True

    return holds


def _every(wanted: Mapping[str, str], compared_with: Callable[[str], Callable[[str], bool]]) -> Test:
    tests = [(name, compared_with(value)) for name, value in wanted.items()]

    def holds(attributes: Mapping[str, AttributeValue]) -> bool:
        for name, test in tests:
            value = attributes.get(name)
            if value is None or not test(value if isinstance(value, str) else canonical(value)):
                return False
        return True

    return holds
