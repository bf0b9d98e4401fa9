"""Durable subscriptions, dead letters, named filters, connections and statistics, on a real hub over HTTP and gRPC."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from eventstore_client import (
    Conflict,
    ConnectFailed,
    DeadLetter,
    EventStore,
    Invalid,
    NotFound,
    StreamInfo,
    UnexpectedAnswer,
    WrongVersion,
)
from eventstore_client.blocking import finish
from eventstore_client.calls import Call, path_of
from eventstore_client.rest import Rest
from tests.fresh import reread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventstore_client.calls import Reply
    from eventstore_client.transport import Carrier
    from tests.functional.rest.workers import Workers

TASKS = [{"prefix": {"type": "io.flunq.task."}}]


def event(event_id: str = "1", **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "io.flunq.task.completed", **members}


@pytest.fixture
def rules(rest_hub: EventStore, monkeypatch: pytest.MonkeyPatch) -> EventStore:
    """A hub that pushes to any target."""
    monkeypatch.setenv("TARGETS", "*")
    monkeypatch.setenv("PUSHES_QUEUE_URL", "http://q/pushes.fifo")
    monkeypatch.setenv("LOOPBACK_TARGETS", "true")
    reread()
    return rest_hub


class TestSubscriptions:
    def test_a_created_subscription_has_its_definition(self, rest_hub: EventStore, http_hub: EventStore) -> None:
        http_hub.filters.put("failures", [{"suffix": {"type": ".failed"}}])

        created = rest_hub.subscriptions.create(
            "workers",
            filters=TASKS,
            filter_name="failures",
            stream=["b", "a"],
            start="start",
            ack_deadline=timedelta(minutes=1),
            max_attempts=7,
            max_in_flight=9,
        )

        assert (created.name, created.filters, created.filter_name) == ("workers", tuple(TASKS), "failures")
        assert (created.streams, created.ack_deadline) == (("a", "b"), timedelta(minutes=1))
        assert (created.max_attempts, created.max_in_flight, created.target, created.version) == (7, 9, None, 1)

    def test_the_defaults_are_those_of_the_hub(self, rest_hub: EventStore) -> None:
        created = rest_hub.subscriptions.create("workers")

        assert (created.ack_deadline, created.max_attempts, created.max_in_flight) == (timedelta(seconds=30), 5, 100)

    def test_creating_it_again_returns_it_and_another_definition_conflicts(self, rest_hub: EventStore) -> None:
        first = rest_hub.subscriptions.create("workers", filters=TASKS)

        assert rest_hub.subscriptions.create("workers", filters=TASKS) == first
        with pytest.raises(Conflict):
            rest_hub.subscriptions.create("workers")

    def test_a_rule_has_its_target(self, rules: EventStore) -> None:
        created = rules.subscriptions.create("hook", target={"http": "http://127.0.0.1:9/hook", "batch": 1})

        assert created.target is not None
        assert (created.target["http"], created.target["batch"]) == ("http://127.0.0.1:9/hook", 1)
        status = rules.subscriptions.get("hook")
        assert status.open_circuits == 0
        assert {part.circuit.state for part in status.partitions if part.circuit} == {"closed"}
        rules.subscriptions.create("workers")
        assert {one.name: one.open_circuits for one in rules.stats().subscriptions} == {"hook": 0, "workers": None}

    def test_a_list_continues_page_by_page(self, rest_hub: EventStore) -> None:
        for number in range(5):
            rest_hub.subscriptions.create(f"s{number}")
        rest_hub.subscriptions.create("other")

        assert [found.name for found in rest_hub.subscriptions.list(prefix="s", page=2)] == [f"s{n}" for n in range(5)]

    def test_its_status_has_members_and_lag(self, rest_hub: EventStore, workers: Workers) -> None:
        rest_hub.subscriptions.create("workers")
        before = rest_hub.subscriptions.get("workers")
        workers.join()
        workers.publish("wf", "1", "2")

        status = rest_hub.subscriptions.get("workers")

        assert before.members == ()
        assert [(member.connection, member.id) for member in status.members] == [("c1", "w")]
        assert (status.in_flight, status.held, status.parked, status.full) == (2, 0, 0, False)
        assert sum(part.in_flight for part in status.partitions) == 2
        assert {part.owner for part in status.partitions} == {"c1"}
        assert status.oldest_age is not None
        assert status.definition.name == "workers"
        assert status.open_circuits is None

    def test_a_change_applies_to_what_it_names(self, rest_hub: EventStore) -> None:
        rest_hub.subscriptions.create("workers", filters=TASKS, max_attempts=7)

        changed = rest_hub.subscriptions.change("workers", filters=[], ack_deadline=60)

        assert (changed.filters, changed.ack_deadline, changed.max_attempts) == ((), timedelta(minutes=1), 7)
        assert changed.version == 2

    def test_a_target_is_changed_and_removed(self, rules: EventStore) -> None:
        rules.subscriptions.create("hook", target={"http": "http://127.0.0.1:9/a", "concurrency": 3})

        changed = rules.subscriptions.change("hook", target={"concurrency": 4})

        assert changed.target is not None
        assert (changed.target["http"], changed.target["concurrency"]) == ("http://127.0.0.1:9/a", 4)
        assert rules.subscriptions.change("hook", target=None).target is None

    def test_a_change_may_require_the_definition_that_was_read(self, rest_hub: EventStore) -> None:
        rest_hub.subscriptions.create("workers")
        read = rest_hub.subscriptions.get("workers").definition
        changed = rest_hub.subscriptions.change("workers", max_attempts=1, expected=read.etag)

        with pytest.raises(WrongVersion):
            rest_hub.subscriptions.change("workers", max_attempts=2, expected=read.etag)
        with pytest.raises(WrongVersion):
            rest_hub.subscriptions.delete("workers", expected=read.etag)

        rest_hub.subscriptions.delete("workers", expected=changed.etag)
        with pytest.raises(NotFound):
            rest_hub.subscriptions.get("workers")

    @pytest.mark.parametrize(
        "position", [{"start": "start"}, {"since": datetime(2020, 1, 1, tzinfo=UTC)}, {"cursor": None}], ids=str
    )
    def test_a_replay_delivers_earlier_events_again(
        self, rest_hub: EventStore, workers: Workers, position: dict[str, Any]
    ) -> None:
        rest_hub.subscriptions.create("workers")
        if "cursor" in position:
            position = {"cursor": rest_hub.subscriptions.get("workers").cursor}
        workers.join()
        workers.publish("wf", "1")
        workers.acknowledge()

        assert len(rest_hub.subscriptions.replay("workers", **position)) == 4

        workers.settle()
        assert workers.received() == [("wf", "1")]

    def test_a_replay_needs_one_position(self, rest_hub: EventStore) -> None:
        rest_hub.subscriptions.create("workers")

        with pytest.raises(Invalid, match="exactly one of: from, cursor, since"):
            rest_hub.subscriptions.replay("workers")

    def test_a_single_filter_instead_of_a_list_is_an_error(self, rest_hub: EventStore) -> None:
        with pytest.raises(TypeError, match="wrap a single filter in a list"):
            rest_hub.subscriptions.create("workers", filters={"exact": {"type": "t"}})  # type: ignore[arg-type]


@pytest.fixture
def parked(rest_hub: EventStore, workers: Workers) -> EventStore:
    """Two parked streams: one at its second event, one at its first."""
    rest_hub.subscriptions.create("workers")
    workers.join()
    workers.publish("bad", "1", "2", "3")
    workers.publish("worse", "1")
    workers.park("bad", 2, reason="card declined")
    workers.park("worse", 1)
    workers.received()
    return rest_hub


def streams(letters: Iterable[DeadLetter]) -> list[str]:
    return [letter.stream for letter in letters]


class TestDeadLetters:
    def test_parked_streams_are_listed_with_their_errors(self, parked: EventStore) -> None:
        bad, worse = parked.dead_letters.list(page=1)

        assert (bad.subscription, bad.stream, bad.sequence, bad.errors) == ("workers", "bad", 2, ("card declined",))
        assert (bad.attempts, bad.letters, bad.event) == (1, 2, None)
        assert abs(datetime.now(UTC) - bad.since) < timedelta(minutes=1)
        assert worse.stream == "worse"
        assert streams(parked.dead_letters.list(subscription="workers", stream="worse")) == ["worse"]

    def test_a_parked_stream_is_shown_with_the_event_that_failed(self, parked: EventStore) -> None:
        letter = parked.dead_letters.get("workers", "bad")

        assert letter.event is not None
        assert (letter.event.id, letter.event.stream, letter.event.sequence) == ("2", "bad", 2)

    def test_a_stream_that_is_not_parked_is_not_found(self, parked: EventStore) -> None:
        with pytest.raises(NotFound, match="subscription 'workers' has not parked stream 'good'"):
            parked.dead_letters.get("workers", "good")

    @pytest.mark.parametrize(("how", "received"), [("start", ["2", "3"]), ("skip", ["3"]), ("drop", [])])
    def test_a_redriven_stream_resumes_where_requested(
        self, parked: EventStore, workers: Workers, how: Literal["start", "skip", "drop"], received: list[str]
    ) -> None:
        assert parked.dead_letters.redrive("workers", stream="bad", how=how) == ("bad",)

        workers.settle()
        assert [sequence for _, sequence in workers.received()] == received
        assert streams(parked.dead_letters.list()) == ["worse"]

    def test_all_parked_streams_are_redriven(self, parked: EventStore, workers: Workers) -> None:
        assert parked.dead_letters.redrive("workers") == ("bad", "worse")

        workers.settle()
        assert sorted(workers.received()) == [("bad", "2"), ("bad", "3"), ("worse", "1")]

    def test_purged_streams_resume_after_the_parked_events(self, parked: EventStore, workers: Workers) -> None:
        assert parked.dead_letters.purge("workers", stream="bad") == ("bad",)

        workers.settle()
        workers.publish("bad", "4")
        assert workers.received() == [("bad", "4")]
        assert parked.dead_letters.purge("workers") == ("worse",)
        workers.settle()
        with pytest.raises(NotFound):
            parked.dead_letters.purge("workers")


@pytest.mark.parametrize("hub_url", ["http"], indirect=True)
class TestFilters:
    def test_a_filter_is_stored_listed_and_deleted(self, rest_hub: EventStore) -> None:
        stored = rest_hub.filters.put("failures", [{"suffix": {"type": ".failed"}}], new=True)

        assert (stored.name, stored.filters, stored.version) == ("failures", ({"suffix": {"type": ".failed"}},), 1)
        assert rest_hub.filters.get("failures") == stored
        assert [named.name for named in rest_hub.filters.list(page=1)] == ["failures"]
        rest_hub.filters.delete("failures", expected=stored.etag)
        with pytest.raises(NotFound):
            rest_hub.filters.get("failures")

    def test_a_filter_that_was_changed_is_not_replaced(self, rest_hub: EventStore) -> None:
        first = rest_hub.filters.put("f", [{"exact": {"type": "a"}}])
        second = rest_hub.filters.put("f", [{"exact": {"type": "b"}}], expected=first.etag)

        with pytest.raises(WrongVersion):
            rest_hub.filters.put("f", [{"exact": {"type": "c"}}], expected=first.etag)
        with pytest.raises(WrongVersion):
            rest_hub.filters.put("f", [{"exact": {"type": "c"}}], new=True)

        assert (second.version, rest_hub.filters.get("f").filters) == (2, ({"exact": {"type": "b"}},))

    def test_a_filter_in_use_is_not_deleted(self, rest_hub: EventStore) -> None:
        rest_hub.filters.put("f", [{"exact": {"type": "a"}}])
        rest_hub.subscriptions.create("workers", filter_name="f")

        with pytest.raises(Conflict, match="filter-in-use"):
            rest_hub.filters.delete("f")


@pytest.mark.parametrize("hub_url", ["http"], indirect=True)
class TestConnections:
    def test_connections_are_listed_and_closed(self, rest_hub: EventStore, workers: Workers) -> None:
        rest_hub.subscriptions.create("workers")
        workers.join()
        workers.publish("wf", "1")

        [connection] = rest_hub.open_connections.list()

        assert (connection.id, connection.protocol, connection.in_flight) == ("c1", "eventstore.v1", 1)
        [membership] = connection.subscriptions
        assert (membership.id, membership.subscription, membership.in_flight) == ("w", "workers", 1)
        assert membership.filters == ()
        assert set(membership.frames) <= set(range(4))
        rest_hub.open_connections.close("c1")
        with pytest.raises(NotFound):
            rest_hub.open_connections.close("nobody")


def test_the_statistics_count_streams_and_subscriptions(rest_hub: EventStore, workers: Workers) -> None:
    rest_hub.publish([event(workflowid=f"wf-{number}") for number in range(3)])
    rest_hub.subscriptions.create("workers")
    workers.join()

    stats = rest_hub.stats()

    assert (stats.partitions, stats.backend, stats.streams) == (4, "redis", 3)
    assert sum(part.streams for part in stats.by_partition) == 3
    assert stats.newest is not None
    assert all(isinstance(kept, bool) for kept in stats.capabilities.values())
    [summary] = stats.subscriptions
    assert (summary.name, summary.members, summary.parked) == ("workers", 1, 0)


def test_members_of_a_newer_hub_are_kept_apart(rest_hub: EventStore) -> None:
    sent = {**rest_hub.streams.create("s").raw, "tier": "cold"}

    parsed = StreamInfo.parse(sent)

    assert parsed == StreamInfo.parse(rest_hub.streams.create("s").raw)
    assert parsed.raw["tier"] == "cold"


class LosingCarrier:
    """Carries calls, and loses the response to the first one while `loses` is set."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.loses = False

    @property
    def url(self) -> str:
        return self._carrier.url

    def carry(self, call: Call[Any]) -> Reply:
        reply = self._carrier.carry(call)
        if self.loses:
            self.loses = False
            raise ConnectFailed("the response was lost")
        return reply

    def send(self, method: str, path: str) -> bytes:
        return self._carrier.send(method, path)

    def close(self) -> None:
        self._carrier.close()


@pytest.fixture
def losing(rest_hub: EventStore) -> LosingCarrier:
    """What carries the calls of `rest_hub`."""
    losing = LosingCarrier(rest_hub._rest.transport)
    rest_hub._rest = Rest(losing, rest_hub.backoff, rest_hub._rest.io)
    return losing


class TestLostResponses:
    def test_a_deletion_whose_response_was_lost_succeeds(self, rest_hub: EventStore, losing: LosingCarrier) -> None:
        rest_hub.subscriptions.create("workers")
        losing.loses = True

        rest_hub.subscriptions.delete("workers")

        assert list(rest_hub.subscriptions.list()) == []

    def test_a_permanent_deletion_whose_response_was_lost_succeeds(
        self, rest_hub: EventStore, losing: LosingCarrier
    ) -> None:
        rest_hub.publish([event()], stream="s")
        losing.loses = True

        rest_hub.streams.delete("s", permanent=True)

        assert list(rest_hub.streams.list()) == []

    def test_a_first_deletion_of_what_does_not_exist_is_not_found(self, rest_hub: EventStore) -> None:
        with pytest.raises(NotFound):
            rest_hub.subscriptions.delete("workers")

    def test_an_unexpected_response_names_the_request(self, rest_hub: EventStore) -> None:
        call = Call(method="GET", path=path_of("streams"), parse=lambda reply: json.loads(reply.body)["tiers"])

        with EventStore(rest_hub.url) as store, pytest.raises(UnexpectedAnswer, match="to GET /api/v1/streams"):
            finish(store._rest.call(call))
