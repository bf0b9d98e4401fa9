"""Prefixes: the streams whose events a filter can match."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Prefixes", "intersect", "named", "union"]

Prefixes = tuple[str, ...] | None
"""The stream of every matching event has a name that starts with one of these; None if it can be any stream."""

_STREAM = "hubstream"


def named(values: Mapping[str, str]) -> Prefixes:
    """Return the prefixes of attributes that equal, or start with, these values."""
    return (values[_STREAM],) if _STREAM in values else None


def intersect(*all_of: Prefixes) -> Prefixes:
    """Return the prefixes of a conjunction."""
    known: Prefixes = None
    for prefixes in all_of:
        if prefixes is not None:
            known = prefixes if known is None else _common(known, prefixes)
    return known


def union(*any_of: Prefixes) -> Prefixes:
    """Return the prefixes of a disjunction: those of all parts, if every part has some."""
    known: dict[str, None] = {}
    for prefixes in any_of:
        if prefixes is None:
            return None
        known |= dict.fromkeys(prefixes)
    return tuple(known)


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Return the longer prefix of each pair in which one starts with the other."""
    pairs = [(a, b) for a in left for b in right if a.startswith(b) or b.startswith(a)]
    return tuple(dict.fromkeys(max(pair, key=len) for pair in pairs))
