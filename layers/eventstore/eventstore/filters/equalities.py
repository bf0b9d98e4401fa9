"""Equalities, by which an index finds filters: a filter matches an event only if the event has one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NONE", "Equalities", "equal", "intersect", "union"]

Equalities = tuple[tuple[str, str], ...]
"""Pairs of attribute and value: every matching event has at least one. Empty: nothing is known."""

NONE: Equalities = ()

_SELECTIVE = ("subject", "type", "source")
"""The indexed attributes, the most selective first."""

_MAX_PAIRS = 16


def equal(name: str, values: Sequence[str]) -> Equalities:
    """Return the equalities of an attribute that has one of several values.

    Args:
        name: The name of the attribute.
        values: Its possible values.
    """
    if name not in _SELECTIVE:
        return NONE
    pairs = tuple((name, value) for value in dict.fromkeys(values))
    return pairs if len(pairs) <= _MAX_PAIRS else NONE


def intersect(*all_of: Equalities) -> Equalities:
    """Return the equalities of a conjunction: the most selective ones of its parts."""
    return min((equalities for equalities in all_of if equalities), key=_selectivity, default=NONE)


def union(*any_of: Equalities) -> Equalities:
    """Return the equalities of a disjunction: those of all parts, if every part has some."""
    pairs = tuple(dict.fromkeys(pair for alternatives in any_of for pair in alternatives))
    return pairs if all(any_of) and len(pairs) <= _MAX_PAIRS else NONE


def _selectivity(equalities: Equalities) -> tuple[int, int]:
    return max(_SELECTIVE.index(name) for name, _ in equalities), len(equalities)
