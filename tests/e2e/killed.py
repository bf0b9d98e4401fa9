"""Clients of the SDK that go on while what serves them is killed (-9), under load."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING

from eventstore_client import Backoff
from tests.e2e.dev.conftest import wait_until
from tests.e2e.handled import STREAMS, Handled, running
from tests.e2e.live import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client import EventStore

__all__ = ["BACKOFF", "KILLS", "go_through_kills"]

KILLS = int(os.environ.get("KILLS", "2"))
"""How many kills a test has."""
BACKOFF = Backoff(first=0.001, longest=0.1, patience=60)

_SWEEP_EVERY = 1.0
_GO_ON_WITHIN, _END_WITHIN = 60, 120


def go_through_kills(
    store: EventStore,
    kill: Callable[[int], object],
    *,
    clients: int = 1,
    sweep: Callable[[], object] | None = None,
    max_attempts: int = 5,
    ack_deadline: int = 5,
) -> None:
    """Publish, follow and work while something is killed: each event once and in order, by workers at least once.

    Args:
        store: The client.
        kill: Kills what serves, and starts it again if nothing else does. It takes the number of the kill, from 0.
        clients: How many subscriptions there are, and how many workers.
        sweep: Calls the sweep. It runs every minute, and here every second, because it replaces lost wake-ups.
        max_attempts: How often the hub delivers an event before it parks its stream.
        ack_deadline: Seconds after which an event that is not acknowledged is delivered again.
    """
    followed, worked = [Handled() for _ in range(clients)], Handled()
    last, swept, is_over = 0, time.monotonic(), Event()
    with ExitStack() as stack:
        store.subscriptions.create("workers", start="start", max_attempts=max_attempts, ack_deadline=ack_deadline)
        subscriptions = [stack.enter_context(store.subscribe(start="start")) for _ in followed]
        workers = [stack.enter_context(store.work("workers", concurrency=4)) for _ in range(clients)]

        def follow(number: int) -> None:
            for one in subscriptions[number]:
                followed[number].add(one)

        def publish() -> None:
            nonlocal last
            while not is_over.is_set():
                last += 1
                store.publish([event(f"{stream}-{last}", stream=stream) for stream in STREAMS])

        def handled() -> int:
            nonlocal swept
            if sweep is not None and (now := time.monotonic()) >= swept + _SWEEP_EVERY:
                swept = now
                sweep()
            return min(one.total for one in (*followed, worked))

        followers = [lambda number=number: follow(number) for number in range(clients)]
        members = [lambda worker=worker: worker.run(worked.add) for worker in workers]
        with running(*followers, *members):
            try:
                with running(publish):
                    try:
                        for number in range(KILLS + 1):
                            # Events that were published after the kill before were handled by all.
                            before = last * len(STREAMS)
                            wait_until(
                                lambda before=before: handled() > before,
                                what="events after a start",
                                seconds=_GO_ON_WITHIN,
                            )
                            if number < KILLS:
                                kill(number)
                    finally:
                        is_over.set()
                wait_until(lambda: handled() == last * len(STREAMS), what="all events", seconds=_END_WITHIN)
            finally:
                stack.close()
        assert [*store.dead_letters.list(subscription="workers")] == []
    for one in followed:
        one.check_once(last)
    worked.check_in_order(last)
