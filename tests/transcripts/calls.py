"""The calls of the target of a durable subscription (docs/rules.md): what it received, did and answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.transcripts.transcript import Json

__all__ = ["Absence", "Call", "Pushed", "Reply", "Target"]


class Reply(StrEnum):
    """What an answer says of the events of its call."""

    HANDLED = "handled"
    """They are handled, except those that it names."""
    FAILED = "failed"
    """None is handled: the target failed, or its answer makes no sense."""
    REFUSED = "refused"
    """None is handled, and another attempt would be in vain."""
    THROTTLED = "throttled"
    """None is handled: the target asks to slow down."""
    UNAVAILABLE = "unavailable"
    """None is handled: the target cannot work."""
    NONE = "none"
    """The connection was closed without a valid answer, whatever was done before."""
    CALLER_KILLED = "caller killed"
    """The caller was killed during the call, and the connection was closed without an answer."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """An event of a call.

    Attributes:
        handled: When the target had handled it; `None` if it did not.
        failed: Whether the answer names it as not handled.
    """

    event: Json
    handled: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the target.

    Attributes:
        begun: When the request was received.
        ended: When the answer was about to be sent, or the connection was closed.
        attempt: The number of the attempt of the first event; `None` if the request has none.
        reason: What the reason of a failure must repeat; empty if the target gave none.
    """

    begun: float
    ended: float
    events: tuple[Pushed, ...]
    reply: Reply
    attempt: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """A period in which the target refused connections, so that it does not know who tried to call it."""

    since: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a durable subscription.

    Attributes:
        batch: The most events of one call.
        calls: In the order in which they began.
        absences: In order.
    """

    batch: int
    calls: tuple[Call, ...]
    absences: tuple[Absence, ...] = ()
