"""What the function answers for a batch of its queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from eventstore.frames.pushes import Push, PushedEvent
from eventstore.hub.hub import Hub
from eventstore.live.push import Pusher
from eventstore.ports import Refusal, Unavailable
from eventstore.subscriptions import Target
from functions.push import app
from tests.examples import FakeClock
from tests.fakes.queues import FakeDispatchQueue, FakePushes
from tests.functional.core.pushing import FakeTarget

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
def bells(monkeypatch: pytest.MonkeyPatch, target: FakeTarget) -> FakeDispatchQueue:
    bells, clock = FakeDispatchQueue(), FakeClock()

    def adapter_of(kind: str) -> TargetAdapter:
        if kind != "lambda":
            raise ValueError(f"{kind}: {CARD}")
        return target

    monkeypatch.setattr(Hub, "clock", clock)
    monkeypatch.setattr(Hub, "pusher", Pusher(adapter_of, FakePushes(), bells, clock=clock))
    return bells


def record(name: str, stream: str, *, kind: str = "lambda", partition: int = 0, timeout_ms: int = 30_000) -> Any:  # noqa: ANN401 - as Lambda has it
    event = PushedEvent(stream, int(name), json.dumps({"id": name, "data": CARD}))
    push = Push("billing", "k", partition, int(name), "cursor", Target(kind, "billing"), timeout_ms, [event])
    return {"messageId": name, "body": push.encoded(), "attributes": {"MessageGroupId": push.group}}


def handled(*records: dict[str, Any], context: Context | None = None) -> list[str]:
    """The ids of the records that are to come again."""
    answer = app.handler({"Records": list(records)}, cast("LambdaContext", context or Context()))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_what_came_of_a_push_is_reported(target: FakeTarget, bells: FakeDispatchQueue) -> None:
    assert handled(record("1", "wf")) == []
    assert target.handled == [("wf", 1)]
    [result] = bells.results
    assert (result.subscription, result.cursor, result.failed) == ("billing", "cursor", [])


def test_a_target_that_fails_is_no_failure_of_the_function(
    target: FakeTarget, bells: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    target.refuse = lambda _: Unavailable(f"out of order, and says {CARD}")
    assert handled(record("1", "wf")) == []
    assert bells.results[0].unavailable.startswith("out of order")
    assert "rule billing, partition 0: 1 streams wait" in caplog.text
    assert CARD not in caplog.text


def test_a_push_whose_report_is_lost_comes_again_and_holds_only_its_group(
    bells: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    bells.broken = True
    assert handled(record("1", "wf")) == ["1"]
    assert "push of k-0 is retried" in caplog.text
    bells.broken = False
    batch = record("1", "a", kind="new"), record("2", "a"), record("3", "b", partition=1)
    assert handled(*batch) == ["1", "2"]
    assert [result.partition for result in bells.results] == [1]


@pytest.mark.usefixtures("bells")
def test_what_an_unexpected_error_says_is_not_logged_for_it_may_repeat_an_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert handled(record("1", "wf", kind="new")) == ["1"]
    assert "push of k-0 is retried: ValueError" in caplog.text
    assert "adapter_of" in caplog.text
    assert CARD not in caplog.text


@pytest.mark.usefixtures("bells")
def test_the_function_keeps_time_for_the_report(target: FakeTarget) -> None:
    late = Context()
    late.milliseconds = 44_000
    assert handled(record("1", "wf"), context=late) == ["1"]
    assert target.calls == []


@pytest.mark.usefixtures("bells")
def test_a_call_of_the_longest_time_fits_into_a_call_of_the_function(target: FakeTarget) -> None:
    target.timeout_ms = 100_000
    assert handled(record("1", "wf", timeout_ms=100_000)) == []


def test_a_refusal_is_reported_and_not_logged(
    target: FakeTarget, bells: FakeDispatchQueue, caplog: pytest.LogCaptureFixture
) -> None:
    target.refuse = lambda _: Refusal(CARD, park=True)
    assert handled(record("1", "wf")) == []
    assert [failed.reason for failed in bells.results[0].failed] == [CARD]
    assert CARD not in caplog.text
