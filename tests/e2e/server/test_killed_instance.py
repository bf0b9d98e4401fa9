"""The SDK goes on when the only instance of the server is killed (-9) and started again, while it publishes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.hubs import OVER_EITHER
from tests.e2e.killed import BACKOFF, go_through_kills
from tests.e2e.servers import Instance
from tests.faces import FACES
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_hosting.valkey import ValkeyServer

pytestmark = pytest.mark.needs("instances")


def end_last(instances: Sequence[Instance]) -> None:
    """End the only one that runs."""
    instances[-1].end()


@OVER_EITHER
def test_subscribers_and_workers_go_on_when_their_instance_is_killed(own_store: ValkeyServer, face: str) -> None:
    with ExitStack() as stack:
        # Clients that try again while nothing listens could be given its ports.
        ports = [stack.enter_context(ReservedPort()).number for _ in range(2)]
        instances = [Instance.start(own_store.url, port=ports[0], grpc_port=ports[1])]
        stack.callback(end_last, instances)

        def kill(_: int) -> None:
            instances[-1].kill()
            instances.append(instances[-1].restarted())

        name, _, transport = face.partition(" over ")
        url = f"grpc://{instances[0].grpc}" if transport else instances[0].url
        with FACES[name](url, backoff=BACKOFF) as store:
            go_through_kills(store, kill)
