"""The messages that a client of `eventstore.v1` sends: one table, which checks them and makes the AsyncAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = [
    "ACK_CURSORS",
    "ACK_MEMBERS",
    "ACK_STREAM",
    "CURSOR",
    "DELAY",
    "EVENTS",
    "EXPECTED",
    "FILTERS",
    "FILTER_NAME",
    "FRAME",
    "FROM",
    "ID",
    "ID_PATTERN",
    "JOIN",
    "NACK",
    "PARK",
    "PARTITION",
    "PING",
    "PUBLISH",
    "REASON",
    "RELEASE",
    "REQUEST",
    "REQUESTS",
    "SEQUENCE",
    "STREAM",
    "STREAMS",
    "SUBSCRIBE",
    "SUBSCRIPTION",
    "UNSUBSCRIBE",
    "Kind",
    "Member",
    "Request",
]

ID_PATTERN = "[A-Za-z0-9._:~-]{1,64}"
"""What names a subscription on its connection, whole."""

_GREATEST = 10**15


class Kind(Enum):
    """What the value of a member is."""

    ID = "id"
    TEXT = "text"
    TEXTS = "texts"
    NAME = "name"
    NAMES = "names"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    FILTERS = "filters"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a message.

    Attributes:
        name: As it stands in JSON.
        kind: What its value is.
        description: What clients read of it in the document.
        maximum: The greatest integer, the most names of a list, or the most characters of a text; 0 leaves it open.
        choices: Of a choice; without the member, the first counts.
    """

    name: str
    kind: Kind
    description: str
    maximum: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A message that asks for something.

    Attributes:
        name: Of the message, unlike that of every other.
        action: Its member `action`.
        summary: What it asks for.
        answer: The name of the message that answers it, unless an error does.
        required: Its members that have to be there.
        optional: Those that may be left out, beside `request`.
        exclusive: Members of which it has one at most.
    """

    name: str
    action: str
    summary: str
    answer: str
    required: tuple[Member, ...] = ()
    optional: tuple[Member, ...] = ()
    exclusive: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """Its members, but for `action` and `request`."""
        return (*self.required, *self.optional)


REQUEST = Member("request", Kind.TEXT, "Repeated by the answer.", maximum=128)
ID = Member("id", Kind.ID, "Names the subscription on this connection; an id serves once per connection.")
FILTERS = Member("filters", Kind.FILTERS, "Which events: those that match every filter; without it, all.")
FILTER_NAME = Member(
    "filter_name", Kind.NAME, "Of these, only what this named filter matches, as it is when the subscription starts."
)
STREAMS = Member("stream", Kind.NAMES, "Only events of this stream, or of these.", maximum=100)
FROM = Member(
    "from",
    Kind.CHOICE,
    "With what is stored from now on, or with the oldest event kept.",
    choices=("now", "start"),
)
CURSOR = Member("cursor", Kind.TEXTS, "Cursors as they were received, one or a list.")
SUBSCRIPTION = Member("subscription", Kind.NAME, "The durable subscription to take part in.")
EVENTS = Member("events", Kind.EVENTS, "CloudEvents to be stored, all or none of each stream.")
STREAM = Member("stream", Kind.NAME, "The stream's name.")
EXPECTED = Member(
    "expected", Kind.INTEGER, "The sequence at which the stream is believed to end; 0: it is new.", maximum=_GREATEST
)
SEQUENCE = Member("sequence", Kind.INTEGER, "The event's place in the stream.", maximum=_GREATEST)
FRAME = Member("frame", Kind.INTEGER, "The number of the frame that it is about.", maximum=_GREATEST)
PARTITION = Member("partition", Kind.INTEGER, "The partition to give back.", maximum=_GREATEST)
REASON = Member("reason", Kind.TEXT, "Why it failed; 300 characters are kept.")
DELAY = Member("delay", Kind.INTEGER, "Seconds after which the event is tried again.", maximum=86_400)
PARK = Member("park", Kind.BOOLEAN, "Whether to set the stream aside at once.")

SUBSCRIBE = Request(
    "subscribe",
    "subscribe",
    "Subscribe: to what is published from now on, from the start, or behind cursors.",
    "subscribed",
    required=(ID,),
    optional=(FILTERS, FILTER_NAME, STREAMS, FROM, CURSOR),
    exclusive=(FROM, CURSOR),
)
JOIN = Request(
    "join",
    "subscribe",
    "Take part in a durable subscription.",
    "joined",
    required=(ID, SUBSCRIPTION),
)
UNSUBSCRIBE = Request(
    "unsubscribe", "unsubscribe", "End a subscription, or leave a durable one.", "unsubscribed", (ID,)
)
PUBLISH = Request(
    "publish",
    "publish",
    "Publish events, as `POST /api/v1/events` does.",
    "published",
    required=(EVENTS,),
    optional=(STREAM, EXPECTED),
)
PING = Request("ping", "ping", "Keep a quiet connection open.", "pong")
ACK_CURSORS = Request(
    "ackCursors",
    "ack",
    "Acknowledge all events of partitions up to cursors.",
    "acknowledged",
    required=(ID, CURSOR),
)
ACK_STREAM = Request(
    "ackStream",
    "ack",
    "Acknowledge all events of a stream up to a sequence.",
    "acknowledged",
    required=(ID, STREAM, SEQUENCE),
    optional=(FRAME,),
)
ACK_MEMBERS = (ID, CURSOR, STREAM, SEQUENCE, FRAME)
"""Those that `ack` knows, in either way to say it."""

NACK = Request(
    "nack",
    "nack",
    "Say that an event could not be handled.",
    "acknowledged",
    required=(ID, STREAM, SEQUENCE),
    optional=(REASON, DELAY, PARK, FRAME),
)
RELEASE = Request(
    "release",
    "release",
    "Give a partition back that was revoked.",
    "released",
    required=(ID, PARTITION),
    optional=(FRAME,),
)

REQUESTS = (SUBSCRIBE, JOIN, UNSUBSCRIBE, PUBLISH, PING, ACK_CURSORS, ACK_STREAM, NACK, RELEASE)
"""Every message that a client may send."""
