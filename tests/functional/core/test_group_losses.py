"""How members of a durable subscription are notified that events were removed which they have not handled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.groups import Nack, Redrive
from eventstore.streams import Retention, StreamConfig
from tests.examples import event, events
from tests.functional.core.test_groups import NAME, Group, kinds

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


def missing(messages: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """What the `truncated` frames among the messages name."""
    return [(m["stream"], m["first"], m["last"]) for one in messages if "missing" in one for m in one["missing"]]


@pytest.fixture
def group(client: Client) -> Group:
    """A member that has five of twenty events in flight, of a stream that was deleted and has three new ones."""
    group = Group.of(client, max_in_flight=5)
    group.publish("wf", 20)
    group.join("a")
    group.live.store.delete("wf")
    group.live.store.publish(events(3, start=21), stream="wf")
    return group


class TestUntilItIsAcknowledged:
    def test_a_member_that_vanished_leaves_it_to_be_reported_to_the_next_one(self, group: Group) -> None:
        _, sent = group.take("a")
        group.ack("a", sent)
        assert missing(group.take("a")) == [("wf", 6, 20)]
        group.leave("a")
        group.join("b")
        messages = group.take("b")
        assert kinds(messages)[:2] == ["owned", "truncated"]
        assert missing(messages) == [("wf", 6, 20)]

    def test_acknowledging_it_ends_that(self, group: Group) -> None:
        _, sent = group.take("a")
        group.ack("a", sent)
        truncated = next(one for one in group.take("a") if one["type"] == "truncated")
        group.ack("a", truncated)
        group.leave("a")
        group.join("b")
        assert missing(group.take("b")) == []

    def test_acknowledging_what_came_before_it_does_not(self, group: Group) -> None:
        owned, sent = group.take("a")
        group.ack("a", sent)
        group.ack("a", owned)
        group.ack("a", sent)
        group.leave("a")
        group.join("b")
        assert missing(group.take("b")) == [("wf", 6, 20)]

    def test_a_replay_reports_it_again_by_itself(self, group: Group) -> None:
        _, sent = group.take("a")
        group.ack("a", sent)
        truncated = next(one for one in group.take("a") if one["type"] == "truncated")
        group.ack("a", truncated)
        group.live.durables.enqueue(group.durable, {0: [replay()]})
        group.turn()
        assert missing(group.take("a")) == [("wf", 1, 20)]


def replay() -> Any:  # noqa: ANN401 - a command
    from eventstore.groups import Replay  # noqa: PLC0415 - only here
    from eventstore.positions import BEGINNING  # noqa: PLC0415 - only here

    return Replay(BEGINNING)


class TestWhatWasSent:
    def test_in_flight_and_removed_it_is_no_loss_to_who_handles_it(self, group: Group) -> None:
        _, sent = group.take("a")
        group.ack("a", sent)
        assert ("wf", 1, 5) not in missing(group.take("a"))

    def test_in_flight_and_removed_it_is_a_loss_to_the_next_owner(self, group: Group) -> None:
        group.leave("a")
        group.join("b")
        assert missing(group.take("b"))[0][:2] == ("wf", 1)

    def test_an_event_that_was_to_be_tried_again_and_was_removed_is_a_loss(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 2)
        group.take("a")
        group.nack("a", "wf", 1, delay=3_000)
        group.live.store.delete("wf")
        group.live.store.publish(events(1, start=3), stream="wf")
        group.live.turns.skew = 4_000
        group.turn()
        messages = group.take("a")
        assert missing(messages) == [("wf", 1, 2)]
        [again] = [one for one in messages if one["type"] == "events"]
        assert (again["stream"], again["attempt"], again["events"][0]["hubsequence"]) == ("wf", 1, "3")
        assert "reason" not in again

    def test_retention_that_removes_the_first_of_what_is_tried_again_leaves_the_rest_its_attempts(
        self, client: Client
    ) -> None:
        group = Group.of(client)
        group.live.log.create("wf", StreamConfig(Retention(max_events=1)))
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=3_000)
        group.take("a")
        group.publish("wf", 1, start=2)
        group.live.log.trim("wf")
        group.live.turns.skew = 4_000
        group.turn()
        truncated, again = group.take("a")
        assert truncated["missing"] == [{"stream": "wf", "first": 1, "last": 1}]
        assert (again["attempt"], [e["hubsequence"] for e in again["events"]]) == (1, ["2"])

    def test_what_was_parked_and_removed_is_reported_when_it_is_redriven(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 3)
        group.nack("a", "wf", 1, park=True)
        group.take("a")
        group.live.store.delete("wf")
        group.live.durables.enqueue(group.durable, {0: [Redrive("wf", "start")]})
        group.turn()
        messages = group.take("a")
        assert missing(messages) == [("wf", 1, 3)]
        assert messages[-1]["events"] == []


class TestCursors:
    def test_the_cursor_of_a_loss_speaks_for_all_that_was_sent_before_it(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 2)
        group.nack("a", "wf", 1, delay=3_000)
        group.publish("other", 2)
        group.live.store.delete("wf")
        group.live.turns.skew = 4_000
        group.turn()
        truncated = next(one for one in group.take("a") if one["type"] == "truncated")
        group.ack("a", truncated)
        [one] = group.live.durables.groups(group.durable).values()
        assert one.flight == []

    def test_a_loss_that_is_reported_again_speaks_for_nothing_that_is_sent_after_it(self, group: Group) -> None:
        _, sent = group.take("a")
        group.ack("a", sent)
        group.take("a")
        group.live.members.unsubscribe("a", "w")
        group.settle()
        group.join("b")
        _, truncated, again = group.take("b")
        group.ack("b", truncated)
        [one] = group.live.durables.groups(group.durable).values()
        assert len(one.flight) == len(again["events"]) == 3


class TestWhileATurnIsUnderWay:
    def test_where_nobody_listens_what_is_removed_at_the_end_is_reported(self, client: Client) -> None:
        group = Group.of(client, max_in_flight=1)
        group.join("a")
        group.live.log.create("wf", StreamConfig(Retention(max_events=1)))
        group.publish("other", 1)
        _, sent = group.take("a")
        group.publish("wf", 2)
        group.live.log.trim("wf")
        group.live.store.delete("wf")
        group.turn()
        group.live.log.trim("wf")
        group.turn()
        group.ack("a", sent)
        assert missing(group.take("a")) == [("wf", 1, 2)]

    def test_what_is_removed_before_the_turn_reads_is_reported(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group = Group.of(client)
        group.join("a")
        group.take("a")
        group.live.store.publish([event("1")], stream="wf")
        group.live.store.publish([event("2")], stream="wf")
        tail, log = group.live.log.tail, group.live.log

        def deleting(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as the port has it
            if log.describe("wf").first == 1:
                group.live.store.delete("wf")
            return tail(*given, **named)

        monkeypatch.setattr(log, "tail", deleting)
        group.turn()
        assert missing(group.take("a")) == [("wf", 1, 2)]

    def test_what_is_removed_beyond_the_target_of_a_turn_is_reported_by_a_later_one(self, client: Client) -> None:
        from eventstore.live.catch_up import TurnLimits  # noqa: PLC0415 - only here

        group = Group.of(client)
        group.join("a")
        # With a live subscription, a turn goes only as far as its limits.
        group.live.subscribe("live")
        group.settle()
        group.take("a")
        group.live.dispatcher = group.live.worker(TurnLimits(events=1))
        for stream in ("x", "wf"):
            group.live.store.publish([event("1")], stream=stream)
        group.live.store.delete("wf")
        group.settle()
        assert missing(group.take("a")) == [("wf", 1, 1)]


def test_nothing_is_reported_where_the_filter_wants_nothing_of_the_stream(client: Client) -> None:
    from eventstore.ports import Start  # noqa: PLC0415 - only here
    from eventstore.subscriptions import Durable  # noqa: PLC0415 - only here

    group = Group.of(client)
    durable = Durable("1" * 24, "other", group.durable.filter, streams=("other",))
    group.live.durables.create(durable, {0: Start.OLDEST})
    group.live.connect("a")
    group.live.members.join("a", "w", durable.name)
    group.publish("wf", 3)
    group.live.members.fail("w", Nack("a", "other", 1, "no", 0, park=False))
    group.live.store.delete("wf")
    group.turn()
    assert missing(group.take("a")) == []
    assert group.live.durables.get(NAME).name == NAME


def test_members_of_one_that_names_a_stream_that_is_gone_for_good_are_notified(client: Client) -> None:
    from eventstore.ports import Start  # noqa: PLC0415 - only here
    from eventstore.subscriptions import Durable  # noqa: PLC0415 - only here

    group = Group.of(client)
    durable = Durable("1" * 24, "named", group.durable.filter, streams=("wf", "other"))
    group.live.durables.create(durable, {0: Start.OLDEST})
    group.live.connect("a")
    group.live.members.join("a", "w", durable.name)
    group.publish("wf", 1)
    group.ack("a", group.take("a")[-1])
    group.live.store.delete("wf", permanently=True)
    group.settle()
    [truncated] = group.take("a")
    assert (truncated["missing"], truncated["gone"]) == ([], ["wf"])
