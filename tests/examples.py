"""Events and clocks for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.cloudevents import from_json

if TYPE_CHECKING:
    from eventstore.cloudevents.event import Event

__all__ = ["FakeClock", "event", "events"]


def event(event_id: str = "1", *, source: str = "/tests", data: object = None, **attributes: str | int | bool) -> Event:
    members = {"specversion": "1.0", "id": event_id, "source": source, "type": "io.flunq.task.completed", **attributes}
    return from_json(json.dumps(members | ({} if data is None else {"data": data})))


def events(count: int, *, start: int = 1) -> list[Event]:
    return [event(str(number)) for number in range(start, start + count)]


class FakeClock:
    """A `Clock` that only the test advances."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def pause(self, seconds: float) -> None:
        self.pass_seconds(seconds)

    def pass_seconds(self, seconds: float) -> None:
        self._now += int(seconds * 1000)
