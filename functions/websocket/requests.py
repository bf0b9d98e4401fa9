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
from eventstore.streams import ANY, Expected, stream_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.event import Event
    from eventstore.cloudevents.json_text import Member
    from eventstore.filters import Filter

__all__ = ["Ack", "Join", "Message", "Nack", "Publish", "Release", "Subscribe"]

_ID = re.compile(r"[A-Za-z0-9._:~-]{1,64}")
_MAX_REQUEST_LENGTH = 128
_MAX_STREAMS = 100
_GREATEST = 10**15
_MAX_DELAY_SECONDS = 86_400
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message's members, with their texts as the client wrote them."""

    members: Mapping[str, Member]

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
        return self.text("action") or ""

    @property
    def request(self) -> str | None:
        """The client's id of the request, which the response repeats; None if it is absent or invalid."""
        value = self.members["request"].value if "request" in self.members else None
        return value if isinstance(value, str) and len(value) <= _MAX_REQUEST_LENGTH else None

    @property
    def own_id(self) -> str | None:
        """The client's id of the subscription; None if it is absent or invalid."""
        value = self.members["id"].value if "id" in self.members else None
        return value if isinstance(value, str) and _ID.fullmatch(value) else None

    def require_known(self, *known: str) -> None:
        """Raise unless every member is known and `request` is valid.

        Args:
            known: The members that the action supports, beside `action` and `request`.

        Raises:
            InvalidRequest: A member is unknown, or `request` is invalid.
        """
        for name in self.members:
            if name not in {"action", "request", *known}:
                supported = ", ".join(("action", "request", *known))
                raise InvalidRequest(
                    f"unknown member {name[:80]!r}; {self.action} supports: {supported}", pointer=f"/{name}"
                )
        if "request" in self.members and self.request is None:
            raise InvalidRequest(
                f"request must be a string of up to {_MAX_REQUEST_LENGTH} characters", pointer="/request"
            )

    def subscription(self) -> str:
        """Return the client's id of the subscription; raises `InvalidRequest`."""
        if self.own_id is None:
            raise InvalidRequest("id must be 1 to 64 letters, digits or . _ : ~ -", pointer="/id")
        return self.own_id

    def text(self, name: str) -> str | None:
        """Return a member that must be a string; None if it is absent."""
        if name not in self.members:
            return None
        value = self.members[name].value
        if not isinstance(value, str):
            raise InvalidRequest(f"{name} must be a string", pointer=f"/{name}")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a member that must be a string or a list of strings; an empty list if it is absent."""
        if name not in self.members:
            return []
        value = self.members[name].value
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(text, str) for text in values):
            raise InvalidRequest(f"{name} must be a string or a non-empty list of strings", pointer=f"/{name}")
        return [str(text) for text in values]

    def frame(self) -> int:
        """Return the number of the frame that the message refers to; 0 if it is absent."""
        return self.number("frame") if "frame" in self.members else 0

    def number(self, name: str, *, most: int = _GREATEST) -> int:
        """Return a member that must be an integer.

        Args:
            name: The member.
            most: The greatest valid value.
        """
        text = self.members[name].text if name in self.members else ""
        if not _NUMBER.fullmatch(text) or int(text) > most:
            raise InvalidRequest(f"{name} must be an integer from 0 to {most}", pointer=f"/{name}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A `subscribe` request of an ephemeral subscription.

    Attributes:
        oldest: Whether to start with the oldest event; else with new ones, or at `cursors`.
    """

    id: str
    filter: Filter
    streams: tuple[str, ...]
    cursors: Sequence[str]
    oldest: bool

    @classmethod
    def of(cls, message: Message) -> Subscribe:
        """Parse the message; raises `InvalidRequest`, `InvalidFilter` or `InvalidStream`."""
        message.require_known("id", "filters", "stream", "from", "cursor")
        own_id = message.subscription()
        streams = message.texts("stream")
        if len(streams) > _MAX_STREAMS:
            raise InvalidRequest(
                f"stream lists {len(streams)} streams; at most {_MAX_STREAMS} are allowed", pointer="/stream"
            )
        cursors, start = message.texts("cursor"), message.text("from")
        if cursors and start is not None:
            raise InvalidRequest("from and cursor exclude each other; send one of them", pointer="/from")
        if start not in {None, "now", "start"}:
            raise InvalidRequest(f"from must be 'now' or 'start', not {str(start)[:40]!r}", pointer="/from")
        filters = parse_filters(message.members["filters"].value if "filters" in message.members else [])
        names = tuple(dict.fromkeys(stream_name(name, pointer="/stream") for name in streams))
        return cls(own_id, filters, names, cursors, start == "start")


@dataclass(frozen=True, slots=True)
class Publish:
    """A `publish` request."""

    events: Sequence[Event]
    stream: str | None
    expected: Expected

    @classmethod
    def of(cls, message: Message) -> Publish:
        """Parse the message; raises `InvalidRequest`, `InvalidEvent`, `InvalidStream` or `Malformed`."""
        message.require_known("events", "stream", "expected")
        if "events" not in message.members or not isinstance(message.members["events"].value, list):
            raise InvalidRequest("events must be a list of CloudEvents", pointer="/events")
        texts = elements(message.members["events"].text)
        events = [from_json(text, pointer=f"/events/{index}") for index, text in enumerate(texts)]
        stream = message.text("stream")
        if stream is not None:
            stream_name(stream, pointer="/stream")
        return cls(events, stream, _expected(message))


@dataclass(frozen=True, slots=True)
class Join:
    """A `subscribe` request to join a durable subscription."""

    id: str
    name: str

    @classmethod
    def of(cls, message: Message) -> Join:
        """Parse the message; raises `InvalidRequest`."""
        message.require_known("id", "subscription")
        return cls(message.subscription(), message.text("subscription") or "")


@dataclass(frozen=True, slots=True)
class Ack:
    """An `ack` request: everything up to `cursors` is handled, or everything of a stream up to a sequence.

    Attributes:
        frame: The number of the frame that contained the event; 0 if unknown.
    """

    id: str
    cursors: Sequence[str]
    stream: str | None
    sequence: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Ack:
        """Parse the message; raises `InvalidRequest` or `InvalidStream`."""
        message.require_known("id", "cursor", "stream", "sequence", "frame")
        cursors, stream = message.texts("cursor"), message.text("stream")
        if bool(cursors) == (stream is not None):
            raise InvalidRequest("send either cursor, or stream and sequence", pointer="/cursor")
        own_id = message.subscription()
        if stream is not None:
            name, sequence = stream_name(stream, pointer="/stream"), message.number("sequence")
            return cls(own_id, (), name, sequence, message.frame())
        for member in ("sequence", "frame"):
            if member in message.members:
                raise InvalidRequest(f"{member} is only allowed with stream, not with cursor", pointer=f"/{member}")
        return cls(own_id, cursors, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Nack:
    """A `nack` request: an event could not be handled.

    Attributes:
        delay: Milliseconds until it is redelivered; None uses the default backoff.
        park: Whether to park the stream instead of redelivering the event.
        frame: The number of the frame that contained the event; 0 if unknown.
    """

    id: str
    stream: str
    sequence: int
    reason: str
    delay: int | None
    park: bool
    frame: int

    @classmethod
    def of(cls, message: Message) -> Nack:
        """Parse the message; raises `InvalidRequest` or `InvalidStream`."""
        message.require_known("id", "stream", "sequence", "reason", "delay", "park", "frame")
        stream = message.text("stream")
        if stream is None:
            raise InvalidRequest("stream is required; send the stream of the event", pointer="/stream")
        stream_name(stream, pointer="/stream")
        park = message.members["park"].value if "park" in message.members else False
        if not isinstance(park, bool):
            raise InvalidRequest("park must be true or false", pointer="/park")
        delay = message.number("delay", most=_MAX_DELAY_SECONDS) * 1000 if "delay" in message.members else None
        own_id, sequence = message.subscription(), message.number("sequence")
        reason = (message.text("reason") or "")[:LONGEST_REASON]
        return cls(own_id, stream, sequence, reason, delay, park, message.frame())


@dataclass(frozen=True, slots=True)
class Release:
    """A `release` request: the member gives up a partition."""

    id: str
    partition: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Release:
        """Parse the message; raises `InvalidRequest`."""
        message.require_known("id", "partition", "frame")
        return cls(message.subscription(), message.number("partition"), message.frame())


def _expected(message: Message) -> Expected:
    if "expected" not in message.members:
        return ANY
    text = message.members["expected"].text
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text) or int(text) > _GREATEST:
        raise InvalidRequest(
            "expected must be an integer: the version at which the stream is expected to be", pointer="/expected"
        )
    return Expected(int(text))
