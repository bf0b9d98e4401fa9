"""Clauses: necessary conditions of a filter, which a reader can test before it decodes an event."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["NONE", "Clause", "Clauses", "all_of", "any_of", "exact"]

Clause = tuple[tuple[str, str], ...]
"""Pairs of attribute and canonical value: every matching event has at least one of them."""

Clauses = tuple[Clause, ...]
"""Every matching event fulfils all of these clauses. Without clauses, nothing is known about matching events."""

NONE: Clauses = ()

_HUB_PREFIX = "hub"
_MAX_CLAUSES = 8
_MAX_PAIRS = 16


def exact(values: Mapping[str, str]) -> Clauses:
    """Return the clauses of attributes with exact values. Stored bodies do not have the hub's attributes."""
    pairs = ((name, value) for name, value in values.items() if not name.startswith(_HUB_PREFIX))
    return tuple((pair,) for pair in islice(pairs, _MAX_CLAUSES))


def all_of(parts: Iterable[Clauses]) -> Clauses:
    """Return the clauses of a conjunction."""
    return tuple(islice(dict.fromkeys(clause for clauses in parts for clause in clauses), _MAX_CLAUSES))


def any_of(parts: Iterable[Clauses]) -> Clauses:
    """Return the clauses of a disjunction: the pairs of the shortest clause of each part, if every part has one."""
    pairs: dict[tuple[str, str], None] = {}
    for clauses in parts:
        if not clauses:
            return NONE
        shortest: Clause = min(clauses, key=len)
        pairs |= dict.fromkeys(shortest)
    return (tuple(pairs),) if 0 < len(pairs) <= _MAX_PAIRS else NONE
