"""Of which streams a filter can want events: how their names start, as far as the filter tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Prefixes", "intersect", "named", "union"]

Prefixes = tuple[str, ...] | None
"""The stream of every event that matches has a name that starts with one of these; None if it may be any."""

_STREAM = "hubstream"


def named(wanted: Mapping[str, str]) -> Prefixes:
    """What must hold if attributes must be, or start with, these values."""
    return (wanted[_STREAM],) if _STREAM in wanted else None


def intersect(*all_of: Prefixes) -> Prefixes:
    """What must hold if all of these must."""
    known: Prefixes = None
    for prefixes in all_of:
        if prefixes is not None:
            known = prefixes if known is None else _common(known, prefixes)
    return known


def union(*any_of: Prefixes) -> Prefixes:
    """What must hold if any of these may: all of them together, if each of them says something."""
    known: dict[str, None] = {}
    for prefixes in any_of:
        if prefixes is None:
            return None
        known |= dict.fromkeys(prefixes)
    return tuple(known)


def _common(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The longer one of each pair of which one starts with the other."""
    pairs = [(one, other) for one in some for other in others if one.startswith(other) or other.startswith(one)]
    return tuple(dict.fromkeys(max(pair, key=len) for pair in pairs))
