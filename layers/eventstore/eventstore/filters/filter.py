"""A filter as a value: told apart by its text, tested by a compiled function."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import InvalidFilter
from eventstore.filters import clauses, prefixes
from eventstore.filters.conditions import Condition, Test, conjunction
from eventstore.filters.index_terms import Equalities, intersect

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EVERYTHING", "Filter", "filter_of", "require_short"]

_LONGEST = 8 * 1024


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted. Make one with `parse_filters`, `sql_filter` or `filter_of_parameters`.

    Attributes:
        text: The filter as canonical JSON, a list, of which `parse_filters` makes an equal one.
        equalities: Pairs of attribute and value, of which every event that matches has one at least: an index finds
            the filter by these. Empty, if nothing of the kind is known; then every event has to be tested.
        prefixes: With one of these the name of the stream starts of every event that matches; None, if it may be any.
        clauses: Every event that matches fulfils all of them: a reader can pass over the others undecoded.
        matches: Whether an event with these attributes is wanted, the hub's own among them if they can be asked for.
    """

    text: str
    equalities: Equalities = field(compare=False)
    prefixes: prefixes.Prefixes = field(compare=False)
    clauses: clauses.Clauses = field(compare=False)
    matches: Test = field(compare=False, repr=False)

    def may_want(self, stream: str) -> bool:
        """Whether an event of this stream could match, as far as the prefixes tell."""
        return self.prefixes is None or stream.startswith(self.prefixes)


def require_short(value: object, *, pointer: str) -> None:
    """Return if filters, as JSON was decoded, may be short enough for `filter_of`.

    To be asked before conditions are made of them, for that may take as long as the square of their length.

    Raises:
        InvalidFilter: They are too long, or nested deeper than JSON is written.
    """
    try:
        # Characters, of which there are no more than bytes, so that nothing is refused here that is short enough.
        length = len(_written(value))
    except RecursionError as error:
        raise InvalidFilter("the filters are nested too deeply", pointer=pointer) from error
    if length > _LONGEST:
        raise InvalidFilter(
            f"the filters are {length} characters long as JSON; at most {_LONGEST} are allowed", pointer=pointer
        )


def filter_of(conditions: Sequence[Condition], *, pointer: str) -> Filter:
    """The filter of events for which every condition holds.

    Raises:
        InvalidFilter: As JSON, it is too long, or it cannot be written in UTF-8.
    """
    text = _written([condition.written for condition in conditions])
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidFilter("a value contains an unpaired surrogate", pointer=pointer) from error
    if size > _LONGEST:
        raise InvalidFilter(
            f"the filters are {size} bytes long as JSON; at most {_LONGEST} are allowed", pointer=pointer
        )
    equalities = intersect(*(condition.equalities for condition in conditions))
    starts = prefixes.intersect(*(condition.prefixes for condition in conditions))
    required = clauses.all_of(condition.clauses for condition in conditions)
    return Filter(text, equalities, starts, required, conjunction(conditions))


def _written(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


EVERYTHING = filter_of((), pointer="")
