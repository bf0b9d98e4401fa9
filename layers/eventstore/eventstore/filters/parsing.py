"""Filters from JSON and from CloudEvents SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from eventstore.errors import InvalidFilter
from eventstore.filters.conditions import Condition, all_of, any_of, exact, negation, prefix, suffix
from eventstore.filters.filter import filter_of, require_short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.filters.filter import Filter

__all__ = ["parse_filters", "sql_condition", "sql_filter"]

_DEEPEST = 16
_DIALECTS = ("exact", "prefix", "suffix", "all", "any", "not", "sql")
_NAME = re.compile(r"[a-z0-9]+")
_SHOWN = 80


def parse_filters(value: object, *, pointer: str = "/filters") -> Filter:
    """Parse a list of filters. An event must match all of them; every event matches an empty list.

    Args:
        value: The list, as decoded JSON.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidFilter: A filter is invalid, at `pointer`; in CloudEvents SQL, at `position`.
    """
    if not isinstance(value, list):
        raise InvalidFilter(f"filters must be a list of filters, not {_shown(value)}", pointer=pointer)
    require_short(value, pointer=pointer)
    conditions = [_condition(item, f"{pointer}/{index}", 1) for index, item in enumerate(value)]
    return filter_of(conditions, pointer=pointer)


def sql_filter(text: str, *, pointer: str) -> Filter:
    """Parse an expression in CloudEvents SQL into a filter.

    Args:
        text: The expression.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidFilter: It is invalid, or calls an unknown function, at `position`.
    """
    return filter_of([sql_condition(text, pointer)], pointer=pointer)


def sql_condition(text: str, pointer: str) -> Condition:
    """Parse an expression in CloudEvents SQL into a condition; see `sql_filter`.

    Args:
        text: The expression.
        pointer: Where the request has it (RFC 6901), for the error.
    """
    # Imported here because most filters have no SQL, and every import slows a cold start.
    from eventstore.filters.cesql import parse  # noqa: PLC0415 - see above

    try:
        expression = parse(text)
    except InvalidFilter as error:
        raise InvalidFilter(error.detail, pointer=pointer, position=error.position) from error
    # CloudEvents SQL 1.0.0, 3.3: errors that can be detected before evaluation should be.
    for detail, position in expression.unknown:
        raise InvalidFilter(detail, pointer=pointer, position=position)
    required = (expression.equalities,) if expression.equalities else ()
    return Condition({"sql": text}, expression.matches, expression.equalities, clauses=required)


def _condition(value: object, pointer: str, depth: int) -> Condition:
    if depth > _DEEPEST:
        raise InvalidFilter(f"filters are nested too deeply; at most {_DEEPEST} levels are allowed", pointer=pointer)
    if not isinstance(value, dict) or len(value) != 1:
        raise InvalidFilter(
            f"a filter must be an object with exactly one member of {', '.join(_DIALECTS)}, not {_shown(value)}",
            pointer=pointer,
        )
    ((dialect, operand),) = value.items()
    place = f"{pointer}/{_escaped(dialect)}"
    match dialect:
        case "exact" | "prefix" | "suffix":
            return _OF_VALUES[dialect](_values(operand, place))
        case "all" | "any":
            return _OF_LISTS[dialect](_conditions(operand, place, depth + 1))
        case "not":
            return negation(_condition(operand, place, depth + 1))
        case "sql":
            return sql_condition(_text(operand, place), place)
        case _:
            raise InvalidFilter(
                f"unknown filter dialect {dialect[:_SHOWN]!r}; use one of {', '.join(_DIALECTS)}", pointer=place
            )


def _conditions(value: object, pointer: str, depth: int) -> list[Condition]:
    if not isinstance(value, list) or not value:
        raise InvalidFilter(f"the operand must be a list of at least one filter, not {_shown(value)}", pointer=pointer)
    return [_condition(item, f"{pointer}/{index}", depth) for index, item in enumerate(value)]


def _values(value: object, pointer: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or not value:
        raise InvalidFilter(
            f"the operand must be an object with at least one attribute, not {_shown(value)}", pointer=pointer
        )
    for name, text in value.items():
        place = f"{pointer}/{_escaped(name)}"
        # CloudEvents 1.0.2, Naming Conventions; `data` is not an attribute.
        if not _NAME.fullmatch(name) or name == "data":
            raise InvalidFilter(
                f"{name[:_SHOWN]!r} is not an attribute name; use lower-case letters and digits",
                pointer=place,
            )
        _text(text, place)
    return cast("Mapping[str, str]", value)


def _text(value: object, pointer: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidFilter(f"the value must be a non-empty string, not {_shown(value)}", pointer=pointer)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilter("the string contains an unpaired surrogate", pointer=pointer) from error
    return value


def _shown(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null"}
    if isinstance(value, dict | list | str) and not value:
        return f"{kinds[type(value)]} that is empty"
    if isinstance(value, dict) and len(value) > 1:
        return f"an object of {len(value)} members"
    return kinds.get(type(value), str(value)[:_SHOWN])


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_OF_VALUES: Mapping[str, Callable[[Mapping[str, str]], Condition]] = {
    "exact": exact,
    "prefix": prefix,
    "suffix": suffix,
}
_OF_LISTS: Mapping[str, Callable[[list[Condition]], Condition]] = {"all": all_of, "any": any_of}
