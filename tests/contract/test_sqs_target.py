from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.aws.calls import sqs_target_calls
from eventstore.adapters.aws.sqs_target import SqsTarget
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from eventstore.subscriptions import Target
from tests.contract.aws import NOBODY, Answer, Api, environment
from tests.contract.endpoints import on_local_stack
from tests.contract.queues import Queue
from tests.contract.targets import STORED_MS, TargetContract, push, pushed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_sqs import SQSClient

    from eventstore.frames.pushes import PushedEvent

STANDARD = "https://sqs.eu-west-1.amazonaws.com/1/orders"
FIFO = f"{STANDARD}.fifo"
LONG = "s" * 200


class FakeSqs:
    """SQS with one queue, as the adapter has it over the wire."""

    def __init__(self, api: Api, patch: pytest.MonkeyPatch, url: str) -> None:
        self._patch = patch
        self._codes: dict[str, tuple[str, bool]] = {}
        self.received: list[str] = []
        self.calls: list[list[dict[str, Any]]] = []
        self.after: dict[int, Answer | None] = {}
        """What calls are answered with instead, by their number from 1; None closes the connection."""
        self.now: Iterator[float] = itertools.repeat(0.0)
        self.target = Target("sqs", url, batch=10)
        self.api = api
        api.respond = self._respond
        self._listen(api.url)

    def refuse(self, event: PushedEvent, code: str = "InternalError", *, sender_fault: bool = False) -> None:
        self._codes[event.text] = code, sender_fault

    def throttle(self) -> None:
        self.fail("RequestThrottled")

    def deny(self) -> None:
        self.fail("AccessDeniedException", status=403)

    def vanish(self) -> None:
        self.fail("QueueDoesNotExist")

    def leave(self) -> None:
        self._listen(NOBODY)

    def fail(self, code: str, *, status: int = 400) -> None:
        self.api.respond = lambda _: error(code, status=status)

    def _listen(self, url: str) -> None:
        self._patch.setenv("AWS_ENDPOINT_URL_SQS", url)
        self.adapter = SqsTarget(sqs_target_calls(environment()), monotonic=lambda: next(self.now))

    def _respond(self, request: bytes) -> Answer | None:
        content = json.loads(request)
        assert content["QueueUrl"] == self.target.address
        self.calls.append(content["Entries"])
        if len(self.calls) in self.after:
            return self.after[len(self.calls)]
        failed = []
        for entry in content["Entries"]:
            self.received.append(entry["MessageBody"])
            if entry["MessageBody"] in self._codes:
                code, sender_fault = self._codes[entry["MessageBody"]]
                failed.append({"Id": entry["Id"], "Code": code, "SenderFault": sender_fault, "Message": "no"})
        return Answer(200, json.dumps({"Successful": [], "Failed": failed}).encode())


def error(code: str, *, status: int = 400) -> Answer:
    return Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode())


@pytest.fixture
def fifo(api: Api, credentials: pytest.MonkeyPatch) -> FakeSqs:
    return FakeSqs(api, credentials, FIFO)


@pytest.fixture
def standard(api: Api, credentials: pytest.MonkeyPatch) -> FakeSqs:
    return FakeSqs(api, credentials, STANDARD)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQSClient]:
    with on_local_stack(tmp_path_factory.mktemp("stack")) as client:
        yield client


def ids(queue: FakeSqs) -> list[list[str]]:
    """The ids of the events of each call."""
    return [[json.loads(entry["MessageBody"])["id"] for entry in call] for call in queue.calls]


class TestContractOfFifoQueues(TargetContract):
    @pytest.fixture
    def endpoint(self, fifo: FakeSqs) -> FakeSqs:
        return fifo


class TestContractOfStandardQueues(TargetContract):
    @pytest.fixture
    def endpoint(self, standard: FakeSqs) -> FakeSqs:
        return standard


class TestMessages:
    def test_a_message_of_a_fifo_queue_is_of_its_streams_group(self, fifo: FakeSqs) -> None:
        event = pushed("acme:order~7", 12)
        push(fifo, event)
        assert fifo.calls == [
            [
                {
                    "Id": "0",
                    "MessageBody": event.text,
                    "MessageAttributes": {
                        "content-type": {"DataType": "String", "StringValue": "application/cloudevents+json"}
                    },
                    "MessageGroupId": "acme:order~7",
                    "MessageDeduplicationId": f"acme:order~7/12/{STORED_MS}",
                }
            ]
        ]

    def test_a_message_of_a_standard_queue_has_no_ids(self, standard: FakeSqs) -> None:
        push(standard, pushed("a", 1))
        assert set(standard.calls[0][0]) == {"Id", "MessageBody", "MessageAttributes"}

    def test_the_ids_of_a_stream_with_a_long_name_are_digests_of_their_own(self, fifo: FakeSqs) -> None:
        push(fifo, pushed(LONG, 1), pushed(LONG[1:], 1), pushed(LONG, 2))
        entries = [entry for call in fifo.calls for entry in call]
        groups, numbers = ([entry[f"Message{kind}Id"] for entry in entries] for kind in ("Group", "Deduplication"))
        assert (len(set(groups)), len(set(numbers))) == (2, 3)
        assert all(re.fullmatch("[0-9a-f]{40}", text) for text in (*groups, *numbers))

    def test_an_event_of_a_stream_that_was_created_again_is_another_one(self, fifo: FakeSqs) -> None:
        push(fifo, pushed("a", 1))
        push(fifo, pushed("a", 1, stored_ms=STORED_MS + 1))
        assert len({call[0]["MessageDeduplicationId"] for call in fifo.calls}) == 2

    def test_characters_that_sqs_does_not_accept_are_escaped(self, fifo: FakeSqs) -> None:
        push(fifo, pushed("a", 1, data='"\ufffe\uffff"'))
        assert json.loads(fifo.received[0])["data"] == "\ufffe\uffff"
        assert "\\ufffe\\uffff" in fifo.received[0]


class TestCalls:
    def test_events_of_several_streams_are_sent_together(self, fifo: FakeSqs) -> None:
        push(fifo, pushed("a", 1), pushed("b", 1))
        assert ids(fifo) == [["a-1", "b-1"]]

    def test_to_a_fifo_queue_the_events_of_a_stream_are_sent_one_after_the_other(self, fifo: FakeSqs) -> None:
        push(fifo, pushed("a", 1), pushed("a", 2), pushed("b", 1), pushed("a", 3), pushed("b", 2))
        assert ids(fifo) == [["a-1", "b-1"], ["a-2", "b-2"], ["a-3"]]

    def test_to_a_standard_queue_all_are_sent_together(self, standard: FakeSqs) -> None:
        push(standard, pushed("a", 1), pushed("a", 2))
        assert ids(standard) == [["a-1", "a-2"]]

    def test_a_call_has_ten_events_at_most(self, fifo: FakeSqs) -> None:
        push(fifo, *(pushed(f"s{number}", 1) for number in range(12)))
        assert [len(call) for call in fifo.calls] == [10, 2]

    def test_a_call_has_as_many_bytes_as_sqs_accepts(self, standard: FakeSqs) -> None:
        events = [pushed("a", number, data=json.dumps("x" * 100_000)) for number in range(5)]
        assert push(standard, *events) == {}
        assert [len(call) for call in standard.calls] == [2, 2, 1]

    def test_an_event_that_is_larger_than_a_call_is_sent_alone(self, standard: FakeSqs) -> None:
        push(standard, pushed("a", 1), pushed("a", 2, data=json.dumps("x" * 300_000)), pushed("a", 3))
        assert ids(standard) == [["a-1"], ["a-2"], ["a-3"]]

    def test_a_stream_stops_at_its_first_failure_and_others_go_on(self, fifo: FakeSqs) -> None:
        events = pushed("a", 1), pushed("a", 2), pushed("b", 1), pushed("a", 3), pushed("b", 2), pushed("b", 3)
        fifo.refuse(events[1])
        refusals = push(fifo, *events)
        assert ids(fifo) == [["a-1", "b-1"], ["a-2", "b-2"], ["b-3"]]
        assert [(index, refusal.counts) for index, refusal in sorted(refusals.items())] == [(1, True), (3, False)]

    def test_a_connection_that_was_closed_meanwhile_is_opened_again(self, fifo: FakeSqs) -> None:
        fifo.after[1] = None
        assert push(fifo, pushed("a", 1)) == {}
        assert (ids(fifo), len(fifo.received)) == ([["a-1"], ["a-1"]], 1)

    def test_no_call_begins_if_there_is_no_time_for_it(self, fifo: FakeSqs) -> None:
        fifo.now = iter([0.0, 0.0, 4.5])
        refusals = push(fifo, pushed("a", 1), pushed("a", 2), pushed("a", 3), timeout_ms=5000)
        assert ids(fifo) == [["a-1"]]
        assert refusals == dict.fromkeys((1, 2), Refusal("not sent: there was no time left", counts=False))


class TestFailures:
    @pytest.mark.parametrize("code", ["InvalidMessageContents", "InvalidParameterValue"])
    def test_an_event_that_sqs_never_accepts_is_parked(self, fifo: FakeSqs, code: str) -> None:
        events = pushed("a", 1), pushed("b", 1)
        fifo.refuse(events[1], code, sender_fault=True)
        assert push(fifo, *events) == {1: Refusal(f"{code}: no", park=True)}

    @pytest.mark.parametrize("code", ["InternalError", "ServiceUnavailable", "InvalidParameterValue"])
    def test_an_event_that_sqs_failed_to_accept_is_tried_again(self, fifo: FakeSqs, code: str) -> None:
        events = pushed("a", 1), pushed("b", 1)
        fifo.refuse(events[1], code)
        assert push(fifo, *events) == {1: Refusal(f"{code}: no")}

    def test_entries_that_are_all_throttled_throttle(self, fifo: FakeSqs) -> None:
        events = pushed("a", 1), pushed("b", 1)
        for event in events:
            fifo.refuse(event, "ThrottlingException")
        with pytest.raises(TargetThrottled):
            push(fifo, *events)

    def test_entries_of_which_some_are_throttled_do_not_count_as_attempts(self, fifo: FakeSqs) -> None:
        events = pushed("a", 1), pushed("b", 1)
        fifo.refuse(events[1], "RequestThrottled")
        assert push(fifo, *events) == {1: Refusal("RequestThrottled: no", counts=False)}

    def test_entries_that_are_all_denied_mean_that_the_queue_is_unavailable(self, fifo: FakeSqs) -> None:
        fifo.refuse(event := pushed("a", 1), "AccessDenied", sender_fault=True)
        with pytest.raises(
            TargetUnavailable, match=f"{FIFO}: AccessDenied; allow the role of push to call sqs:SendMessage"
        ):
            push(fifo, event)

    @pytest.mark.parametrize("code", ["RequestThrottled", "KmsThrottled", "ThrottlingException", "OverLimit"])
    def test_a_call_that_is_throttled_throttles(self, fifo: FakeSqs, code: str) -> None:
        fifo.fail(code)
        with pytest.raises(TargetThrottled):
            push(fifo, pushed("a", 1))

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("QueueDoesNotExist", "check that it exists"),
            ("AWS.SimpleQueueService.NonExistentQueue", "check that it exists"),
            ("AccessDeniedException", "sqs:SendMessage"),
            ("KmsDisabled", "KMS key"),
            ("InvalidAddress", "check its name"),
            ("InternalFailure", "InternalFailure"),
        ],
    )
    def test_a_call_that_fails_means_that_the_queue_is_unavailable(self, fifo: FakeSqs, code: str, advice: str) -> None:
        fifo.fail(code)
        with pytest.raises(TargetUnavailable, match=advice) as away:
            push(fifo, pushed("a", 1))
        assert FIFO in str(away.value)

    @pytest.mark.parametrize("count", [1, 2])
    def test_an_event_that_is_too_large_is_parked_if_it_is_alone(self, standard: FakeSqs, count: int) -> None:
        standard.fail("BatchRequestTooLong")
        refusals = push(standard, *(pushed("a", number) for number in range(count)))
        assert refusals == dict.fromkeys(range(count), Refusal("BatchRequestTooLong: no", park=count == 1))

    @pytest.mark.parametrize("code", ["RequestThrottled", "QueueDoesNotExist"])
    def test_events_that_were_sent_before_a_call_failed_are_not_sent_again(self, fifo: FakeSqs, code: str) -> None:
        fifo.after[2] = error(code)
        refusals = push(fifo, pushed("a", 1), pushed("a", 2), pushed("b", 1), pushed("a", 3))
        assert set(refusals) == {1, 3}
        assert all(code in refusal.reason and not refusal.counts for refusal in refusals.values())


class TestOnSqs:
    @pytest.fixture
    def target(self, stack: SQSClient, credentials: pytest.MonkeyPatch) -> SqsTarget:
        credentials.setenv("AWS_ENDPOINT_URL_SQS", stack.meta.endpoint_url)
        return SqsTarget(sqs_target_calls(environment()))

    def push(self, target: SqsTarget, queue: Queue, *events: PushedEvent) -> Mapping[int, Refusal]:
        return target.push(Target("sqs", queue.url, batch=10), events, attempt=1, timeout_ms=5000)

    def test_the_messages_of_a_stream_come_in_order_and_once(self, stack: SQSClient, target: SqsTarget) -> None:
        queue = Queue(stack, fifo=True)
        events = [pushed(stream, number) for number in range(1, 4) for stream in ("acme:order~1", LONG)]
        assert self.push(target, queue, *events) == {}
        assert self.push(target, queue, *events) == {}
        came = queue.drain(len(events))
        for stream in ("acme:order~1", LONG):
            texts = [event.text for event in events if event.stream == stream]
            assert [body for body in came if body in texts] == texts
        assert queue.bodies() == []

    def test_a_message_says_what_it_is(self, stack: SQSClient, target: SqsTarget) -> None:
        queue = Queue(stack, fifo=False)
        assert self.push(target, queue, pushed("a", 1)) == {}
        [message] = queue.take(MessageAttributeNames=["All"], WaitTimeSeconds=5)
        assert message["MessageAttributes"]["content-type"]["StringValue"] == "application/cloudevents+json"

    def test_a_queue_that_was_deleted_is_unavailable(self, stack: SQSClient, target: SqsTarget) -> None:
        queue = Queue(stack, fifo=True)
        stack.delete_queue(QueueUrl=queue.url)
        with pytest.raises(TargetUnavailable, match="check that it exists"):
            self.push(target, queue, pushed("a", 1))
