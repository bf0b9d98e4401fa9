from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.hub import hub as parts
from functions.hub import hub as current
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue
from tests.fresh import forget
from tests.functional.rest.api import Api
from tests.functional.websocket.clients import Gateway
from tests.security.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture(scope="module")
def hub(valkey: ValkeyServer) -> Iterator[Hub]:
    """The handlers on one store for all tests of a module, with queues in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", valkey.url)
        patch.setenv("PARTITIONS", "4")
        forget()
        dispatch_queue, deliveries, letters = FakeDispatchQueue(), FakeDeliveries(), FakeLetters()
        patch.setattr(parts.Hub, "dispatch_queue", dispatch_queue)
        patch.setattr(parts.Hub, "deliveries", deliveries)
        patch.setattr(parts.Hub, "letters", letters)
        client = current().log._client  # type: ignore[attr-defined]
        client.flushall()
        # So little time is left that no long poll waits.
        yield Hub(Api(seconds=2.5), Gateway(dispatch_queue, deliveries), client)
        client.close()
    forget()
