"""What the function answers for a batch of its queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from eventstore.frames.pushes import Push, PushedEvent
from eventstore.hub.hub import Hub
from eventstore.live.push import Pusher
from eventstore.ports import Refusal, TargetUnavailable
from eventstore.subscriptions import Target
from functions.push import app
from tests.examples import FakeClock
from tests.fakes.queues import FakeDispatchQueue, FakePushes
from tests.fakes.targets import FakeTarget

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from eventstore.ports import TargetAdapter

CARD = "4929 1234 5678 9012"


class Context:
    """Of a call that has its two minutes before it."""

    milliseconds = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget()


@pytest.fixture
def dispatch_queue(monkeypatch: pytest.MonkeyPatch, target: FakeTarget) -> FakeDispatchQueue:
    dispatch_queue, clock = FakeDispatchQueue(), FakeClock()

    def adapter_of(kind: str) -> TargetAdapter:
        if kind != "lambda":
            raise ValueError(f"{kind}: {CARD}")
        return target

    monkeypatch.setattr(Hub, "clock", clock)
    monkeypatch.setattr(Hub, "pusher", Pusher(adapter_of, FakePushes(), dispatch_queue, clock=clock))
    return dispatch_queue


def record(name: str, stream: str, *, kind: str = "lambda", partition: int = 0, timeout_ms: int = 30_000) -> Any:  # noqa: ANN401 - as Lambda has it
    event = PushedEvent(stream, int(name), json.dumps({"id": name, "data": CARD}))
    push = Push("billing", "k", partition, int(name), "cursor", Target(kind, "billing"), timeout_ms, [event])
    return {"messageId": name, "body": push.encoded(), "attributes": {"MessageGroupId": push.group}}


def handled(*records: dict[str, Any], context: Context | None = None) -> list[str]:
    """The ids of the records that are to come again."""
    answer = app.handler({"Records": list(records)}, cast("LambdaContext", context or Context()))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_what_came_of_a_push_is_reported(target: FakeTarget, dispatch_queue: FakeDispatchQueue) -> None:
    assert handled(record("1", "wf")) == []
    assert target.handled == [("wf", 1)]
    [result] = dispatch_queue.results
    assert (result.subscription, result.cursor, result.failed) == ("billing", "cursor", [])


def test_a_target_that_fails_is_no_failure_of_the_function(
    target: FakeTarget, dispatch_queue: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    target.refuse = lambda _: TargetUnavailable(f"out of order, and says {CARD}")
    assert handled(record("1", "wf")) == []
    assert dispatch_queue.results[0].unavailable.startswith("out of order")
    assert "rule billing, partition 0: 1 streams wait" in caplog.text
    assert CARD not in caplog.text


def test_a_push_whose_report_is_lost_comes_again_and_holds_only_its_group(
    dispatch_queue: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    dispatch_queue.broken = True
    assert handled(record("1", "wf")) == ["1"]
    assert "push of k-0 is retried" in caplog.text
    dispatch_queue.broken = False
    batch = record("1", "a", kind="new"), record("2", "a"), record("3", "b", partition=1)
    assert handled(*batch) == ["1", "2"]
    assert [result.partition for result in dispatch_queue.results] == [1]


@pytest.mark.usefixtures("dispatch_queue")
def test_what_an_unexpected_error_says_is_not_logged_for_it_may_repeat_an_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert handled(record("1", "wf", kind="new")) == ["1"]
    assert "push of k-0 is retried: ValueError" in caplog.text
    assert "adapter_of" in caplog.text
    assert CARD not in caplog.text


@pytest.mark.usefixtures("dispatch_queue")
def test_the_function_keeps_time_for_the_report(target: FakeTarget) -> None:
    late = Context()
    late.milliseconds = 44_000
    assert handled(record("1", "wf"), context=late) == ["1"]
    assert target.calls == []


@pytest.mark.usefixtures("dispatch_queue")
def test_a_call_of_the_longest_time_fits_into_a_call_of_the_function(target: FakeTarget) -> None:
    target.timeout_ms = 100_000
    assert handled(record("1", "wf", timeout_ms=100_000)) == []


def test_a_refusal_is_reported_and_not_logged(
    target: FakeTarget, dispatch_queue: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    target.refuse = lambda _: Refusal(CARD, park=True)
    assert handled(record("1", "wf")) == []
    assert [failed.reason for failed in dispatch_queue.results[0].failed] == [CARD]
    assert CARD not in caplog.text
