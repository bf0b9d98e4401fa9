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

    from eventstore_dev.valkey import ValkeyServer


@pytest.fixture(scope="module")
def hub(valkey: ValkeyServer) -> Iterator[Hub]:
    """The handlers on one store for all that a module tries, their queues in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", valkey.url)
        patch.setenv("PARTITIONS", "4")
        forget()
        bells, deliveries, letters = FakeDispatchQueue(), FakeDeliveries(), FakeLetters()
        patch.setattr(parts.Hub, "dispatch_queue", bells)
        patch.setattr(parts.Hub, "deliveries", deliveries)
        patch.setattr(parts.Hub, "letters", letters)
        client = current().log._client  # type: ignore[attr-defined]
        client.flushall()
        # So little time is left that nobody waits for an event.
        yield Hub(Api(seconds=2.5), Gateway(bells, deliveries), client)
        client.close()
    forget()
