"""Messages of `eventstore.v1`, parsed into the requests of each action. Unknown members are rejected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.cloudevents import from_json
from eventstore.cloudevents.json_text import elements
from eventstore.cloudevents.json_text import members as members_of
from eventstore.errors import InvalidRequest
from eventstore.filters import parse_filters
from eventstore.groups import LONGEST_REASON
from eventstore.streams import ANY, DurableName, Expected, FilterName, StreamName, stream_name
from eventstore.subscriptions import SubscriptionId
from functions import protocol
from functions.protocol import (
    ACK_MEMBERS,
    CURSOR,
    DELAY,
    EXPECTED,
    FILTER_NAME,
    FRAME,
    FROM,
    ID,
    ID_PATTERN,
    PARTITION,
    REASON,
    REQUEST,
    SEQUENCE,
    STREAM,
    STREAMS,
    SUBSCRIPTION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.event import Event
    from eventstore.cloudevents.json_text import Member as JsonMember
    from eventstore.filters import Filter
    from functions.protocol import Member

__all__ = ["Ack", "Join", "Message", "Nack", "Publish", "Release", "Subscribe"]

_ID = re.compile(ID_PATTERN)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message's members, with their texts as the client wrote them."""

    members: Mapping[str, JsonMember]

    @classmethod
    def parse(cls, body: str) -> Message:
        """Parse a message.

        Raises:
            Malformed: The message is not a JSON object.
        """
        return cls(members_of(body))

    @property
    def action(self) -> str:
        """The action; empty if there is none."""
        return self._text("action") or ""

    @property
    def request(self) -> str | None:
        """The client's id of the request, which the response repeats; None if it is absent or invalid."""
        value = self.members[REQUEST.name].value if REQUEST.name in self.members else None
        return value if isinstance(value, str) and len(value) <= REQUEST.maximum else None

    @property
    def own_id(self) -> SubscriptionId | None:
        """The client's id of the subscription; None if it is absent or invalid."""
        value = self.members[ID.name].value if ID.name in self.members else None
        return SubscriptionId(value) if isinstance(value, str) and _ID.fullmatch(value) else None

    def require_known(self, members: Sequence[Member]) -> None:
        """Raise unless every member is known and `request` is valid.

        Args:
            members: The members that the action supports, beside `action` and `request`.

        Raises:
            InvalidRequest: A member is unknown, or `request` is invalid.
        """
        known = ("action", REQUEST.name, *(member.name for member in members))
        for name in self.members:
            if name not in known:
                raise InvalidRequest(
                    f"unknown member {name[:80]!r}; {self.action} supports: {', '.join(known)}", pointer=f"/{name}"
                )
        if REQUEST.name in self.members and self.request is None:
            raise InvalidRequest(f"request must be a string of up to {REQUEST.maximum} characters", pointer="/request")

    def subscription(self) -> SubscriptionId:
        """Return the client's id of the subscription; raises `InvalidRequest`."""
        if self.own_id is None:
            raise InvalidRequest("id must be 1 to 64 letters, digits or . _ : ~ -", pointer="/id")
        return self.own_id

    def text(self, member: Member) -> str | None:
        """Return a member that must be a string; None if it is absent."""
        return self._text(member.name)

    def texts(self, member: Member) -> list[str]:
        """Return a member that must be a string or a list of strings; an empty list if it is absent."""
        name = member.name
        if name not in self.members:
            return []
        value = self.members[name].value
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(text, str) for text in values):
            raise InvalidRequest(f"{name} must be a string or a non-empty list of strings", pointer=f"/{name}")
        return [str(text) for text in values]

    def frame(self) -> int:
        """Return the number of the frame that the message refers to; 0 if it is absent."""
        return self.integer(FRAME) if FRAME.name in self.members else 0

    def integer(self, member: Member) -> int:
        """Return a member that must be an integer, up to the member's maximum."""
        name, most = member.name, member.maximum
        text = self.members[name].text if name in self.members else ""
        if not _NUMBER.fullmatch(text) or int(text) > most:
            raise InvalidRequest(f"{name} must be an integer from 0 to {most}", pointer=f"/{name}")
        return int(text)

    def _text(self, name: str) -> str | None:
        if name not in self.members:
            return None
        value = self.members[name].value
        if not isinstance(value, str):
            raise InvalidRequest(f"{name} must be a string", pointer=f"/{name}")
        return value


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A `subscribe` request of an ephemeral subscription.

    Attributes:
        filter_name: The named filter that events must match as well; None for none.
        oldest: Whether to start with the oldest event; else with new ones, or at `cursors`.
    """

    id: SubscriptionId
    filter: Filter
    filter_name: FilterName | None
    streams: tuple[StreamName, ...]
    cursors: Sequence[str]
    oldest: bool

    @classmethod
    def of(cls, message: Message) -> Subscribe:
        """Parse the message; raises `InvalidRequest`, `InvalidFilter` or `InvalidStream`."""
        message.require_known(protocol.SUBSCRIBE.members)
        own_id = message.subscription()
        streams = message.texts(STREAMS)
        if len(streams) > STREAMS.maximum:
            raise InvalidRequest(
                f"stream lists {len(streams)} streams; at most {STREAMS.maximum} are allowed", pointer="/stream"
            )
        cursors, start = message.texts(CURSOR), message.text(FROM)
        if cursors and start is not None:
            raise InvalidRequest("from and cursor exclude each other; send one of them", pointer="/from")
        if start is not None and start not in FROM.choices:
            raise InvalidRequest(f"from must be 'now' or 'start', not {start[:40]!r}", pointer="/from")
        filters = parse_filters(message.members["filters"].value if "filters" in message.members else [])
        names = tuple(dict.fromkeys(stream_name(name, pointer="/stream") for name in streams))
        filter_name = message.text(FILTER_NAME)
        named = None if filter_name is None else FilterName(filter_name)
        return cls(own_id, filters, named, names, cursors, start == "start")


@dataclass(frozen=True, slots=True)
class Publish:
    """A `publish` request."""

    events: Sequence[Event]
    stream: StreamName | None
    expected: Expected

    @classmethod
    def of(cls, message: Message) -> Publish:
        """Parse the message; raises `InvalidRequest`, `InvalidEvent`, `InvalidStream` or `Malformed`."""
        message.require_known(protocol.PUBLISH.members)
        if "events" not in message.members or not isinstance(message.members["events"].value, list):
            raise InvalidRequest("events must be a list of CloudEvents", pointer="/events")
        texts = elements(message.members["events"].text)
        events = [from_json(text, pointer=f"/events/{index}") for index, text in enumerate(texts)]
        stream = message.text(STREAM)
        name = None if stream is None else stream_name(stream, pointer="/stream")
        return cls(events, name, _expected(message))


@dataclass(frozen=True, slots=True)
class Join:
    """A `subscribe` request to join a durable subscription."""

    id: SubscriptionId
    name: DurableName

    @classmethod
    def of(cls, message: Message) -> Join:
        """Parse the message; raises `InvalidRequest`."""
        message.require_known(protocol.JOIN.members)
        return cls(message.subscription(), DurableName(message.text(SUBSCRIPTION) or ""))


@dataclass(frozen=True, slots=True)
class Ack:
    """An `ack` request: everything up to `cursors` is handled, or everything of a stream up to a sequence.

    Attributes:
        frame: The number of the frame that contained the event; 0 if unknown.
    """

    id: SubscriptionId
    cursors: Sequence[str]
    stream: StreamName | None
    sequence: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Ack:
        """Parse the message; raises `InvalidRequest` or `InvalidStream`."""
        message.require_known(ACK_MEMBERS)
        cursors, stream = message.texts(CURSOR), message.text(STREAM)
        if bool(cursors) == (stream is not None):
            raise InvalidRequest("send either cursor, or stream and sequence", pointer="/cursor")
        own_id = message.subscription()
        if stream is not None:
            name, sequence = stream_name(stream, pointer="/stream"), message.integer(SEQUENCE)
            return cls(own_id, (), name, sequence, message.frame())
        for member in ("sequence", "frame"):
            if member in message.members:
                raise InvalidRequest(f"{member} is only allowed with stream, not with cursor", pointer=f"/{member}")
        return cls(own_id, cursors, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Nack:
    """A `nack` request: an event could not be handled.

    Attributes:
        delay_ms: The milliseconds until it is redelivered; None uses the default backoff.
        park: Whether to park the stream instead of redelivering the event.
        frame: The number of the frame that contained the event; 0 if unknown.
    """

    id: SubscriptionId
    stream: StreamName
    sequence: int
    reason: str
    delay_ms: int | None
    park: bool
    frame: int

    @classmethod
    def of(cls, message: Message) -> Nack:
        """Parse the message; raises `InvalidRequest` or `InvalidStream`."""
        message.require_known(protocol.NACK.members)
        stream = message.text(STREAM)
        if stream is None:
            raise InvalidRequest("stream is required; send the stream of the event", pointer="/stream")
        name = stream_name(stream, pointer="/stream")
        park = message.members["park"].value if "park" in message.members else False
        if not isinstance(park, bool):
            raise InvalidRequest("park must be true or false", pointer="/park")
        delay_ms = message.integer(DELAY) * 1000 if "delay" in message.members else None
        own_id, sequence = message.subscription(), message.integer(SEQUENCE)
        reason = (message.text(REASON) or "")[:LONGEST_REASON]
        return cls(own_id, name, sequence, reason, delay_ms, park, message.frame())


@dataclass(frozen=True, slots=True)
class Release:
    """A `release` request: the member gives up a partition."""

    id: SubscriptionId
    partition: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Release:
        """Parse the message; raises `InvalidRequest`."""
        message.require_known(protocol.RELEASE.members)
        return cls(message.subscription(), message.integer(PARTITION), message.frame())


def _expected(message: Message) -> Expected:
    if "expected" not in message.members:
        return ANY
    text = message.members["expected"].text
    if not _NUMBER.fullmatch(text) or int(text) > EXPECTED.maximum:
        raise InvalidRequest(
            "expected must be an integer: the version at which the stream is expected to be", pointer="/expected"
        )
    return Expected(int(text))
