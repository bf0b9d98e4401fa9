"""What calls answer that fail."""

from collections.abc import Sequence
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Count, Name, Positive, Result

__all__ = ["Problem", "ProblemMembers"]


class ProblemPlace(TypedDict):
    """What is wrong, and where."""

    pointer: str
    detail: str


class EventCandidate(TypedDict):
    """An event that has the id asked for."""

    stream: Name
    source: str


class ProblemMembers(TypedDict, total=False):
    """The members that only some problems have."""

    errors: Annotated[
        Sequence[ProblemPlace], Field(description="Where in the body (RFC 6901), or which parameter or header.")
    ]
    stream: Name
    expected: Count
    actual: Count
    subscription: Annotated[Name, Field(description="The subscription that is at `version`, or that names `filter`.")]
    filter: Annotated[Name, Field(description="The named filter that is at `version`, or that is in use.")]
    event_type: Annotated[Name, Field(description="The event type whose schema is at `version`.")]
    version: Annotated[str, Field(description="Of a subscription, filter or schema: its ETag, without the quotes.")]
    sequence: Positive
    index: Count
    position: Annotated[Count, Field(description="The character of the expression, from 0, at which it breaks a rule.")]
    candidates: Sequence[EventCandidate]
    results: Annotated[
        Sequence[Result | None],
        Field(description="Of a publish to several streams that failed between them; null for what was not stored."),
    ]


class Problem(ProblemMembers):
    """Problem details (RFC 9457). Branch on `code`, which is stable; show `detail` to a person."""

    type: Annotated[str, Field(pattern="^urn:flunq:problem:")]
    title: str
    status: NotRequired[Annotated[int, Field(description="Absent from a few of the gateway's own problems.")]]
    detail: str
    code: str
