"""Traces continue through events, with both faces of the client."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff
from tests.functional.client.test_busy_worker import OWNED, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_client import EventStore, Recorded
    from tests.functional.client.fake_hub import FakeHub
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OWN = "00-11111111111111111111111111111111-2222222222222222-01"


class Traces:
    """A `Tracing` that records the handlers."""

    def __init__(self) -> None:
        self.handled: list[tuple[str, str, int]] = []
        self.inside = 0

    def attributes(self) -> Mapping[str, str]:
        return {"traceparent": TRACE, "tracestate": "vendor=1"}

    @contextmanager
    def handling(self, event: Recorded, *, subscription: str, attempt: int) -> Iterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            self.handled.append((str(event.attributes.get("traceparent")), subscription, attempt))


@pytest.fixture
def traces() -> Traces:
    return Traces()


def published(hub: FakeHub) -> list[dict[str, str]]:
    return [one for request in hub.received if request.method == "POST" for one in json.loads(request.body)]


@pytest.mark.parametrize("all_of_them", [False, True], ids=["publish", "publish_all"])
def test_published_events_carry_the_trace(
    hub: FakeHub, open_store: Callable[..., EventStore], traces: Traces, *, all_of_them: bool
) -> None:
    first = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
    own = first | {"id": "2", "traceparent": OWN}
    text = json.dumps(first | {"id": "3"})
    with open_store(hub.url, tracing=traces) as store:
        (store.publish_all if all_of_them else store.publish)([first, own, text])
    assert [(one["id"], one.get("traceparent"), one.get("tracestate")) for one in published(hub)] == [
        ("1", TRACE, "vendor=1"),
        ("2", OWN, None),
        ("3", None, None),
    ]


def test_handlers_run_within_the_trace_of_their_events(
    live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore], traces: Traces
) -> None:
    sent = {"type": "events", "partition": 1, "frame": 2, "cursor": "c2", "attempt": 3}
    live_hub.shares.append([OWNED, sent | {"events": [event("a", 1) | {"traceparent": TRACE}]}])
    inside: list[int] = []
    backoff = Backoff(first=0.001, longest=0.01)
    with open_store("http://127.0.0.1:9", websocket_url=live_hub.url, backoff=backoff, tracing=traces) as store:
        worker = store.work("workers")

        def handle(_: Recorded) -> None:
            inside.append(traces.inside)
            worker.close()

        worker.run(handle)
    assert inside == [1]
    assert traces.handled == [(TRACE, "workers", 3)]
