"""The answers of calls that concern schemas of event types."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Name, Positive, Time, Token

__all__ = ["EventSchema", "EventSchemas", "EventType"]


class EventType(TypedDict):
    """An event type that has a schema."""

    type: Name
    origin: Annotated[
        Literal["catalogue", "stored"], Field(description="Whose schema it is: the hub's, or one that was stored.")
    ]
    enforce: Annotated[bool, Field(description="Whether the hub refuses events whose data do not match.")]
    version: NotRequired[Annotated[Positive, Field(description="Counts what was stored, from 1.")]]
    created: NotRequired[Time]
    updated: NotRequired[Time]


class EventSchema(EventType):
    """An event type and its schema."""

    schema: Annotated[Mapping[str, Any], Field(description="A JSON Schema (2020-12) of the data.")]


class EventSchemas(TypedDict):
    """Event types that have a schema, in the order of their names."""

    schemas: Sequence[EventType]
    next: NotRequired[Token]
