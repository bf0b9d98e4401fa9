"""Filters from the parameters of a URL."""

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
"""Parameters that are compared with the attribute of the same name."""


def filter_of_parameters(values: Mapping[str, Sequence[str]]) -> Filter:
    """The filter that the parameters ask for: any of a parameter's values, and all of the parameters.

    Args:
        values: Of `ATTRIBUTES`, of which a `type` may end in `*` and then is a prefix, and of `filter`, which is
            CloudEvents SQL. Other names are not looked at.

    Raises:
        InvalidFilter: A value breaks a rule; `pointer` is the parameter's name.
    """
    wanted = [name for name in (*ATTRIBUTES, "filter") if values.get(name) and not _is_anything(name, values[name])]
    conditions = [_condition(name, values[name]) for name in wanted]
    longest = max(wanted, key=lambda name: sum(map(len, values[name])), default="")
    return filter_of(conditions, pointer=longest)


def _is_anything(name: str, values: Sequence[str]) -> bool:
    return name == "type" and "*" in values


def _condition(name: str, values: Sequence[str]) -> Condition:
    conditions = [_one(name, value) for value in values]
    return conditions[0] if len(conditions) == 1 else any_of(conditions)


def _one(name: str, value: str) -> Condition:
    if not value:
        raise InvalidFilter(f"{name} must not be empty; set a value, or omit it", pointer=name)
    if name == "filter":
        return sql_condition(value, name)
    if name == "type" and value.endswith("*"):
        return prefix({name: value[:-1]})
    return exact({name: value})
