"""Each function's role against the calls that the function makes: nothing is missing, nothing is too much."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis_connection import connect
from eventstore.adapters.redis_log import RedisLog
from eventstore.frames import Address, Delivery, Kind, Part
from eventstore.store import Store
from eventstore_dev.stack import running
from eventstore_dev.valkey import ValkeyServer
from tests.e2e.conftest import TEMPLATE, Hub
from tests.e2e.dev.queues import sqs_client
from tests.e2e.live import SECONDS, Bare, Client, event, publish
from tests.e2e.test_durable import Rest, sent
from tests.examples import events
from tests.policies.calls import need
from tests.policies.deployed import deployed, sam_python
from tests.policies.findings import missing, unnamed, unused
from tests.policies.recording import recorded, recording
from tests.policies.roles import Need, Role, roles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Evidence:
    """The roles, and what each function's calls need of its own."""

    roles: tuple[Role, ...]
    file: Path
    api: str

    def needs(self, role: Role) -> frozenset[Need]:
        return frozenset(need(call, api=self.api) for call in recorded(self.file) if call.function == role.name)

    def unused(self) -> list[str]:
        return [finding for role in self.roles for finding in unused(role, self.needs(role))]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """What a hub's functions call, when everything is asked of it."""
    python = sam_python()
    if python is None:
        pytest.skip("SAM's transform is not installed; `make lint-template` does it")
    file = tmp_path_factory.mktemp("policies") / "calls.jsonl"
    with (
        recording(file),
        ValkeyServer.start() as valkey,
        running(TEMPLATE, parameters={"RedisUrl": valkey.url}) as stack,
    ):
        hub = Hub(stack, valkey)
        [api] = stack.template.websockets.values()
        template = deployed(TEMPLATE, python=python, parameters={"RedisUrl": valkey.url})
        found = Evidence(roles(template), file, f"{api.name}/{api.stage}")
        ask_everything(hub)
        # The last effects of what was asked come a moment later; when they do not come, the test says which.
        deadline = time.monotonic() + SECONDS
        while found.unused() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield found


def ask_everything(hub: Hub) -> None:
    """Everything that makes a function call AWS."""
    rest = Rest(hub)
    with Client(hub.url) as client:
        fail_and_park(hub, client, rest)
        miss_a_bell(hub)
        [member] = rest.call("GET", "subscriptions/workers")[1]["members"]
        # More than API Gateway takes, so its client is disconnected; and a word for a client that is gone.
        deliver(hub, connection=member["connection"], text=json.dumps("x" * 140_000))
        deliver(hub, connection="gone=", text="{}")
    with Bare(hub.url, ("stream", "bare"), ("from", "start")) as bare:
        bare.subscribed()


def fail_and_park(hub: Hub, client: Client, rest: Rest) -> None:
    """A durable subscription with two events that are parked, of which one is put back, and one that is tried again."""
    assert rest.call("POST", "subscriptions", id="workers", stream=["bad", "kept", "again"])[0] == 201
    client.send({"action": "subscribe", "id": "w", "subscription": "workers"})
    rest.until("subscriptions/workers", lambda found: all(one["owner"] for one in found["partitions"]))
    for stream, park in (("bad", True), ("kept", True), ("again", False)):
        publish(hub, event(stream, stream=stream))
        assert sent(client)[0] == (stream, "1")
        client.send({"action": "nack", "id": "w", "stream": stream, "sequence": 1, "park": park, "delay": 1})
    rest.until("dead-letters", lambda found: [one["letters"] for one in found["dead_letters"]] == [1, 1])
    # Its letters are looked for among all, and the other stream's are let go of.
    assert rest.call("POST", "dead-letters/redrive", subscription="workers", stream="bad")[0] == 202


def miss_a_bell(hub: Hub) -> None:
    """An event that nobody was told of, for the sweep to find."""
    with closing(connect(hub.valkey.url)) as redis:
        Store(RedisLog(redis), None).publish(events(1), stream="missed")
    hub.stack.fire("SweepFunction")


def deliver(hub: Hub, *, connection: str, text: str) -> None:
    """Hands the deliver function a message for a connection, as dispatch does."""
    delivery = Delivery(0, (Part(Kind.TEXT, 0, (), (text,), (Address(connection, "", 1, 0),)),))
    queue = next(queue for queue in hub.stack.template.queues.values() if queue.logical_id == "DeliveriesQueue")
    with sqs_client(hub.url) as sqs:
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
        sqs.send_message(
            QueueUrl=url, MessageBody=delivery.encoded(), MessageGroupId=connection, MessageDeduplicationId=connection
        )


def test_every_call_that_a_function_makes_is_allowed_by_its_role(evidence: Evidence) -> None:
    assert [finding for role in evidence.roles for finding in missing(role, evidence.needs(role))] == []


def test_no_role_allows_what_nothing_asks_for(evidence: Evidence) -> None:
    assert evidence.unused() == []


def test_no_role_names_more_than_it_must(evidence: Evidence) -> None:
    assert [finding for role in evidence.roles for finding in unnamed(role)] == []
