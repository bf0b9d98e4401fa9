"""Who gets which events, in which frames: turns on a real store."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import InvalidCursor, QueueUnavailable, TurnLost
from eventstore.filters import parse_filters
from eventstore.frames.builder import FrameLimits
from eventstore.groups import Nack
from eventstore.live.catch_up import TurnLimits
from eventstore.ports import Start
from eventstore.read.pages import AllQuery, read_all
from eventstore.streams import Retention, StreamConfig
from eventstore.subscriptions import Durable
from tests.examples import event, events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Candidates, Turn

CROWDED = TurnLimits(pairs=3 * (2 + 25))
"""Two events for three subscribers are not too many."""


@pytest.fixture
def live(client: Client) -> Live:
    return Live(client)


def ids(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [one["id"] for message in messages if message["type"] == "events" for one in message["events"]]


def all_received(live: Live) -> list[str]:
    """What each of a, b and c has received, which is the same."""
    received = live.received()
    assert sorted(received) == ["a", "b", "c"]
    [same] = {tuple(ids(messages)) for messages in received.values()}
    return list(same)


def frames(messages: Sequence[dict[str, Any]]) -> list[int]:
    return [message["frame"] for message in messages]


class TestLive:
    def test_an_event_reaches_who_subscribed_before(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.store.publish([event("1")], stream="wf")
        live.settle()
        assert ids(live.received()["a"]) == ["1"]

    def test_what_was_published_before_is_not_a_live_subscribers(self, live: Live) -> None:
        live.store.publish(events(3), stream="wf")
        live.subscribe("a")
        live.settle()
        assert ids(live.received()["a"]) == []

    @pytest.mark.parametrize("limits", [TurnLimits(events=2), TurnLimits(pairs=1)])
    def test_what_was_published_before_is_not_even_if_live_delivery_is_far_behind(
        self, client: Client, limits: TurnLimits
    ) -> None:
        live = Live(client, limits=limits)
        live.subscribe("a")
        live.settle()
        for number in range(9):
            live.store.publish([event(str(number))], stream="wf")
        live.subscribe("b")
        live.store.publish([event("9")], stream="wf")
        live.settle()
        received = live.received()
        assert (ids(received["a"]), ids(received["b"])) == ([str(number) for number in range(10)], ["9"])

    def test_an_event_published_right_after_subscribing_arrives(self, live: Live) -> None:
        live.subscribe("a")
        live.store.publish([event("1")], stream="wf")
        live.settle()
        assert ids(live.received()["a"]) == ["1"]

    def test_each_gets_what_it_asked_for(self, live: Live) -> None:
        live.subscribe("type", filters=[{"exact": {"type": "t.2"}}])
        live.subscribe("subject", filters=[{"exact": {"subject": "x"}}])
        live.subscribe("stream", streams=["wf-2"])
        live.subscribe("prefix", filters=[{"prefix": {"type": "t."}}])
        live.settle()
        live.received()
        live.store.publish([event("1", type="t.1", subject="x"), event("2", type="t.2")], stream="wf-1")
        live.store.publish([event("3", type="u")], stream="wf-2")
        live.settle()
        got = live.received()
        assert {name: ids(messages) for name, messages in got.items()} == {
            "type": ["2"],
            "subject": ["1"],
            "stream": ["3"],
            "prefix": ["1", "2"],
        }

    def test_frames_are_numbered_without_a_gap(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        for number in range(3):
            live.store.publish([event(str(number))], stream="wf")
            live.settle()
        assert frames(live.received()["a"]) == [1, 2, 3, 4]

    def test_a_frame_holds_no_more_than_it_may(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(frames=FrameLimits(events=4)))
        live.subscribe("a")
        live.settle()
        live.received()
        live.store.publish(events(10), stream="wf")
        live.settle()
        assert [len(message["events"]) for message in live.received()["a"]] == [4, 4, 2]

    def test_an_event_too_large_for_a_frame_comes_as_a_reference(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.received()
        live.store.publish([event("a/1", data="x" * 100_000)], stream="wf")
        live.settle()
        [message] = live.received()["a"]
        [one] = message["events"]
        assert "data" not in one
        assert one["dataref"] == "/api/v1/events/a%2F1?source=%2Ftests&stream=wf"

    def test_who_ended_a_subscription_gets_nothing_more(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.received()
        live.registry.unsubscribe("a", "s")
        live.store.publish(events(1), stream="wf")
        live.settle()
        assert live.received() == {}

    def test_who_is_gone_gets_nothing_more(self, live: Live) -> None:
        live.subscribe("a")
        live.subscribe("b")
        live.settle()
        live.received()
        live.registry.disconnect("a")
        live.store.publish(events(1), stream="wf")
        live.settle()
        assert list(live.received()) == ["b"]

    def test_a_turn_leaves_nothing_that_others_published_meanwhile(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(events=3))
        live.subscribe("a")
        live.settle()
        for number in range(20):
            live.store.publish([event(str(number))], stream=f"wf-{number % 3}")
        live.settle()
        assert ids(live.received()["a"]) == [str(number) for number in range(20)]

    def test_a_worker_whose_time_is_up_says_that_something_is_left(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(events=1))
        live.subscribe("a")
        live.settle()
        for number in range(2):
            live.store.publish([event(str(number))], stream="wf")
        assert live.dispatcher.serve(0, until=live.clock.now())

    def test_bare_events_are_frames_of_their_own_with_cursors(self, live: Live) -> None:
        live.subscribe("a", bare=True)
        live.settle()
        live.store.publish(events(2), stream="wf")
        live.settle()
        got = live.received()["a"]
        assert [(one["id"], one["hubpartition"], one["hubframe"]) for one in got] == [("1", 0, 1), ("2", 0, 2)]
        again = live.subscribe("b", bare=True, cursors=[got[0]["hubcursor"]])
        live.settle()
        assert (again.recovery, [one["id"] for one in live.received()["b"]]) == ("complete", ["2"])


class TestCatchingUp:
    def test_from_the_oldest_everything_comes_and_then_live(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=7))
        for number in range(50):
            live.store.publish([event(str(number))], stream=f"wf-{number % 5}")
        live.subscribe("a", oldest=True)
        live.store.publish([event("50")], stream="wf-0")
        live.settle()
        got = live.received()["a"]
        assert ids(got) == [str(number) for number in range(51)]
        assert [message["type"] for message in got].index("live") == len(got) - 1

    def test_who_subscribes_while_live_delivery_lags_is_live_when_all_of_before_was_sent(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(events=3))
        live.subscribe("live")
        live.settle()
        live.store.publish([event("0")], stream="wf")
        cursor = read_all(live.log, AllQuery(limit=1)).cursor
        for number in range(1, 20):
            live.store.publish([event(str(number))], stream="wf")
        live.subscribe("late", oldest=True)
        live.subscribe("later", cursors=[cursor])
        live.store.publish([event("20")], stream="wf")
        live.settle()
        got = live.received()
        for name, first in (("late", 0), ("later", 1)):
            assert ids(got[name]) == [str(number) for number in range(first, 21)]
            at = [message["type"] for message in got[name]].index("live")
            assert int(ids(got[name][:at])[-1]) >= 19

    def test_those_at_the_end_become_live_together_whatever_their_streams(
        self, live: Live, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.store.publish(events(3), stream="wf")
        reads: list[object] = []
        tail = live.log.tail
        monkeypatch.setattr(live.log, "tail", lambda *args, **options: reads.append(args) or tail(*args, **options))
        for name in "abc":
            live.subscribe(name, streams=[f"stream-{name}"])
        live.settle()
        assert {name: [one["type"] for one in messages] for name, messages in live.received().items()} == {
            name: ["live"] for name in "abc"
        }
        assert not reads

    def test_publishing_goes_on_while_somebody_catches_up(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(events=3, behind_events=5))
        live.subscribe("live")
        for number in range(30):
            live.store.publish([event(str(number))], stream="wf")
        live.subscribe("late", oldest=True)
        numbers = itertools.count(30)
        for _ in range(10):
            live.store.publish([event(str(next(numbers)))], stream="wf")
            live.dispatcher.take_turn(0)
        live.settle()
        got = live.received()
        everything = [str(number) for number in range(40)]
        assert (ids(got["late"]), ids(got["live"])) == (everything, everything)

    @pytest.mark.parametrize("cut", range(1, 12))
    def test_who_resumes_from_any_frame_misses_nothing(self, client: Client, cut: int) -> None:
        live = Live(client, partitions=4, limits=TurnLimits(frames=FrameLimits(events=2)))
        began = live.subscribe("a", oldest=True)
        for number in range(20):
            live.store.publish([event(str(number))], stream=f"wf-{number % 7}")
        live.settle()
        seen = live.received()["a"][:cut]
        newest = {message["partition"]: message["cursor"] for message in seen}
        live.registry.disconnect("a")
        live.store.publish([event("20")], stream="wf-1")
        again = live.subscribe("b", cursors=[began.cursor, *newest.values()])
        live.settle()
        rest = live.received()["b"]
        assert again.recovery == "complete"
        assert sorted(ids(seen) + ids(rest), key=int) == [str(number) for number in range(21)]

    def test_many_share_what_a_turn_reads_and_one_has_it_alone(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=8, behind_together=10))
        live.store.publish(events(20), stream="wf")
        live.subscribe("a", oldest=True)
        live.dispatcher.take_turn(0)
        assert len(ids(live.received()["a"])) == 8
        live.subscribe("b", oldest=True)
        live.dispatcher.take_turn(0)
        assert {name: len(ids(messages)) for name, messages in live.received().items()} == {"a": 5, "b": 5}

    def test_what_is_behind_comes_by_few_bytes_at_a_time(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(sent_bytes=5_000))
        live.store.publish([event(str(number), data="x" * 1_000) for number in range(9)], stream="wf")
        live.store.publish([event("9", data="x" * 9_000)], stream="wf")
        live.subscribe("a", oldest=True)
        counts = []
        while live.dispatcher.take_turn(0):
            counts.append(len(ids(live.received()["a"])))
        assert counts == [4, 4, 1]
        assert ids(live.received()["a"]) == ["9"]

    def test_the_cursor_of_subscribed_covers_every_partition(self, client: Client) -> None:
        live = Live(client, partitions=4)
        began = live.subscribe("a")
        live.settle()
        for number in range(8):
            live.store.publish([event(str(number))], stream=f"wf-{number}")
        live.subscribe("b", cursors=[began.cursor])
        live.settle()
        assert sorted(ids(live.received()["b"])) == [str(number) for number in range(8)]

    def test_cursors_that_leave_a_partition_out_are_refused(self, client: Client) -> None:
        live = Live(client, partitions=4)
        live.subscribe("a")
        live.settle()
        live.store.publish([event("1")], stream="wf")
        live.settle()
        [cursor] = [message["cursor"] for message in live.received()["a"] if message["type"] == "events"]
        with pytest.raises(InvalidCursor, match="do not cover"):
            live.subscribe("b", cursors=[cursor])

    def test_a_cursor_of_one_stream_needs_only_its_partition(self, client: Client) -> None:
        live = Live(client, partitions=4)
        live.subscribe("a", streams=["wf"])
        live.settle()
        live.store.publish(events(2), stream="wf")
        live.settle()
        cursor = live.received()["a"][0]["cursor"]
        assert live.subscribe("b", streams=["wf"], cursors=[cursor]).recovery == "complete"
        live.settle()
        assert ids(live.received()["b"]) == ["1", "2"]


class TestRecovery:
    def test_what_retention_removed_meanwhile_is_named(self, live: Live) -> None:
        live.log.create("wf", StreamConfig(Retention(max_events=2)))
        began = live.subscribe("a")
        live.settle()
        live.registry.disconnect("a")
        live.store.publish(events(5), stream="wf")
        live.settle()
        live.log.trim("wf")
        again = live.subscribe("b", cursors=[began.cursor])
        live.settle()
        assert (again.recovery, list(again.missing)) == ("truncated", [("wf", 1, 3)])
        assert ids(live.received()["b"]) == ["4", "5"]

    def test_what_was_received_before_it_was_removed_is_not_missing(self, live: Live) -> None:
        live.log.create("wf", StreamConfig(Retention(max_events=2)))
        live.subscribe("a")
        live.settle()
        live.store.publish(events(2), stream="wf")
        live.settle()
        cursor = live.received()["a"][-1]["cursor"]
        live.store.publish(events(2, start=3), stream="wf")
        live.settle()
        live.log.trim("wf")
        assert live.subscribe("b", cursors=[cursor]).recovery == "complete"

    def test_what_is_not_dispatched_yet_is_kept_whatever_the_retention_says(self, live: Live) -> None:
        live.log.create("wf", StreamConfig(Retention(max_events=1)))
        live.subscribe("a")
        live.settle()
        live.store.publish(events(5), stream="wf")
        live.log.trim("wf")
        live.settle()
        assert ids(live.received()["a"]) == ["1", "2", "3", "4", "5"]

    def test_what_was_removed_far_ahead_of_who_catches_up_is_reported_too(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=5))
        live.log.create("short", StreamConfig(Retention(max_events=5)))
        live.subscribe("keeps-it-dispatched")
        live.settle()
        live.store.publish(events(20), stream="long")
        live.store.publish(events(10), stream="short")
        live.subscribe("late", oldest=True)
        live.dispatcher.take_turn(0)
        live.log.trim("short")
        live.settle()
        got = live.received()["late"]
        assert [message["missing"] for message in got if message["type"] == "truncated"] == [
            [{"stream": "short", "first": 1, "last": 5}]
        ]
        assert len(ids(got)) == 25

    def test_who_is_overtaken_by_retention_while_catching_up_is_notified(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=2))
        live.log.create("wf", StreamConfig(Retention(max_events=3)))
        live.subscribe("keeps-it-dispatched")
        live.settle()
        live.store.publish(events(3), stream="wf")
        live.settle()
        live.subscribe("late", oldest=True)
        live.store.publish(events(3, start=4), stream="wf")
        live.dispatcher.take_turn(0)
        live.log.trim("wf")
        live.settle()
        got = live.received()["late"]
        missing = [
            (m["stream"], m["first"], m["last"]) for one in got if one["type"] == "truncated" for m in one["missing"]
        ]
        received = ids(got)
        assert sorted([*map(int, received), *(n for _, first, last in missing for n in range(first, last + 1))]) == [
            1, 2, 3, 4, 5, 6,
        ]  # fmt: skip
        assert frames(got) == list(range(1, len(got) + 1))

    def test_a_store_made_anew_says_so_and_starts_from_its_beginning(self, live: Live, client: Client) -> None:
        began = live.subscribe("a")
        live.settle()
        client.execute_command("FLUSHALL")
        live.store.publish(events(2), stream="wf")
        again = live.subscribe("b", cursors=[began.cursor])
        live.settle()
        assert (again.recovery, list(again.renewed)) == ("new-epoch", [0])
        assert ids(live.received()["b"]) == ["1", "2"]


class TestNarrowing:
    @pytest.fixture
    def live(self, client: Client) -> Live:
        """Three subscribers, of whose events two appends are too many in a turn; three are published."""
        live = Live(client, limits=CROWDED)
        for name in "abc":
            live.subscribe(name)
        live.settle()
        live.received()
        for number in range(3):
            live.store.publish(events(2, start=2 * number + 1), stream="wf")
        return live

    def test_too_many_pairs_are_carried_by_several_turns(self, live: Live) -> None:
        assert live.dispatcher.take_turn(0)
        assert all_received(live) == ["1", "2"]
        live.settle()
        assert all_received(live) == ["3", "4", "5", "6"]

    def test_too_many_bytes_are_carried_by_several_turns(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(sent_bytes=6_000))
        for name in "abc":
            live.subscribe(name)
        live.settle()
        live.received()
        for number in range(3):
            live.store.publish([event(str(number), data="x" * 1_800)], stream="wf")
        assert live.dispatcher.take_turn(0)
        assert all_received(live) == ["0"]
        live.settle()
        assert all_received(live) == ["1", "2"]

    def test_one_that_came_to_nothing_is_taken_again_with_the_same_frames(self, live: Live) -> None:
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        first = live.received()
        live.registry.disconnect("b")
        live.registry.disconnect("c")
        live.worker(CROWDED).take_turn(0)
        # Though two appends are not too many for one subscriber.
        assert live.received() == {"a": first["a"]}
        live.settle()
        assert ids(first["a"] + live.received()["a"]) == [str(number) for number in range(1, 7)]

    def test_a_turn_that_ended_before_it_was_narrowed_may_go_as_far_as_those_who_are_left_allow(
        self, live: Live
    ) -> None:
        live.turns.begin(0, events=CROWDED.events, behind=CROWDED.behind)
        live.registry.disconnect("b")
        live.registry.disconnect("c")
        live.dispatcher.take_turn(0)
        assert ids(live.received()["a"]) == [str(number) for number in range(1, 7)]

    @pytest.mark.parametrize("left", ["", "b"])
    def test_a_worker_that_was_overtaken_while_it_looked_for_subscribers_sends_nothing(
        self, live: Live, monkeypatch: pytest.MonkeyPatch, left: str
    ) -> None:
        candidates = live.turns.candidates

        def slow(turn: Turn, terms: Sequence[str]) -> Candidates:
            monkeypatch.undo()
            live.worker(CROWDED).take_turn(0)
            for name in "abc":
                if name != left:
                    live.registry.disconnect(name)
            return candidates(turn, terms)

        live.durables.create(Durable("0" * 24, "workers", parse_filters([])), {0: Start.NOW})
        monkeypatch.setattr(live.turns, "candidates", slow)
        with pytest.raises(TurnLost):
            live.dispatcher.take_turn(0)
        assert all_received(live) == ["1", "2"]

    def test_those_behind_and_groups_go_no_further(self, live: Live) -> None:
        live.subscribe("late", oldest=True)
        live.durables.create(Durable("0" * 24, "workers", parse_filters([])), {0: Start.OLDEST})
        live.connect("m")
        live.members.join("m", "w", "workers")
        live.dispatcher.take_turn(0)
        received = live.received()
        assert (ids(received["late"]), ids(received["m"])) == (["1", "2"], ["1", "2"])


class TestGroups:
    """What bounds a turn's work for a durable subscription."""

    @pytest.fixture
    def live(self, client: Client) -> Live:
        live = Live(client)
        live.durables.create(Durable("0" * 24, "workers", parse_filters([])), {0: Start.OLDEST})
        live.connect("m")
        live.members.join("m", "w", "workers")
        live.settle()
        live.received()
        return live

    def test_large_events_come_few_at_a_time(self, live: Live) -> None:
        for number in range(12):
            live.store.publish([event(str(number), data="x" * 200_000)], stream="wf")
        assert live.dispatcher.take_turn(0)
        assert ids(live.received()["m"]) == [str(number) for number in range(10)]
        live.settle()
        assert ids(live.received()["m"]) == ["10", "11"]

    def test_what_is_parked_is_copied_little_by_little(self, live: Live) -> None:
        for stream in ("bad", "worse"):
            live.store.publish(events(70), stream=stream)
        live.settle()
        for stream in ("bad", "worse"):
            live.members.fail("w", Nack("m", stream, 1, "poisoned", 0, park=True))
        copied, more = [0], True
        while more:
            more = live.dispatcher.take_turn(0)
            copied.append(len(live.letters.kept))
        assert copied[-1] == 140
        assert max(after - before for before, after in itertools.pairwise(copied)) == 50
        for stream in ("bad", "worse"):
            kept = [letter.sequence for letter in live.letters.kept if letter.stream == stream]
            assert kept == list(range(1, 71))


class TestFailing:
    def test_a_turn_that_came_to_nothing_is_taken_again_with_the_same_frames(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(events=3))
        live.subscribe("a")
        live.settle()
        live.received()
        live.store.publish(events(2), stream="wf")
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        first = live.received()["a"]
        live.store.publish(events(2, start=3), stream="wf")
        live.worker().take_turn(0)
        assert live.received()["a"] == first
        live.settle()
        assert ids(live.received()["a"]) == ["3", "4"]

    def test_what_one_gets_in_a_second_try_does_not_depend_on_others_who_ended(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=10))
        live.store.publish(events(8), stream="a")
        live.store.publish(events(8), stream="b")
        for name, stream in (("one", "a"), ("other", "b")):
            live.subscribe(name, streams=[stream], oldest=True)
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        first = live.received()["other"]
        live.registry.disconnect("one")
        live.subscribe("new", oldest=True)
        live.store.publish(events(8, start=9), stream="b")
        live.worker().take_turn(0)
        assert live.received() == {"other": first}

    def test_a_turn_whose_subscribers_all_ended_does_not_stop_the_partition(self, live: Live) -> None:
        live.subscribe("a", oldest=True)
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        live.registry.disconnect("a")
        live.received()
        live.subscribe("b")
        live.store.publish(events(1), stream="wf")
        live.settle()
        assert ids(live.received()["b"]) == ["1"]

    def test_a_turn_whose_durable_subscription_ended_does_not_stop_the_partition(self, live: Live) -> None:
        durable = Durable("0" * 24, "workers", parse_filters([]))
        live.durables.create(durable, {0: Start.NOW})
        live.turns.begin(0, events=10, behind=10)
        live.durables.delete("workers")
        live.subscribe("a")
        live.store.publish(events(1), stream="wf")
        live.settle()
        assert ids(live.received()["a"]) == ["1"]

    def test_a_worker_that_was_overtaken_changes_nothing(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.store.publish(events(1), stream="wf")
        turn = live.turns.begin(0, events=10, behind=10)
        live.settle()
        before = live.turns.begin(0, events=10, behind=10)
        from eventstore.ports import TurnResult  # noqa: PLC0415 - only here

        with pytest.raises(TurnLost):
            live.turns.commit(turn, TurnResult(frames={"x": 7}))
        assert live.turns.begin(0, events=10, behind=10).checkpoint == before.checkpoint

    def test_frames_that_may_have_held_more_are_numbered_far_on(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.received()
        live.store.publish(events(4), stream="wf")
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        live.received()
        live.log.delete("wf")
        live.store.publish(events(1, start=5), stream="wf")
        live.settle()
        assert frames(live.received()["a"])[0] > 1000
        live.subscribe("b")
        live.settle()
        live.store.publish(events(1, start=6), stream="wf")
        live.settle()
        assert frames(live.received()["b"]) == [1, 2]

    def test_a_wakeup_that_cannot_be_sent_costs_no_event(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.dispatch_queue.broken = True
        live.store.publish(events(1), stream="wf")
        live.dispatch_queue.broken = False
        assert list(live.turns.waiting()) == [0]
        live.dispatch_queue.request_turns(live.turns.waiting())
        live.settle()
        assert ids(live.received()["a"]) == ["1"]
