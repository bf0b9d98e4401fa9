"""The SDK over connections that are cut at a drawn byte, under load: each event once, and in order in its stream.

`CUTS=10000` is the size of the promise.
"""

from __future__ import annotations

import math
import os
import random
import threading
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from eventstore_client import Backoff
from tests.e2e.handled import STREAMS, Handled, running
from tests.e2e.hubs import OVER_EITHER
from tests.e2e.live import event
from tests.relays import relaying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client import EventStore
    from tests.e2e.hubs import Hub

_CUTS = int(os.environ.get("CUTS", "60"))
_CLIENTS = 4
_LONGEST = 40_000
"""The most bytes that a connection carries. A frame of 100 events must arrive whole."""
_BACKOFF = Backoff(first=0.001, longest=0.02)


class Cuts:
    """Draws after how many bytes each connection is cut, until there were enough; later ones last."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._drawn = threading.Semaphore(0)
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        self._drawn.release()
        if self.count > _CUTS:
            return 1 << 60
        return int(math.exp(self._random.uniform(0, math.log(_LONGEST))))

    def rounds(self) -> Iterator[int]:
        """Yield a number whenever a connection is opened, or none is for a while, until enough are to be cut."""
        for number in count(1):
            if self.count > _CUTS:
                return
            # A connection that carries nothing is not cut.
            self._drawn.acquire(timeout=0.02)
            yield number


@contextmanager
def cutting(hub: Hub, cuts: Cuts, face: str) -> Iterator[str]:
    """The address for subscriptions of a relay that cuts the connections of its clients."""
    parts = urlsplit(hub.grpc_url if face.endswith("gRPC") else hub.websocket_url)
    with relaying(parts.port or 80, cut_after=cuts) as port:
        yield f"{parts.scheme}://127.0.0.1:{port}{parts.path}"


def publish_until_cut(store: EventStore, cuts: Cuts) -> int:
    """Publish an event of each stream whenever a connection is opened; return the last sequence of each."""
    last = 0
    for last in cuts.rounds():
        store.publish([event(f"{stream}-{last}", stream=stream) for stream in STREAMS])
    return last


@OVER_EITHER
def test_a_subscription_through_cut_connections_delivers_each_event_once(hub: Hub, seed: int, face: str) -> None:
    cuts = Cuts(seed)
    handled = [Handled() for _ in range(_CLIENTS)]
    with (
        cutting(hub, cuts, face) as websocket_url,
        hub.client(backoff=_BACKOFF) as store,
        hub.client(face=face, backoff=_BACKOFF, websocket_url=websocket_url) as cut_off,
        ExitStack() as stack,
    ):
        subscriptions = [stack.enter_context(cut_off.subscribe(start="start")) for _ in handled]

        def follow(number: int) -> None:
            for one in subscriptions[number]:
                handled[number].add(one)

        with running(*(lambda number=number: follow(number) for number in range(_CLIENTS))):
            try:
                last = publish_until_cut(store, cuts)
                for one in handled:
                    one.wait_for(last * len(STREAMS))
            finally:
                stack.close()
    for one in handled:
        one.check_once(last)


@pytest.mark.needs("cuts")
@OVER_EITHER
def test_workers_through_cut_connections_handle_each_event_in_order(hub: Hub, seed: int, face: str) -> None:
    cuts = Cuts(seed)
    handled = Handled()
    with (
        cutting(hub, cuts, face) as websocket_url,
        hub.client(backoff=_BACKOFF) as store,
        hub.client(face=face, backoff=_BACKOFF, websocket_url=websocket_url) as cut_off,
        ExitStack() as stack,
    ):
        # A connection that is cut counts as an attempt of the event that was in flight.
        store.subscriptions.create("workers", start="start", max_attempts=100, ack_deadline=10)
        workers = [stack.enter_context(cut_off.work("workers", concurrency=4)) for _ in range(_CLIENTS)]
        with running(*(lambda worker=worker: worker.run(handled.add) for worker in workers)):
            try:
                last = publish_until_cut(store, cuts)
                handled.wait_for(last * len(STREAMS))
            finally:
                stack.close()
        assert [*store.dead_letters.list(subscription="workers")] == []
    handled.check_in_order(last)
