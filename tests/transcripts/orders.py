"""The orders for subscribers and members of a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Act", "Order"]


class Act(Enum):
    """The kinds of orders."""

    ABORT = auto()
    CLOSE = auto()
    LAG = auto()
    LEAVE = auto()
    UNSUBSCRIBE = auto()


@dataclass(frozen=True, slots=True)
class Order:
    """An order, and its duration: disconnected after `abort` and `close`, not reading in `lag`."""

    act: Act
    seconds: float = 0.0

    @classmethod
    def abort(cls, seconds: float) -> Order:
        """Reset the connection without a closing handshake, and resume after a pause."""
        return cls(Act.ABORT, seconds)

    @classmethod
    def close(cls, seconds: float) -> Order:
        """Close the connection, and resume after a pause."""
        return cls(Act.CLOSE, seconds)

    @classmethod
    def unsubscribe(cls, seconds: float) -> Order:
        """Make a member leave its group in an orderly way, and rejoin after a pause."""
        return cls(Act.UNSUBSCRIBE, seconds)

    @classmethod
    def lag(cls, seconds: float) -> Order:
        """Stop reading for a while."""
        return cls(Act.LAG, seconds)

    @classmethod
    def leave(cls) -> Order:
        """Close the connection for good."""
        return cls(Act.LEAVE)
