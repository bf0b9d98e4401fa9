"""The events that are measured with: 700 bytes each, of a workflow engine's kind, all different."""

from __future__ import annotations

import json
from itertools import count
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from eventstore.cloudevents import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.cloudevents.event import Event

__all__ = ["EVENT_BYTES", "PER_STREAM", "Events"]

EVENT_BYTES = 700
PER_STREAM = 20
"""How many events a stream gets that is written one by one."""


class Events:
    """Ever new events and streams, the same in every run; others for another seed, or of another size in bytes."""

    def __init__(self, *, seed: int = 2, size: int = EVENT_BYTES) -> None:
        self._size = size
        self._random = Random(seed)
        self._streams = count(1)

    def stream(self) -> str:
        """A name that was not given before."""
        return f"acme:order-{next(self._streams):06d}"

    def take(self, number: int) -> list[Event]:
        """That many events, each under an id of its own."""
        return [self._event() for _ in range(number)]

    def streams(self, number: int) -> Iterator[tuple[str, Event]]:
        """That many events with their streams, `PER_STREAM` of each, one stream after the other."""
        for _ in range(0, number, PER_STREAM):
            stream = self.stream()
            for event in self.take(min(PER_STREAM, number)):
                yield stream, event
            number -= PER_STREAM

    def _event(self) -> Event:
        members = {
            "specversion": "1.0",
            "id": str(UUID(int=self._random.getrandbits(128), version=4)),
            "source": "/flunq/executor",
            "type": "io.flunq.task.completed",
            "time": "2026-01-01T00:00:00.000Z",
            "datacontenttype": "application/json",
            "tenantid": "acme",
            "workflowid": "order",
            "executionid": "execution-1",
            "data": {"output": ""},
        }
        bare = from_json(json.dumps(members, separators=(",", ":")))
        # Hexadecimal digits, for a server that packs what repeats would look better than it is.
        filling = self._random.randbytes(self._size).hex()[: self._size - len(bare.body)]
        members["data"] = {"output": filling}
        return from_json(json.dumps(members, separators=(",", ":")))
