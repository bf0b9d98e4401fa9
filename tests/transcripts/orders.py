"""What a subscriber or a member of a scenario can be told to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Act", "Order"]


class Act(Enum):
    """What a subscriber can be told to do."""

    ABORT = auto()
    CLOSE = auto()
    LAG = auto()
    LEAVE = auto()
    UNSUBSCRIBE = auto()


@dataclass(frozen=True, slots=True)
class Order:
    """Something to do, and how long to stay so: away after `abort` and `close`, without reading in `lag`."""

    act: Act
    seconds: float = 0.0

    @classmethod
    def abort(cls, seconds: float) -> Order:
        """Cut the connection with no closing handshake, and resume after a pause."""
        return cls(Act.ABORT, seconds)

    @classmethod
    def close(cls, seconds: float) -> Order:
        """Close the connection, and resume after a pause."""
        return cls(Act.CLOSE, seconds)

    @classmethod
    def unsubscribe(cls, seconds: float) -> Order:
        """Have a member leave its group as the protocol says, and take part again after a pause."""
        return cls(Act.UNSUBSCRIBE, seconds)

    @classmethod
    def lag(cls, seconds: float) -> Order:
        """Stop reading for a while."""
        return cls(Act.LAG, seconds)

    @classmethod
    def leave(cls) -> Order:
        """Close the connection for good."""
        return cls(Act.LEAVE)
