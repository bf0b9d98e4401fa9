"""The answers of calls that concern streams and their events."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Batch, Count, MissingRange, Name, Positive, Time, Token

__all__ = [
    "EventPage",
    "EventPageHead",
    "Missing",
    "Origin",
    "Retention",
    "Stream",
    "StreamPage",
    "StreamPageHead",
    "Streams",
]


class Missing(TypedDict, total=False):
    """What a reader missed."""

    missing: Annotated[
        Sequence[MissingRange],
        Field(
            max_length=100,
            description="What was removed, by retention or deletion, before the reader came to it, since it began to "
            "read: whether it would have been selected or not. Only there if anything is missing.",
        ),
    ]
    missing_more: Annotated[
        Literal[True], Field(description="More is missing than is listed here, or than is remembered.")
    ]
    gone: Annotated[
        Sequence[Name], Field(description="Streams that the call names and that were deleted for good since then.")
    ]


class EventPageHead(Missing):
    """The members of a page of all streams that stand before its events."""

    cursor: Token


class EventPage(EventPageHead):
    """Events of all streams."""

    events: Batch
    next: NotRequired[Token]


class StreamPageHead(Missing):
    """The members of a page of one stream that stand before its events."""

    stream: Name
    head: Count


class StreamPage(StreamPageHead):
    """Events of one stream."""

    events: Batch
    next: NotRequired[Token]


class Retention(TypedDict, total=False):
    """How long a stream keeps its events; without a limit, for ever."""

    max_age: Annotated[Positive, Field(description="In seconds, counted from when an event was stored.")]
    max_events: Annotated[Positive, Field(description="The newest that many are kept.")]


class Origin(TypedDict):
    """Where a fork comes from. Events `first` to `until` of that stream have the sequences from 1 in the fork."""

    stream: Name
    first: Annotated[Positive, Field(description="1, unless older events were removed before.")]
    until: Positive
    complete: Annotated[
        bool, Field(description="Whether all of these events are copied. Otherwise the same request continues.")
    ]


class Stream(TypedDict):
    """A stream, and its settings."""

    id: Name
    head: Annotated[Count, Field(description="The sequence of the newest event ever stored; 0 if there was none.")]
    first: Annotated[Positive, Field(description="The sequence of the oldest event kept; head + 1 if none is.")]
    count: Count
    bytes: Count
    created: Time
    updated: Time
    retention: Retention
    labels: Mapping[str, str]
    forked_from: NotRequired[Annotated[Origin, Field(description="Only of a fork.")]]


class Streams(TypedDict):
    """Streams, in the order of their names."""

    streams: Sequence[Stream]
    next: NotRequired[Token]
