from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Summary", "counted"]


def counted(count: int, what: str) -> str:
    """A number of things, by the name of one of them."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a load did.

    Attributes:
        new: Events that the hub stored now.
        duplicates: Events that it held already. One whose answer was lost on the way, and that was sent again, is one.
        streams: How many streams they belong to.
        seconds: From the first request to the last answer.
    """

    new: int
    duplicates: int
    streams: int
    seconds: float

    @property
    def events(self) -> int:
        """How many events the hub has confirmed."""
        return self.new + self.duplicates

    def __str__(self) -> str:
        """One line for a person."""
        rate = self.events / self.seconds if self.seconds else 0.0
        return (
            f"{counted(self.events, 'event')} in {counted(self.streams, 'stream')}: {self.new:,} new, "
            f"{counted(self.duplicates, 'duplicate')}, "
            f"{self.seconds:.2f} s ({rate:,.0f} events/s)"
        )
