"""Filters of events by their types, from types and prefixes of types such as `io.flunq.task.*`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["any_filter", "filters_of_types", "pattern_filter"]


def pattern_filter(pattern: str) -> Mapping[str, Mapping[str, str]]:
    """Return the filter of a type, or of the types that begin with a text which ends in `*`.

    Raises:
        ValueError: It is neither.
    """
    if "*" in pattern[:-1] or pattern in {"", "*"}:
        raise ValueError(f"must be a type such as io.flunq.task.failed or io.flunq.task.*, not {pattern!r}")
    return {"prefix": {"type": pattern[:-1]}} if pattern.endswith("*") else {"exact": {"type": pattern}}


def any_filter(filters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a filter of events that match one of several filters at least."""
    return {**filters[0]} if len(filters) == 1 else {"any": [*filters]}


def filters_of_types(types: str | Iterable[str] | None) -> Sequence[Mapping[str, Any]]:
    """Return the filters of events that have a type, or one of several; none for None.

    Raises:
        ValueError: There are no types, or one of them is not as for `pattern_filter`.
    """
    if types is None:
        return []
    filters = [*map(pattern_filter, [types] if isinstance(types, str) else types)]
    if not filters:
        raise ValueError("type must be a type or several, not none: without it, events of all types match")
    return [any_filter(filters)]
