"""The answers of calls that concern named filters."""

from collections.abc import Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Name, Positive, Time, Token
from functions.answers.subscriptions import Filter

__all__ = ["NamedFilter", "NamedFilters"]


class NamedFilter(TypedDict):
    """A filter that is stored under a name."""

    id: Name
    filters: Annotated[Sequence[Filter], Field(description="An event must match all of them.")]
    version: Annotated[Positive, Field(description="Counts its definitions, from 1.")]
    created: Time
    updated: Time


class NamedFilters(TypedDict):
    """Named filters, in the order of their names."""

    filters: Sequence[NamedFilter]
    next: NotRequired[Token]
