"""Members of durable subscriptions for the tests of REST, and the turns that serve them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore.groups import Nack
from eventstore.live.dispatch import Dispatcher
from eventstore.subscriptions import EVENTSTORE, Connection
from functions.hub import hub
from tests.fakes.queues import FakeDeliveries, FakePushes
from tests.functional.rest.api import cloudevent
from tests.trusted import Trusted

if TYPE_CHECKING:
    from tests.fakes.letters import FakeLetters
    from tests.functional.rest.api import Api, Reply

__all__ = ["Workers", "change", "create", "post", "publish"]


def post(api: Api, path: str, **members: object) -> Reply:
    body = json.dumps(members).encode()
    return api.call("POST", f"/api/v1/{path}", body=body, headers={"Content-Type": "application/json"})


def create(api: Api, name: str = "workers", **members: object) -> Reply:
    return post(api, "subscriptions", id=name, **members)


def change(api: Api, name: str = "workers", **members: object) -> Reply:
    headers = {"Content-Type": "application/merge-patch+json"}
    return api.call("PATCH", f"/api/v1/subscriptions/{name}", body=json.dumps(members).encode(), headers=headers)


def publish(api: Api, stream: str, *events: tuple[str, str]) -> None:
    """Publish events by their ids and types."""
    given = [cloudevent(event_id, type=kind) for event_id, kind in events]
    assert api.publish(*given, query=f"?stream={stream}").status in {200, 201}


class Workers:
    """The members of durable subscriptions, on the store of the handler."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.letters: FakeLetters = hub().letters  # type: ignore[assignment]
        self._deliveries = FakeDeliveries()
        self._dispatcher = Dispatcher(
            hub().log,
            hub().turns,
            self._deliveries,
            durables=hub().durables,
            registry=hub().registry,
            dispatch_queue=hub().dispatch_queue,
            letters=self.letters,
            pushes=FakePushes,
            clock=hub().clock,
        )

    def join(self, name: str = "workers", *, connection: str = "c1") -> None:
        hub().registry.connect(Connection(connection, EVENTSTORE, 0))
        Trusted(hub().members).join(connection, "w", name)
        self.settle()

    def publish(self, stream: str, *ids: str) -> None:
        assert self.api.publish(*map(cloudevent, ids), query=f"?stream={stream}").status in {200, 201}
        self.settle()

    def park(self, stream: str, sequence: int, *, connection: str = "c1", reason: str = "no") -> None:
        Trusted(hub().members).fail("w", Nack(connection, stream, sequence, reason, None, park=True))
        self.settle()

    def fail(self, stream: str, sequence: int, *, connection: str = "c1") -> None:
        Trusted(hub().members).fail("w", Nack(connection, stream, sequence, "no", 0, park=False))

    def acknowledge(self, *, connection: str = "c1") -> None:
        """Acknowledge every sent event."""
        cursors = [
            message["cursor"] for message in self.messages() if message["type"] == "events" and "cursor" in message
        ]
        Trusted(hub().members).acknowledge(connection, "w", cursors)
        self.settle()

    def settle(self) -> None:
        """Serve every partition until no work is left."""
        for partition in range(hub().log.partitions):
            while self._dispatcher.serve(partition, until=hub().clock.now() + 1000):
                pass

    def received(self) -> list[tuple[str, str]]:
        """Stream and sequence of the events sent to members since the last call."""
        return [
            (event["hubstream"], event["hubsequence"])
            for message in self.messages()
            if message["type"] == "events"
            for event in message["events"]
        ]

    def messages(self) -> list[dict[str, Any]]:
        """The messages sent to members since the last call."""
        return [json.loads(posting.message) for posting in self._deliveries.take_postings()]
