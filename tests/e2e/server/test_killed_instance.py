"""The SDK goes on when the only instance of the server is killed and started again, while it publishes."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff
from tests.e2e.dev.conftest import wait_until
from tests.e2e.handled import STREAMS, Handled, running
from tests.e2e.hubs import OVER_EITHER
from tests.e2e.live import event
from tests.e2e.servers import Instance
from tests.faces import FACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_hosting.valkey import ValkeyServer

pytestmark = pytest.mark.needs("instances")

_KILLS = int(os.environ.get("KILLS", "2"))
_BACKOFF = Backoff(first=0.001, longest=0.1, patience=60)


def end_last(instances: Sequence[Instance]) -> None:
    """End the only one that runs."""
    instances[-1].end()


@OVER_EITHER
def test_subscribers_and_workers_go_on_when_their_instance_is_killed(own_store: ValkeyServer, face: str) -> None:
    followed, worked = Handled(), Handled()
    last = 0
    with ExitStack() as stack:
        instances = [Instance.start(own_store.url)]
        stack.callback(end_last, instances)
        name, _, transport = face.partition(" over ")
        url = f"grpc://{instances[0].grpc}" if transport else instances[0].url
        store = stack.enter_context(FACES[name](url, backoff=_BACKOFF))
        store.subscriptions.create("workers", start="start", ack_deadline=5)
        subscription = stack.enter_context(store.subscribe(start="start"))
        worker = stack.enter_context(store.work("workers", concurrency=4))

        def follow() -> None:
            for one in subscription:
                followed.add(one)

        def publish() -> None:
            nonlocal last
            while len(killed) <= _KILLS:
                last += 1
                store.publish([event(f"{stream}-{last}", stream=stream) for stream in STREAMS])

        killed: list[int] = []
        with running(follow, lambda: worker.run(worked.add)):
            try:
                with running(publish):
                    for number in range(_KILLS + 1):
                        # Events of this instance were handled by both.
                        before = min(followed.total, worked.total)
                        wait_until(
                            lambda before=before: min(followed.total, worked.total) > before,
                            what="events after a start",
                            seconds=60,
                        )
                        killed.append(number)
                        if number < _KILLS:
                            instances[-1].kill()
                            instances.append(instances[-1].restarted())
                for one in (followed, worked):
                    one.wait_for(last * len(STREAMS))
            finally:
                worker.close()
                subscription.close()
        assert [*store.dead_letters.list(subscription="workers")] == []
    followed.check_once(last)
    worked.check_in_order(last)
