"""A filter as a value, which compares by its text and tests by a compiled function."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import InvalidFilter
from eventstore.filters import clauses, prefixes
from eventstore.filters.conditions import Condition, Test, conjunction
from eventstore.filters.equalities import Equalities, intersect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import StreamName

__all__ = ["EVERYTHING", "Filter", "filter_of", "require_short"]

_MAX_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects events. Make one with `parse_filters`, `sql_filter` or `filter_of_parameters`.

    Attributes:
        text: The filter as canonical JSON, a list; `parse_filters` returns an equal filter for it.
        equalities: Pairs of attribute and value. Every matching event has at least one of them, so an index can find
            the filter by them. Empty if none are known; then every event must be tested.
        prefixes: The stream of every matching event has one of these prefixes; None if it can be any stream.
        clauses: Every matching event fulfils all of them: a reader can skip others without decoding them.
        matches: Tests the attributes of an event, those of the hub included.
    """

    text: str
    equalities: Equalities = field(compare=False)
    prefixes: prefixes.Prefixes = field(compare=False)
    clauses: clauses.Clauses = field(compare=False)
    matches: Test = field(compare=False, repr=False)

    @property
    def is_everything(self) -> bool:
        """Whether it selects every event, so that none needs to be decoded."""
        return self.text == EVERYTHING.text

    def may_want(self, stream: StreamName) -> bool:
        """Whether events of a stream can match, as far as the prefixes show."""
        return self.prefixes is None or stream.startswith(self.prefixes)


def require_short(value: object, *, pointer: str) -> None:
    """Raise unless filters can be short enough for `filter_of`.

    Call it before parsing them into conditions, which can take time in the square of their length.

    Args:
        value: The filters as decoded JSON.
        pointer: Where the request has them (RFC 6901), for the error.

    Raises:
        InvalidFilter: They are too long, or nested too deeply.
    """
    try:
        # Characters are no more than bytes, so no filter that is short enough is refused here.
        length = len(_canonical_json(value))
    except RecursionError as error:
        raise InvalidFilter("the filters are nested too deeply", pointer=pointer) from error
    if length > _MAX_BYTES:
        raise InvalidFilter(
            f"the filters are {length} characters long as JSON; at most {_MAX_BYTES} are allowed", pointer=pointer
        )


def filter_of(conditions: Sequence[Condition], *, pointer: str) -> Filter:
    """Return the filter of events for which all conditions hold.

    Args:
        conditions: The conditions; every event matches, if there are none.
        pointer: Where the request has them (RFC 6901), for the error.

    Raises:
        InvalidFilter: Its JSON is too long, or cannot be encoded in UTF-8.
    """
    text = _canonical_json([condition.written for condition in conditions])
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidFilter("a value contains an unpaired surrogate", pointer=pointer) from error
    if size > _MAX_BYTES:
        raise InvalidFilter(
            f"the filters are {size} bytes long as JSON; at most {_MAX_BYTES} are allowed", pointer=pointer
        )
    equalities = intersect(*(condition.equalities for condition in conditions))
    starts = prefixes.intersect(*(condition.prefixes for condition in conditions))
    required = clauses.all_of(condition.clauses for condition in conditions)
    return Filter(text, equalities, starts, required, conjunction(conditions))


def _canonical_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


EVERYTHING = filter_of((), pointer="")
