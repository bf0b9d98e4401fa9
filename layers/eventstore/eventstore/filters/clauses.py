"""What an event must have to match a filter, as clauses that a reader can check before it decodes an event."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["NONE", "Clause", "Clauses", "all_of", "any_of", "exact"]

Clause = tuple[tuple[str, str], ...]
"""Pairs of attribute and canonical value: an event that matches has at least one of them."""

Clauses = tuple[Clause, ...]
"""An event that matches fulfils every one. Empty: nothing is known of it."""

NONE: Clauses = ()

_OF_THE_HUB = "hub"
_MOST_CLAUSES = 8
_MOST_PAIRS = 16


def exact(wanted: Mapping[str, str]) -> Clauses:
    """What must hold if attributes must have these values; the hub's own attributes stand in no event's body."""
    pairs = ((name, value) for name, value in wanted.items() if not name.startswith(_OF_THE_HUB))
    return tuple((pair,) for pair in islice(pairs, _MOST_CLAUSES))


def all_of(parts: Iterable[Clauses]) -> Clauses:
    """What must hold if all of these must."""
    return tuple(islice(dict.fromkeys(clause for clauses in parts for clause in clauses), _MOST_CLAUSES))


def any_of(parts: Iterable[Clauses]) -> Clauses:
    """What must hold if one of these must: a pair of the shortest clause of any part, if every part has one."""
    pairs: dict[tuple[str, str], None] = {}
    for clauses in parts:
        if not clauses:
            return NONE
        shortest: Clause = min(clauses, key=len)
        pairs |= dict.fromkeys(shortest)
    return (tuple(pairs),) if 0 < len(pairs) <= _MOST_PAIRS else NONE
