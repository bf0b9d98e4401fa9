from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.aws.calls import eventbridge_target_calls
from eventstore.adapters.aws.eventbridge_target import EventBridgeTarget
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from eventstore.subscriptions import Target
from tests.contract.aws import NOBODY, Answer, Api, environment, session
from tests.contract.endpoints import moto_server
from tests.contract.targets import TargetContract, push, pushed

if TYPE_CHECKING:
    from eventstore.frames.pushes import PushedEvent

BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/orders"


class FakeBus:
    """EventBridge with one bus, as the adapter has it over the wire."""

    def __init__(self, api: Api, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._codes: dict[str, str] = {}
        self.received: list[str] = []
        self.calls: list[list[dict[str, Any]]] = []
        self.target = Target("eventbridge", BUS, batch=10)
        self.api = api
        api.respond = self._respond
        self._listen(api.url)

    def refuse(self, event: PushedEvent, code: str = "InternalFailure") -> None:
        self._codes[event.text] = code

    def throttle(self) -> None:
        self.fail("ThrottlingException")

    def deny(self) -> None:
        self.fail("AccessDeniedException")

    def vanish(self) -> None:
        self.fail("ResourceNotFoundException")

    def leave(self) -> None:
        self._listen(NOBODY)

    def fail(self, code: str, message: str = "no") -> None:
        self.api.respond = lambda _: Answer(400, json.dumps({"__type": code, "message": message}).encode())

    def _listen(self, url: str) -> None:
        self._patch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", url)
        self.adapter = EventBridgeTarget(eventbridge_target_calls(environment()))

    def _respond(self, request: bytes) -> Answer:
        entries = json.loads(request)["Entries"]
        self.calls.append(entries)
        self.received += [entry["Detail"] for entry in entries]
        results = [self._result(self._codes.get(entry["Detail"])) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return Answer(200, json.dumps({"FailedEntryCount": failed, "Entries": results}).encode())

    @staticmethod
    def _result(code: str | None) -> dict[str, str]:
        return {"ErrorCode": code, "ErrorMessage": "no"} if code else {"EventId": "1"}


@pytest.fixture
def bus(api: Api, credentials: pytest.MonkeyPatch) -> FakeBus:
    return FakeBus(api, credentials)


class TestContract(TargetContract):
    @pytest.fixture
    def endpoint(self, bus: FakeBus) -> FakeBus:
        return bus


class TestEntries:
    def test_an_entry_has_the_event_as_its_detail(self, bus: FakeBus) -> None:
        event = pushed("a", 1, source="/orders", type="order.paid", time="2026-01-02T03:04:05.678+01:00")
        push(bus, event)
        [[entry]] = bus.calls
        assert entry == {
            "EventBusName": BUS,
            "Source": "/orders",
            "DetailType": "order.paid",
            "Detail": event.text,
            "Time": datetime(2026, 1, 2, 2, 4, 5, 678_000, tzinfo=UTC).timestamp(),
        }

    @pytest.mark.parametrize(
        "time", ["soon", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"]
    )
    def test_an_event_without_a_time_that_can_be_said_has_the_time_of_the_call(self, bus: FakeBus, time: str) -> None:
        push(bus, pushed("a", 1, time=time), pushed("a", 2))
        assert all("Time" not in entry for entry in bus.calls[0])

    @pytest.mark.parametrize("time", ["2026-01-02t03:04:05z", "2026-01-02T03:04:05.123456789Z"])
    def test_any_other_time_of_rfc_3339_is_the_time_of_the_entry(self, bus: FakeBus, time: str) -> None:
        push(bus, pushed("a", 1, time=time))
        assert int(bus.calls[0][0]["Time"]) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()

    def test_a_long_type_is_cut_in_the_detail_type_and_whole_in_the_detail(self, bus: FakeBus) -> None:
        push(bus, pushed("a", 1, type="t" * 200))
        [[entry]] = bus.calls
        assert entry["DetailType"] == "t" * 128
        assert json.loads(entry["Detail"])["type"] == "t" * 200

    def test_a_call_has_ten_entries_at_most(self, bus: FakeBus) -> None:
        push(bus, *(pushed("a", number) for number in range(12)))
        assert [len(call) for call in bus.calls] == [10, 2]

    def test_a_call_has_as_many_bytes_as_eventbridge_accepts(self, bus: FakeBus) -> None:
        push(bus, *(pushed("a", number, data=json.dumps("x" * 100_000)) for number in range(3)))
        assert [len(call) for call in bus.calls] == [2, 1]

    def test_a_refusal_in_a_later_call_is_of_the_event_that_was_refused(self, bus: FakeBus) -> None:
        events = [pushed(f"s{number}", 1) for number in range(12)]
        bus.refuse(events[11])
        assert set(push(bus, *events)) == {11}

    def test_moto_matches_an_event_by_its_source_and_type(self, credentials: pytest.MonkeyPatch) -> None:
        with moto_server() as url:
            events: Any = session().client("events", endpoint_url=url)
            sqs = session().client("sqs", endpoint_url=url)
            queue_url = sqs.create_queue(QueueName="matched")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            events.create_event_bus(Name="orders")
            pattern = json.dumps({"source": ["/orders"], "detail-type": ["order.paid"]})
            events.put_rule(Name="paid", EventBusName="orders", EventPattern=pattern)
            events.put_targets(Rule="paid", EventBusName="orders", Targets=[{"Id": "1", "Arn": arn}])
            credentials.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", url)
            adapter = EventBridgeTarget(eventbridge_target_calls(environment()))
            pushes = pushed("a", 1, source="/orders", type="order.paid"), pushed("a", 2)
            assert adapter.push(Target("eventbridge", "orders"), pushes, attempt=1, timeout_ms=9000) == {}
            [message] = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
            assert json.loads(message["Body"])["detail"] == json.loads(pushes[0].text)


class TestFailures:
    @pytest.mark.parametrize(
        "code",
        [
            *("MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException"),
            "NotAuthorizedForDetailTypeException",
        ],
    )
    def test_an_event_that_the_bus_never_accepts_is_parked(self, bus: FakeBus, code: str) -> None:
        events = pushed("a", 1), pushed("b", 1)
        bus.refuse(events[1], code)
        assert push(bus, *events) == {1: Refusal(f"{code}: no", park=True)}

    @pytest.mark.parametrize("code", ["InternalFailure", "InternalException", "RedactionFailure"])
    def test_an_event_that_eventbridge_failed_to_accept_is_tried_again(self, bus: FakeBus, code: str) -> None:
        bus.refuse(event := pushed("a", 1), code)
        assert push(bus, event) == {0: Refusal(f"{code}: no")}

    def test_entries_that_are_all_throttled_throttle(self, bus: FakeBus) -> None:
        bus.refuse(event := pushed("a", 1), "ThrottlingException")
        with pytest.raises(TargetThrottled):
            push(bus, event)

    def test_entries_of_which_some_are_throttled_do_not_count_as_attempts(self, bus: FakeBus) -> None:
        events = pushed("a", 1), pushed("b", 1)
        bus.refuse(events[0], "ThrottlingException")
        assert push(bus, *events) == {0: Refusal("ThrottlingException: no", counts=False)}

    @pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidAccountIdException"])
    def test_entries_that_are_all_denied_mean_that_the_bus_is_unavailable(self, bus: FakeBus, code: str) -> None:
        bus.refuse(event := pushed("a", 1), code)
        with pytest.raises(TargetUnavailable, match=f"{BUS}: {code}; allow the role of push to call events:PutEvents"):
            push(bus, event)

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            ("ResourceNotFoundException", "check that it exists"),
            ("AccessDeniedException", "events:PutEvents"),
            ("ValidationException", "check its name"),
            ("InternalException", "InternalException"),
        ],
    )
    def test_a_call_that_fails_means_that_the_bus_is_unavailable(self, bus: FakeBus, code: str, advice: str) -> None:
        bus.fail(code)
        with pytest.raises(TargetUnavailable, match=advice) as away:
            push(bus, pushed("a", 1))
        assert BUS in str(away.value)

    @pytest.mark.parametrize("count", [1, 2])
    def test_an_event_that_is_too_large_is_parked_if_it_is_alone(self, bus: FakeBus, count: int) -> None:
        bus.fail("ValidationException", "Total size of the entries in the request is over the limit.")
        refusals = push(bus, *(pushed("a", number) for number in range(count)))
        assert [refusal.park for refusal in refusals.values()] == [count == 1] * count
