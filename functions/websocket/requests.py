"""Messages of `eventstore.v1` as what they ask for. A member that an action does not know is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.cloudevents import from_json
from eventstore.cloudevents.json_text import elements, members
from eventstore.errors import InvalidRequest
from eventstore.filters import parse_filters
from eventstore.groups import LONGEST_REASON
from eventstore.streams import ANY, Expected, stream_name
from functions import protocol
from functions.protocol import (
    ACK_MEMBERS,
    CURSOR,
    DELAY,
    EXPECTED,
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
    """A message, taken apart; the texts of its members are as the client wrote them."""

    found: Mapping[str, JsonMember]

    @classmethod
    def parse(cls, body: str) -> Message:
        """Take a message apart.

        Raises:
            Malformed: It is no JSON object.
        """
        return cls(members(body))

    @property
    def action(self) -> str:
        """What it asks for."""
        return self._text("action") or ""

    @property
    def request(self) -> str | None:
        """What its answer is to repeat, if it is something that can be repeated."""
        value = self.found[REQUEST.name].value if REQUEST.name in self.found else None
        return value if isinstance(value, str) and len(value) <= REQUEST.maximum else None

    @property
    def own_id(self) -> str | None:
        """The subscription that it names, if it names one."""
        value = self.found[ID.name].value if ID.name in self.found else None
        return value if isinstance(value, str) and _ID.fullmatch(value) else None

    def only(self, members: Sequence[Member]) -> None:
        """Raise unless every member is known, and `request` is as it must be.

        Args:
            members: Those that the action has, beside `action` and `request`.

        Raises:
            InvalidRequest: A member is not known, or `request` cannot be repeated.
        """
        known = ("action", REQUEST.name, *(member.name for member in members))
        for name in self.found:
            if name not in known:
                raise InvalidRequest(
                    f"unknown member {name[:80]!r}; {self.action} knows: {', '.join(known)}", pointer=f"/{name}"
                )
        if REQUEST.name in self.found and self.request is None:
            raise InvalidRequest(f"request must be a string of up to {REQUEST.maximum} characters", pointer="/request")

    def subscription(self) -> str:
        """The id of a subscription."""
        if self.own_id is None:
            raise InvalidRequest("id must be 1 to 64 of: letters, digits and . _ : ~ -", pointer="/id")
        return self.own_id

    def text(self, member: Member) -> str | None:
        """A member that is a string; None without it."""
        return self._text(member.name)

    def texts(self, member: Member) -> list[str]:
        """A member that is a string or a list of strings; none without it."""
        name = member.name
        if name not in self.found:
            return []
        value = self.found[name].value
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(text, str) for text in values):
            raise InvalidRequest(f"{name} must be a string, or a list of at least one", pointer=f"/{name}")
        return [str(text) for text in values]

    def frame(self) -> int:
        """The number of the frame that it is about; 0 without it."""
        return self.integer(FRAME) if FRAME.name in self.found else 0

    def integer(self, member: Member) -> int:
        """A member that is a whole number, of at most the member's maximum."""
        name, most = member.name, member.maximum
        text = self.found[name].text if name in self.found else ""
        if not _NUMBER.fullmatch(text) or int(text) > most:
            raise InvalidRequest(f"{name} must be a whole number of at most {most}", pointer=f"/{name}")
        return int(text)

    def _text(self, name: str) -> str | None:
        if name not in self.found:
            return None
        value = self.found[name].value
        if not isinstance(value, str):
            raise InvalidRequest(f"{name} must be a string", pointer=f"/{name}")
        return value


@dataclass(frozen=True, slots=True)
class Subscribe:
    """What `subscribe` asks for."""

    id: str
    filter: Filter
    streams: tuple[str, ...]
    cursors: Sequence[str]
    oldest: bool

    @classmethod
    def of(cls, message: Message) -> Subscribe:
        """Read the message; raises `InvalidRequest`, `InvalidFilter` or `InvalidStream`."""
        message.only(protocol.SUBSCRIBE.members)
        own_id = message.subscription()
        streams = message.texts(STREAMS)
        if len(streams) > STREAMS.maximum:
            raise InvalidRequest(f"{len(streams)} streams; at most {STREAMS.maximum} may be named", pointer="/stream")
        cursors, start = message.texts(CURSOR), message.text(FROM)
        if cursors and start is not None:
            raise InvalidRequest("from and cursor contradict each other; send one of them", pointer="/from")
        if start is not None and start not in FROM.choices:
            raise InvalidRequest(f"from is {start[:40]!r}; it is 'now' or 'start'", pointer="/from")
        filters = parse_filters(message.found["filters"].value if "filters" in message.found else [])
        names = tuple(dict.fromkeys(stream_name(name, pointer="/stream") for name in streams))
        return cls(own_id, filters, names, cursors, start == "start")


@dataclass(frozen=True, slots=True)
class Publish:
    """What `publish` asks for."""

    events: Sequence[Event]
    stream: str | None
    expected: Expected

    @classmethod
    def of(cls, message: Message) -> Publish:
        """Read the message; raises `InvalidRequest`, `InvalidEvent`, `InvalidStream` or `Malformed`."""
        message.only(protocol.PUBLISH.members)
        if "events" not in message.found or not isinstance(message.found["events"].value, list):
            raise InvalidRequest("events must be a list of CloudEvents", pointer="/events")
        texts = elements(message.found["events"].text)
        events = [from_json(text, pointer=f"/events/{index}") for index, text in enumerate(texts)]
        stream = message.text(STREAM)
        if stream is not None:
            stream_name(stream, pointer="/stream")
        return cls(events, stream, _expected(message))


@dataclass(frozen=True, slots=True)
class Join:
    """What `subscribe` asks for that names a durable subscription."""

    id: str
    name: str

    @classmethod
    def of(cls, message: Message) -> Join:
        """Read the message; raises `InvalidRequest`."""
        message.only(protocol.JOIN.members)
        return cls(message.subscription(), message.text(SUBSCRIPTION) or "")


@dataclass(frozen=True, slots=True)
class Ack:
    """What `ack` says is handled: all up to cursors, or all of a stream up to a sequence, which came in a frame."""

    id: str
    cursors: Sequence[str]
    stream: str | None
    sequence: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Ack:
        """Read the message; raises `InvalidRequest` or `InvalidStream`."""
        message.only(ACK_MEMBERS)
        cursors, stream = message.texts(CURSOR), message.text(STREAM)
        if bool(cursors) == (stream is not None):
            raise InvalidRequest("ack has a cursor, or else stream and sequence", pointer="/cursor")
        own_id = message.subscription()
        if stream is not None:
            name, sequence = stream_name(stream, pointer="/stream"), message.integer(SEQUENCE)
            return cls(own_id, (), name, sequence, message.frame())
        for member in ("sequence", "frame"):
            if member in message.found:
                raise InvalidRequest(f"{member} goes with stream; a cursor speaks for itself", pointer=f"/{member}")
        return cls(own_id, cursors, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Nack:
    """What `nack` says could not be handled; `delay` in milliseconds."""

    id: str
    stream: str
    sequence: int
    reason: str
    delay: int | None
    park: bool
    frame: int

    @classmethod
    def of(cls, message: Message) -> Nack:
        """Read the message; raises `InvalidRequest` or `InvalidStream`."""
        message.only(protocol.NACK.members)
        stream = message.text(STREAM)
        if stream is None:
            raise InvalidRequest("stream is missing; it names the stream of the event", pointer="/stream")
        stream_name(stream, pointer="/stream")
        park = message.found["park"].value if "park" in message.found else False
        if not isinstance(park, bool):
            raise InvalidRequest("park must be true or false", pointer="/park")
        delay = message.integer(DELAY) * 1000 if "delay" in message.found else None
        own_id, sequence = message.subscription(), message.integer(SEQUENCE)
        reason = (message.text(REASON) or "")[:LONGEST_REASON]
        return cls(own_id, stream, sequence, reason, delay, park, message.frame())


@dataclass(frozen=True, slots=True)
class Release:
    """What `release` gives back."""

    id: str
    partition: int
    frame: int

    @classmethod
    def of(cls, message: Message) -> Release:
        """Read the message; raises `InvalidRequest`."""
        message.only(protocol.RELEASE.members)
        return cls(message.subscription(), message.integer(PARTITION), message.frame())


def _expected(message: Message) -> Expected:
    if "expected" not in message.found:
        return ANY
    text = message.found["expected"].text
    if not _NUMBER.fullmatch(text) or int(text) > EXPECTED.maximum:
        raise InvalidRequest(
            "expected must be a whole number: where the stream is believed to end", pointer="/expected"
        )
    return Expected(int(text))
