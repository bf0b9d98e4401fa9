"""A worker of many streams whose handler takes long: nothing is parked, and nothing is handled twice.

`MANY_STREAMS=full` is the size of the promise: 64 streams by 25 events at 0.2 s each, 320 s for one handler at a time.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.e2e.live import event

if TYPE_CHECKING:
    from eventstore_client import Recorded
    from tests.e2e.hubs import Hub

_FULL = os.environ.get("MANY_STREAMS") == "full"
STREAMS = 64
EVENTS = 25
SECONDS = {1: 0.2 if _FULL else 0.005, 16: 0.2 if _FULL else 0.05}
"""How long the handler of an event takes, by the concurrency of the worker."""


@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_slow_worker_of_many_streams_handles_each_event_once_and_in_order(hub: Hub, concurrency: int) -> None:
    handled: dict[str, list[int]] = defaultdict(list)
    at_work: set[str] = set()
    most = 0
    lock = threading.Lock()
    pause = threading.Event()

    def handle(one: Recorded) -> None:
        nonlocal most
        with lock:
            assert one.stream not in at_work, "two events of one stream at the same time"
            at_work.add(one.stream)
            most = max(most, len(at_work))
        # This is how long the work takes: nothing sets the event.
        pause.wait(SECONDS[concurrency])
        with lock:
            at_work.remove(one.stream)
            handled[one.stream].append(one.sequence)
            if sum(map(len, handled.values())) == STREAMS * EVENTS:
                worker.close()

    with hub.client() as store:
        for stream in range(STREAMS):
            store.publish([event(n, stream=f"wf-{stream}") for n in range(1, EVENTS + 1)], stream=f"wf-{stream}")
        store.subscriptions.create("workers", start="start")
        with store.work("workers", concurrency=concurrency) as worker:
            worker.run(handle)
        assert [*store.dead_letters.list(subscription="workers")] == []
    assert dict(handled) == {f"wf-{stream}": [*range(1, EVENTS + 1)] for stream in range(STREAMS)}
    assert most == concurrency
