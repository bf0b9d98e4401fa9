"""Rules: a durable subscription with a target, on a real store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.access import FULL
from eventstore.adapters.redis.keys import turn_keys
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.durable.admin import StartPosition
from eventstore.durable.directory import Directory
from eventstore.errors import QueueUnavailable
from eventstore.filters import parse_filters
from eventstore.groups import PUSH_LOST_MS, TARGET, Change, Group, Join, Member, Redrive
from eventstore.groups.state import CLOSED
from eventstore.live.dispatch import QUEUED, Pushing
from eventstore.ports import TargetThrottled, TargetUnavailable, TurnResult
from eventstore.positions import BEGINNING
from eventstore.subscriptions import SubscriptionId, Target
from tests.examples import event
from tests.functional.core.pushing import NAME, Rule, body_of, failing, refusing

if TYPE_CHECKING:
    from collections.abc import Collection

    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Turn


def test_a_target_gets_every_event_once_in_order(client: Client) -> None:
    rule = Rule(client)
    rule.publish("wf", 250)
    rule.settle()
    assert rule.target.handled == [("wf", number) for number in range(1, 251)]
    assert (rule.group.flight, rule.group.held) == ([], {})


def test_an_event_is_pushed_as_it_was_published_with_its_place(client: Client) -> None:
    rule = Rule(client)
    bodies = []
    rule.target.refuse = lambda event: bodies.append(body_of(event))  # type: ignore[func-returns-value]
    rule.publish("wf", 1)
    rule.settle()
    assert [(body["id"], body["hubstream"], body["hubsequence"]) for body in bodies] == [("1", "wf", "1")]


@pytest.mark.parametrize(("batch", "concurrency"), [(1, 5), (10, 1), (10, 5), (100, 50)])
def test_streams_go_side_by_side_each_in_order(client: Client, batch: int, concurrency: int) -> None:
    rule = Rule(client, batch=batch, concurrency=concurrency)
    for number in range(7):
        rule.publish(f"wf-{number}", 20)
    rule.settle()
    for number in range(7):
        assert [s for stream, s in rule.target.handled if stream == f"wf-{number}"] == list(range(1, 21))
    assert sum(map(len, rule.target.calls)) == 140


def test_a_turn_that_only_pushes_says_so_and_one_that_learns_of_results_does_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule(client, batch=10, max_in_flight=2)
    commits: list[tuple[bool, bool]] = []
    commit = rule.live.turns.commit

    def noted(turn: Turn, result: TurnResult) -> bool:
        if rule.durable.key in result.groups:
            commits.append((rule.durable.key in result.pushed, bool(turn.commands)))
        return commit(turn, result)

    monkeypatch.setattr(rule.live.turns, "commit", noted)
    rule.publish("wf", 3)
    rule.settle()
    assert commits == [(True, False), (False, True), (False, True)]
    assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]


def test_a_turn_that_passes_events_without_pushing_any_does_not_say_that_it_only_pushes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Rule(client)
    results: list[TurnResult] = []
    commit = rule.live.turns.commit
    monkeypatch.setattr(rule.live.turns, "commit", lambda turn, result: results.append(result) or commit(turn, result))
    changed = replace(rule.durable, filter=parse_filters([{"exact": {"type": "other"}}]), version=2)
    rule.command(Change(changed.version, changed.encoded()))
    rule.live.settle()
    rule.publish("wf", 3)
    rule.live.settle()
    assert rule.group.place > BEGINNING
    assert [list(result.pushed) for result in results if result.groups] == [[], []]


def test_events_larger_than_a_queue_takes_are_pushed_whole_to_a_topic_only(client: Client) -> None:
    for kind, is_whole in (("sqs", False), ("kafka", True)):
        rule = Rule(client)
        target = Target(kind, "q", batch=100)
        rule.command(Change(2, replace(rule.durable, target=target, version=2).encoded()))
        rule.live.settle()
        pushed: list[PushedEvent] = []
        rule.target.refuse = pushed.append  # type: ignore[assignment]
        rule.live.store.publish([event("big", data="x" * 230_000), event("small")], stream="wf")
        rule.settle()
        [first, second] = pushed
        assert (len(first.text) > 230_000, "dataref" in body_of(first)) == (is_whole, not is_whole)
        assert second.sequence == 2
        client.flushall()


def test_only_one_round_is_under_way_so_that_nothing_overtakes_what_failed(client: Client) -> None:
    rule = Rule(client, max_in_flight=3)
    rule.publish("wf", 9)
    rule.live.settle()
    rule.live.dispatch_queue.request_turns([0])
    rule.live.settle()
    assert [len(texts) for texts in rule.live.pushes.by_group.values()] == [1]


def test_a_failure_holds_its_stream_only(client: Client) -> None:
    rule = Rule(client, batch=10)
    rule.target.refuse = refusing(("wf-1", 2))
    for stream in ("wf-1", "wf-2"):
        rule.publish(stream, 4)
    rule.settle()
    assert rule.target.handled == [("wf-1", 1), *(("wf-2", number) for number in range(1, 5))]
    assert list(rule.group.held) == ["wf-1"]
    assert rule.group.held["wf-1"].errors == ["no"]
    rule.target.refuse = lambda _: None
    rule.pass_time(3)
    assert [s for stream, s in rule.target.handled if stream == "wf-1"] == [1, 2, 3, 4]


def test_an_event_that_fails_again_and_again_parks_its_stream_with_the_targets_words(client: Client) -> None:
    rule = Rule(client, max_attempts=3)
    rule.target.refuse = refusing(("wf", 2))
    rule.publish("wf", 3)
    rule.settle()
    for _ in range(5):
        rule.pass_time(120)
    assert rule.target.calls.count([("wf", 2)]) == 3
    assert rule.letters() == [("wf", 2), ("wf", 3)]
    assert rule.live.letters.kept[0].errors == ("no", "no", "no")


def test_a_failure_without_a_remedy_parks_at_once(client: Client) -> None:
    rule = Rule(client)
    rule.target.refuse = refusing(("wf", 1), park=True)
    rule.publish("wf", 2)
    rule.settle()
    assert (rule.target.calls, rule.letters()) == ([[("wf", 1)]], [("wf", 1), ("wf", 2)])


def test_a_target_says_when_to_try_an_event_again(client: Client) -> None:
    rule = Rule(client)
    rule.target.refuse = refusing(("wf", 1), delay_ms=50_000)
    rule.publish("wf", 1)
    rule.settle()
    rule.pass_time(49)
    assert len(rule.target.calls) == 1
    rule.pass_time(1)
    assert len(rule.target.calls) == 2


@pytest.mark.parametrize("how", ["start", "skip", "drop"])
def test_a_parked_stream_is_redriven(client: Client, how: str) -> None:
    rule = Rule(client)
    rule.target.refuse = refusing(("wf", 1), park=True)
    rule.publish("wf", 3)
    rule.settle()
    rule.target.refuse = lambda _: None
    rule.command(Redrive("wf", how))
    rule.publish("wf", 1, start=4)
    rule.settle()
    assert [s for _, s in rule.target.handled] == {"start": [1, 2, 3, 4], "skip": [2, 3, 4], "drop": [4]}[how]


class TestAwayTargets:
    def test_a_throttle_pauses_and_is_no_attempt(self, client: Client) -> None:
        rule = Rule(client, max_attempts=2)
        rule.target.refuse = failing(TargetThrottled, delay_ms=20_000)
        rule.publish("wf", 2)
        rule.settle()
        for _ in range(5):
            before = len(rule.target.calls)
            rule.pass_time(19)
            assert len(rule.target.calls) == before
            rule.pass_time(1)
            assert len(rule.target.calls) == before + 1
        assert (rule.letters(), rule.group.held["wf"].attempt) == ([], 0)
        rule.target.refuse = lambda _: None
        rule.pass_time(20)
        assert rule.target.handled == [("wf", 1), ("wf", 2)]

    def test_a_target_that_stays_away_opens_the_circuit_and_costs_no_stream(self, client: Client) -> None:
        rule = Rule(client, max_attempts=5, max_in_flight=10)
        rule.target.refuse = failing(TargetUnavailable)
        for number in range(40):
            rule.publish(f"wf-{number}", 2)
        rule.settle()
        for _ in range(200):
            rule.pass_time(60)
        assert (rule.group.circuit.is_open, rule.group.circuit.reason) == (True, "out of order")
        assert (rule.letters(), rule.group.parked) == ([], {})
        # A call in a round, before the circuit opened; then a probe of one event at a time, at most every 5 minutes.
        assert len(rule.target.calls) < 3 + 200 * 60 / 150
        assert all(len(call) == 1 for call in rule.target.calls)
        rule.target.refuse = lambda _: None
        for _ in range(30):
            rule.pass_time(60)
        assert rule.group.circuit.is_open is False
        assert sorted(rule.target.handled) == sorted((f"wf-{n}", s) for n in range(40) for s in (1, 2))

    def test_the_status_shows_the_circuit_and_never_the_hubs_own_id_of_the_target(self, client: Client) -> None:
        rule = Rule(client)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("wf", 3)
        rule.settle()
        standings = Directory(rule.live.log, rule.live.durables)
        [before] = standings.standings(access=FULL)
        rule.open_circuit()
        [after] = standings.standings(access=FULL)
        assert (before.open_circuits, after.open_circuits) == (0, 1)
        [partition] = after.partitions
        assert (partition.owner, partition.circuit.reason) == (None, "out of order")

    def test_a_circuit_that_is_open_is_probed_with_one_event(self, client: Client) -> None:
        rule = Rule(client, batch=10, concurrency=5)
        rule.target.refuse = failing(TargetUnavailable)
        for number in range(20):
            rule.publish(f"wf-{number}", 5)
        rule.settle()
        rule.open_circuit()
        before = len(rule.target.calls)
        rule.pass_time(600)
        assert [len(call) for call in rule.target.calls[before:]] == [1]

    def test_while_a_probe_is_under_way_events_request_no_later_turns(self, client: Client) -> None:
        rule = Rule(client, concurrency=5)
        rule.target.refuse = failing(TargetUnavailable)
        for number in range(5):
            rule.publish(f"wf-{number}", 2)
        rule.settle()
        rule.open_circuit()
        rule.live.clock.pass_seconds(600)
        rule.publish("other", 1)
        rule.live.settle()
        assert len(rule.waiting()) == 1
        before = list(rule.live.dispatch_queue.later)
        for number in range(2, 10):
            rule.live.clock.pass_seconds(2)
            rule.publish("other", 1, start=number)
            rule.live.settle()
        assert rule.live.dispatch_queue.later == before

    def test_an_event_that_alone_finds_the_target_away_is_parked_and_delays_nobody_for_long(
        self, client: Client
    ) -> None:
        rule = Rule(client, max_attempts=4)

        def refuse(event: PushedEvent) -> Exception | None:
            return TargetUnavailable("500") if (event.stream, event.sequence) == ("poison", 1) else None

        rule.target.refuse = refuse
        rule.publish("poison", 1)
        rule.settle()
        rule.open_circuit()
        for number in range(1, 40):
            rule.publish("wf", 1, start=number)
            rule.pass_time(60)
        assert rule.letters() == [("poison", 1)]
        assert [s for stream, s in rule.target.handled if stream == "wf"] == list(range(1, 40))

    def test_a_refusal_that_does_not_count_is_no_attempt(self, client: Client) -> None:
        rule = Rule(client, max_attempts=2)
        rule.target.refuse = refusing(("wf", 1), counts=False)
        rule.publish("wf", 1)
        rule.settle()
        for _ in range(5):
            rule.pass_time(60)
        assert (rule.letters(), rule.group.held["wf"].attempt) == ([], 0)

    def test_an_answer_of_any_kind_closes_the_circuit(self, client: Client) -> None:
        rule = Rule(client)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("wf", 3)
        rule.settle()
        rule.open_circuit()
        rule.target.refuse = refusing(("wf", 1))
        rule.pass_time(600)
        assert (rule.group.circuit.is_open, rule.group.held["wf"].attempt) == (False, 3)

    def test_a_lane_that_finds_the_target_away_stops_the_others(self, client: Client) -> None:
        rule = Rule(client, concurrency=3)
        rule.target.refuse = failing(TargetUnavailable)
        for number in range(50):
            rule.publish(f"wf-{number}", 2)
        rule.live.settle()
        rule.push_next(rule.waiting()[0])
        [result] = rule.live.dispatch_queue.results
        assert len(rule.target.calls) <= 3
        assert len([failed for failed in result.failed if failed.counts]) <= 3
        assert {failed.stream for failed in result.failed} == {f"wf-{number}" for number in range(50)}


class TestTime:
    def test_what_there_is_no_time_for_is_pushed_next(self, client: Client) -> None:
        rule = Rule(client)
        rule.seconds = 100

        def slow(_: PushedEvent) -> None:
            rule.live.clock.pass_seconds(25)

        rule.target.refuse = slow  # type: ignore[assignment]
        rule.publish("wf-1", 4)
        rule.publish("wf-2", 4)
        rule.settle()
        assert len(rule.target.calls) == 8
        for stream in ("wf-1", "wf-2"):
            assert [s for name, s in rule.target.handled if name == stream] == [1, 2, 3, 4]
        assert rule.group.flight == []

    def test_a_push_without_time_for_one_call_is_redelivered(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 1)
        rule.live.settle()
        rule.seconds = 10
        rule.push_next(rule.waiting()[0])
        assert (rule.target.calls, rule.waiting()) == ([], [f"{rule.durable.key}-0"])
        rule.seconds = 100
        rule.settle()
        assert rule.target.handled == [("wf", 1)]


class TestDeaths:
    def test_a_function_that_dies_before_it_reports_pushes_again(self, client: Client) -> None:
        rule = Rule(client, batch=10)
        rule.publish("wf", 3)
        rule.live.settle()
        rule.push_next(rule.waiting()[0], report=False)
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)] * 2

    def test_a_report_that_comes_twice_changes_nothing_the_second_time(self, client: Client) -> None:
        rule = Rule(client, batch=10, max_in_flight=3)
        rule.target.refuse = refusing(("wf-1", 2))
        rule.publish("wf-1", 3)
        rule.publish("wf-2", 3)
        rule.live.settle()
        rule.push_next(rule.waiting()[0])
        rule.live.dispatch_queue.results *= 2
        rule.report()
        rule.settle()
        assert rule.group.held["wf-1"].attempt == 1
        assert [s for stream, s in rule.target.handled if stream == "wf-2"] == [1, 2, 3]

    def test_a_long_reason_is_cut_before_it_waits_in_the_store(self, client: Client) -> None:
        rule = Rule(client, batch=1)
        rule.publish("wf", 1)
        rule.target.refuse = lambda _: TargetUnavailable("away" * 500)
        rule.live.settle()
        rule.push_next(rule.waiting()[0])
        [result] = rule.live.dispatch_queue.results
        rule.results.enqueue(result)
        pushed, nack, _ = [command for _, command in rule.live.turns.begin(0, events=9, behind=9).commands]
        assert (len(pushed.unavailable), len(nack.reason)) == (300, 300)

    def test_a_report_that_comes_again_and_again_does_not_open_the_circuit(self, client: Client) -> None:
        rule = Rule(client)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("wf", 1)
        rule.live.settle()
        rule.push_next(rule.waiting()[0])
        rule.live.dispatch_queue.results *= 5
        rule.report()
        rule.settle()
        assert (rule.group.circuit.failures, rule.group.circuit.is_open) == (1, False)

    def test_a_turn_that_is_tried_again_pushes_once(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 3)
        rule.live.pushes.broken = True
        with pytest.raises(QueueUnavailable):
            rule.live.settle()
        rule.live.pushes.broken = False
        rule.live.dispatch_queue.request_turns([0])
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]

    def test_a_push_that_the_queue_lost_is_made_again(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 3)
        rule.live.settle()
        rule.live.pushes.by_group.clear()
        rule.pass_time(PUSH_LOST_MS / 1000 - 1)
        assert rule.target.calls == []
        rule.pass_time(1)
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]

    def test_the_report_of_a_push_that_was_given_up_changes_nothing(self, client: Client) -> None:
        rule = Rule(client)
        rule.target.refuse = refusing(("wf", 1), park=True)
        rule.publish("wf", 1)
        rule.live.settle()
        rule.push_next(rule.waiting()[0])
        late, rule.live.dispatch_queue.results = rule.live.dispatch_queue.results, []
        rule.target.refuse = lambda _: None
        rule.pass_time(PUSH_LOST_MS / 1000)
        rule.live.dispatch_queue.results += late
        rule.report()
        rule.settle()
        assert (rule.target.handled, rule.letters()) == ([("wf", 1)], [])

    def test_the_report_for_a_subscription_that_was_deleted_is_dropped(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 1)
        rule.live.settle()
        rule.live.operators.delete(NAME)
        rule.settle()
        assert rule.target.handled == [("wf", 1)]


class TestChanging:
    def change(self, rule: Rule, **changes: object) -> None:
        changed = replace(rule.durable, version=rule.durable.version + 1, **changes)  # type: ignore[arg-type]
        assert rule.live.durables.change(rule.durable, changed)
        rule.durable = changed
        rule.command(Change(changed.version, changed.encoded()))
        rule.settle()

    def test_a_target_takes_the_place_of_members_and_keeps_theirs(self, client: Client) -> None:
        rule = Rule(client)
        target = rule.durable.target
        self.change(rule, target=None)
        rule.live.connect("m")
        rule.live.members.join("m", "w", NAME)
        rule.publish("wf", 4)
        rule.settle()
        [events] = [m for m in rule.live.received()["m"] if m["type"] == "events"]
        rule.live.members.acknowledge("m", "w", [events["cursor"]])
        rule.settle()
        self.change(rule, target=target)
        rule.publish("wf", 2, start=5)
        rule.settle()
        assert rule.target.handled == [("wf", 5), ("wf", 6)]
        assert rule.group.members == []

    def test_members_take_the_place_of_a_target(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 2)
        rule.settle()
        self.change(rule, target=None)
        rule.live.connect("m")
        rule.live.members.join("m", "w", NAME)
        rule.publish("wf", 1, start=3)
        rule.settle()
        found = [e["hubsequence"] for m in rule.live.received()["m"] if m["type"] == "events" for e in m["events"]]
        assert found == ["3"]

    def test_members_do_not_inherit_an_open_circuit_from_a_target_that_lost_the_partition(self, client: Client) -> None:
        rule = Rule(client)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("wf", 1)
        rule.settle()
        rule.open_circuit()
        rule.live.connect("m")
        rule.command(Join("m", "w"))
        # With another epoch, frames have other numbers, and the owner is granted the partition again.
        rule.live.log.renew()
        self.change(rule, target=None)
        assert rule.group.owner == ("m", "w")
        assert rule.group.circuit == CLOSED

    def test_who_joins_all_the_same_gets_nothing(self, client: Client) -> None:
        """Its command was enqueued when there was no target yet."""
        rule = Rule(client)
        rule.live.connect("m")
        rule.command(Join("m", "w"))
        rule.publish("wf", 2)
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2)]
        assert "m" not in rule.live.received()

    def test_a_replay_pushes_again_from_there(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 3)
        rule.settle()
        rule.live.operators.replay(NAME, StartPosition(oldest=True))
        rule.settle()
        assert [s for _, s in rule.target.handled] == [1, 2, 3, 1, 2, 3]

    def test_what_was_removed_before_it_was_pushed_is_logged(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        rule = Rule(client)
        rule.publish("wf", 3)
        rule.live.store.delete("wf")
        rule.publish("wf", 1, start=4)
        rule.settle()
        assert rule.target.handled == [("wf", 4)]
        [record] = [record for record in caplog.records if "removed before it was pushed" in record.getMessage()]
        assert json.loads(record.getMessage().partition(": removed before it was pushed: ")[2]) == {
            "missing": [{"stream": "wf", "first": 1, "last": 3}]
        }


def test_a_turn_reads_no_more_than_a_push_can_have(client: Client, reads: list[int]) -> None:
    rule = Rule(client, batch=100, max_in_flight=1000)
    rule.publish("wf", 250)
    reads.clear()
    rule.settle()
    assert len(rule.target.handled) == 250
    assert set(reads) == {101}


class TestOneRoundAtATime:
    def test_a_held_stream_waits_for_the_results_of_the_round_under_way(self, client: Client) -> None:
        rule = Rule(client, max_attempts=9)
        rule.target.refuse = refusing(("bad", 1))
        rule.publish("bad", 1)
        rule.settle()
        rule.publish("good", 1)
        rule.live.settle()
        [group] = rule.waiting()
        for _ in range(3):
            rule.live.clock.pass_seconds(60)
            rule.live.dispatch_queue.request_turns([0])
            rule.live.settle()
        assert len(rule.live.pushes.by_group[group]) == 1
        rule.settle()
        assert rule.group.held["bad"].attempt == 2
        assert rule.target.handled == [("good", 1)]

    def test_nothing_is_due_while_a_round_is_under_way(self, client: Client) -> None:
        rule = Rule(client, max_attempts=9)
        rule.target.refuse = refusing(("bad", 1))
        rule.publish("bad", 1)
        rule.settle()
        rule.live.dispatch_queue.later.clear()
        rule.publish("good", 1)
        rule.live.settle()
        rule.live.clock.pass_seconds(60)
        rule.live.dispatch_queue.request_turns([0])
        rule.live.settle()
        # The one turn is for a push that is lost.
        assert [seconds > 600 for _, seconds in rule.live.dispatch_queue.later] == [True]

    def test_all_streams_that_are_due_are_in_one_round_with_new_events(self, client: Client) -> None:
        rule = Rule(client, max_attempts=9)
        rule.target.refuse = refusing(("bad", 1))
        rule.publish("bad", 1)
        rule.settle()
        rule.live.clock.pass_seconds(60)
        rule.publish("good", 1)
        rule.live.settle()
        [group] = rule.waiting()
        assert len(rule.live.pushes.by_group[group]) == 2

    def test_a_circuit_that_opens_is_not_kept_open_longer_by_other_pushes_of_its_round(self, client: Client) -> None:
        rule = Rule(client, max_attempts=9)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("a", 1)
        rule.settle()
        rule.publish("b", 1)
        rule.settle()
        assert rule.group.circuit.failures == 2
        rule.live.clock.pass_seconds(60)
        rule.publish("c", 1)
        rule.live.settle()
        [group] = rule.waiting()
        assert len(rule.live.pushes.by_group[group]) == 2
        for _ in range(2):
            rule.push_next(group)
            rule.report()
            rule.live.settle()
            assert (rule.group.circuit.failures, rule.group.circuit.is_open) == (3, True)
            # However long the target hangs, and so also after the pause.
            rule.live.clock.pass_seconds(60)
        rule.pass_time(60)
        assert rule.group.circuit.failures == 4


class TestWhileATargetIsAway:
    @pytest.fixture
    def decoded(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The texts of groups that were decoded."""
        texts: list[str] = []
        decoded = Group.decoded

        def noted(text: str) -> Group:
            texts.append(text)
            return decoded(text)

        monkeypatch.setattr(Group, "decoded", noted)
        return texts

    @staticmethod
    def away(client: Client) -> Rule:
        rule = Rule(client)
        rule.target.refuse = failing(TargetUnavailable)
        rule.publish("wf", 3)
        rule.open_circuit()
        return rule

    def test_turns_for_others_neither_decode_nor_store_the_group(self, client: Client, decoded: list[str]) -> None:
        rule = self.away(client)
        [text] = client.hvals(turn_keys(0).groups)
        decoded.clear()
        for number in range(5):
            rule.publish(f"other-{number}", 1)
            rule.live.settle()
        assert len(decoded) <= 1
        assert client.hvals(turn_keys(0).groups) == [text]

    def test_what_another_process_stores_is_read(self, client: Client) -> None:
        rule = self.away(client)
        rule.publish("other", 1)
        rule.live.settle()
        elsewhere = RedisTurns(client, partitions=1, clock=rule.live.turns)
        turn = elsewhere.begin(0, events=9, behind=9)
        group = turn.groups[rule.durable.key]
        group.frame += 7
        elsewhere.commit(turn, TurnResult(groups={rule.durable.key: group}))
        assert rule.live.turns.begin(0, events=9, behind=9).groups[rule.durable.key].frame == group.frame

    def test_events_that_were_published_meanwhile_are_pushed_when_it_is_back(self, client: Client) -> None:
        rule = self.away(client)
        for number in range(5):
            rule.publish(f"other-{number}", 1)
            rule.live.settle()
        rule.target.refuse = lambda _: None
        rule.pass_time(60)
        assert rule.group.circuit == CLOSED
        assert len(rule.target.handled) == 8


class TestPushers:
    """Instances of the server, each of which makes the pushes of its own turns."""

    @staticmethod
    def begin(rule: Rule, instance: str, *, gone: Collection[str] = ()) -> None:
        """Have an instance take the turns from now on."""
        pusher = Member(TARGET.connection, SubscriptionId(instance))
        rule.live.dispatcher._pushing = Pushing(pusher, lambda pusher, *_: pusher.id in gone)
        rule.live.dispatch_queue.request_turns([0])

    def owner(self, rule: Rule) -> str:
        assert rule.group.owner is not None
        return rule.group.owner.id

    def test_the_pushes_of_an_instance_that_is_gone_are_made_again_at_once(self, client: Client) -> None:
        rule = Rule(client)
        self.begin(rule, "first")
        rule.publish("wf", 3)
        rule.live.settle()
        rule.live.pushes.by_group.clear()
        self.begin(rule, "second", gone=["first"])
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]
        assert self.owner(rule) == "second"

    def test_an_event_that_failed_is_pushed_again_too_by_the_next_instance(self, client: Client) -> None:
        rule = Rule(client)
        self.begin(rule, "first")
        rule.target.refuse = refusing(("wf", 1))
        rule.publish("wf", 1)
        rule.settle()
        rule.target.refuse = lambda _: None
        rule.live.turns.skew += 60_000
        rule.live.dispatch_queue.request_turns([0])
        rule.live.settle()
        assert rule.group.held["wf"].sent
        rule.live.pushes.by_group.clear()
        self.begin(rule, "second", gone=["first"])
        rule.settle()
        assert (rule.target.handled, rule.group.held) == ([("wf", 1)], {})

    def test_the_pushes_of_an_instance_that_lives_are_waited_for(self, client: Client) -> None:
        rule = Rule(client)
        self.begin(rule, "first")
        rule.publish("wf", 2)
        rule.live.settle()
        self.begin(rule, "second")
        rule.publish("wf", 1, start=3)
        rule.live.settle()
        assert self.owner(rule) == "first"
        assert len(rule.waiting()) == 1
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]
        assert self.owner(rule) == "second"

    def test_a_queue_takes_over_from_an_instance_and_an_instance_from_a_queue(self, client: Client) -> None:
        rule = Rule(client)
        rule.publish("wf", 1)
        rule.settle()
        self.begin(rule, "server")
        rule.publish("wf", 1, start=2)
        rule.settle()
        rule.live.dispatcher._pushing = QUEUED
        rule.publish("wf", 1, start=3)
        rule.settle()
        assert rule.target.handled == [("wf", 1), ("wf", 2), ("wf", 3)]
        assert rule.group.owner == TARGET
