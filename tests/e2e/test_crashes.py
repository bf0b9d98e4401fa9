"""Functions and the cache are killed during a load: no acknowledged event is lost or stored twice."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff, EventStore
from eventstore_client.cli.loader import load
from eventstore_client.cli.sources import Item
from tests.e2e.hubs import LocalHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.hubs import Hub

_STREAMS, _EACH = 12, 50


class Striking:
    """A `Progress` that calls a function at each tenth of the load."""

    def __init__(self, strike: Callable[[], None]) -> None:
        self.strike = strike
        self.strikes = 0
        self._done = 0
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:
            before, self._done = self._done, self._done + count
            tenth = _STREAMS * _EACH // 10
            if before // tenth != self._done // tenth:
                self.strikes += 1
                self.strike()

    def close(self) -> None:
        pass


def items() -> Iterator[Item]:
    for number in range(1, _EACH + 1):
        for stream in range(_STREAMS):
            text = json.dumps({"specversion": "1.0", "id": f"{stream}-{number}", "source": "/crashes", "type": "t"})
            # As large as a batch may be, so that each event has its own request.
            yield Item(text, f"wf-{stream}", f"{stream}-{number}", 1 << 20)


def every_event_stands_once_and_in_order(store: EventStore) -> bool:
    return all(
        [event.id for event in store.read(f"wf-{stream}")] == [f"{stream}-{n}" for n in range(1, _EACH + 1)]
        and [event.sequence for event in store.read(f"wf-{stream}")] == list(range(1, _EACH + 1))
        for stream in range(_STREAMS)
    )


def kill_functions(hub: Hub) -> None:
    assert isinstance(hub, LocalHub)
    hub.kill_functions()


def crash_the_cache(hub: Hub) -> None:
    hub.valkey.kill()
    hub.valkey.restart()


@pytest.mark.parametrize("strike", [pytest.param(kill_functions, marks=pytest.mark.needs("kills")), crash_the_cache])
def test_each_acknowledged_event_is_stored_once(hub: Hub, strike: Callable[[Hub], None]) -> None:
    store = hub.client(backoff=Backoff(patience=60))
    striking = Striking(lambda: strike(hub))
    summary = load(items(), store, publishers=4, progress=striking)  # type: ignore[arg-type]
    assert striking.strikes >= 5
    assert summary.events == _STREAMS * _EACH
    assert every_event_stands_once_and_in_order(store)
