"""The body of a named filter: pydantic checks it and makes its schema, as in `models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from eventstore.filters import parse_filters
from functions.rest.models import Body, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.filters import Filter

__all__ = ["MODELS", "FilterDefinition", "filter_definition"]


class FilterDefinition(Body):
    """What a named filter matches."""

    # `parse_filters` checks a filter, and the document refers to its schema, `openapi.filters`.
    filters: list[Any] = Field(
        description="Which events: those that match every one. The dialects of the CloudEvents Subscriptions API.",
        examples=[[{"suffix": {"type": ".failed"}}]],
    )


MODELS: Sequence[type[Body]] = (FilterDefinition,)
"""The bodies of calls that concern named filters."""


def filter_definition(body: bytes) -> Filter:
    """Return the filter that a body defines.

    Raises:
        Malformed, InvalidBody: As `models.parsed`.
        InvalidFilter: A filter violates a rule.
    """
    return parse_filters(parsed(FilterDefinition, body).filters)
