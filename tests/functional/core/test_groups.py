"""Durable subscriptions: members, acknowledgement, failing, parking; turns on a real store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from eventstore.durable.admin import DurableSubscriptions, StartPosition
from eventstore.errors import ConnectionNotFound, QueueUnavailable, SubscriptionNotFound
from eventstore.filters import parse_filters
from eventstore.frames.builder import FrameLimits
from eventstore.groups import AckStream, DeliverySettings, Member, Nack, Redrive, Replay, owner_of
from eventstore.live.catch_up import TurnLimits
from eventstore.live.sweep import Sweeper
from eventstore.ports import Start
from eventstore.positions import BEGINNING
from eventstore.read.pages import AllQuery, read_all
from eventstore.streams import Retention, StreamConfig
from eventstore.subscriptions import Durable
from tests.examples import event, events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

NAME = "workers"


@dataclass
class Group:
    """A durable subscription and who takes part in it."""

    live: Live
    durable: Durable
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Client, *, partitions: int = 1, start: Start = Start.OLDEST, **settings: int) -> Group:
        live = Live(client, partitions=partitions)
        durable = Durable("0" * 24, NAME, parse_filters([]), settings=DeliverySettings(**settings))
        live.durables.create(durable, dict.fromkeys(range(partitions), start))
        return cls(live, durable)

    def join(self, name: str) -> None:
        self.live.connect(name)
        self.live.members.join(name, "w", NAME)
        self.settle()

    def leave(self, name: str) -> None:
        self.live.members.disconnect(name)
        self.settle()

    def publish(self, stream: str, count: int, *, start: int = 1) -> None:
        self.live.store.publish(events(count, start=start), stream=stream)
        self.settle()

    def settle(self) -> None:
        self.live.settle()
        for name, messages in self.live.received().items():
            self.seen.setdefault(name, []).extend(messages)

    def take(self, name: str) -> list[dict[str, Any]]:
        return self.seen.pop(name, [])

    def events(self, name: str) -> list[tuple[str, str]]:
        """Stream and sequence of what a member was sent since this was last asked."""
        return [
            (e["hubstream"], e["hubsequence"]) for m in self.take(name) if m["type"] == "events" for e in m["events"]
        ]

    def ack(self, name: str, message: dict[str, Any]) -> None:
        self.live.members.acknowledge(name, "w", [message["cursor"]])
        self.settle()

    def ack_stream(self, name: str, stream: str, sequence: int) -> None:
        self.live.members.acknowledge_stream("w", AckStream(name, stream, sequence))
        self.settle()

    def nack(self, name: str, stream: str, sequence: int, *, delay: int | None = 0, park: bool = False) -> None:
        self.live.members.fail("w", Nack(name, stream, sequence, "no", delay, park))
        self.settle()

    def turn(self) -> None:
        self.live.dispatch_queue.request_turns(range(self.live.log.partitions))
        self.settle()


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


class TestOwning:
    def test_a_member_is_notified_of_what_it_owns_and_gets_it(self, client: Client) -> None:
        group = Group.of(client)
        group.publish("wf", 2)
        group.join("a")
        owned, sent = group.take("a")
        assert (owned["type"], owned["partition"], owned["frame"]) == ("owned", 0, 1)
        assert ([e["id"] for e in sent["events"]], sent["frame"]) == (["1", "2"], 2)

    def test_without_a_member_nothing_is_lost(self, client: Client) -> None:
        group = Group.of(client)
        group.publish("wf", 2)
        group.publish("wf", 2, start=3)
        group.join("a")
        assert [sequence for _, sequence in group.events("a")] == ["1", "2", "3", "4"]

    def test_from_now_what_was_before_is_not_the_groups(self, client: Client) -> None:
        live = Live(client, partitions=1)
        live.store.publish(events(2), stream="wf")
        live.settle()
        group = Group.of(client, start=Start.NOW)
        group.publish("wf", 1, start=3)
        group.join("a")
        assert group.events("a") == [("wf", "3")]

    def test_what_was_not_acknowledged_goes_to_who_comes_next(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 3)
        group.leave("a")
        group.publish("wf", 1, start=4)
        group.join("b")
        received = []
        for _ in range(4):
            frame = group.take("b")[-1]
            received.append((frame.get("attempt"), [e["id"] for e in frame["events"]]))
            group.ack("b", frame)
        assert received == [(2, ["1"]), (2, ["2"]), (2, ["3"]), (None, ["4"])]

    def test_an_event_that_its_members_die_of_is_found_and_parked(self, client: Client) -> None:
        group = Group.of(client, max_attempts=2)
        group.join("m0")
        group.publish("wf", 1)
        group.publish("bad", 2)
        group.publish("other", 1)
        deaths = 0
        for number in range(1, 6):
            group.leave(f"m{number - 1}")
            group.join(f"m{number}")
            while frames := [m for m in group.take(f"m{number}") if m["type"] == "events"]:
                if any(e["hubstream"] == "bad" for m in frames for e in m["events"]):
                    deaths += 1
                    break
                group.ack(f"m{number}", frames[-1])
            else:
                break
        assert deaths == 2
        assert [(one.stream, one.sequence) for one in group.live.letters.kept] == [("bad", 1), ("bad", 2)]

    def test_what_was_acknowledged_does_not_come_again(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 3)
        group.ack("a", group.take("a")[-1])
        group.leave("a")
        group.publish("wf", 1, start=4)
        group.join("b")
        assert group.events("b") == [("wf", "4")]

    def test_partitions_are_spread_over_members(self, client: Client) -> None:
        group = Group.of(client, partitions=16)
        group.join("a")
        assert kinds(group.take("a")) == ["owned"] * 16
        group.join("b")
        revoked = [message["partition"] for message in group.take("a") if message["type"] == "revoked"]
        assert 0 < len(revoked) < 16
        assert group.take("b") == []
        for partition in revoked:
            group.live.members.release("a", "w", partition)
        group.settle()
        assert sorted(message["partition"] for message in group.take("b")) == sorted(revoked)

    def test_numbers_go_on_from_one_owner_to_the_next(self, client: Client) -> None:
        group = Group.of(client)
        group.publish("wf", 1)
        numbers = []
        for name in ("a", "b", "c"):
            group.join(name)
            numbers += [message["frame"] for message in group.take(name)]
            group.leave(name)
        assert numbers == [1, 2, 3, 4, 5, 6]

    def test_a_revoked_owner_gets_nothing_more_and_the_next_one_all_it_left(self, client: Client) -> None:
        group = Group.of(client)
        # Of two members, the one with the greater weight owns the partition: the other one joins first.
        chosen = owner_of([Member("a", "w"), Member("b", "w")], group.durable.key, 0)
        assert chosen is not None
        second, first = chosen.connection, "b" if chosen.connection == "a" else "a"
        group.join(first)
        group.publish("wf", 2)
        group.take(first)
        group.join(second)
        group.publish("wf", 1, start=3)
        assert kinds(group.take(first)) == ["revoked"]
        assert group.take(second) == []
        group.live.members.release(first, "w", 0)
        group.settle()
        assert [sequence for _, sequence in group.events(second)] == ["1", "2", "3"]
        assert group.take(first) == []

    def test_who_does_not_release_loses_the_partition_in_the_end(self, client: Client) -> None:
        group = Group.of(client, ack_deadline_ms=30_000)
        chosen = owner_of([Member("a", "w"), Member("b", "w")], group.durable.key, 0)
        assert chosen is not None
        second, first = chosen.connection, "b" if chosen.connection == "a" else "a"
        group.join(first)
        group.join(second)
        assert group.take(second) == []
        group.live.turns.skew = 31_000
        group.turn()
        assert kinds(group.take(second)) == ["owned"]


class TestSilence:
    """Whose connection looks open although its other end has gone, or hangs."""

    @pytest.fixture
    def group(self, client: Client) -> Group:
        return Group.of(client, ack_deadline_ms=30_000)

    def members(self, group: Group) -> tuple[str, str]:
        """Two members, of which the first one owns the partition."""
        chosen = owner_of([Member("a", "w"), Member("b", "w")], group.durable.key, 0)
        assert chosen is not None
        owner, other = chosen.connection, "b" if chosen.connection == "a" else "a"
        group.join(owner)
        group.join(other)
        assert kinds(group.take(owner)) == ["owned"]
        return owner, other

    def pass_deadlines(self, group: Group, count: int) -> None:
        for _ in range(count):
            group.live.turns.skew += 31_000
            group.turn()

    def test_a_member_that_stays_silent_loses_the_partition_to_another(self, group: Group) -> None:
        owner, other = self.members(group)
        group.publish("wf", 3)
        self.pass_deadlines(group, 1)
        assert group.take(other) == [], "once, its handler may have taken too long"
        # Its second silence, and the one in which it does not release.
        self.pass_deadlines(group, 3)
        sent = group.take(other)
        assert sent[0]["type"] == "owned"
        assert ("wf", "1") in [(e["hubstream"], e["hubsequence"]) for m in sent for e in m.get("events", [])]
        assert "revoked" in kinds(group.take(owner))
        assert group.live.letters.kept == [], "nothing is parked"

    def test_others_keep_it_for_a_while_then_it_is_chosen_again(self, group: Group) -> None:
        owner, other = self.members(group)
        group.publish("wf", 1)
        self.pass_deadlines(group, 4)
        group.ack_stream(other, "wf", 1)
        group.take(owner)
        group.take(other)
        self.pass_deadlines(group, 3)
        assert kinds(group.take(other)) == []
        self.pass_deadlines(group, 10)
        assert "revoked" in kinds(group.take(other))

    def test_who_is_heard_from_in_between_keeps_it(self, group: Group) -> None:
        owner, other = self.members(group)
        group.publish("wf", 9)
        for sequence in range(1, 6):
            self.pass_deadlines(group, 1)
            group.ack_stream(owner, "wf", sequence)
        assert group.take(other) == []

    def test_the_only_member_keeps_it(self, group: Group) -> None:
        group.join("a")
        group.publish("wf", 1)
        group.take("a")
        self.pass_deadlines(group, 4)
        assert "revoked" not in kinds(group.take("a"))


class TestAcknowledging:
    def test_no_more_is_sent_than_may_be_in_flight(self, client: Client) -> None:
        group = Group.of(client, max_in_flight=3)
        group.join("a")
        group.publish("wf", 8)
        first = group.take("a")
        assert [e["hubsequence"] for e in first[-1]["events"]] == ["1", "2", "3"]
        group.ack("a", first[-1])
        assert [sequence for _, sequence in group.events("a")] == ["4", "5", "6"]

    def test_acknowledging_twice_or_late_changes_nothing(self, client: Client) -> None:
        group = Group.of(client, max_in_flight=2)
        group.join("a")
        group.publish("wf", 6)
        first = group.take("a")[-1]
        group.ack("a", first)
        second = group.take("a")[-1]
        group.ack("a", second)
        group.ack("a", first)
        assert [sequence for _, sequence in group.events("a")] == ["5", "6"]

    def test_who_is_not_the_owner_acknowledges_nothing(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 2)
        message = group.take("a")[-1]
        group.leave("a")
        with pytest.raises(ConnectionNotFound):
            group.ack("a", message)
        group.join("b")
        assert group.events("b") == [("wf", "1")]


class TestFailing:
    def test_a_failed_event_comes_again_and_then_the_rest_of_its_stream(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 3)
        group.publish("other", 2)
        last = group.take("a")[-1]
        group.nack("a", "wf", 2)
        [again] = group.take("a")
        assert (again["stream"], again["attempt"], [e["id"] for e in again["events"]]) == ("wf", 2, ["2"])
        group.ack("a", last)
        group.ack_stream("a", "wf", 2)
        assert group.events("a") == [("wf", "3")]
        group.ack_stream("a", "wf", 3)
        group.publish("wf", 1, start=4)
        assert group.events("a") == [("wf", "4")]

    def test_while_a_stream_is_held_the_others_go_on(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.take("a")
        group.nack("a", "wf", 1, delay=60_000)
        group.publish("wf", 1, start=2)
        group.publish("other", 2)
        assert group.events("a") == [("other", "1"), ("other", "2")]

    def test_what_is_new_goes_before_a_stream_that_is_due_again_once(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=60_000)
        group.take("a")
        group.live.turns.skew = 61_000
        sent = []
        for number in (1, 2):
            group.live.store.publish(events(1, start=number), stream="other")
            group.live.dispatcher.take_turn(0)
            sent.append([(e["hubstream"], e["hubsequence"]) for m in group.live.received()["a"] for e in m["events"]])
        assert sent == [[("other", "1")], [("other", "2"), ("wf", "1")]]

    def test_a_turn_sends_of_each_held_stream_one_frame(self, client: Client) -> None:
        group, streams = Group.of(client), ("wf-1", "wf-2", "wf-3", "wf-4", "wf-5")
        group.join("a")
        for stream in streams:
            group.publish(stream, 1)
            group.nack("a", stream, 1)
            for number in range(2, 12):
                group.live.store.publish([event(str(number), data="x" * 90_000)], stream=stream)
        group.settle()
        group.take("a")
        for stream in streams:
            group.live.members.acknowledge_stream("w", AckStream("a", stream, 1))
        more = True
        turns: list[list[tuple[str, str]]] = []
        while more:
            more = group.live.dispatcher.take_turn(0)
            group.seen = group.live.received()
            turns.append(group.events("a"))
        assert turns == [[(stream, "2") for stream in streams]]
        group.ack_stream("a", "wf-3", 2)
        assert group.events("a") == [("wf-3", "3")]

    def test_a_later_try_is_asked_for(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=5_000)
        assert group.live.dispatch_queue.later[-1] == (0, pytest.approx(5, abs=0.5))

    def test_a_clock_that_is_set_back_an_hour_delays_no_later_try(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=5_000)
        group.take("a")
        group.live.turns.skew = -3_600_000
        group.turn()
        assert group.take("a") == []
        group.live.turns.skew += 5_001
        group.turn()
        assert group.events("a") == [("wf", "1")]

    def test_a_turn_that_comes_early_since_the_clock_was_set_back_asks_for_another(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=5_000)
        group.live.dispatch_queue.later.clear()
        # The message arrives in time, by any clock but the cache's.
        group.live.turns.skew = -3_600_000
        group.turn()
        assert group.live.dispatch_queue.later == [(0, 5.0)]

    def test_a_try_later_than_a_turn_can_be_requested_is_requested_again_by_that_turn(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, delay=1_000_000)
        later = group.live.dispatch_queue.later
        for skew in (31_000, 932_000):
            later.clear()
            group.live.turns.skew = skew
            group.turn()
            assert len(later) == 1
        assert later == [(0, pytest.approx(1000 - 932, abs=10))]

    def test_what_is_not_acknowledged_in_time_comes_again(self, client: Client) -> None:
        group = Group.of(client, ack_deadline_ms=10_000)
        group.join("a")
        group.publish("wf", 2)
        group.take("a")
        group.live.turns.skew = 11_000
        group.turn()
        group.live.turns.skew = 14_000
        group.turn()
        [again] = group.take("a")
        assert (again["attempt"], [e["id"] for e in again["events"]]) == (2, ["1"])

    def test_of_a_held_stream_no_more_is_under_way_than_one_frame_holds(self, client: Client) -> None:
        """A second frame that names the stream would be handled though an event of the first one failed."""
        group = Group.of(client)
        group.live.dispatcher = group.live.worker(TurnLimits(frames=FrameLimits(events=2)))
        group.join("a")
        group.publish("wf", 6)
        group.take("a")
        group.nack("a", "wf", 1)
        group.ack_stream("a", "wf", 1)
        first, second = group.take("a")
        assert [[e["hubsequence"] for e in one["events"]] for one in (first, second)] == [["1"], ["2", "3"]]
        group.ack_stream("a", "wf", 3)
        assert group.events("a") == [("wf", "4"), ("wf", "5")]

    def test_what_a_held_stream_has_handled_does_not_come_again_to_who_goes_back(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("other", 1)
        group.publish("wf", 2)
        group.take("a")
        group.nack("a", "wf", 1)
        group.ack_stream("a", "wf", 1)
        group.ack_stream("a", "wf", 2)
        assert group.take("a")[-1]["events"] == []
        group.live.members.unsubscribe("a", "w")
        group.settle()
        group.join("b")
        assert group.events("b") == [("other", "1")]

    def test_a_turn_that_is_taken_again_after_the_deadline_charges_no_attempt(self, client: Client) -> None:
        group = Group.of(client, ack_deadline_ms=10_000)
        group.join("a")
        group.take("a")
        group.live.store.publish(events(1), stream="wf")
        group.live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            group.live.dispatcher.take_turn(0)
        group.live.deliveries.broken = False
        group.live.turns.skew += 11_000
        group.turn()
        [one] = group.live.durables.groups(group.durable).values()
        assert (len(one.flight), one.held) == (1, {})


class TestParking:
    @pytest.fixture
    def group(self, client: Client) -> Group:
        group = Group.of(client, max_attempts=2)
        group.join("a")
        group.publish("bad", 3)
        group.publish("good", 1)
        group.take("a")
        group.nack("a", "bad", 1)
        assert group.events("a") == [("bad", "1")]
        group.nack("a", "bad", 1)
        return group

    def test_out_of_attempts_the_stream_is_set_aside_in_order(self, group: Group) -> None:
        group.publish("bad", 1, start=4)
        group.publish("good", 1, start=2)
        assert group.events("a") == [("good", "2")]
        letters = group.live.letters.kept
        assert [(one.stream, one.sequence, one.attempts) for one in letters] == [
            ("bad", 1, 2),
            ("bad", 2, 0),
            ("bad", 3, 0),
            ("bad", 4, 0),
        ]
        assert letters[0].errors == ("no", "no")

    @pytest.mark.parametrize(("how", "wanted"), [("start", "1234"), ("skip", "234"), ("drop", "4")])
    def test_redrive_puts_it_back_in_order(self, group: Group, how: str, wanted: str) -> None:
        group.live.durables.enqueue(group.durable, {0: [Redrive("bad", how)]})
        group.turn()
        group.publish("bad", 1, start=4)
        got: list[str] = []
        for _ in range(4):
            for stream, sequence in group.events("a"):
                assert stream == "bad"
                got.append(sequence)
                group.ack_stream("a", "bad", int(sequence))
        assert got == list(wanted)

    def test_what_is_new_of_other_streams_makes_no_turn_read_a_parked_one(self, group: Group) -> None:
        with mock.patch.object(group.live.log, "tail", wraps=group.live.log.tail) as tail:
            group.publish("good", 1, start=2)
        assert [call.kwargs["streams"] for call in tail.call_args_list] == [()]
        group.publish("bad", 1, start=4)
        assert [letter.sequence for letter in group.live.letters.kept] == [1, 2, 3, 4]

    def test_a_nack_may_park_at_once(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 1)
        group.nack("a", "wf", 1, park=True)
        assert [letter.sequence for letter in group.live.letters.kept] == [1]


class TestBeingFull:
    """Two streams set aside are as many as may be."""

    @pytest.fixture
    def group(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> Group:
        monkeypatch.setattr("eventstore.groups.state.MOST_ASIDE", 2)
        group = Group.of(client, ack_deadline_ms=10_000)
        group.join("a")
        for stream in ("wf-1", "wf-2", "wf-3"):
            group.publish(stream, 1)
        group.take("a")
        return group

    def test_nothing_new_is_taken_and_no_turn_asked_for(self, group: Group) -> None:
        group.nack("a", "wf-1", 1, park=True)
        group.publish("wf-4", 1)
        assert group.events("a") == [("wf-4", "1")]
        group.nack("a", "wf-2", 1, park=True)
        group.publish("wf-5", 1)
        group.publish("wf-1", 1, start=2)
        assert group.events("a") == []
        assert not group.live.dispatcher.take_turn(0)

    def test_redrive_makes_room(self, group: Group) -> None:
        group.nack("a", "wf-1", 1, park=True)
        group.nack("a", "wf-2", 1, park=True)
        group.publish("wf-4", 1)
        group.live.durables.enqueue(group.durable, {0: [Redrive("wf-1", "drop")]})
        group.turn()
        assert group.events("a") == [("wf-4", "1")]

    def test_a_held_stream_that_caught_up_makes_room(self, group: Group) -> None:
        group.nack("a", "wf-1", 1, park=True)
        group.nack("a", "wf-2", 1)
        group.publish("wf-4", 1)
        assert group.events("a") == [("wf-2", "1")]
        group.ack_stream("a", "wf-2", 1)
        assert group.events("a") == [("wf-4", "1")]

    def test_what_was_in_flight_comes_again_for_what_is_held_may_be_behind_it(self, group: Group) -> None:
        group.nack("a", "wf-2", 1, delay=5000)
        group.nack("a", "wf-3", 1, delay=5000)
        group.publish("wf-4", 1)
        group.leave("a")
        group.join("b")
        assert group.events("b") == [("wf-1", "1")]
        group.live.turns.skew = 6000
        group.turn()
        assert group.events("b") == [("wf-2", "1"), ("wf-3", "1")]


def test_however_many_commands_are_left_at_once_each_is_taken_in(client: Client) -> None:
    group = Group.of(client)
    group.join("a")
    group.publish("wf", 2)
    group.take("a")
    redrives = [Redrive(f"none-{number}", "start") for number in range(4500)]
    assert group.live.durables.enqueue(group.durable, {0: [*redrives, Replay(BEGINNING)]}) == [0]
    group.turn()
    assert [sequence for _, sequence in group.events("a")] == ["1", "2"]


def test_a_replay_starts_over(client: Client) -> None:
    group = Group.of(client)
    group.join("a")
    group.publish("wf", 2)
    group.ack("a", group.take("a")[-1])
    group.live.durables.enqueue(group.durable, {0: [Replay(BEGINNING)]})
    group.turn()
    assert [sequence for _, sequence in group.events("a")] == ["1", "2"]


def emptied(client: Client) -> tuple[Group, DurableSubscriptions, str]:
    """A group that handled five events of which the first three are gone, and a cursor behind the first of them."""
    group = Group.of(client)
    group.join("a")
    group.live.log.create("wf", StreamConfig(Retention(max_events=2)))
    group.publish("wf", 1)
    first = group.take("a")[-1]
    group.ack("a", first)
    group.publish("wf", 4, start=2)
    group.ack("a", group.take("a")[-1])
    group.live.log.trim("wf")
    assert group.live.log.describe("wf").first == 4
    group.turn()
    return group, group.live.operators, first["cursor"]


def test_a_replay_reports_what_was_removed_behind_its_place(client: Client) -> None:
    group, operators, cursor = emptied(client)
    operators.replay(NAME, StartPosition(cursors=[cursor]))
    group.settle()
    _, missing, sent = group.take("a")
    assert missing["missing"] == [{"stream": "wf", "first": 2, "last": 3}]
    assert [one["hubsequence"] for one in sent["events"]] == ["4", "5"]


def test_a_replay_reports_it_once(client: Client) -> None:
    group, operators, cursor = emptied(client)
    operators.replay(NAME, StartPosition(cursors=[cursor]))
    group.settle()
    group.ack("a", group.take("a")[-1])
    group.publish("wf", 1, start=6)
    assert kinds(group.take("a")) == ["events"]


@pytest.mark.parametrize(
    ("place", "wanted"), [(StartPosition(oldest=True), ["owned", "events"]), (StartPosition(), ["owned"])]
)
def test_a_replay_from_what_there_is_misses_nothing(client: Client, place: StartPosition, wanted: list[str]) -> None:
    group, operators, _ = emptied(client)
    operators.replay(NAME, place)
    group.settle()
    assert kinds(group.take("a")) == wanted


def test_a_replay_from_now_on_misses_nothing_of_a_log_that_was_emptied(client: Client) -> None:
    group, operators, _ = emptied(client)
    live = group.live
    live.store.delete("wf")
    group.settle()
    group.take("a")
    Sweeper(live.log, live.registry, live.turns, live.dispatch_queue, live.members, clock=live.clock).sweep(
        until=1 << 62
    )
    operators.replay(NAME, StartPosition())
    group.publish("other", 1)
    assert kinds(group.take("a")) == ["owned", "events"]


def test_behind_a_page_only_what_was_removed_after_it_was_read_is_missing(client: Client) -> None:
    group = Group.of(client)
    group.publish("first", 1)
    group.publish("before", 1)
    group.publish("after", 1)
    group.live.store.delete("before")
    page = read_all(group.live.log, AllQuery(limit=1))
    group.live.store.delete("after")
    group.publish("last", 1)
    live = group.live
    live.operators.create(Durable("2" * 24, "late", parse_filters([])), StartPosition(cursors=[page.cursor]))
    live.operators.replay(NAME, StartPosition(cursors=[page.cursor]))
    for name, durable in (("a", NAME), ("b", "late")):
        live.connect(name)
        live.members.join(name, "w", durable)
        group.settle()
        _, missing, sent = group.take(name)
        assert missing["missing"] == [{"stream": "after", "first": 1, "last": 1}]
        assert [one["hubstream"] for one in sent["events"]] == ["last"]


def test_one_that_starts_behind_a_cursor_is_notified_of_what_was_removed_since(client: Client) -> None:
    group, operators, cursor = emptied(client)
    operators.create(Durable("2" * 24, "late", parse_filters([])), StartPosition(cursors=[cursor]))
    group.live.connect("b")
    group.live.members.join("b", "w", "late")
    group.settle()
    _, missing, sent = group.take("b")
    assert missing["missing"] == [{"stream": "wf", "first": 2, "last": 3}]
    assert [one["hubsequence"] for one in sent["events"]] == ["4", "5"]


def test_only_what_matches_is_the_groups(client: Client) -> None:
    live = Live(client, partitions=1)
    durable = Durable("1" * 24, NAME, parse_filters([{"exact": {"type": "t.1"}}]))
    live.durables.create(durable, {0: Start.OLDEST})
    group = Group(live, durable)
    group.join("a")
    live.store.publish([event("1", type="t.1"), event("2", type="t.2"), event("3", type="t.1")], stream="wf")
    group.settle()
    assert group.events("a") == [("wf", "1"), ("wf", "3")]


def test_a_turn_that_came_to_nothing_is_taken_again_with_the_same_frames(client: Client) -> None:
    group = Group.of(client, max_in_flight=10)
    group.join("a")
    group.take("a")
    live = group.live
    live.store.publish(events(2), stream="wf")
    live.deliveries.broken = True
    with pytest.raises(Exception, match="broken"):
        live.dispatcher.take_turn(0)
    live.deliveries.broken = False
    first = live.received()["a"]
    live.store.publish(events(1, start=3), stream="wf")
    live.worker().take_turn(0)
    assert live.received()["a"] == first
    group.settle()
    assert [sequence for _, sequence in group.events("a")] == ["3"]


def test_where_events_went_that_a_turn_may_have_sent_the_owner_is_notified_again(client: Client) -> None:
    group = Group.of(client)
    group.join("a")
    group.take("a")
    live = group.live
    live.store.publish(events(2), stream="gone")
    live.store.publish(events(2), stream="wf")
    live.deliveries.broken = True
    with pytest.raises(Exception, match="broken"):
        live.dispatcher.take_turn(0)
    live.deliveries.broken = False
    assert [message["frame"] for message in live.received()["a"]] == [2]
    live.log.delete("gone", permanently=False)
    group.settle()
    owned, missing, sent = group.take("a")
    assert (owned["type"], missing["missing"][0]["stream"]) == ("owned", "gone")
    # Far from the number that stood for something else.
    assert (owned["frame"], missing["frame"], sent["frame"]) == (100_002, 100_003, 100_004)
    assert [e["hubsequence"] for e in sent["events"]] == ["1", "2"]


def test_a_group_that_is_deleted_is_gone(client: Client) -> None:
    group = Group.of(client)
    group.join("a")
    group.take("a")
    group.live.durables.delete(NAME)
    group.publish("wf", 1)
    assert group.take("a") == []
    with pytest.raises(SubscriptionNotFound):
        group.live.durables.get(NAME)


class TestHowMuchIsRead:
    def test_a_turn_reads_one_event_more_than_may_be_in_flight(self, client: Client, reads: list[int]) -> None:
        group = Group.of(client, max_in_flight=3)
        group.publish("wf", 50)
        reads.clear()
        group.join("a")
        assert group.events("a") == [("wf", "1"), ("wf", "2"), ("wf", "3")]
        assert set(reads) == {4}

    def test_behind_a_held_stream_a_turn_reads_on(self, client: Client, reads: list[int]) -> None:
        group = Group.of(client, max_in_flight=3)
        group.publish("bad", 20)
        group.publish("good", 1)
        group.join("a")
        reads.clear()
        group.nack("a", "bad", 1, delay=60)
        assert ("good", "1") in group.events("a")
        assert max(reads) == 200

    def test_behind_a_filter_a_turn_reads_on(self, client: Client, reads: list[int]) -> None:
        group = Group.of(client, max_in_flight=3)
        wanted = Durable("1" * 24, "wanted", parse_filters([{"exact": {"id": "30"}}]), settings=group.durable.settings)
        group.live.durables.create(wanted, {0: Start.OLDEST})
        group.publish("wf", 50)
        group.live.connect("b")
        reads.clear()
        group.live.members.join("b", "w", "wanted")
        group.settle()
        assert group.events("b") == [("wf", "30")]
        assert set(reads) == {200}
