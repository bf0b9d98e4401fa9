"""Members that several answers and messages have."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

# pydantic reads `typing.TypedDict` only from Python 3.12 on.
from typing_extensions import TypeAliasType, TypedDict

from eventstore.streams import NAME_PATTERN

__all__ = ["Batch", "Count", "MissingRange", "Name", "Positive", "RecordedEvent", "Result", "Results", "Time", "Token"]

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", examples=["acme:wf-1"])]
Time = Annotated[str, Field(examples=["2018-04-05T17:31:00Z"], json_schema_extra={"format": "date-time"})]
Token = Annotated[str, Field(description="Opaque; use it as it was given.")]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]

_Required = Annotated[str, Field(min_length=1)]


class RecordedEvent(TypedDict):
    """An event as published, and what the hub adds."""

    specversion: Annotated[str, Field(json_schema_extra={"enum": ["1.0"]})]
    id: _Required
    source: _Required
    type: _Required
    hubstream: Name
    hubsequence: Annotated[str, Field(pattern="^[1-9][0-9]*$", description="Per stream, from 1.")]
    hubtime: Annotated[Time, Field(description="When it was stored.")]


Batch = TypeAliasType("Batch", Sequence[RecordedEvent])


class Result(TypedDict):
    """Where an event is stored."""

    stream: Name
    sequence: Positive
    id: str
    duplicate: Annotated[bool, Field(description="Whether it was stored there before.")]


class Results(TypedDict):
    """Where events are stored, in the order of the request."""

    results: Sequence[Result]


class MissingRange(TypedDict):
    """Events of a stream that were removed."""

    stream: Name
    first: Positive
    last: Positive
