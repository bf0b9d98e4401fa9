"""How the targets of a scenario are called, and how they answer (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from aiohttp import web

    from tests.transcripts.calls import Reply
    from tests.transcripts.transcript import Json

__all__ = ["Answer", "Binding", "Mishap", "Request", "drawn_mishaps", "reason_in"]


class Mishap(Enum):
    """What may go wrong in a call, beside events that fail."""

    THROTTLED = auto()
    """The target asks to slow down."""
    UNAVAILABLE = auto()
    """The target says that it cannot work."""
    ERROR = auto()
    """It fails after a part of its work."""
    NONSENSE = auto()
    """It answers what makes no sense, after a part of its work."""
    CUT = auto()
    """It closes the connection after a part of its work, or all."""
    KILLED = auto()
    """The function that calls it is killed between the work and the answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it was received.

    Attributes:
        attempt: The number of the attempt of the first event; `None` if the binding has none.
    """

    events: Sequence[Json]
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answers.

    Attributes:
        response: What is sent; bytes that are not HTTP, or nothing, before the connection is closed.
        reason: As in `Call`.
        failed: The places in the call of the events that the answer names as not handled.
    """

    reply: Reply
    response: web.Response | bytes
    reason: str = ""
    failed: frozenset[int] = frozenset()


class Binding(Protocol):
    """A kind of target."""

    @property
    def name(self) -> str:
        """The name of the durable subscription."""

    @property
    def batch(self) -> int:
        """The most events of one call."""

    def definition(self, url: str) -> Json:
        """The target of the durable subscription, which answers at a URL."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Request:
        """Read a request."""

    def unable(self, mishap: Mishap, number: int, random: Random) -> Answer:
        """The answer to a call in which something goes wrong: not `CUT`, and not `KILLED`."""

    def finished(self, events: Sequence[Json], failed: Sequence[int], number: int, random: Random) -> Answer:
        """The answer to a call in which some events failed. Later ones of their streams were not tried."""


def reason_in(number: int) -> str:
    """The reason that a target gives in a call, by the number of the call."""
    return f"in call {number}."


def drawn_mishaps(random: Random, share: float) -> Iterator[Mishap | None]:
    """What goes wrong in each call, without end. Each mishap occurs before any occurs again.

    Args:
        share: The share of calls in which anything does.
    """
    left: list[Mishap] = []
    while True:
        if random.random() >= share:
            yield None
            continue
        left = left or random.sample(list(Mishap), len(Mishap))
        yield left.pop()
