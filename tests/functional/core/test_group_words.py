"""What members say too late, of an earlier time, or out of order; and whether they are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.durable.admin import StartPosition
from eventstore.errors import QueueUnavailable
from eventstore.groups import AckStream, Nack
from tests.examples import events
from tests.functional.core.test_groups import NAME, Group, kinds

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

DEADLINE = 10_000


@pytest.fixture
def group(client: Client) -> Group:
    group = Group.of(client, partitions=4, ack_deadline_ms=DEADLINE)
    group.join("a")
    group.take("a")
    return group


def replayed(group: Group) -> None:
    group.live.operators.replay(NAME, StartPosition(oldest=True))
    group.settle()


def pass_time(group: Group, milliseconds: int) -> None:
    group.live.turns.skew += milliseconds
    group.turn()


class TestSilence:
    """`wf-1` and `wf-2` are of different partitions."""

    def test_who_acknowledges_elsewhere_is_not_silent(self, group: Group) -> None:
        group.publish("wf-1", 1)
        group.take("a")
        for number in range(1, 9):
            group.publish("wf-2", 1, start=number)
            [message] = group.take("a")
            group.live.turns.skew += DEADLINE // 2
            group.ack("a", message)
            group.turn()
            assert group.take("a") == []
        assert all(not one.held and not one.parked for one in group.live.durables.groups(group.durable).values())

    def test_who_falls_silent_everywhere_has_failed_a_deadline_later(self, group: Group) -> None:
        group.publish("wf-1", 1)
        group.publish("wf-2", 1)
        first, second = group.take("a")
        group.live.turns.skew += DEADLINE // 2
        group.ack("a", second)
        pass_time(group, DEADLINE - 1)
        assert group.live.durables.groups(group.durable)[first["partition"]].held == {}
        pass_time(group, 1)
        assert list(group.live.durables.groups(group.durable)[first["partition"]].held) == ["wf-1"]

    def test_a_ping_is_no_word(self, group: Group) -> None:
        group.publish("wf-1", 1)
        group.live.registry.joined("a", "w")
        pass_time(group, DEADLINE)
        assert [list(one.held) for one in group.live.durables.groups(group.durable).values()].count(["wf-1"]) == 1

    def test_a_member_whose_connection_is_not_known_leaves_and_no_event_is_blamed(self, group: Group) -> None:
        """A process that died has forgotten the connection, and not removed the member."""
        group.publish("wf-1", 1)
        assert group.take("a")
        group.live.registry.disconnect("a")
        group.live.registry.forget("a")
        pass_time(group, DEADLINE)
        [state] = [one for one in group.live.durables.groups(group.durable).values() if one.flight or one.place.major]
        assert (state.members, state.owner, state.held, state.probe_remaining) == ([], None, {}, 0)

    def test_a_turn_that_died_after_it_asked_asks_again_to_the_same_end(self, group: Group) -> None:
        group.publish("wf-1", 1)
        [sent] = group.take("a")
        partition = sent["partition"]
        group.live.turns.skew += DEADLINE
        group.live.deliveries.broken = True
        group.live.store.publish(events(1, start=2), stream="wf-1")
        with pytest.raises(QueueUnavailable):
            group.live.dispatcher.take_turn(partition)
        group.live.deliveries.broken = False
        group.live.worker().take_turn(partition)
        group.turn()
        [held] = group.live.durables.groups(group.durable)[partition].held.values()
        assert held.attempt == 1


class TestAfterAReplay:
    def test_a_stream_that_a_member_drops_is_named_again_or_granted_anew(self, group: Group) -> None:
        group.publish("wf-1", 4)
        [sent] = group.take("a")
        group.nack("a", "wf-1", 2, park=True)
        group.ack("a", sent)
        replayed(group)
        messages = [message for message in group.take("a") if message["partition"] == sent["partition"]]
        assert kinds(messages) == ["owned", "events"]
        assert [e["hubsequence"] for e in messages[1]["events"]] == ["1", "2", "3", "4"]

    def test_a_cursor_from_before_acknowledges_nothing_that_is_sent_again(self, group: Group) -> None:
        group.publish("wf-1", 3)
        [sent] = group.take("a")
        replayed(group)
        group.ack("a", sent)
        group.leave("a")
        group.join("b")
        assert [sequence for _, sequence in group.events("b")][:1] == ["1"]

    def test_nor_does_a_word_about_a_stream(self, group: Group) -> None:
        group.publish("wf-1", 3)
        [sent] = group.take("a")
        replayed(group)
        group.live.members.acknowledge_stream("w", AckStream("a", "wf-1", 3, sent["frame"]))
        group.live.members.fail("w", Nack("a", "wf-1", 1, "no", 0, park=True, frame=sent["frame"]))
        group.settle()
        state = group.live.durables.groups(group.durable)[sent["partition"]]
        assert (len(state.flight), state.parked) == (3, {})

    def test_the_new_cursors_do(self, group: Group) -> None:
        group.publish("wf-1", 3)
        group.take("a")
        replayed(group)
        sent = group.take("a")[-1]
        group.ack("a", sent)
        assert group.live.durables.groups(group.durable)[sent["partition"]].flight == []


class TestByStream:
    def test_what_is_handled_out_of_the_logs_order_does_not_come_again(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 2)
        group.publish("other", 2)
        group.publish("wf", 1, start=3)
        group.take("a")
        group.ack_stream("a", "other", 2)
        group.live.members.unsubscribe("a", "w")
        group.settle()
        group.join("b")
        assert group.events("b") == [("wf", "1"), ("wf", "2"), ("wf", "3")]


class TestReasons:
    def test_what_comes_again_says_why(self, client: Client) -> None:
        group = Group.of(client, ack_deadline_ms=DEADLINE)
        group.join("a")
        group.publish("wf", 1)
        group.take("a")
        pass_time(group, DEADLINE)
        pass_time(group, 2_000)
        [again] = group.take("a")
        assert again["reason"] == "not acknowledged within 10 s"
        group.nack("a", "wf", 1)
        assert group.take("a")[0]["reason"] == "no"


def test_members_receive_how_long_they_may_take(client: Client) -> None:
    group = Group.of(client, ack_deadline_ms=DEADLINE)
    group.join("a")
    assert group.take("a")[0]["ack_deadline"] == 10
