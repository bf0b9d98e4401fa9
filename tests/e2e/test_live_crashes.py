"""Functions and the cache are killed during a load: a subscriber handles every event once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from eventstore_client import Backoff
from tests.e2e.hubs import LocalHub
from tests.e2e.live import Client, Following, Hole, event, feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.hubs import Hub

_STREAMS, _EACH = 8, 50
_ALL = _STREAMS * _EACH


def kill_functions(hub: Hub) -> None:
    assert isinstance(hub, LocalHub)
    hub.kill_functions()


def crash_the_cache(hub: Hub) -> None:
    hub.valkey.kill()
    hub.valkey.restart()


def follow(hub: Hub, following: Following, done: Callable[[], object]) -> None:
    """Follow until a condition holds, and resume after each loss, as docs/protocol.md tells clients."""
    while not done():
        try:
            with Client(hub) as client:
                answer = client.subscribe(into=following, **({} if following.start else {"from": "start"}))
                # While a part is unavailable, the hub answers with errors, and the gateway with its own.
                if answer.get("type") == "subscribed":
                    assert answer["recovery"] == "complete"
                    client.until(done)
        except (ConnectionClosed, InvalidHandshake, Hole, OSError):
            continue


@pytest.mark.parametrize("strike", [pytest.param(kill_functions, marks=pytest.mark.needs("kills")), crash_the_cache])
def test_a_subscriber_handles_every_event_once_and_in_order(hub: Hub, strike: Callable[[Hub], None]) -> None:
    events = [event(f"{stream}-{n}", stream=f"wf-{stream}") for n in range(1, _EACH + 1) for stream in range(_STREAMS)]
    following, strikes = Following(), [_ALL // 4, _ALL // 2]

    def done() -> bool:
        if strikes and len(following.events) >= strikes[0]:
            strikes.pop(0)
            strike(hub)
            # The sweep replaces the wake-ups of killed functions; it runs every minute, and here at once.
            hub.sweep()
        return len(following.events) >= _ALL

    with hub.client(backoff=Backoff(patience=60)) as store, feed(store, events):
        follow(hub, following, done)
    for stream in range(_STREAMS):
        own = [
            (event["id"], event["hubsequence"]) for event in following.events if event["hubstream"] == f"wf-{stream}"
        ]
        assert own == [(f"{stream}-{n}", str(n)) for n in range(1, _EACH + 1)]
