"""The answer of the function to a batch of its queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from eventstore.frames.frame import Address, Delivery, Kind, Part
from eventstore.hub.hub import Hub
from eventstore.live.deliver import Deliverer
from functions.deliver import app
from tests.examples import FakeClock
from tests.fakes.connections import FakeConnections, unreachable
from tests.fakes.queues import FakeDispatchQueue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Context:
    """The context of a call with ten seconds left."""

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> FakeConnections:
    connections, clock = FakeConnections(), FakeClock()
    deliverer = Deliverer(connections, FakeDispatchQueue(), clock=clock, jitter=lambda: 0.5)
    monkeypatch.setattr(Hub, "clock", clock)
    monkeypatch.setattr(Hub, "deliverer", deliverer)
    return connections


def record(name: str, group: str, connection: str) -> dict[str, Any]:
    part = Part(Kind.EVENTS, 7, ("c",), ('[{"id":"1"}]',), (Address(connection, "s", int(name), 0),))
    body = Delivery(0, (part,)).encoded()
    return {"messageId": name, "body": body, "attributes": {"MessageGroupId": group}}


def handled(*records: dict[str, Any]) -> list[str]:
    """The ids of the records that are to be received again."""
    answer = app.handler({"Records": list(records)}, cast("LambdaContext", Context()))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_whole_batch_is_delivered(connections: FakeConnections) -> None:
    assert handled(record("1", "s1", "a"), record("2", "s1", "a"), record("3", "s2", "b")) == []
    assert [json.loads(message)["frame"] for message in connections.posted["a"]] == [1, 2]


def test_a_failed_record_and_later_ones_of_its_group_are_received_again(
    connections: FakeConnections, caplog: pytest.LogCaptureFixture
) -> None:
    connections.fail("b", unreachable(3))
    connections.refusals.extend(unreachable(3))
    batch = record("1", "s1", "a"), record("2", "s2", "b"), record("3", "s1", "a"), record("4", "s2", "c")
    assert handled(*batch) == ["2", "4"]
    assert "s2" in caplog.text
