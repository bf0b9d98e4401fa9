"""Filters from the query parameters of a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import InvalidFilter
from eventstore.filters.conditions import any_of, exact, prefix
from eventstore.filters.filter import filter_of
from eventstore.filters.parsing import sql_condition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.filters.conditions import Condition
    from eventstore.filters.filter import Filter

__all__ = ["ATTRIBUTES", "filter_of_parameters"]

ATTRIBUTES = (
    "type",
    "source",
    "subject",
    "workflowid",
    "executionid",
    "taskid",
    "tenantid",
    "correlationid",
    "causationid",
)
"""The parameters that select events by the attribute of the same name."""


def filter_of_parameters(values: Mapping[str, Sequence[str]]) -> Filter:
    """Return the filter of query parameters: events match all parameters, by any of the values of each.

    Args:
        values: The values of parameters: of `ATTRIBUTES`, where a `type` that ends in `*` is a prefix, and of `filter`,
            which is CloudEvents SQL. Other parameters are ignored.

    Raises:
        InvalidFilter: A value is invalid; `pointer` is the name of the parameter.
    """
    names = [name for name in (*ATTRIBUTES, "filter") if values.get(name) and not _matches_all(name, values[name])]
    conditions = [_condition(name, values[name]) for name in names]
    longest = max(names, key=lambda name: sum(map(len, values[name])), default="")
    return filter_of(conditions, pointer=longest)


def _matches_all(name: str, values: Sequence[str]) -> bool:
    return name == "type" and "*" in values


def _condition(name: str, values: Sequence[str]) -> Condition:
    conditions = [_condition_of_value(name, value) for value in values]
    return conditions[0] if len(conditions) == 1 else any_of(conditions)


def _condition_of_value(name: str, value: str) -> Condition:
    if not value:
        raise InvalidFilter(f"{name} must not be empty; set a value, or omit it", pointer=name)
    if name == "filter":
        return sql_condition(value, name)
    if name == "type" and value.endswith("*"):
        return prefix({name: value[:-1]})
    return exact({name: value})
