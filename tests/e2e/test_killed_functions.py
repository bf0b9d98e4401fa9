"""The SDK goes on when functions of the local stack are killed (-9) while it publishes: each event once, in order."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff
from tests.e2e.dev.conftest import wait_until
from tests.e2e.handled import STREAMS, Handled, running
from tests.e2e.hubs import LocalHub
from tests.e2e.live import event
from tests.faces import FACES

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("kills")

_KILLS = int(os.environ.get("KILLS", "2"))
_BACKOFF = Backoff(first=0.001, longest=0.1, patience=60)


def strike(hub: LocalHub, random: Random, *, is_all: bool) -> None:
    """Kill the process of one function, or those of all."""
    if is_all:
        hub.kill_functions()
    elif pids := sorted(hub.stack.pids):
        # A process may have ended by itself.
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)


@pytest.mark.parametrize("face", FACES)
def test_subscribers_and_workers_go_on_when_functions_are_killed(hub: Hub, seed: int, face: str) -> None:
    assert isinstance(hub, LocalHub)
    random = Random(seed)
    followed, worked = [Handled(), Handled()], Handled()
    last, kills, swept = 0, 0, time.monotonic()
    with hub.client(face=face, backoff=_BACKOFF) as store, ExitStack() as stack:
        # What a function had when it was killed may count as an attempt of its events.
        store.subscriptions.create("workers", start="start", max_attempts=100, ack_deadline=10)
        subscriptions = [stack.enter_context(store.subscribe(start="start")) for _ in followed]
        workers = [stack.enter_context(store.work("workers", concurrency=4)) for _ in range(2)]

        def follow(number: int) -> None:
            for one in subscriptions[number]:
                followed[number].add(one)

        def publish() -> None:
            nonlocal last
            while kills < _KILLS:
                last += 1
                store.publish([event(f"{stream}-{last}", stream=stream) for stream in STREAMS])

        def handled() -> int:
            nonlocal swept
            # The sweep replaces the wake-ups of killed functions; it runs every minute, and here every second.
            if (now := time.monotonic()) >= swept + 1:
                swept = now
                hub.sweep()
            return min(one.total for one in (*followed, worked))

        followers = [lambda number=number: follow(number) for number in range(len(followed))]
        members = [lambda worker=worker: worker.run(worked.add) for worker in workers]
        with running(*followers, *members):
            try:
                with running(publish):
                    while kills < _KILLS:
                        # Events that were published after the kill before were handled by all.
                        before = last * len(STREAMS)
                        wait_until(lambda before=before: handled() > before, what="events after a kill", seconds=60)
                        strike(hub, random, is_all=kills % 2 == 0)
                        kills += 1
                wait_until(lambda: handled() == last * len(STREAMS), what="all events", seconds=120)
            finally:
                stack.close()
        assert [*store.dead_letters.list(subscription="workers")] == []
    for one in followed:
        one.check_once(last)
    worked.check_in_order(last)
