"""The query parameters of every call: one table, which checks requests and makes the API documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery
from eventstore.filters.parameters import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CURSOR",
    "DIRECTION",
    "FILTER_NAME",
    "FIRST_SEQUENCE",
    "GET_EVENT",
    "HANDSHAKE",
    "LAST_SEQUENCE",
    "LIMIT",
    "LIST_NAMES",
    "MODE",
    "ORDER",
    "PERMANENT",
    "PREFIX",
    "PURGE_SUBSCRIPTION",
    "QUERIES",
    "SINCE",
    "SOURCE",
    "START_FROM",
    "STREAM",
    "SUBSCRIPTION",
    "UNTIL",
    "Kind",
    "Parameter",
    "require_known",
]

_GREATEST = 10**15


class Kind(Enum):
    """What the value of a parameter is."""

    TEXT = "text"
    NAME = "name"
    TIME = "time"
    INTEGER = "integer"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. None of them may be empty.

    Attributes:
        name: As it stands in a URL.
        description: What clients read of it in the documents.
        kind: What its value is.
        repeated: It may be sent several times, for any of several values.
        required: The call is refused without it.
        maximum: Of an integer, which is at least 1.
        choices: Of a choice; without the parameter, the first counts.
        default: What the documents name as such.
        keywords: Further keywords of its JSON Schema, for what the core checks.
    """

    name: str
    description: str
    kind: Kind = Kind.TEXT
    repeated: bool = False
    required: bool = False
    maximum: int = _GREATEST
    choices: tuple[str, ...] = ()
    default: int | str | None = None
    keywords: Mapping[str, object] = field(default_factory=dict)


def _choice(name: str, description: str, *choices: str) -> Parameter:
    return Parameter(name, description, Kind.CHOICE, choices=choices, default=choices[0])


_DESCRIPTIONS: Mapping[str, str] = {
    "type": "Only these types; one may end in `*`.",
    "source": "Only from these sources.",
    "subject": "Only about these subjects.",
    "workflowid": "Only of these workflows.",
    "executionid": "Only of these executions.",
    "taskid": "Only of these tasks.",
    "tenantid": "Only of these tenants.",
    "correlationid": "Only of these correlations.",
    "causationid": "Only of these causes.",
}
_BY_ATTRIBUTE = {name: Parameter(name, _DESCRIPTIONS[name], repeated=True) for name in ATTRIBUTES}

FILTER = Parameter(
    "filter",
    "Only if this expression in CloudEvents SQL 1.0.0 is true; an event on which it fails does not match. "
    "The hub's own attributes can be asked for: `hubstream`, `hubsequence`, `hubtime`.",
    repeated=True,
    keywords={"maxLength": 8192, "examples": ["type LIKE 'io.flunq.%' AND EXISTS subject"]},
)
FILTER_NAME = Parameter("filter_name", "Only what this named filter matches, as it is now.", Kind.NAME)
SINCE = Parameter("since", "Stored at or after this time.", Kind.TIME)
UNTIL = Parameter("until", "Stored before this time.", Kind.TIME)
STREAMS = Parameter("stream", "Only of these streams.", Kind.NAME, repeated=True)
ORDER = _choice("order", "Oldest or newest first.", "asc", "desc")
FIRST_SEQUENCE = Parameter("from", "The least sequence.", Kind.INTEGER, default=1)
LAST_SEQUENCE = Parameter("to", "The greatest sequence.", Kind.INTEGER)
DIRECTION = _choice("direction", "Oldest or newest first.", "forwards", "backwards")
LIMIT = Parameter(
    "limit",
    "The most that one page holds; it may hold fewer, and still have a next one.",
    Kind.INTEGER,
    maximum=1000,
    default=100,
)
CURSOR = Parameter("cursor", "Where an earlier page ended: its `next`.")
PREFIX = Parameter("prefix", "Only names that start so.", Kind.NAME)
SOURCE = Parameter("source", "The event's source, where several use the id.")
STREAM = Parameter("stream", "Only of this stream.", Kind.NAME)
MODE = _choice(
    "mode",
    "How the event is answered: as one JSON object, or with its attributes as headers and its data as the body.",
    "structured",
    "binary",
)
INTO_STREAM = Parameter(
    "stream",
    "Where all events belong; without it, each says so itself: `{tenantid}:{workflowid}`, else `{workflowid}`, "
    "else the `partitionkey` extension, else `default`. Characters that no name has are escaped: `order 7` goes to "
    "`order~207`. A `tenantid` with such a character, or with a colon, needs it.",
    Kind.NAME,
)
PERMANENT = _choice("permanent", "True ends the stream: it takes no events again.", "false", "true")
SUBSCRIPTION = Parameter("subscription", "Only of this durable subscription.", Kind.NAME)
PURGE_SUBSCRIPTION = Parameter("subscription", "Of this durable subscription.", Kind.NAME, required=True)
START_FROM = Parameter(
    "from",
    "With what is published from now on, or with the oldest event kept.",
    Kind.CHOICE,
    choices=("now", "start"),
)
START_CURSORS = Parameter("cursor", "Behind these places, instead of `from`.", repeated=True)

_PAGE = (LIMIT, CURSOR)
_SELECTION = (
    *(_BY_ATTRIBUTE[name] for name in ("type", "source", "subject", "workflowid", "executionid", "tenantid")),
    *(SINCE, UNTIL, FILTER, FILTER_NAME),
)

LIST_NAMES = (PREFIX, *_PAGE)
GET_EVENT = (SOURCE, STREAM, MODE)
HANDSHAKE = (*_BY_ATTRIBUTE.values(), STREAMS, FILTER, FILTER_NAME, START_FROM, START_CURSORS)
"""Those of the URL of a `cloudevents.json` connection, too."""

QUERIES: Mapping[str, Sequence[Parameter]] = {
    "publishEvents": (INTO_STREAM,),
    "searchEvents": (*_SELECTION, STREAMS, ORDER, *_PAGE),
    "getEvent": GET_EVENT,
    "readStream": (*_SELECTION, FIRST_SEQUENCE, LAST_SEQUENCE, DIRECTION, *_PAGE),
    "deleteStream": (PERMANENT,),
    "listStreams": LIST_NAMES,
    "listSubscriptions": LIST_NAMES,
    "listFilters": LIST_NAMES,
    "listSchemas": LIST_NAMES,
    "listDeadLetters": (SUBSCRIPTION, STREAM, *_PAGE),
    "listConnections": _PAGE,
    "purgeDeadLetters": (PURGE_SUBSCRIPTION, STREAM),
    "checkHandshake": HANDSHAKE,
}
"""By the operation of the OpenAPI document; the others have no query parameter."""


def require_known(query: Mapping[str, Sequence[str]], known: Sequence[Parameter] = (), *, none: str = "none") -> None:
    """Raise unless every parameter is known and has a value.

    Args:
        query: The values of each parameter.
        known: The parameters that the call supports.
        none: What the error says in place of their names where there are none.

    Raises:
        InvalidQuery: A parameter is unknown or empty.
    """
    names = [parameter.name for parameter in known]
    for name, values in query.items():
        if name not in names:
            supported = ", ".join(names) or none
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; supported: {supported}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} must not be empty; set a value, or omit it", pointer=name)
