"""Errors of the request itself: sending it again unchanged fails again."""

from __future__ import annotations

from eventstore.errors.base import EventstoreError

__all__ = [
    "Invalid",
    "InvalidCursor",
    "InvalidEvent",
    "InvalidFilter",
    "InvalidQuery",
    "InvalidRequest",
    "InvalidSchema",
    "InvalidStream",
    "InvalidTarget",
    "Malformed",
    "NotSupported",
    "TargetNotAllowed",
    "TooLarge",
    "TooManySubscriptions",
    "UnknownAction",
    "UnsupportedMediaType",
]


class Invalid(EventstoreError):
    """The request is wrong.

    Attributes:
        pointer: The wrong part of the request: a JSON pointer (RFC 6901), or the name of a parameter or header. Empty
            if no single part is wrong.
    """

    code = "invalid"

    def __init__(self, detail: str, *, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class Malformed(Invalid):
    """The request cannot be parsed as the format that it claims to have."""

    code = "malformed"


class UnsupportedMediaType(Invalid):
    """The body is in a format that the hub does not support."""

    code = "unsupported-media-type"


class InvalidEvent(Invalid):
    """An event violates a rule of CloudEvents 1.0 or of the hub."""

    code = "invalid-event"


class InvalidStream(Invalid):
    """A stream's name or settings violate a rule."""

    code = "invalid-stream"


class InvalidTarget(Invalid):
    """The target of a durable subscription violates a rule."""

    code = "invalid-target"


class InvalidQuery(Invalid):
    """A parameter or header violates a rule."""

    code = "invalid-query"


class InvalidFilter(Invalid):
    """A filter violates a rule.

    Attributes:
        position: The index of the first wrong character, from 0, of an expression in CloudEvents SQL; else None.
    """

    code = "invalid-filter"

    def __init__(self, detail: str, *, pointer: str = "", position: int | None = None) -> None:
        super().__init__(detail, pointer=pointer)
        self.position = position


class InvalidSchema(Invalid):
    """A JSON Schema of an event type violates a rule."""

    code = "invalid-schema"


class InvalidCursor(Invalid):
    """A cursor was not made by this hub, or not for this kind of read."""

    code = "invalid-cursor"


class InvalidRequest(Invalid):
    """A member of a message is missing, unknown or invalid."""

    code = "invalid-request"


class UnknownAction(Invalid):
    """A message names an action that does not exist."""

    code = "unknown-action"


class TooManySubscriptions(Invalid):
    """The connection has as many subscriptions as it may have."""

    code = "too-many-subscriptions"

    def __init__(self, most: int) -> None:
        super().__init__(f"this connection has {most} subscriptions, the limit; end one, or open another connection")


class TargetNotAllowed(Invalid):
    """The deployment does not push to this target."""

    code = "target-not-allowed"


class TooLarge(Invalid):
    """The request has more bytes or events than the hub accepts in one call."""

    code = "too-large"


class NotSupported(Invalid):
    """The deployment's store cannot do this, whatever the request says."""

    code = "not-supported"
