from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from eventstore_dev.running import running
from eventstore_dev.stack import StackError
from eventstore_dev.terminal import Terminal
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, wait_until
from tests.e2e.dev.queues import sqs_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_sqs import SQSClient

    from tests.e2e.dev.conftest import Running
    from tests.ports import ReservedPort


@pytest.fixture(scope="module")
def sqs(dev: Running) -> Iterator[SQSClient]:
    with sqs_client(dev.stack.url) as client:
        yield client


@pytest.fixture
def fifo(sqs: SQSClient) -> str:
    """A FIFO queue for one test."""
    attributes: dict[Any, str] = {"FifoQueue": "true"}
    return sqs.create_queue(QueueName=f"{uuid.uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def plain(sqs: SQSClient) -> str:
    """A standard queue for one test."""
    return sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]


def bodies(sqs: SQSClient, url: str, **options: Any) -> list[str]:  # noqa: ANN401 - what ReceiveMessage takes
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_the_queues_of_the_template_exist(sqs: SQSClient, dev: Running) -> None:
    assert sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"] == f"{dev.stack.url}/123456789012/orders.fifo"
    names = {url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]}
    assert names >= {"orders.fifo", "order-letters.fifo", "Whole.fifo", "Mail", "loose.fifo"}


def test_a_queue_has_the_attributes_of_the_template(sqs: SQSClient) -> None:
    url = sqs.get_queue_url(QueueName="orders.fifo")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["FifoThroughputLimit"] == "perMessageGroupId"
    assert attributes["DeduplicationScope"] == "messageGroup"
    letters = "arn:aws:sqs:us-east-1:123456789012:order-letters.fifo"
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": letters, "maxReceiveCount": 3}


def test_times_of_a_queue_are_whole_seconds(sqs: SQSClient) -> None:
    url = sqs.create_queue(QueueName="times")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    names: list[Any] = ["CreatedTimestamp", "LastModifiedTimestamp"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    for name in names:
        assert attributes[name].isdecimal()
        assert abs(int(attributes[name]) - time.time()) < 60


def test_times_of_a_message_are_milliseconds(sqs: SQSClient, plain: str) -> None:
    sqs.send_message(QueueUrl=plain, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=plain, MessageSystemAttributeNames=["All"])["Messages"]
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        timestamp = message["Attributes"][name]  # type: ignore[index] # a name of the API
        assert timestamp.isdecimal()
        assert abs(int(timestamp) / 1000 - time.time()) < 60
    sqs.delete_message(QueueUrl=plain, ReceiptHandle=message["ReceiptHandle"])


def test_a_function_gets_the_local_url_of_a_queue(dev: Running) -> None:
    environment = dev.invoke("Behaviour", {"do": "describe"}).json()["environment"]
    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] == dev.stack.url
    here = f"{dev.stack.url}/123456789012"
    assert environment["QUEUES"] == f"{here}/Mail,{here}/loose.fifo"


def test_a_sent_message_is_confirmed_like_on_sqs(sqs: SQSClient, fifo: str) -> None:
    answer = sqs.send_message(QueueUrl=fifo, MessageBody="ä", MessageGroupId="a", MessageDeduplicationId="1")
    assert answer["MD5OfMessageBody"] == hashlib.md5("ä".encode(), usedforsecurity=False).hexdigest()
    assert len(answer["SequenceNumber"]) == 20
    (message,) = sqs.receive_message(QueueUrl=fifo)["Messages"]
    assert (message["MessageId"], message["Body"]) == (answer["MessageId"], "ä")


def test_requested_attributes_are_returned(sqs: SQSClient, plain: str) -> None:
    attributes: dict[str, Any] = {
        "flunq.kind": {"DataType": "String", "StringValue": "x"},
        "flunq.raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        "other": {"DataType": "Number", "StringValue": "1"},
    }
    sent = sqs.send_message(QueueUrl=plain, MessageBody="x", MessageAttributes=attributes)
    (message,) = sqs.receive_message(
        QueueUrl=plain,
        MessageAttributeNames=["flunq.*"],
        MessageSystemAttributeNames=["SentTimestamp"],
        VisibilityTimeout=0,
    )["Messages"]
    assert message["MessageAttributes"] == {name: attributes[name] for name in ("flunq.kind", "flunq.raw")}
    assert set(message["Attributes"]) == {"SentTimestamp"}
    (everything,) = sqs.receive_message(QueueUrl=plain, MessageAttributeNames=["All"])["Messages"]
    assert everything["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_a_group_is_received_in_order_and_closed_until_its_messages_are_deleted(sqs: SQSClient, fifo: str) -> None:
    entries: Any = [
        {"Id": name, "MessageBody": name, "MessageGroupId": name[0], "MessageDeduplicationId": name}
        for name in ("a1", "a2", "b1")
    ]
    assert [entry["Id"] for entry in sqs.send_message_batch(QueueUrl=fifo, Entries=entries)["Successful"]] == [
        "a1",
        "a2",
        "b1",
    ]
    (first,) = sqs.receive_message(QueueUrl=fifo)["Messages"]
    assert (first["Body"], bodies(sqs, fifo)) == ("a1", ["b1"])
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(sqs, fifo) == ["a2"]


def test_a_duplicate_is_not_delivered_again_though_the_first_is_deleted(sqs: SQSClient, fifo: str) -> None:
    for _ in range(2):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="a", MessageDeduplicationId="1")
        for message in sqs.receive_message(QueueUrl=fifo).get("Messages", []):
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
            assert bodies(sqs, fifo) == []
    assert bodies(sqs, fifo) == []


def test_a_returned_message_comes_before_later_ones_of_its_group(sqs: SQSClient, fifo: str) -> None:
    for name in ("1", "2"):
        sqs.send_message(QueueUrl=fifo, MessageBody=name, MessageGroupId="a", MessageDeduplicationId=name)
    (first,) = sqs.receive_message(QueueUrl=fifo)["Messages"]
    sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs, fifo) == ["1", "2"]


def test_a_long_poll_returns_a_message_as_soon_as_it_is_sent(dev: Running, plain: str) -> None:
    with sqs_client(dev.stack.url) as sender:
        code = (
            "import boto3, sys; c = boto3.client('sqs', endpoint_url=sys.argv[1], region_name='us-east-1', "
            "aws_access_key_id='a', aws_secret_access_key='b'); print('polling', flush=True); "
            "print(c.receive_message(QueueUrl=sys.argv[2], WaitTimeSeconds=20)['Messages'][0]['Body'])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, dev.stack.url, plain], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "polling\n"
            sender.send_message(QueueUrl=plain, MessageBody="here")
            assert process.stdout.read() == "here\n"


def test_a_disconnected_client_receives_no_message(sqs: SQSClient, dev: Running, plain: str) -> None:
    impatient = urllib3.PoolManager(retries=False, timeout=0.2)
    body = json.dumps({"QueueUrl": plain, "WaitTimeSeconds": 20}).encode()
    with impatient, pytest.raises(urllib3.exceptions.ReadTimeoutError):
        impatient.request("POST", dev.stack.url, body=body, headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    # The stack handles this after the end of the connection, which arrived earlier in the same loop.
    sqs.list_queues()
    sqs.send_message(QueueUrl=plain, MessageBody="x")
    assert bodies(sqs, plain, WaitTimeSeconds=5) == ["x"]


def test_the_answer_to_a_batch_has_the_result_of_each_entry(sqs: SQSClient, plain: str) -> None:
    entries: Any = [{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "x", "DelaySeconds": 901}]
    sent = sqs.send_message_batch(QueueUrl=plain, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in sent["Failed"]] == [
        ("bad", "InvalidParameterValue", True)
    ]
    (message,) = sqs.receive_message(QueueUrl=plain)["Messages"]
    handles: Any = [
        {"Id": "good", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "bad", "ReceiptHandle": "none", "VisibilityTimeout": 0},
    ]
    held = sqs.change_message_visibility_batch(QueueUrl=plain, Entries=handles)
    assert ([entry["Id"] for entry in held["Successful"]], held["Failed"][0]["Code"]) == (
        ["good"],
        "ReceiptHandleIsInvalid",
    )
    (message,) = sqs.receive_message(QueueUrl=plain)["Messages"]
    handles = [{"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "none"}]
    deleted = sqs.delete_message_batch(QueueUrl=plain, Entries=handles)
    assert ([entry["Id"] for entry in deleted["Successful"]], [entry["Id"] for entry in deleted["Failed"]]) == (
        ["good"],
        ["bad"],
    )


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        (
            [{"Id": str(n), "MessageBody": "x"} for n in range(11)],
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ],
)
def test_an_invalid_batch_is_refused(sqs: SQSClient, plain: str, entries: Any, code: str) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(ClientError) as refused:
        sqs.send_message_batch(QueueUrl=plain, Entries=entries)
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"MessageBody": "x", "MessageDeduplicationId": "1"}, "MissingParameter"),
        ({"MessageBody": "x", "MessageGroupId": "a"}, "InvalidParameterValue"),
        (
            {"MessageBody": "x" * 1_048_577, "MessageGroupId": "a", "MessageDeduplicationId": "1"},
            "InvalidParameterValue",
        ),
        ({"MessageBody": "\x01", "MessageGroupId": "a", "MessageDeduplicationId": "1"}, "InvalidMessageContents"),
    ],
)
def test_a_message_that_sqs_refuses_is_refused(sqs: SQSClient, fifo: str, message: Any, code: str) -> None:  # noqa: ANN401 - wrong on purpose
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=fifo, **message)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_largest_message_is_accepted(sqs: SQSClient, plain: str) -> None:
    sqs.send_message(QueueUrl=plain, MessageBody="x" * 1_048_576)
    assert len(bodies(sqs, plain)[0]) == 1_048_576


def test_an_unknown_queue_is_reported_like_on_aws(sqs: SQSClient, dev: Running) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=f"{dev.stack.url}/123456789012/nowhere", MessageBody="x")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")


def test_queues_are_tagged_changed_and_deleted(sqs: SQSClient, plain: str) -> None:
    sqs.tag_queue(QueueUrl=plain, Tags={"a": "b"})
    assert sqs.list_queue_tags(QueueUrl=plain)["Tags"] == {"a": "b"}
    sqs.set_queue_attributes(QueueUrl=plain, Attributes={"VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=plain, MessageBody="x")
    assert [bodies(sqs, plain), bodies(sqs, plain)] == [["x"], ["x"]]
    sqs.purge_queue(QueueUrl=plain)
    assert bodies(sqs, plain) == []
    sqs.delete_queue(QueueUrl=plain)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        bodies(sqs, plain)


def test_a_queue_may_be_created_twice_but_not_differently(sqs: SQSClient) -> None:
    name = uuid.uuid4().hex
    first = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})["QueueUrl"] == first["QueueUrl"]
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "8"})
    assert refused.value.response["Error"]["Code"] == "QueueAlreadyExists"


@pytest.mark.parametrize("policy", ["{", "{}", '{"deadLetterTargetArn": "a:b", "maxReceiveCount": 1}'])
def test_an_invalid_redrive_policy_is_refused(sqs: SQSClient, plain: str, policy: str) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.set_queue_attributes(QueueUrl=plain, Attributes={"RedrivePolicy": policy})
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_an_unknown_action_is_refused(sqs: SQSClient) -> None:
    with pytest.raises(sqs.exceptions.UnsupportedOperation):
        sqs.cancel_message_move_task(TaskHandle="x")


def test_a_body_that_is_not_json_is_refused(dev: Running) -> None:
    response = dev.call("POST", "/", body=b"{", headers={"X-Amz-Target": "AmazonSQS.SendMessage"})
    assert response.status == 400
    assert response.json()["__type"] == "com.amazonaws.sqs#SerializationException"


def test_a_test_may_fire_a_schedule(dev: Running) -> None:
    dev.stack.fire("WorkerTick")
    wait_until(lambda: '"detail-type": "Scheduled Event"' in dev.written.getvalue(), what="the rule's event")
    dev.stack.fire("tock")
    wait_until(lambda: 'called by the clock: {"tock": 1}' in dev.written.getvalue(), what="the schedule's input")


def test_an_unknown_schedule_is_reported(dev: Running) -> None:
    with pytest.raises(LookupError, match="no schedule nothing; it has WorkerTick, tock"):
        dev.stack.fire("nothing")


class Leaps:
    """A timer for which every moment of the next hour has passed, and no later one."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 12, tzinfo=UTC)

    async def until(self, moment: datetime) -> None:
        if moment > self.now() + timedelta(hours=1):
            await asyncio.Event().wait()


def test_a_test_may_advance_schedules_by_an_hour() -> None:
    written = io.StringIO()
    with running(TEMPLATE, limits=LIMITS, terminal=Terminal(stream=written), timer=Leaps()):
        wait_until(lambda: written.getvalue().count("called by the clock") == 61, what="sixty calls, and one")
    assert written.getvalue().count('"detail-type": "Scheduled Event"') == 60
    assert "2026-01-02T12:01:00Z" in written.getvalue()


def test_a_queue_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    queue = "{Type: AWS::SQS::Queue, Properties: {QueueName: a name with blanks}}"
    (tmp_path / "template.yaml").write_text(f"Resources: {{Q: {queue}}}")
    written = io.StringIO()
    with running(tmp_path / "template.yaml", terminal=Terminal(stream=written)):
        wait_until(lambda: "The template's queues cannot be created" in written.getvalue(), what="the complaint")
    assert "alphanumeric characters, hyphens, or underscores" in written.getvalue()


def test_external_queues_that_cannot_be_created_are_reported(
    reserved_port: ReservedPort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {Q: {Type: AWS::SQS::Queue}}")
    endpoint = reserved_port.url
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with (
        pytest.raises(StackError, match=f"cannot be created at AWS_ENDPOINT_URL, {endpoint}"),
        running(tmp_path / "template.yaml"),
    ):
        pass


def test_a_stack_without_queues_imports_no_moto(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}")
    code = (
        "import sys\nfrom pathlib import Path\nfrom eventstore_dev.running import running\n"
        "with running(Path(sys.argv[1])): pass\nprint([name for name in sys.modules if name in {'moto', 'boto3'}])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "template.yaml")], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
