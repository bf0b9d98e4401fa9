from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, serve, wait_until
from tests.e2e.dev.queues import Sender, sqs_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from types_boto3_sqs import SQSClient

    from eventstore_dev.queues.broker import Broker, Received
    from tests.e2e.dev.conftest import Running


@pytest.fixture(scope="module")
def stack() -> Iterator[Running]:
    with serve(LIMITS) as running_stack:
        yield running_stack


@pytest.fixture(scope="module")
def sqs(stack: Running) -> Iterator[SQSClient]:
    with sqs_client(stack.stack.url) as client:
        yield client


@pytest.fixture
def orders(sqs: SQSClient, tmp_path: Path) -> Sender:
    """The queue whose function reports failures individually."""
    return Sender(sqs, sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"], tmp_path / "notes")


@pytest.fixture
def whole(sqs: SQSClient, tmp_path: Path) -> Sender:
    """The queue whose batches succeed or fail as a whole."""
    return Sender(sqs, sqs.get_queue_url(QueueName="Whole.fifo")["QueueUrl"], tmp_path / "notes")


def test_a_group_is_delivered_in_order(orders: Sender) -> None:
    for number in range(30):
        orders.send("a", str(number))
    assert orders.said(30) == [str(number) for number in range(30)]


def test_concurrent_groups_are_each_in_order(orders: Sender) -> None:
    for number in range(10):
        for group in "abc":
            orders.send(group, f"{group}{number}")
    for group in "abc":
        assert orders.said_by(group, 30) == [f"{group}{number}" for number in range(10)]


def test_the_event_is_like_lambdas(orders: Sender) -> None:
    orders.send("a", "one")
    orders.said(1)
    record = orders.notes[0]["record"]
    attributes = record["attributes"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:orders.fifo"
    assert (attributes["MessageGroupId"], attributes["ApproximateReceiveCount"]) == ("a" + orders.groups, "1")
    assert set(attributes) == {
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }


def test_batches_of_a_group_do_not_overlap(orders: Sender, tmp_path: Path) -> None:
    go = tmp_path / "go"
    orders.send("a", "first", do="wait", times=1, go=str(go))
    assert orders.said(1) == ["first"]
    orders.send("a", "second")
    orders.send("b", "beside")
    assert orders.said(2) == ["first", "beside"]
    go.touch()
    assert orders.said(3) == ["first", "beside", "second"]


def test_messages_that_waited_for_their_group_arrive_as_one_batch(orders: Sender, tmp_path: Path) -> None:
    go = tmp_path / "go"
    orders.send("a", "first", do="wait", times=1, go=str(go))
    orders.said(1)
    for number in range(10):
        orders.send("a", str(number))
    go.touch()
    orders.said(11)
    assert len({note["request"] for note in orders.notes[1:]}) == 1


def test_a_reported_failure_is_received_again_before_later_messages(orders: Sender, tmp_path: Path) -> None:
    go = tmp_path / "go"
    orders.send("a", "gate", do="wait", times=1, go=str(go))
    orders.said(1)
    orders.send("a", "1")
    orders.send("a", "2", do="report", times=1)
    orders.send("a", "3")
    go.touch()
    assert orders.said(5) == ["gate", "1", "2", "2", "3"]
    counts = [note["record"]["attributes"]["ApproximateReceiveCount"] for note in orders.notes]
    # The third was received with the failed message, and not processed.
    assert counts == ["1", "1", "1", "2", "2"]


def test_a_failure_in_one_group_does_not_block_others(orders: Sender) -> None:
    orders.send("a", "a1", do="report", times=2)
    orders.send("b", "b1")
    orders.send("b", "b2")
    assert orders.said_by("b", 5) == ["b1", "b2"]
    assert orders.said_by("a", 5) == ["a1", "a1", "a1"]


def test_a_failed_batch_is_received_again_in_order(whole: Sender) -> None:
    whole.send("a", "1", do="raise", times=2)
    whole.send("a", "2")
    assert [say for say in whole.said(4) if say == "1"] == ["1", "1", "1"]
    assert whole.notes[-1]["say"] == "2"


def test_a_process_that_exits_during_a_batch_loses_no_message(whole: Sender) -> None:
    whole.send("a", "1", do="exit", times=1)
    whole.send("a", "2")
    assert whole.said(3) == ["1", "1", "2"]
    assert whole.notes[0]["pid"] != whole.notes[1]["pid"]


def test_a_process_killed_during_a_batch_loses_no_message(orders: Sender) -> None:
    orders.send("a", "1", do="hang", times=1)
    orders.send("a", "2")
    orders.said(1)
    os.kill(orders.notes[0]["pid"], signal.SIGKILL)
    assert orders.said(3) == ["1", "1", "2"]


def test_a_time_out_is_a_failure(orders: Sender) -> None:
    orders.send("a", "1", do="hang", times=1)
    orders.send("a", "2")
    assert orders.said(3) == ["1", "1", "2"]


def test_without_a_limit_of_its_own_a_failed_batch_waits_for_its_visibility_timeout(tmp_path: Path) -> None:
    with running(TEMPLATE) as stack, sqs_client(stack.url) as sqs:
        whole = Sender(sqs, sqs.get_queue_url(QueueName="Whole.fifo")["QueueUrl"], tmp_path / "notes")
        whole.send("a", "1", do="raise", times=1)
        whole.said(1)
        counts = sqs.get_queue_attributes(QueueUrl=whole.url, AttributeNames=["All"])["Attributes"]
        assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"
        assert whole.said(2) == ["1", "1"]


def test_a_message_that_always_fails_goes_to_the_dead_letters_and_its_group_continues(
    orders: Sender, sqs: SQSClient
) -> None:
    orders.send("a", "bad", do="report", times=99)
    orders.said(3)
    orders.send("a", "good")
    assert orders.said(4) == ["bad", "bad", "bad", "good"]
    letters = sqs.get_queue_url(QueueName="order-letters.fifo")["QueueUrl"]
    (letter,) = sqs.receive_message(
        QueueUrl=letters, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert json.loads(letter["Body"])["say"] == "bad"
    assert letter["Attributes"]["MessageGroupId"] == "a" + orders.groups


def test_dead_letters_come_back_in_order_when_they_are_redriven(orders: Sender, sqs: SQSClient, tmp_path: Path) -> None:
    letters = sqs.get_queue_url(QueueName="order-letters.fifo")["QueueUrl"]
    sqs.purge_queue(QueueUrl=letters)
    repaired = tmp_path / "repaired"
    for say in "12":
        orders.send("a", say, do="report", times=99, until=str(repaired))

    def number_of_letters() -> str:
        attributes = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["ApproximateNumberOfMessages"])
        return attributes["Attributes"]["ApproximateNumberOfMessages"]

    wait_until(lambda: number_of_letters() == "2", what="two dead letters")
    failed = len(orders.notes)
    repaired.touch()
    source = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    assert orders.said(failed + 2)[failed:] == ["1", "2"]
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "COMPLETED"


def test_a_standard_queue_is_delivered_too(sqs: SQSClient, tmp_path: Path) -> None:
    mail = Sender(sqs, sqs.get_queue_url(QueueName="Mail")["QueueUrl"], tmp_path / "notes")
    body = {"file": str(mail.file), "say": "x"}
    for _ in range(20):
        sqs.send_message(QueueUrl=mail.url, MessageBody=json.dumps(body))
    assert mail.said(20) == ["x"] * 20


def test_many_messages_of_many_groups_all_arrive_once_and_in_order(orders: Sender) -> None:
    groups = [f"g{number}" for number in range(20)]
    for number in range(15):
        for group in groups:
            orders.send(group, f"{group}:{number}")
    said = orders.said(300)
    assert len(said) == 300
    for group in groups:
        assert [say for say in said if say.startswith(f"{group}:")] == [f"{group}:{number}" for number in range(15)]


class Twice:
    """A broker that delivers every batch a second time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._again: list[Sequence[Received]] = []

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        if self._again:
            return self._again.pop()
        batch = await self._broker.receive(queue, most=most, wait=wait)
        self._again += [batch] if batch else []
        return batch

    async def delete(self, queue: str, handles: Sequence[str]) -> Sequence[str]:
        return await self._broker.delete(queue, handles)

    async def postpone(self, queue: str, handles: Sequence[str], *, seconds: float) -> None:
        await self._broker.postpone(queue, handles, seconds=seconds)


def test_a_test_may_inject_faults_between_a_mapping_and_its_queue(tmp_path: Path) -> None:
    terminal = Terminal(quiet=True)
    with (
        running(TEMPLATE, limits=LIMITS, terminal=terminal, wrap_broker=Twice) as stack,
        sqs_client(stack.url) as sqs,
    ):
        orders = Sender(sqs, sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"], tmp_path / "notes")
        orders.send("a", "1")
        assert orders.said(2) == ["1", "1"]
        orders.send("a", "2")
        assert orders.said(4) == ["1", "1", "2", "2"]


# A function that sends to its own queue, as on AWS: it configures no endpoint.
CHAIN = """
Resources:
  Chain: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Links:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: chain.handler
      Environment: {Variables: {CHAIN_URL: !Ref Chain}}
      Events: {Chain: {Type: SQS, Properties: {Queue: !GetAtt Chain.Arn}}}
"""
LINK = r"""
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    for record in event["Records"]:
        message = json.loads(record["body"])
        with open(message["file"], "a") as notes:
            notes.write(json.dumps({"say": message["say"], "source": record["eventSourceARN"]}) + "\n")
        if message["say"] < 3:
            body = json.dumps({**message, "say": message["say"] + 1})
            sqs.send_message(QueueUrl=os.environ["CHAIN_URL"], MessageBody=body, MessageGroupId="a",
                             MessageDeduplicationId=context.aws_request_id)
"""


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (tmp_path / "template.yaml").write_text(CHAIN)
    (tmp_path / "chain.py").write_text(LINK)
    return tmp_path / "template.yaml"


def begin(sqs: SQSClient, file: Path) -> Sender:
    sender = Sender(sqs, sqs.get_queue_url(QueueName="Chain.fifo")["QueueUrl"], file)
    body = json.dumps({"file": str(file), "say": 1})
    sqs.send_message(QueueUrl=sender.url, MessageBody=body, MessageGroupId="a", MessageDeduplicationId="first")
    return sender


def test_a_function_sends_to_a_local_queue(chain: Path, tmp_path: Path) -> None:
    with running(chain) as stack, sqs_client(stack.url) as sqs:
        assert begin(sqs, tmp_path / "notes").said(3) == [1, 2, 3]


def test_external_queues_are_created_and_polled(chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.yaml").write_text("Resources: {}")
    with running(tmp_path / "empty.yaml") as elsewhere, sqs_client(elsewhere.url) as sqs:
        monkeypatch.setenv("AWS_ENDPOINT_URL", elsewhere.url)
        with running(chain) as stack:
            assert begin(sqs, tmp_path / "notes").said(3) == [1, 2, 3]
            response = urllib3.request("POST", stack.url, headers={"X-Amz-Target": "AmazonSQS.ListQueues"}, body=b"{}")
            assert (response.status, elsewhere.url in response.data.decode()) == (421, True)


def test_failures_on_external_queues_are_retried_and_go_to_the_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (tmp_path / "empty.yaml").write_text("Resources: {}")
    with running(tmp_path / "empty.yaml") as elsewhere, sqs_client(elsewhere.url) as sqs:
        monkeypatch.setenv("AWS_ENDPOINT_URL", elsewhere.url)
        with running(TEMPLATE, limits=LIMITS):
            orders = Sender(sqs, sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"], tmp_path / "notes")
            orders.send("a", "bad", do="report", times=99)
            assert orders.said(3) == ["bad", "bad", "bad"]
            letters = sqs.get_queue_url(QueueName="order-letters.fifo")["QueueUrl"]
            answer = sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=5)
            assert json.loads(answer["Messages"][0]["Body"])["say"] == "bad"
