"""Filters in the JSON form of the CloudEvents Subscriptions API, and options that select events, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_client.errors import Invalid
from eventstore_client.grpc.messages import events
from eventstore_client.grpc.values import set_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["filter_json", "filter_messages", "selection_of"]

_OF_VALUES = ("exact", "prefix", "suffix")
_OF_LISTS = ("all", "any")
_DIALECTS = (*_OF_VALUES, *_OF_LISTS, "not", "sql")
_ATTRIBUTES = ("type", "source", "subject", "workflowid", "executionid", "tenantid")


def filter_messages(values: Iterable[Any], *, pointer: str = "/filters") -> list[events.Filter]:
    """Return filters as messages.

    Args:
        values: The filters in their JSON form. The hub checks what a message can carry.
        pointer: Where they are in the request, for the error.

    Raises:
        Invalid: A filter is one that no message can carry.
    """
    return [_message(value, f"{pointer}/{index}") for index, value in enumerate(values)]


def filter_json(message: events.Filter) -> dict[str, Any]:
    """Return a filter of the hub in its JSON form."""
    dialect = message.WhichOneof("dialect") or "all"
    # `not` is a keyword of Python, so that fields are read by their names.
    operand = getattr(message, dialect)
    if dialect in _OF_VALUES:
        return {dialect: dict(operand.attributes)}
    if dialect in _OF_LISTS:
        return {dialect: [filter_json(item) for item in operand.filters]}
    return {dialect: filter_json(operand) if dialect == "not" else operand}


def selection_of(query: Mapping[str, Any]) -> events.Selection:
    """Return the selection of a read, of the parameters that REST has for it (`searches.selection_query`).

    Raises:
        Invalid: A time or another parameter is one that no message can carry.
    """
    selection = events.Selection(filter_name="".join(_texts(query.get("filter_name"))))
    values = {name: _texts(query.get(name)) for name in (*_ATTRIBUTES, "filter")}
    filters = [_any_of(name, texts) for name, texts in values.items() if texts and "*" not in texts]
    selection.filters.extend(filter_messages(filters, pointer="/selection/filters"))
    for name in ("since", "until"):
        if query.get(name) is not None:
            try:
                set_time(getattr(selection, name), query[name])
            except ValueError as error:
                raise _invalid("invalid-query", f"{name} must be a time in RFC 3339: {error}", name) from error
    return selection


def _any_of(name: str, texts: Sequence[str]) -> dict[str, Any]:
    filters = [_of_value(name, text) for text in texts]
    return filters[0] if len(filters) == 1 else {"any": filters}


def _of_value(name: str, text: str) -> dict[str, Any]:
    if name == "filter":
        return {"sql": text}
    if name == "type" and text.endswith("*"):
        return {"prefix": {name: text[:-1]}}
    return {"exact": {name: text}}


def _texts(value: object) -> Sequence[str]:
    return [] if value is None else [value] if isinstance(value, str) else [str(item) for item in value]  # type: ignore[attr-defined]


def _message(value: Any, pointer: str) -> events.Filter:  # noqa: ANN401 - whatever the caller passes as a filter
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in _DIALECTS:
        raise _invalid(
            "invalid-filter", f"a filter must be an object with exactly one member of {', '.join(_DIALECTS)}", pointer
        )
    ((dialect, operand),) = value.items()
    place = f"{pointer}/{dialect}"
    content: object = operand
    try:
        if dialect in _OF_VALUES:
            content = events.AttributeValues(attributes=operand)
        elif dialect in _OF_LISTS:
            content = events.Filters(filters=[_message(item, f"{place}/{i}") for i, item in enumerate(operand)])
        elif dialect == "not":
            content = _message(operand, place)
        arguments: dict[str, Any] = {dialect: content}
        return events.Filter(**arguments)
    except (TypeError, ValueError, AttributeError) as error:
        raise _invalid("invalid-filter", f"the operand of {dialect} is invalid: {error}", place) from error


def _invalid(code: str, detail: str, pointer: str) -> Invalid:
    problem = {"code": code, "detail": detail, "errors": [{"pointer": pointer, "detail": detail}]}
    return Invalid(status=None, code=code, detail=detail, problem=problem)
