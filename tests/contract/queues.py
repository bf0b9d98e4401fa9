"""What the hub relies on in SQS, wherever it is found. A test inherits this and brings a client, `sqs`.

Rules: SQS Developer Guide, "Exactly-once processing in Amazon SQS", "FIFO queue delivery logic", "Amazon SQS visibility
timeout", "Amazon SQS delay queues", "Using dead-letter queues in Amazon SQS", "Amazon SQS message quotas".
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_sqs import SQSClient

__all__ = ["Queue", "QueuesContract", "code_of"]

_LARGEST = 1_048_576
_LONG = 20


class Queue:
    """One queue of a test's own; without a `group` it sends as standard queues want it."""

    def __init__(self, sqs: SQSClient, *, fifo: bool, **attributes: str) -> None:
        self._fifo = fifo
        kind: dict[Any, str] = {"FifoQueue": "true"} if fifo else {}
        name = uuid.uuid4().hex + (".fifo" if fifo else "")
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=name, Attributes=kind | attributes)["QueueUrl"]

    @property
    def arn(self) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def send(self, body: str, *, group: str = "g", deduplication: str | None = None, **options: Any) -> str:  # noqa: ANN401 - what SendMessage takes
        """The message's id."""
        if self._fifo:
            options |= {"MessageGroupId": group, "MessageDeduplicationId": deduplication or uuid.uuid4().hex}
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)["MessageId"]

    def send_all(self, *bodies: str, group: str = "g") -> None:
        for body in bodies:
            self.send(body, group=group)

    def entries(self, *bodies: str, group: str = "g") -> list[Any]:
        fifo = [{"MessageGroupId": group, "MessageDeduplicationId": uuid.uuid4().hex} for _ in bodies]
        return [
            {"Id": f"e{number}", "MessageBody": body, **(ids if self._fifo else {})}
            for number, (body, ids) in enumerate(zip(bodies, fifo, strict=True))
        ]

    def take(self, most: int = 10, **options: Any) -> list[Any]:  # noqa: ANN401 - what ReceiveMessage takes
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most, **options)
        return list(answer.get("Messages", []))

    def bodies(self, most: int = 10, **options: Any) -> list[str]:  # noqa: ANN401 - as above
        return [message["Body"] for message in self.take(most, **options)]

    def drain(self, number: int) -> list[str]:
        """The bodies of so many messages, in the order in which they come; each is deleted as it is handled."""
        found: list[str] = []
        while len(found) < number:
            taken = self.take(WaitTimeSeconds=_LONG)
            assert taken, f"only {found} came"
            for message in taken:
                found.append(message["Body"])
                self.delete(message)
        return found

    def delete(self, message: Any) -> None:  # noqa: ANN401 - a message as it was received
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def hold(self, message: Any, seconds: int) -> None:  # noqa: ANN401 - as above
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


def code_of(call: Callable[[], object]) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refused.value.response["Error"]["Code"].rpartition(".")[2]


class QueuesContract:
    @pytest.fixture
    def fifo(self, sqs: SQSClient) -> Queue:
        """As the template has bells and deliveries."""
        scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        return Queue(sqs, fifo=True, VisibilityTimeout="30", **scope)

    @pytest.fixture
    def plain(self, sqs: SQSClient) -> Queue:
        return Queue(sqs, fifo=False, VisibilityTimeout="30")

    # Order and groups

    def test_messages_of_a_group_come_in_the_order_in_which_they_were_sent(self, fifo: Queue) -> None:
        wanted = [str(number) for number in range(12)]
        fifo.send_all(*wanted)
        assert fifo.drain(12) == wanted

    def test_a_group_is_closed_while_one_of_its_messages_is_in_flight(self, fifo: Queue) -> None:
        fifo.send_all("1", "2")
        [first] = fifo.take(1)
        assert (first["Body"], fifo.bodies()) == ("1", [])

    def test_a_closed_group_holds_up_no_other(self, fifo: Queue) -> None:
        fifo.send_all("a1", "a2", group="a")
        fifo.take(1)
        fifo.send_all("b1", group="b")
        assert fifo.bodies() == ["b1"]

    def test_a_group_opens_when_what_is_in_flight_is_deleted(self, fifo: Queue) -> None:
        fifo.send_all("1", "2")
        fifo.delete(*fifo.take(1))
        assert fifo.bodies() == ["2"]

    def test_a_message_sent_to_a_closed_group_waits_for_its_turn(self, fifo: Queue) -> None:
        fifo.send("1")
        [first] = fifo.take(1)
        fifo.send("2")
        assert fifo.bodies() == []
        fifo.delete(first)
        assert fifo.bodies() == ["2"]

    def test_a_batch_keeps_the_order_of_its_entries(self, fifo: Queue) -> None:
        sent = fifo.sqs.send_message_batch(QueueUrl=fifo.url, Entries=fifo.entries(*"abcdefghij"))
        assert [one["Id"] for one in sent["Successful"]] == [f"e{number}" for number in range(10)]
        assert fifo.drain(10) == list("abcdefghij")

    # Visibility

    def test_what_is_not_deleted_in_time_comes_again_before_what_is_behind_it(self, fifo: Queue) -> None:
        fifo.send_all("1", "2", "3")
        assert fifo.bodies(2, VisibilityTimeout=1) == ["1", "2"]
        assert fifo.drain(3) == ["1", "2", "3"]

    def test_what_is_given_back_comes_again_before_what_is_behind_it(self, fifo: Queue) -> None:
        fifo.send_all("1", "2")
        fifo.hold(*fifo.take(1), 0)
        assert fifo.bodies() == ["1", "2"]

    def test_the_rest_of_a_batch_that_failed_in_part_comes_again_in_order(self, fifo: Queue) -> None:
        fifo.send_all("1", "2", "3", "4")
        first, *rest = fifo.take(3)
        fifo.delete(first)
        # In the wrong order, as a poller may.
        for message in reversed(rest):
            fifo.hold(message, 0)
        assert fifo.drain(3) == ["2", "3", "4"]

    def test_what_is_held_longer_keeps_its_group_closed(self, fifo: Queue) -> None:
        fifo.send_all("1", "2")
        fifo.hold(*fifo.take(1, VisibilityTimeout=1), 30)
        fifo.send("other", group="h")
        assert fifo.bodies() == ["other"]
        assert fifo.bodies(WaitTimeSeconds=2) == []

    def test_the_receipts_of_a_message_are_counted(self, fifo: Queue) -> None:
        fifo.send("1")
        counts = []
        for _ in range(2):
            [message] = fifo.take(MessageSystemAttributeNames=["ApproximateReceiveCount"])
            counts.append(message["Attributes"]["ApproximateReceiveCount"])
            fifo.hold(message, 0)
        assert counts == ["1", "2"]

    def test_a_receipt_that_ran_out_deletes_nothing(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        [current] = fifo.take()
        assert code_of(lambda: fifo.delete(late)) == "InvalidParameterValue"
        fifo.hold(current, 0)
        assert fifo.bodies() == ["1"]

    def test_a_receipt_that_ran_out_holds_nothing(self, fifo: Queue) -> None:
        fifo.send("1")
        [late] = fifo.take(VisibilityTimeout=0)
        assert code_of(lambda: fifo.hold(late, 30)) in {"InvalidParameterValue", "MessageNotInflight"}
        assert fifo.bodies() == ["1"]

    # Deduplication

    def test_a_message_with_an_id_that_was_sent_is_not_delivered_again(self, fifo: Queue) -> None:
        first = fifo.send("1", deduplication="d")
        assert fifo.send("1", deduplication="d") == first
        assert fifo.drain(1) == ["1"]
        assert fifo.bodies() == []

    def test_an_id_is_remembered_though_its_message_is_deleted(self, fifo: Queue) -> None:
        fifo.send("1", deduplication="d")
        fifo.drain(1)
        fifo.send("1", deduplication="d")
        assert fifo.bodies() == []

    def test_an_id_speaks_for_its_group_alone(self, fifo: Queue) -> None:
        fifo.send("a", group="a", deduplication="d")
        fifo.send("b", group="b", deduplication="d")
        assert sorted(fifo.drain(2)) == ["a", "b"]

    def test_the_same_body_under_two_ids_is_two_messages(self, fifo: Queue) -> None:
        fifo.send_all("same", "same")
        assert fifo.drain(2) == ["same", "same"]

    def test_who_sends_no_id_is_refused(self, fifo: Queue) -> None:
        send = fifo.sqs.send_message
        assert code_of(lambda: send(QueueUrl=fifo.url, MessageBody="1", MessageGroupId="g")) == "InvalidParameterValue"

    def test_who_names_no_group_is_refused(self, fifo: Queue) -> None:
        send = fifo.sqs.send_message
        assert (
            code_of(lambda: send(QueueUrl=fifo.url, MessageBody="1", MessageDeduplicationId="d")) == "MissingParameter"
        )

    # Delays

    def test_a_delayed_message_comes_when_its_time_has_come(self, plain: Queue) -> None:
        plain.send("late", DelaySeconds=1)
        plain.send("now")
        assert plain.drain(2) == ["now", "late"]

    def test_a_delay_is_at_most_fifteen_minutes(self, plain: Queue) -> None:
        plain.send("1", DelaySeconds=900)
        assert code_of(lambda: plain.send("1", DelaySeconds=901)) == "InvalidParameterValue"

    def test_a_message_of_a_fifo_queue_cannot_be_delayed_by_itself(self, fifo: Queue) -> None:
        assert code_of(lambda: fifo.send("1", DelaySeconds=1)) == "InvalidParameterValue"

    # Batches

    def test_an_entry_that_is_refused_costs_the_others_nothing(self, plain: Queue) -> None:
        # Wrong in two ways, for moto does not see the one, and LocalStack not the other.
        bad, good = plain.entries("\x01", "good")
        sent = plain.sqs.send_message_batch(QueueUrl=plain.url, Entries=[bad | {"DelaySeconds": 901}, good])
        assert [one["Id"] for one in sent["Successful"]] == ["e1"]
        assert [one["Id"] for one in sent["Failed"]] == ["e0"]
        assert plain.drain(1) == ["good"]

    @pytest.mark.parametrize(
        ("bodies", "code"),
        [
            ((), "EmptyBatchRequest"),
            (("x",) * 11, "TooManyEntriesInBatchRequest"),
            (("x" * 600_000,) * 2, "BatchRequestTooLong"),
        ],
        ids=["empty", "eleven", "large"],
    )
    def test_a_batch_beyond_the_limits_is_refused_whole(self, fifo: Queue, bodies: Sequence[str], code: str) -> None:
        entries = fifo.entries(*bodies)
        assert code_of(lambda: fifo.sqs.send_message_batch(QueueUrl=fifo.url, Entries=entries)) == code
        assert fifo.bodies() == []

    def test_entries_need_ids_of_their_own(self, fifo: Queue) -> None:
        entries = [one | {"Id": "same"} for one in fifo.entries("1", "2")]
        assert (
            code_of(lambda: fifo.sqs.send_message_batch(QueueUrl=fifo.url, Entries=entries))
            == "BatchEntryIdsNotDistinct"
        )

    # Dead letters

    def test_what_was_received_too_often_goes_aside_in_the_order_of_its_group(self, sqs: SQSClient) -> None:
        aside = Queue(sqs, fifo=True, VisibilityTimeout="30")
        policy = json.dumps({"deadLetterTargetArn": aside.arn, "maxReceiveCount": 2})
        queue = Queue(sqs, fifo=True, VisibilityTimeout="30", RedrivePolicy=policy)
        queue.send_all("1", "2", "3")
        queue.send("other", group="h")
        for _ in range(2):
            taken = [message for message in queue.take() if message["Body"] != "other"]
            assert [message["Body"] for message in taken] == ["1", "2", "3"]
            for message in taken:
                queue.hold(message, 0)
        assert queue.bodies() == []
        assert aside.drain(3) == ["1", "2", "3"]

    def test_behind_what_went_aside_its_group_goes_on(self, sqs: SQSClient) -> None:
        aside = Queue(sqs, fifo=True)
        policy = json.dumps({"deadLetterTargetArn": aside.arn, "maxReceiveCount": 1})
        queue = Queue(sqs, fifo=True, RedrivePolicy=policy)
        queue.send("bad")
        queue.hold(*queue.take(), 0)
        queue.send("good")
        assert queue.drain(1) == ["good"]
        [letter] = aside.take(MessageSystemAttributeNames=["MessageGroupId"])
        assert (letter["Body"], letter["Attributes"]["MessageGroupId"]) == ("bad", "g")

    # What a message carries

    def test_a_message_says_its_group_its_id_and_when_it_was_sent(self, fifo: Queue) -> None:
        fifo.send("1", deduplication="d")
        [message] = fifo.take(MessageSystemAttributeNames=["All"])
        attributes = message["Attributes"]
        assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "d")
        assert attributes["SentTimestamp"].isdigit()

    def test_the_senders_attributes_come_along(self, fifo: Queue) -> None:
        attributes = {
            "kind": {"DataType": "String", "StringValue": "x"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            "count": {"DataType": "Number", "StringValue": "7"},
        }
        fifo.send("1", MessageAttributes=attributes)
        [message] = fifo.take(MessageAttributeNames=["All"])
        assert message["MessageAttributes"] == attributes

    def test_a_body_comes_back_byte_for_byte(self, fifo: Queue) -> None:
        body = 'ä\t\n"\\ 💜 \u2028{"a":1}'
        fifo.send(body)
        assert fifo.bodies() == [body]

    def test_the_largest_message_is_taken(self, fifo: Queue) -> None:
        fifo.send("x" * _LARGEST)
        assert [len(body) for body in fifo.bodies()] == [_LARGEST]

    def test_a_larger_message_is_refused(self, fifo: Queue) -> None:
        assert code_of(lambda: fifo.send("x" * (_LARGEST + 1))) == "InvalidParameterValue"

    @pytest.mark.parametrize("character", ["\x01", "\x1f", "\ufffe"], ids=["control", "separator", "no-character"])
    def test_a_character_that_sqs_does_not_take_is_refused(self, fifo: Queue, character: str) -> None:
        assert code_of(lambda: fifo.send(f"a{character}b")) == "InvalidMessageContents"

    def test_an_empty_body_is_refused(self, fifo: Queue) -> None:
        assert code_of(lambda: fifo.send("")) == "MissingParameter"

    # Purging

    def test_purging_ends_all_messages_and_opens_all_groups(self, fifo: Queue) -> None:
        fifo.send_all("1", "2")
        fifo.take(1)
        fifo.sqs.purge_queue(QueueUrl=fifo.url)
        fifo.send("3")
        assert fifo.drain(1) == ["3"]

    def test_a_queue_that_does_not_exist_has_no_url(self, fifo: Queue) -> None:
        assert code_of(lambda: fifo.sqs.get_queue_url(QueueName="nowhere.fifo")) == "NonExistentQueue"
