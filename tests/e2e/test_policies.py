"""Each function's role grants exactly the calls that the function makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from types import MappingProxyType
from typing import TYPE_CHECKING

import boto3
import pytest
import urllib3
from redis import Redis

from eventstore.access import FULL
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.frames.frame import Address, Delivery, Kind, Part
from eventstore.frames.pushes import Push, PushedEvent
from eventstore.live.wakeups import QueueWakeups
from eventstore.streams import DurableName, StreamName
from eventstore.subscriptions import SubscriptionKey, Target
from eventstore.write.publisher import Publisher
from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.contract.endpoints import moto_server
from tests.e2e.dev.queues import sqs_client
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, Bare, Client, event, publish
from tests.e2e.test_durable import Rest, sent
from tests.examples import events
from tests.invocations import INVOCATIONS, KEYS, agrees
from tests.pages.stacks import deployed_with
from tests.policies.calls import need
from tests.policies.deployed import deployed, sam_python
from tests.policies.findings import missing, unnamed, unused
from tests.policies.judging import API
from tests.policies.recording import RECORDER, recorded, recording
from tests.policies.roles import Need, Role, roles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eventstore_dev.stack import Stack


pytestmark = pytest.mark.needs("recording")

CACHE = "arn:aws:elasticache:us-east-1:123456789012"
IAM = {
    "RedisUrl": "rediss://hub@cache.example:6379?cluster=true&iam=orders",
    "CacheArns": f"{CACHE}:replicationgroup:orders,{CACHE}:user:hub",
}
IN_SUBNETS = {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
TARGETS = {
    "TargetFunctions": "workflow-step",
    "TargetQueues": "steps.fifo",
    "TargetBuses": "orders",
    "TargetUrls": "hooks.example",
    "TargetSecrets": "hooks-key",
}
_NOBODY: Mapping[str, str] = MappingProxyType({"aws_access_key_id": "test", "aws_secret_access_key": "test"})
"""Keys of no account."""

PUSHES = "PushesQueue"
PUSH_SECONDS = 105
"""What the push function has for its calls: its timeout in the template without the time it reserves for its report."""
PASSWORD = {"RedisUrl": "rediss://hub:secret@cache.example:6379"}
DEPLOYMENTS = {
    "a durable cluster that is made": {},
    "a serverless cache that is made": {"Cache": "serverless"},
    "a cache that is there, entered by password": PASSWORD,
    "a cache that is there, entered by password from subnets": PASSWORD | IN_SUBNETS,
    "a cache that is there, entered by IAM": IAM,
    "a cache that is there, entered by IAM from subnets": IAM | IN_SUBNETS,
    "a trial": dict(deployed_with("trial")),
    "tokens": {"Auth": "jwt", "JwtIssuer": "https://issuer.example", "JwtAudience": "hub"},
    "API keys": {"Auth": "key"},
    "rules": PASSWORD | TARGETS,
    "an archive": PASSWORD | {"ArchiveUrl": "s3://archive/hub"},
    "an archive in a bucket of its own": PASSWORD | {"ArchiveUrl": "s3://archive"},
}

_ARCHIVING = """
import os
from functions.archive.app import handler
from functions.hub import hub
from tests.examples import events
from eventstore.streams import StreamName


class Context:
    def get_remaining_time_in_millis(self):
        return 900_000


class Days:
    # Segments are sealed on the second day, merged on the third, and what they were is deleted on the fourth.
    days = 0

    def now(self):
        return clock.now() + self.days * 86_400_000


clock, hub().clock = hub().clock, Days()
for start in (1, 9):
    hub().log.append(StreamName("archived"), events(8, start=start))
    hub().clock.days += 1
    print(handler({}, Context()))
hub().clock.days += 1
print(handler({}, Context()))
"""

_READING = """
from eventstore.positions import BEGINNING
from functions.hub import hub

tails = hub().log.tail(dict.fromkeys(range(hub().log.partitions), BEGINNING), count=100)
print(sum(len(tail.events) for tail in tails.values()))
"""

_READERS = ("RestFunction", "WebSocketFunction", "DispatchFunction", "SweepFunction")
"""The functions that read events, or compare published ones with events, of which some may be in the archive alone."""


@dataclass(frozen=True)
class Evidence:
    """The calls of functions, and the names that they use."""

    python: Path
    file: Path
    secret: str

    @cache  # noqa: B019 - there is one, for as long as the tests run
    def roles(self, deployment: str) -> tuple[Role, ...]:
        parameters = DEPLOYMENTS[deployment]
        if parameters.get("Auth") == "key":
            parameters = parameters | {"ApiKeysSecretArn": self.secret}
        return roles(deployed(TEMPLATE, python=self.python, parameters=parameters))

    def needs(self, role: Role, deployment: str) -> frozenset[Need]:
        """The calls of the function, without those that it would not make in the deployment."""
        calls = [call for call in recorded(self.file) if call.function == role.name]
        if DEPLOYMENTS[deployment].get("Auth") != "key":
            authorizing = ("secretsmanager", "AuthorizerFunction")
            calls = [call for call in calls if (call.service, call.function) != authorizing]
        if not DEPLOYMENTS[deployment].get("TargetFunctions"):
            calls = [call for call in calls if PUSHES not in dict(call.names).get("QueueUrl", "")]
        if not DEPLOYMENTS[deployment].get("ArchiveUrl"):
            calls = [call for call in calls if call.service != "s3"]
        in_folder = DEPLOYMENTS[deployment].get("ArchiveUrl") == "s3://archive/hub"
        calls = [call for call in calls if dict(call.names).get("Key", "").startswith("hub/") <= in_folder]
        if in_folder:
            calls = [call for call in calls if not dict(call.names).get("Key", "").startswith("events/")]
        return frozenset(need(call, api=API) for call in calls)

    def unused(self, deployment: str) -> list[str]:
        return [finding for role in self.roles(deployment) for finding in unused(role, self.needs(role, deployment))]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """The calls of a hub's functions while the tests use every feature."""
    python = sam_python()
    if python is None:
        pytest.skip("SAM's transform is not installed; `make lint-template` does it")
    file = tmp_path_factory.mktemp("policies") / "calls.jsonl"
    with (
        moto_server() as aws,
        recording(file, variables={"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws}),
        ValkeyServer.start() as valkey,
    ):
        with running(TEMPLATE, parameters={"RedisUrl": valkey.url, **TARGETS}) as stack:
            secret = kept_secret(aws)
            evidence = Evidence(python, file, secret)
            ask_everything(LocalHub.of(stack, valkey), file)
            # The last calls follow a moment later; a test reports those that are missing.
            deadline = time.monotonic() + SECONDS
            while evidence.unused("rules") and time.monotonic() < deadline:
                time.sleep(0.1)
        keys = {"RedisUrl": valkey.url, "Auth": "key", "ApiKeysSecretArn": secret}
        with running(TEMPLATE, parameters=keys) as stack:
            authorize(stack)
        for place in ("archive/hub", "archive"):
            archive(file, aws, valkey, place)
        yield evidence


def archive(file: Path, aws: str, valkey: ValkeyServer, place: str) -> None:
    """Run the archive function as if days passed between its calls, so it deletes, too; then read what left memory."""
    with closing(boto3.client("s3", endpoint_url=aws, region_name=REGION, **_NOBODY)) as s3:
        s3.create_bucket(Bucket="archive")
    with closing(Redis.from_url(valkey.url)) as redis:
        redis.flushall()
    variables = {
        "PYTHONPATH": os.pathsep.join([str(RECORDER), *sys.path]),
        "RECORDED_CALLS": str(file),
        "AWS_LAMBDA_FUNCTION_NAME": "ArchiveFunction",
        "AWS_ENDPOINT_URL_S3": aws,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "REDIS_URL": valkey.url,
        "ARCHIVE_URL": f"s3://{place}",
    }

    def run(program: str, **others: str) -> str:
        environment = {**os.environ, **variables, **others}
        ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode().splitlines()[-1]

    assert "'deleted': 4" in run(_ARCHIVING, HOT_WINDOW="0")
    for function in _READERS:
        assert run(_READING, AWS_LAMBDA_FUNCTION_NAME=function) == "16"


def ask_everything(hub: LocalHub, calls: Path) -> None:
    """Use every feature that makes a function call AWS."""
    rest = Rest(hub)
    with Client(hub) as client:
        fail_and_park(hub, client, rest)
        miss_a_wakeup(hub)
        [member] = rest.call("GET", "subscriptions/workers")[1]["members"]
        # More than API Gateway accepts, so the client is disconnected; and a message for a client that is gone.
        deliver(hub, connection=member["connection"], text=json.dumps("x" * 140_000))
        deliver(hub, connection="gone=", text="{}")
    with Bare(hub, ("stream", "bare"), ("from", "start")) as bare:
        bare.subscribed()
    push(hub, rest, calls)


def push(hub: LocalHub, rest: Rest, calls: Path) -> None:
    """A rule for each kind of target, and a push of which something is left because its time ran out."""
    targets = {
        "function": {"lambda": "workflow-step"},
        "alias": {"lambda": "workflow-step:live"},
        "queue": {"sqs": f"{hub.url}/{ACCOUNT}/steps.fifo"},
        "bus": {"eventbridge": "orders"},
        "url": {"http": "https://hooks.example/", "secret": "hooks-key"},
    }
    for name, target in targets.items():
        assert rest.call("POST", "subscriptions", id=name, stream=["pushed"], target=target)[0] == 201
    publish(hub, event(1, stream="pushed"))
    run_out_of_time(hub, calls)


def run_out_of_time(hub: LocalHub, calls: Path) -> None:
    """Have a push made in part: time runs out between its first call and its last."""
    events = [PushedEvent(StreamName("s"), number, "{}") for number in range(1, 1000)]
    # Any one of them may be too short to make a client in, or long enough for all events.
    times = cycle((2_000, 500, 100, 8_000))
    with sqs_client(hub.url) as sqs:
        steps = sqs.create_queue(QueueName="steps.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        pushes = sqs.get_queue_url(QueueName=f"{PUSHES}.fifo")["QueueUrl"]
        attempt, deadline = 0, time.monotonic() + SECONDS
        while not sends_the_rest(calls) and time.monotonic() < deadline:
            time_for_calls = next(times)
            timeout = PUSH_SECONDS * 1000 - time_for_calls
            push = Push(
                DurableName("none"), SubscriptionKey(f"k{attempt}"), 0, 1, "", Target("sqs", steps), timeout, events
            )
            sqs.send_message(
                QueueUrl=pushes,
                MessageBody=push.encoded(),
                MessageGroupId=push.group,
                MessageDeduplicationId=push.identity,
            )
            attempt += 1
            until = time.monotonic() + 1 + time_for_calls / 1000
            while not sends_the_rest(calls) and time.monotonic() < until:
                time.sleep(0.05)


def sends_the_rest(calls: Path) -> bool:
    """Whether the push function has sent what was left of a push."""
    return any(
        call.function == "PushFunction"
        and call.operation.startswith("SendMessage")
        and PUSHES in dict(call.names).get("QueueUrl", "")
        for call in recorded(calls)
    )


def fail_and_park(hub: LocalHub, client: Client, rest: Rest) -> None:
    """Use a durable subscription: park two events, redrive one of them, and retry another event."""
    assert rest.call("POST", "subscriptions", id="workers", stream=["bad", "kept", "again"])[0] == 201
    client.send({"action": "subscribe", "id": "w", "subscription": "workers"})
    rest.until("subscriptions/workers", lambda body: all(partition["owner"] for partition in body["partitions"]))
    for stream, park in (("bad", True), ("kept", True), ("again", False)):
        publish(hub, event(stream, stream=stream))
        assert sent(client)[0] == (stream, "1")
        client.send({"action": "nack", "id": "w", "stream": stream, "sequence": 1, "park": park, "delay": 1})
    rest.until("dead-letters", lambda body: [letter["letters"] for letter in body["dead_letters"]] == [1, 1])
    # The function receives all letters to find those of the stream, and returns the others.
    assert rest.call("POST", "dead-letters/redrive", subscription="workers", stream="bad")[0] == 202


def miss_a_wakeup(hub: LocalHub) -> None:
    """Publish an event without a wake-up, for the sweep to find."""
    with closing(connect(hub.valkey.url)) as redis:
        unheard = QueueWakeups(lambda: None)
        Publisher(RedisLog(redis), unheard).publish(events(1), access=FULL, stream="missed")
    hub.sweep()


def deliver(hub: LocalHub, *, connection: str, text: str) -> None:
    """Send the deliver function a message for a connection, like dispatch."""
    delivery = Delivery(0, (Part(Kind.TEXT, 0, (), (text,), (Address(connection, "", 1, 0),)),))
    queue = next(queue for queue in hub.stack.template.queues.values() if queue.logical_id == "DeliveriesQueue")
    with sqs_client(hub.url) as sqs:
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
        sqs.send_message(
            QueueUrl=url, MessageBody=delivery.encoded(), MessageGroupId=connection, MessageDeduplicationId=connection
        )


def kept_secret(aws: str) -> str:
    """The ARN of a secret that holds the API keys."""
    client = boto3.client("secretsmanager", endpoint_url=aws, region_name=REGION, **_NOBODY)
    with closing(client):
        return str(client.create_secret(Name="keys", SecretString=KEYS)["ARN"])


def authorize(stack: Stack) -> None:
    """Call the authorizer about a request with an API key."""
    [asked] = [invocation for invocation in INVOCATIONS if invocation.name == "authorizer/rest-key"]
    url = f"{stack.url}/2015-03-31/functions/AuthorizerFunction/invocations"
    answer = urllib3.request("POST", url, body=asked.path.read_bytes(), retries=False, timeout=SECONDS)
    assert agrees(answer.json(), asked.answer), answer.json()


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_call_that_a_function_makes_is_allowed_by_its_role(evidence: Evidence, deployment: str) -> None:
    assert [
        finding for role in evidence.roles(deployment) for finding in missing(role, evidence.needs(role, deployment))
    ] == []


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_role_allows_an_unused_action(evidence: Evidence, deployment: str) -> None:
    assert evidence.unused(deployment) == []


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_role_has_a_wider_resource_than_needed(evidence: Evidence, deployment: str) -> None:
    assert [finding for role in evidence.roles(deployment) for finding in unnamed(role)] == []


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_statement_of_a_role_is_needed(evidence: Evidence, deployment: str) -> None:
    for role in evidence.roles(deployment):
        for at in range(len(role.statements)):
            lacking = replace(role, statements=role.statements[:at] + role.statements[at + 1 :])
            assert list(missing(lacking, evidence.needs(role, deployment))), role.statements[at]


def test_each_function_makes_its_own_calls(evidence: Evidence) -> None:
    silent = [role.function for role in evidence.roles("API keys") if not evidence.needs(role, "API keys")]
    # The console serves files of its own, and calls nothing.
    assert silent == ["ConsoleFunction"]
