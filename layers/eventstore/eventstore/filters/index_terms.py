"""What an index can find a filter by: values of which an event must have one, or the filter does not match it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NONE", "Equalities", "equal", "intersect", "union"]

Equalities = tuple[tuple[str, str], ...]
"""Alternatives, as attribute and value: an event that matches has at least one. Empty: it may have anything."""

NONE: Equalities = ()

_SELECTIVE = ("subject", "type", "source")
"""The attributes that count, the one that tells the most events apart first."""

_MOST = 16


def equal(name: str, values: Sequence[str]) -> Equalities:
    """What must hold if an attribute must have one of the values."""
    if name not in _SELECTIVE:
        return NONE
    found = tuple((name, value) for value in dict.fromkeys(values))
    return found if len(found) <= _MOST else NONE


def intersect(*all_of: Equalities) -> Equalities:
    """What must hold if all of these must: the most selective of them, which implies itself."""
    return min((found for found in all_of if found), key=_selectivity, default=NONE)


def union(*any_of: Equalities) -> Equalities:
    """What must hold if any of these may: all of them together, if each of them says something."""
    found = tuple(dict.fromkeys(pair for alternatives in any_of for pair in alternatives))
    return found if all(any_of) and len(found) <= _MOST else NONE


def _selectivity(found: Equalities) -> tuple[int, int]:
    return max(_SELECTIVE.index(name) for name, _ in found), len(found)
