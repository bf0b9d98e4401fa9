"""Rules: events reach functions, queues, buses and URLs, with the whole hub in between."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from redis import Redis

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import has_journal
from tests.e2e.dev.conftest import wait_until
from tests.e2e.dev.queues import sqs_client
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, event, publish
from tests.e2e.servers import ServerHub, instances_on
from tests.e2e.test_durable import Rest
from tests.e2e.test_readme import SHELLS, blocks
from tests.policies.judging import ANY_TARGET, judged
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_sqs import SQSClient

    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("own-hub")

STEP = TEMPLATE.parent / "examples/step/template.yaml"
ACCOUNT_OF_NOBODY = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
TASK = "io.flunq.task.requested"
TASKS = [{"exact": {"type": TASK}}]


@dataclass(frozen=True)
class Place:
    """A hub whose rules call the functions of another stack.

    Attributes:
        hub: The hub.
        aws_url: Where the queues and buses are.
    """

    hub: Hub
    aws_url: str


@contextmanager
def on_the_local_stack(folder: Path, port: int) -> Iterator[Place]:
    """Run the hub; its roles must allow what its functions call."""
    with ExitStack() as stack:
        steps = stack.enter_context(running(STEP, parameters={"EventstoreUrl": f"http://127.0.0.1:{port}"}))
        stack.enter_context(judged(folder / "calls.jsonl"))
        valkey = stack.enter_context(ValkeyServer.start(folder=folder / "valkey"))
        hub = running(
            TEMPLATE,
            parameters={"RedisUrl": valkey.url, **ANY_TARGET},
            variables={"AUTH": "none", "LOOPBACK_TARGETS": "true", "AWS_ENDPOINT_URL_LAMBDA": steps.url},
            port=port,
        )
        local = LocalHub.of(stack.enter_context(hub), valkey)
        yield Place(local, local.url)


@contextmanager
def on_the_server(folder: Path, port: int) -> Iterator[Place]:
    """Run the hub; the stack of the functions has the queues and buses, too."""
    with ExitStack() as stack:
        steps = stack.enter_context(running(STEP, parameters={"EventstoreUrl": f"http://127.0.0.1:{port}"}))
        valkey = stack.enter_context(ValkeyServer.start(folder=folder / "valkey"))
        environment = ACCOUNT_OF_NOBODY | {"AWS_ENDPOINT_URL": steps.url}
        instances = instances_on(valkey.url, count=1, environment=environment, port=port)
        [instance] = stack.enter_context(instances)
        yield Place(ServerHub.of(instance, valkey), steps.url)


def _scope(**_: object) -> Literal["function", "module"]:
    return "function" if has_journal() else "module"


@pytest.fixture(scope=_scope)
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    run = on_the_server if chosen() == "server" else on_the_local_stack
    with ReservedPort() as port, run(tmp_path_factory.mktemp("rules"), port.number) as place:
        yield place


@pytest.fixture
def hub(place: Place) -> Hub:
    for queue in ("BellsQueue", "PushesQueue"):
        wait_until(lambda queue=queue: not place.hub.waiting(queue), what=f"{queue} of the test before", seconds=30)
    if not has_journal():
        with Redis.from_url(place.hub.valkey.url) as client:
            client.flushall()
    return place.hub


@pytest.fixture
def rest(hub: Hub) -> Rest:
    return Rest(hub)


@pytest.fixture
def sqs(place: Place) -> Iterator[SQSClient]:
    with sqs_client(place.aws_url) as client:
        yield client


def task(number: int, stream: str, **members: object) -> dict[str, object]:
    return event(f"{stream}-{number}", stream=stream, type=TASK) | members


def rule(rest: Rest, name: str, target: dict[str, object], **members: object) -> None:
    status, answer = rest.call("POST", "subscriptions", id=name, filters=TASKS, target=target, **members)
    assert status == 201, answer


def caught_up(found: dict[str, Any]) -> bool:
    return (found["lag"], found["in_flight"], found["held"]) == (0, 0, 0)


def completed(hub: Hub, stream: str) -> list[object]:
    """The data of what the step has published."""
    with hub.client() as store:
        return [one.data for one in store.read(stream) if one.type == "io.flunq.task.completed"]


@dataclass
class Web:
    """A server on this machine, and what it was sent."""

    url: str
    status: int = 204
    requests: list[tuple[dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            web.requests.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            self.send_response(web.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_workflow_step_is_a_function_that_gets_its_tasks_in_order(hub: Hub, rest: Rest) -> None:
    rule(rest, "charge-card", {"lambda": "workflow-charge-card", "batch": 1})
    publish(hub, *[task(number, f"wf-{number % 3}", data={"n": number}) for number in range(12)])
    rest.until("subscriptions/charge-card", caught_up)
    for workflow in range(3):
        assert completed(hub, f"wf-{workflow}") == [{"n": number} for number in range(12) if number % 3 == workflow]


def test_a_task_that_a_function_cannot_do_parks_its_workflow_with_the_functions_words(hub: Hub, rest: Rest) -> None:
    rule(rest, "charge-card", {"lambda": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ChargeCard"}, max_attempts=1)
    publish(hub, task(1, "bad"), task(2, "bad", data=2), task(1, "good", data=1))
    found = rest.until("dead-letters", lambda found: [one["letters"] for one in found["dead_letters"]] == [2])
    assert found["dead_letters"][0]["errors"] == ["ValueError: there is nothing to charge"]
    rest.until("subscriptions/charge-card", caught_up)
    assert (completed(hub, "good"), completed(hub, "bad")) == ([1], [])

    redrive = {"subscription": "charge-card", "stream": "bad", "how": "skip"}
    assert rest.call("POST", "dead-letters/redrive", **redrive)[0] == 202
    wait_until(lambda: completed(hub, "bad") == [2], what="the task behind it is done", seconds=SECONDS)


def test_a_queue_gets_each_stream_in_order(hub: Hub, rest: Rest, sqs: SQSClient) -> None:
    url = sqs.create_queue(QueueName="steps.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    rule(rest, "to-queue", {"sqs": url})
    publish(hub, *[task(number, f"wf-{number % 2}") for number in range(10)])
    found: dict[str, list[int]] = {"wf-0": [], "wf-1": []}
    deadline = time.monotonic() + SECONDS
    while sum(map(len, found.values())) < 10:
        assert time.monotonic() < deadline, found
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            found[body["hubstream"]].append(int(body["hubsequence"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert found == {"wf-0": [1, 2, 3, 4, 5], "wf-1": [1, 2, 3, 4, 5]}


def test_a_bus_takes_events(place: Place, hub: Hub, rest: Rest) -> None:
    client = boto3.client(
        "events",
        endpoint_url=place.aws_url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",  # noqa: S106 - of no account
    )
    with closing(client):
        client.create_event_bus(Name="orders")
        rule(rest, "to-bus", {"eventbridge": "orders"})
        publish(hub, *[task(number, "wf") for number in range(3)])
        found = rest.until("subscriptions/to-bus", caught_up)
    assert (found["parked"], found["open_circuits"]) == (0, 0)


def test_a_url_gets_events_and_the_headers_of_its_rule(hub: Hub, rest: Rest) -> None:
    with serving() as web:
        rule(rest, "hook", {"http": web.url, "headers": {"X-Team": "billing"}})
        publish(hub, *[task(number, "wf") for number in range(5)])
        rest.until("subscriptions/hook", caught_up)
    assert [body["hubsequence"] for _, body in web.requests] == ["1", "2", "3", "4", "5"]
    headers, _ = web.requests[0]
    assert (headers["x-team"], headers["content-type"]) == ("billing", "application/cloudevents+json")


def test_a_dead_url_leaves_other_rules_alone_and_says_why_it_waits(
    hub: Hub, rest: Rest, reserved_port: ReservedPort
) -> None:
    with serving() as web:
        rule(rest, "dead", {"http": f"{reserved_port.url}/"}, stream=["wf"])
        rule(rest, "well", {"http": web.url}, stream=["wf"])
        publish(hub, *[task(number, "wf") for number in range(5)])
        rest.until("subscriptions/well", caught_up)
        assert [body["hubsequence"] for _, body in web.requests] == ["1", "2", "3", "4", "5"]
        found = rest.until("subscriptions/dead", lambda found: found["open_circuits"] == 1)
    [circuit] = [one["circuit"] for one in found["partitions"] if one["circuit"]["state"] != "closed"]
    assert "the connection failed" in circuit["reason"]
    assert found["parked"] == 0


def test_the_step_that_the_readme_shows_is_done(hub: Hub) -> None:
    [shown] = blocks("", '"lambda":"workflow-charge-card"')
    printed = SHELLS[0].ran(shown.replace("http://127.0.0.1:8081", hub.url), dict(os.environ))
    assert '"type":"io.flunq.task.completed"' in printed
    assert '"data":{"amount":12.5}' in printed
