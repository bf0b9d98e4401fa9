"""The doors by which operators manage the hub and read it: the same calls over REST and over gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.transcripts.transcript import Json

__all__ = ["PAGE", "PATIENCE", "Described", "Door"]

PATIENCE = 20.0
"""Seconds until an answer is waited for no longer."""

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Described:
    """A stream, or a durable subscription.

    Attributes:
        version: What a conditional change names.
        figures: `head` and `first`, or `lag`, `in_flight` and `held`.
    """

    version: str
    figures: Mapping[str, int]


class Door(Protocol):
    """What both doors have. Each call is made once.

    Every method raises `NoAnswer` if the outcome is open, and `Refused`, with the code, if the hub refuses.
    """

    name: str

    async def publish(self, stream: str, events: Sequence[Json], expected: int) -> list[dict[str, Any]]:
        """Publish on condition that the stream ends at a sequence."""

    async def describe_stream(self, stream: str) -> Described:
        """Describe a stream."""

    async def create_stream(self, stream: str, max_events: int, max_age: int) -> None:
        """Create a stream; 0 is no limit."""

    async def change_stream(self, stream: str, max_events: int, max_age: int, expected: str | None) -> None:
        """Change the retention; 0 removes a limit."""

    async def delete_stream(self, stream: str, expected: str | None, *, permanent: bool) -> None:
        """Delete the events, or the stream for good."""

    async def read(self, stream: str, first: int) -> list[Json]:
        """All events of a stream from a sequence on."""

    async def search(self, filters: Sequence[Json]) -> list[Json]:
        """All events that match."""

    async def get(self, event: Json, stream: str) -> Json:
        """An event by its id."""

    async def create_subscription(
        self, name: str, filters: Sequence[Json], start: str, rules: Mapping[str, int]
    ) -> None:
        """Create a durable subscription."""

    async def change_subscription(
        self, name: str, rules: Mapping[str, int], filters: Sequence[Json] | None, filter_name: str | None
    ) -> None:
        """Change a durable subscription; an empty name of a filter removes it."""

    async def describe_subscription(self, name: str) -> Described:
        """Describe a durable subscription."""

    async def replay(self, name: str, start: str) -> None:
        """Move a durable subscription to `start` or `now`."""

    async def delete_subscription(self, name: str) -> None:
        """Delete a durable subscription."""

    async def parked(self, name: str) -> list[str]:
        """The streams that it has parked."""

    async def redrive(self, name: str, stream: str | None, how: str) -> None:
        """Resume parked streams: `start`, `skip`, `drop` or `purge`."""

    async def close(self) -> None:
        """Close the connections."""
