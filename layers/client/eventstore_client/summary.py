"""The result of a load, for people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Summary", "counted"]


def counted(count: int, what: str) -> str:
    """Return a count with its noun, such as `2 events`.

    Args:
        count: The number.
        what: The noun in the singular.
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a load.

    Attributes:
        new: Events that this load stored.
        duplicates: Events that were stored before. An event that was sent again because its response was lost is one.
        streams: The number of streams that the events belong to.
        seconds: The time from the first request to the last response.
    """

    new: int
    duplicates: int
    streams: int
    seconds: float

    @property
    def events(self) -> int:
        """The number of events that the hub confirmed."""
        return self.new + self.duplicates

    def __str__(self) -> str:
        """Return one line, written for people."""
        rate = self.events / self.seconds if self.seconds else 0.0
        return (
            f"{counted(self.events, 'event')} in {counted(self.streams, 'stream')}: {self.new:,} new, "
            f"{counted(self.duplicates, 'duplicate')}, "
            f"{self.seconds:.2f} s ({rate:,.0f} events/s)"
        )
