from __future__ import annotations

import hashlib
import json
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.parser.models import SqsModel
from aws_lambda_powertools.utilities.typing import LambdaContext

from eventstore.adapters.aws.calls import lambda_target_calls
from eventstore.adapters.aws.lambda_target import LambdaTarget
from eventstore.groups import LONGEST_REASON
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from eventstore.subscriptions import Target
from tests.contract.aws import NOBODY, Answer, Api, environment
from tests.contract.targets import STORED_MS, TargetContract, push, pushed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from eventstore.frames.pushes import PushedEvent

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:live"


class Function:
    """A function of Lambda, which has a handler."""

    def __init__(self, api: Api, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._refused: set[str] = set()
        self.handler: Callable[[dict[str, Any]], object] = self._report
        self.received: list[str] = []
        self.target = Target("lambda", ARN, batch=10)
        self.api = api
        api.respond = self._respond
        self._listen(api.url)

    def refuse(self, event: PushedEvent) -> None:
        self._refused.add(event.text)

    def throttle(self) -> None:
        self.fail(429, "TooManyRequestsException")

    def deny(self) -> None:
        self.fail(403, "AccessDeniedException")

    def vanish(self) -> None:
        self.fail(404, "ResourceNotFoundException")

    def leave(self) -> None:
        self._listen(NOBODY)

    def fail(self, status: int, code: str, message: str = "no", **headers: str) -> None:
        """Answer as Lambda does if it does not invoke the function."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps({"Type": "User", "message": message}).encode()
        self.api.respond = lambda _: Answer(status, body, {"x-amzn-ErrorType": code, **named})

    def answer(self, body: bytes | str, **headers: str) -> None:
        """Answer as the function does that always answers this."""
        content = body if isinstance(body, bytes) else body.encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.api.respond = lambda _: Answer(200, content, named)

    @property
    def event(self) -> dict[str, Any]:
        """What the function was invoked with last."""
        content: dict[str, Any] = json.loads(self.api.requests[-1][2])
        return content

    def _listen(self, url: str) -> None:
        self._patch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        self.adapter = LambdaTarget(lambda_target_calls(environment()))

    def _respond(self, request: bytes) -> Answer:
        event = json.loads(request)
        self.received += [record["body"] for record in event["Records"]]
        try:
            return Answer(200, json.dumps(self.handler(event)).encode())
        except Exception as error:  # noqa: BLE001 - as Lambda does
            failure = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
            return Answer(200, json.dumps(failure).encode(), {"X-Amz-Function-Error": "Unhandled"})

    def _report(self, event: dict[str, Any]) -> object:
        failed = [record["messageId"] for record in event["Records"] if record["body"] in self._refused]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


@pytest.fixture
def function(api: Api, credentials: pytest.MonkeyPatch) -> Function:
    return Function(api, credentials)


class TestContract(TargetContract):
    @pytest.fixture
    def endpoint(self, function: Function) -> Function:
        return function


class TestWhatAFunctionReceives:
    def test_a_record_is_a_message_of_a_fifo_queue(self, function: Function) -> None:
        event = pushed("acme:order-7", 12, data='"ä"')
        push(function, event, attempt=3)
        [record] = function.event["Records"]
        assert record == {
            "messageId": "acme:order-7/12",
            "receiptHandle": "acme:order-7/12",
            "body": event.text,
            "attributes": {
                "ApproximateReceiveCount": "3",
                "ApproximateFirstReceiveTimestamp": str(STORED_MS),
                "SentTimestamp": str(STORED_MS),
                "SenderId": "eventstore",
                "SequenceNumber": "00000000000000000012",
                "MessageGroupId": "acme:order-7",
                "MessageDeduplicationId": f"acme:order-7/12/{STORED_MS}",
            },
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(event.text.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:eventstore",
            "awsRegion": "eu-west-1",
        }

    def test_the_function_is_invoked_and_waited_for(self, function: Function) -> None:
        push(function, pushed("a", 1))
        [(method, path, _)] = function.api.requests
        assert (method, path) == ("POST", f"/2015-03-31/functions/{ARN.replace(':', '%3A')}/invocations")
        assert function.api.headers[0]["X-Amz-Invocation-Type"] == "RequestResponse"

    def test_events_of_a_push_are_records_of_one_invocation(self, function: Function) -> None:
        push(function, pushed("a", 1), pushed("b", 4), pushed("a", 2))
        assert [record["messageId"] for record in function.event["Records"]] == ["a/1", "b/4", "a/2"]
        assert len(function.api.requests) == 1

    def test_only_the_first_event_was_tried_before(self, function: Function) -> None:
        push(function, pushed("a", 1), pushed("a", 2), attempt=4)
        counts = [record["attributes"]["ApproximateReceiveCount"] for record in function.event["Records"]]
        assert counts == ["4", "1"]

    def test_an_event_that_does_not_say_when_it_was_stored_is_sent_too(self, function: Function) -> None:
        push(function, pushed("a", 1)._replace(text="{}"))
        assert function.event["Records"][0]["attributes"]["SentTimestamp"] == "0"

    def test_it_is_what_the_parser_of_powertools_expects(self, function: Function) -> None:
        push(function, pushed("a", 1), attempt=2)
        record = SqsModel.model_validate(function.event).Records[0]
        assert record.attributes.SentTimestamp.timestamp() * 1000 == pytest.approx(STORED_MS)
        assert record.attributes.MessageGroupId == "a"

    def test_it_is_what_the_data_classes_of_powertools_expect(self, function: Function) -> None:
        push(function, pushed("a", 1, data='{"n":1}'))
        [record] = SQSEvent(function.event).records
        assert record.json_body["data"] == {"n": 1}
        assert record.queue_url.endswith("/000000000000/eventstore")


class TestPowertools:
    """Functions that handle a queue handle a subscription."""

    def handled(self, function: Function, processor: BatchProcessor, failing: set[str]) -> list[str]:
        """Give the function this processor, and return what its handler will have been called with."""
        called: list[str] = []

        def handle(record: SQSRecord) -> None:
            called.append(record.message_id)
            if record.message_id in failing:
                raise ValueError(record.message_id)

        function.handler = lambda event: process_partial_response(
            event=event, record_handler=handle, processor=processor, context=LambdaContext()
        )
        return called

    def test_the_batch_processor_reports_the_events_that_failed(self, function: Function) -> None:
        called = self.handled(function, BatchProcessor(event_type=EventType.SQS), {"b/1"})
        assert set(push(function, pushed("a", 1), pushed("b", 1), pushed("c", 1))) == {1}
        assert called == ["a/1", "b/1", "c/1"]

    def test_the_batch_processor_raises_if_all_failed(self, function: Function) -> None:
        self.handled(function, BatchProcessor(event_type=EventType.SQS), {"a/1", "b/1"})
        refusals = push(function, pushed("a", 1), pushed("b", 1))
        assert set(refusals) == {0, 1}
        assert refusals[0].reason.startswith("BatchProcessingError: All records failed processing.")

    def test_the_fifo_processor_stops_at_the_first_failure(self, function: Function) -> None:
        called = self.handled(function, SqsFifoPartialProcessor(), {"b/1"})
        assert set(push(function, pushed("a", 1), pushed("b", 1), pushed("c", 1))) == {1, 2}
        assert called == ["a/1", "b/1"]

    def test_the_fifo_processor_can_stop_the_stream_alone(self, function: Function) -> None:
        called = self.handled(function, SqsFifoPartialProcessor(skip_group_on_error=True), {"b/1"})
        assert set(push(function, pushed("a", 1), pushed("b", 1), pushed("c", 1), pushed("b", 2))) == {1, 3}
        assert called == ["a/1", "b/1", "c/1"]


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        ["null", "", "{}", '{"batchItemFailures":[]}', '{"batchItemFailures":null}', '{"statusCode":200}'],
    )
    def test_an_answer_without_failures_means_that_all_events_are_handled(
        self, function: Function, answer: str
    ) -> None:
        function.answer(answer)
        assert push(function, pushed("a", 1), pushed("b", 1)) == {}

    def test_a_failure_that_is_reported_twice_is_one(self, function: Function) -> None:
        function.answer('{"batchItemFailures":[{"itemIdentifier":"b/1"},{"itemIdentifier":"b/1"}]}')
        assert set(push(function, pushed("a", 1), pushed("b", 1))) == {1}

    @pytest.mark.parametrize(
        ("answer", "named"),
        [
            ('"done"', '"done"'),
            ("[]", "[]"),
            ("true", "true"),
            ("{", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ('{"batchItemFailures":"a/1"}', "no list"),
            ('{"batchItemFailures":["a/1"]}', "without an itemIdentifier"),
            ('{"batchItemFailures":[{"itemidentifier":"a/1"}]}', "without an itemIdentifier"),
            ('{"batchItemFailures":[{"itemIdentifier":null}]}', "without an itemIdentifier"),
            ('{"batchItemFailures":[{"itemIdentifier":""}]}', "no messageId of the call"),
            ('{"batchItemFailures":[{"itemIdentifier":"a/1"},{"itemIdentifier":"z/9"}]}', "z/9"),
        ],
    )
    def test_an_invalid_answer_means_that_all_events_failed_and_says_what_is_expected(
        self, function: Function, answer: str, named: str
    ) -> None:
        function.answer(answer)
        refusals = push(function, pushed("a", 1), pushed("b", 1))
        assert set(refusals) == {0, 1}
        assert named in refusals[0].reason
        assert "expected null, {} or" in refusals[0].reason
        assert not refusals[0].park


class TestErrors:
    def test_a_function_that_raises_failed_all_events(self, function: Function) -> None:
        body = '{"errorType":"KeyError","errorMessage":"\'total\'","stackTrace":["x"]}'
        function.answer(body, X_Amz_Function_Error="Unhandled")
        refusals = push(function, pushed("a", 1), pushed("b", 1))
        assert refusals == dict.fromkeys((0, 1), Refusal("KeyError: 'total'"))

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ('{"errorMessage":"RequestId: 1 Task timed out after 3.00 seconds"}', "RequestId: 1 Task timed out after"),
            ('{"errorType":"Runtime.ExitError"}', "Runtime.ExitError"),
            ('{"other":1}', '{"other":1}'),
            ('"gone"', '"gone"'),
            ("gone", "gone"),
        ],
    )
    def test_the_reason_is_what_the_function_says_of_its_error(
        self, function: Function, body: str, reason: str
    ) -> None:
        function.answer(body, X_Amz_Function_Error="Handled")
        assert push(function, pushed("a", 1))[0].reason.startswith(reason)

    def test_no_reason_is_longer_than_what_is_kept_of_it(self, function: Function) -> None:
        function.answer(json.dumps({"errorMessage": "x" * 100_000}), X_Amz_Function_Error="Unhandled")
        assert len(push(function, pushed("a", 1))[0].reason) == LONGEST_REASON

    @pytest.mark.parametrize(("header", "delay_ms"), [({}, None), ({"Retry_After": "7"}, 7000)])
    def test_a_throttled_function_says_for_how_long_if_it_does(
        self, function: Function, header: dict[str, str], delay_ms: int | None
    ) -> None:
        function.fail(429, "TooManyRequestsException", "Rate Exceeded.", **header)
        with pytest.raises(TargetThrottled, match="Rate Exceeded") as throttled:
            push(function, pushed("a", 1))
        assert throttled.value.delay_ms == delay_ms

    def test_a_vpc_that_is_throttled_throttles(self, function: Function) -> None:
        function.fail(502, "EC2ThrottledException")
        with pytest.raises(TargetThrottled):
            push(function, pushed("a", 1))

    @pytest.mark.parametrize(
        ("status", "code", "advice"),
        [
            (404, "ResourceNotFoundException", "check that it exists"),
            (403, "AccessDeniedException", "lambda:InvokeFunction"),
            (502, "KMSAccessDeniedException", "KMS key"),
            (502, "ENILimitReachedException", "subnets"),
            (408, "EFSMountTimeoutException", "file system"),
            (500, "ServiceException", "ServiceException"),
            (503, "", "503"),
            (409, "ResourceConflictException", "ResourceConflictException"),
        ],
    )
    def test_a_function_that_is_not_invoked_is_unavailable_and_says_what_to_check(
        self, function: Function, status: int, code: str, advice: str
    ) -> None:
        function.fail(status, code)
        with pytest.raises(TargetUnavailable, match=advice) as away:
            push(function, pushed("a", 1))
        assert ARN in str(away.value)
        assert len(function.api.requests) == 1

    @pytest.mark.parametrize(
        "status_and_code", [(413, "RequestTooLargeException"), (400, "InvalidRequestContentException")]
    )
    @pytest.mark.parametrize("count", [1, 2])
    def test_an_event_that_lambda_does_not_accept_is_parked_if_it_is_alone(
        self, function: Function, status_and_code: tuple[int, str], count: int
    ) -> None:
        function.fail(*status_and_code)
        refusals = push(function, *(pushed("a", number) for number in range(count)))
        assert [refusal.park for refusal in refusals.values()] == [count == 1] * count

    def test_a_function_that_does_not_answer_in_time_has_tried_its_events_in_vain(self, function: Function) -> None:
        is_over = Event()

        def wait(_: bytes) -> None:
            is_over.wait(30)

        function.api.respond = wait
        [refusal] = push(function, pushed("a", 1), timeout_ms=1000).values()
        assert "ack_deadline of the subscription" in refusal.reason
        assert (refusal.counts, refusal.park) == (True, False)
        is_over.set()
