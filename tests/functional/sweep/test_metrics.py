"""The metrics that the sweep function writes for CloudWatch ("Specification: Embedded metric format")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.filters import parse_filters
from eventstore.hub.hub import Hub
from eventstore.ports import Start
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable, Target
from functions.hub import hub as current
from functions.sweep.app import handler
from tests.examples import events
from tests.fakes.queues import FakeDispatchQueue
from tests.fresh import forget
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@dataclass(frozen=True)
class Context:
    """The part of a Lambda context that the handler uses."""

    milliseconds: int = 50_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture(autouse=True)
def hub(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty store, with queues in memory."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("PARTITIONS", "4")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "flunq-eventstore")
    forget()
    dispatch_queue = FakeDispatchQueue()
    monkeypatch.setattr(Hub, "dispatch_queue", dispatch_queue)
    client = current().log._client  # type: ignore[attr-defined]
    client.flushall()
    yield
    client.close()
    forget()


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    """The journal of the hub, which from now on keeps its events there."""
    journal = MemoryJournal()
    monkeypatch.setenv("BACKEND", "nats")
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:1")
    monkeypatch.setattr(Hub, "journal", journal)
    current().redis.flushall()
    forget()
    return journal


def written(capsys: pytest.CaptureFixture[str], context: Context = Context()) -> list[dict[str, Any]]:
    """The output of one sweep."""
    handler({}, context)  # type: ignore[arg-type]
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def durable(name: str) -> None:
    durable = Durable(name.ljust(24, "0"), name, parse_filters([]))
    current().durables.create(durable, dict.fromkeys(range(4), Start.NOW))


def test_the_lag_of_dispatch_is_written_every_minute(capsys: pytest.CaptureFixture[str]) -> None:
    durable("a")
    Trusted(current().publisher, current().streams).publish(events(3), stream="wf")
    store, _ = written(capsys)
    assert (store["DispatchLag"], "subscription" in store) == ([3], False)


def test_where_nobody_subscribes_dispatch_has_no_lag(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is published after the sweep has moved the checkpoint.
    monkeypatch.setattr(current().turns, "advance", lambda: None)
    Trusted(current().publisher, current().streams).publish(events(3), stream="wf")
    [store] = written(capsys)
    assert (store["DispatchLag"], "subscription" in store) == ([0], False)


def test_each_durable_subscription_is_written_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    durable("a")
    durable("b")
    Trusted(current().publisher, current().streams).publish(events(3), stream="wf")
    _, first, second = written(capsys)
    assert [line["subscription"] for line in (first, second)] == ["a", "b"]
    wanted = {"Lag": [3], "InFlight": [0], "Held": [0], "Parked": [0], "Members": [0]}
    assert {name: first[name] for name in wanted} == wanted
    [age] = first["OldestAge"]
    assert age >= 0


def test_the_lines_are_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    durable("a")
    store, subscription = written(capsys)
    [metrics] = subscription["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("flunq-eventstore", [["subscription", "service"]])
    assert {metric["Name"]: metric["Unit"] for metric in metrics["Metrics"]} == {
        "Lag": "Count",
        "InFlight": "Count",
        "Held": "Count",
        "Parked": "Count",
        "Members": "Count",
        "OldestAge": "Seconds",
    }
    [metrics] = store["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("flunq-eventstore", [["service"]])


def test_without_time_the_rest_is_left_to_the_next_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    durable("a")
    [store] = written(capsys, Context(milliseconds=0))
    assert "subscription" not in store


def test_open_circuits_are_counted_of_rules_alone(capsys: pytest.CaptureFixture[str]) -> None:
    durable("a")
    rule = Durable("b" * 24, "b", parse_filters([]), target=Target("lambda", "f"))
    current().durables.create(rule, dict.fromkeys(range(4), Start.NOW))
    _, members, pushed = written(capsys)
    assert "OpenCircuits" not in members
    assert pushed["OpenCircuits"] == [0]


def test_partitions_whose_index_diverged_are_counted_with_a_journal_alone(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    [store] = written(capsys)
    assert "DivergedPartitions" not in store
    request.getfixturevalue("journal")
    diverged, _ = written(capsys)
    assert diverged["DivergedPartitions"] == [0]
    [metrics] = diverged["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("flunq-eventstore", [["service"]])


def test_a_partition_that_diverged_is_found_by_the_sweep_which_does_all_else(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, journal: MemoryJournal
) -> None:
    log = current().log
    # A stream of each partition.
    streams = {partition_of(name, 4): name for name in map(str, range(100))}
    for name in streams.values():
        log.append(name, events(3))
        log.delete(name)
    durable("a")
    for partition in range(2):
        del journal._records[partition][-2:]
    swept = handler({}, Context())  # type: ignore[arg-type]
    assert (swept["diverged"], swept["removed"]) == (2, 6)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["DivergedPartitions"] for line in lines if "DivergedPartitions" in line] == [[2]]
    assert ["DispatchLag" in line for line in lines].count(True) == 1
    assert [line["subscription"] for line in lines if "subscription" in line] == ["a"]
    found = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(found) == 2
    assert all("index-diverged" in message and "the journal has lost records" in message for message in found)
