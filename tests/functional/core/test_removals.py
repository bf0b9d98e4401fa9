"""What was removed is reported: to those who receive live, to those who catch up, and in every race with a turn."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.durable.admin import StartPosition
from eventstore.errors import QueueUnavailable, StoreUnavailable, StreamGone, TurnLost
from eventstore.filters import parse_filters
from eventstore.live.catch_up import TurnLimits
from eventstore.live.sweep import Sweeper
from eventstore.subscriptions import Durable
from tests.examples import events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client

MissingRange = tuple[str, int, int]


@pytest.fixture
def live(client: Client) -> Live:
    return Live(client)


def story(messages: Sequence[dict[str, Any]]) -> list[str | MissingRange]:
    """What a subscriber of `eventstore.v1` learns, in order: the sequences of `wf`, and what is missing or gone."""
    found: list[Any] = []
    for message in messages:
        if message["type"] == "events":
            found += [f"{event['hubstream']} {event['hubsequence']}" for event in message["events"]]
        if message["type"] == "truncated":
            found += [(one["stream"], one["first"], one["last"]) for one in message["missing"]]
            found += [f"{stream} gone" for stream in message.get("gone", [])]
            found += ["more"] if message.get("missing_more") else []
    return found


def numbers(messages: Sequence[dict[str, Any]]) -> list[int]:
    return [message["frame"] for message in messages]


def on_call(monkeypatch: pytest.MonkeyPatch, port: Any, method: str, do: Callable[[], object], *, after: bool) -> None:  # noqa: ANN401 - of any port
    """Do something once, before or after the next call of a method."""
    call = getattr(port, method)

    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        monkeypatch.setattr(port, method, call)
        if not after:
            do()
        answer = call(*args, **kwargs)
        if after:
            do()
        return answer

    monkeypatch.setattr(port, method, wrapped)


class TestLiveSubscribers:
    def test_they_are_notified_of_what_was_deleted_before_dispatch_came_to_it(self, live: Live) -> None:
        live.subscribe("a", streams=["wf"])
        live.store.publish(events(1), stream="wf")
        live.settle()
        live.received()
        live.store.publish(events(3, start=2), stream="wf")
        live.store.delete("wf")
        live.store.publish(events(1, start=5), stream="wf")
        live.settle()
        got = live.received()["a"]
        assert story(got) == [("wf", 2, 4), "wf 5"]
        assert numbers(got) == list(range(numbers(got)[0], numbers(got)[0] + 2))

    def test_they_are_notified_though_nothing_comes_after_it(self, live: Live) -> None:
        live.subscribe("a", streams=["wf"])
        live.settle()
        live.received()
        live.store.publish(events(3), stream="wf")
        live.store.delete("wf")
        live.settle()
        assert story(live.received()["a"]) == [("wf", 1, 3)]

    def test_those_of_bare_events_are_notified_by_an_event_of_the_hubs(self, live: Live) -> None:
        live.subscribe("a", streams=["wf"], bare=True)
        live.settle()
        live.received()
        live.store.publish(events(3), stream="wf")
        live.store.delete("wf", permanently=True)
        live.settle()
        [message] = live.received()["a"]
        assert (message["type"], message["hubframe"]) == ("io.flunq.hub.truncated", 1)
        assert message["data"] == {"missing": [{"stream": "wf", "first": 1, "last": 3}], "gone": ["wf"]}

    def test_only_those_are_notified_whom_it_may_concern(self, live: Live) -> None:
        live.subscribe("named", streams=["t1:wf"])
        live.subscribe("all")
        live.subscribe("filtered", filters=[{"exact": {"type": "never"}}])
        live.subscribe("other", streams=["t2:wf"])
        live.subscribe("tenant", filters=[{"prefix": {"hubstream": "t2:"}}])
        live.settle()
        live.received()
        live.store.publish(events(2), stream="t1:wf")
        live.store.delete("t1:wf")
        live.settle()
        stories = {name: story(messages) for name, messages in live.received().items()}
        assert stories == {name: [("t1:wf", 1, 2)] for name in ("named", "all", "filtered")}

    def test_whoever_received_all_of_it_is_not_notified(self, live: Live) -> None:
        live.subscribe("a")
        live.store.publish(events(3), stream="wf")
        live.settle()
        live.received()
        live.store.delete("wf")
        live.settle()
        assert live.received() == {}

    def test_whoever_subscribes_behind_it_is_not_notified(self, live: Live) -> None:
        live.store.publish(events(3), stream="wf")
        live.store.delete("wf")
        live.subscribe("a")
        live.store.publish(events(1, start=4), stream="wf")
        live.settle()
        assert story(live.received()["a"]) == ["wf 4"]

    def test_a_stream_recreated_and_deleted_again_before_dispatch_is_reported_whole(self, live: Live) -> None:
        live.subscribe("a")
        live.settle()
        live.received()
        for start in (1, 3, 5):
            live.store.publish(events(2, start=start), stream="wf")
            live.store.delete("wf")
        live.store.publish(events(1, start=7), stream="wf")
        live.settle()
        assert story(live.received()["a"]) == [("wf", 1, 6), "wf 7"]

    def test_each_of_very_many_subscribers_is_notified(self, live: Live) -> None:
        for number in range(120):
            live.subscribe(f"c{number}", streams=["wf", "other"][number % 2 :])
        live.settle()
        live.received()
        live.store.publish(events(2), stream="wf")
        live.store.delete("wf")
        live.settle()
        assert sorted(live.received()) == sorted(f"c{number}" for number in range(0, 120, 2))

    def test_more_than_fits_into_a_message_is_said_to_be_more(self, live: Live) -> None:
        live.subscribe("all")
        live.subscribe("named", streams=["wf-105"])
        live.subscribe("other", streams=["wf-200"])
        live.settle()
        live.received()
        for number in range(110):
            live.store.publish(events(1), stream=f"wf-{number}")
            live.store.delete(f"wf-{number}")
        live.settle()
        got = live.received()
        assert story(got["all"])[-1] == "more"
        assert (story(got["named"]), "other" in got) == ([("wf-105", 1, 1)], False)

    def test_a_turn_without_a_removal_asks_for_none(self, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
        live.subscribe("a")
        live.store.publish(events(3), stream="wf")
        live.settle()
        live.clock.pass_seconds(1)
        live.store.delete("wf")
        live.settle()
        asked: list[object] = []
        monkeypatch.setattr(live.log, "missing", lambda *args, **_: asked.append(args))
        for number in range(5):
            live.store.publish(events(1, start=4 + number), stream="wf")
            live.settle()
        assert asked == []


class TestRacingATurn:
    """A removal between two steps of a turn is reported, once, and nothing that was sent is said to be missing."""

    @pytest.fixture
    def live(self, client: Client) -> Live:
        live = Live(client)
        live.subscribe("a", streams=["wf"])
        live.settle()
        live.received()
        live.store.publish(events(3), stream="wf")
        return live

    def delete(self, live: Live) -> Callable[[], object]:
        return lambda: live.store.delete("wf")

    @pytest.mark.parametrize(
        ("port", "method", "after", "sent_live", "sent_behind"),
        [
            ("turns", "begin", False, False, False),
            ("turns", "begin", True, False, False),
            ("log", "tail", False, False, False),
            # Those who catch up are served behind those who have.
            ("log", "tail", True, True, False),
            ("turns", "candidates", False, True, False),
            # Those who catch up are numbered once all is read for them.
            ("turns", "frames", False, True, True),
            ("deliveries", "send", False, True, True),
            ("turns", "commit", False, True, True),
        ],
    )
    def test_a_deletion_between_two_steps_is_reported_unless_all_was_sent(
        self,
        live: Live,
        monkeypatch: pytest.MonkeyPatch,
        port: str,
        method: str,
        *,
        after: bool,
        sent_live: bool,
        sent_behind: bool,
    ) -> None:
        live.subscribe("late", streams=["wf"], oldest=True)
        on_call(monkeypatch, getattr(live, port), method, self.delete(live), after=after)
        live.settle()
        live.store.publish(events(1, start=4), stream="wf")
        live.settle()
        got = live.received()
        for name, sent in (("a", sent_live), ("late", sent_behind)):
            assert story(got[name]) == [*(["wf 1", "wf 2", "wf 3"] if sent else [("wf", 1, 3)]), "wf 4"]

    def test_what_was_read_in_part_is_reported_in_part(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        live = Live(client, limits=TurnLimits(events=500))
        live.subscribe("a")
        live.settle()
        live.received()
        live.store.publish(events(3), stream="wf")
        live.store.publish(events(1), stream="other")
        live.store.delete("other")
        missing = live.log.missing

        def later(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the port has it
            monkeypatch.undo()
            live.store.publish(events(1, start=4), stream="wf")
            live.store.delete("wf")
            return missing(*args, **kwargs)

        monkeypatch.setattr(live.log, "missing", later)
        live.settle()
        assert story(live.received()["a"]) == [("other", 1, 1), "wf 1", "wf 2", "wf 3", ("wf", 4, 4)]

    def test_a_turn_that_came_to_nothing_reports_the_same_under_the_same_numbers(self, live: Live) -> None:
        live.store.delete("wf")
        live.store.publish(events(1, start=4), stream="wf")
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        first = live.received()
        live.worker().take_turn(0)
        assert live.received() == first
        assert story(first["a"]) == [("wf", 1, 3), "wf 4"]

    def test_one_that_may_have_sent_what_was_deleted_since_leaves_a_hole_in_the_numbers(self, live: Live) -> None:
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        [sent] = live.received()["a"]
        live.store.delete("wf")
        live.settle()
        [message] = live.received()["a"]
        assert (story([message]), message["frame"] > sent["frame"] + 1) == ([("wf", 1, 3)], True)

    @pytest.mark.parametrize("behind", [False, True])
    def test_a_worker_that_was_overtaken_before_it_read_sends_nothing(
        self, live: Live, monkeypatch: pytest.MonkeyPatch, *, behind: bool
    ) -> None:
        if behind:
            live.registry.disconnect("a")
            live.subscribe("a2", streams=["wf"], oldest=True)

        def overtake() -> None:
            live.worker().take_turn(0)
            live.store.delete("wf")

        on_call(monkeypatch, live.log, "tail", overtake, after=False)
        with pytest.raises(TurnLost):
            live.dispatcher.take_turn(0)
        [got] = live.received().values()
        assert [one for one in story(got) if one] == ["wf 1", "wf 2", "wf 3"]


class TestNarrowedTurns:
    def test_each_is_notified_of_what_is_missing_of_its_own_part(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(pairs=2 + 25))
        live.subscribe("a")
        live.settle()
        live.received()
        for number in range(1, 7):
            live.store.publish(events(1, start=number), stream="wf")
            live.store.publish(events(1, start=number), stream="gone")
        live.store.delete("gone")
        live.deliveries.broken = True
        with pytest.raises(QueueUnavailable):
            live.dispatcher.take_turn(0)
        live.deliveries.broken = False
        first = live.received()["a"]
        live.worker(TurnLimits(pairs=2 + 25)).take_turn(0)
        assert live.received()["a"] == first
        live.settle()
        learned = story([*first, *live.received()["a"]])
        assert [one for one in learned if isinstance(one, str)] == [f"wf {number}" for number in range(1, 7)]
        covered = [n for one in learned if isinstance(one, tuple) for n in range(one[1], one[2] + 1)]
        assert covered == [1, 2, 3, 4, 5, 6]
        assert len([one for one in learned if isinstance(one, tuple)]) > 1


class TestStreamsGoneForGood:
    def test_whoever_named_one_is_notified_though_nothing_is_missing(self, live: Live) -> None:
        live.subscribe("named", streams=["wf", "other"])
        live.subscribe("all")
        live.store.publish(events(3), stream="wf")
        live.settle()
        live.received()
        live.store.delete("wf", permanently=True)
        live.settle()
        got = live.received()
        assert ({name: story(messages) for name, messages in got.items()}) == {"named": ["wf gone"]}
        assert got["named"][0]["missing"] == []

    def test_whoever_is_catching_up_is_notified_when_it_comes_there(self, client: Client) -> None:
        live = Live(client, limits=TurnLimits(behind_events=2))
        live.store.publish(events(3), stream="wf")
        live.store.publish(events(6), stream="other")
        live.subscribe("late", streams=["wf", "other"], oldest=True)
        live.dispatcher.take_turn(0)
        live.store.delete("wf", permanently=True)
        live.store.publish(events(1, start=7), stream="other")
        live.settle()
        learned = story(live.received()["late"])
        assert learned[:3] == ["wf 1", "wf 2", ("wf", 3, 3)]
        assert learned.index("wf gone") > learned.index("other 5")
        assert [one for one in learned if str(one).startswith("other")] == [f"other {number}" for number in range(1, 8)]

    def test_it_is_reported_though_all_of_it_was_removed_from_memory_before(self, live: Live) -> None:
        live.subscribe("named", streams=["wf"])
        live.store.publish(events(3), stream="wf")
        live.settle()
        live.received()
        live.store.delete("wf")
        live.settle()
        sweep(live)
        live.store.delete("wf", permanently=True)
        live.settle()
        sweep(live)
        assert story(live.received()["named"]) == ["wf gone"]

    @pytest.mark.parametrize("after", [False, True])
    def test_whoever_begins_while_it_is_deleted_is_refused(
        self, live: Live, monkeypatch: pytest.MonkeyPatch, *, after: bool
    ) -> None:
        live.store.publish(events(3), stream="wf")
        on_call(monkeypatch, live.registry, "subscribe", lambda: live.store.delete("wf", permanently=True), after=after)
        with pytest.raises(StreamGone):
            live.subscribe("named", streams=["wf"])
        live.settle()
        assert live.received().get("named", []) == []
        assert live.turns.caught_up(0) == []

    def test_whoever_names_one_that_is_gone_is_refused_before_anything_is_begun(self, live: Live) -> None:
        live.store.publish(events(3), stream="wf")
        live.store.delete("wf", permanently=True)
        began = live.subscribe("all")
        for cursors in ([], [began.cursor]):
            with pytest.raises(StreamGone):
                live.subscribe("named", streams=["other", "wf"], cursors=cursors)
        assert list(live.registry.disconnect("named")) == []
        live.subscribe("named", streams=["other"])

    def test_a_durable_subscription_of_one_is_refused_but_one_that_stands_is_found(self, live: Live) -> None:
        old = Durable("0" * 24, "old", parse_filters([]), streams=("wf",))
        live.store.publish(events(3), stream="wf")
        live.operators.create(old, StartPosition())
        live.store.delete("wf", permanently=True)
        assert live.operators.create(replace(old, key="1" * 24), StartPosition()) == (old, False)
        with pytest.raises(StreamGone):
            live.operators.create(replace(old, key="2" * 24, name="new"), StartPosition())
        assert live.durables.names(prefix="", after="", count=9) == ["old"]

    @pytest.mark.parametrize("after", [False, True])
    def test_a_durable_subscription_made_while_it_is_deleted_is_refused(
        self, live: Live, monkeypatch: pytest.MonkeyPatch, *, after: bool
    ) -> None:
        live.store.publish(events(3), stream="wf")
        on_call(monkeypatch, live.durables, "create", lambda: live.store.delete("wf", permanently=True), after=after)
        with pytest.raises(StreamGone):
            live.operators.create(Durable("0" * 24, "new", parse_filters([]), streams=("wf",)), StartPosition())
        assert live.durables.names(prefix="", after="", count=9) == []


def sweep(live: Live) -> None:
    Sweeper(live.log, live.registry, live.turns, live.dispatch_queue, live.members, clock=live.clock).sweep(
        until=live.clock.now() + 60_000
    )


def test_the_sweep_removes_what_a_deletion_left_and_nothing_of_it_stays(live: Live, client: Client) -> None:
    live.subscribe("a")
    live.settle()
    live.store.publish(events(900), stream="wf")
    live.log.delete("wf", permanently=True)
    sweep(live)
    live.settle()
    sweep(live)
    keys = client.execute_command("KEYS", "*wf*")
    fields: Mapping[bytes, bytes] = client.execute_command("HGETALL", "{p0}:state:wf")
    assert keys == [b"{p0}:state:wf"]
    assert set(fields) == {b"head", b"bytes", b"updated", b"created", b"first", b"deleted", b"swept", b"gone"}
    assert client.execute_command("XLEN", "{p0}:log") == client.execute_command("HLEN", "{p0}:ids") == 0
    assert live.log.deleted(0) == []


def test_a_deletion_takes_from_memory_what_it_can_in_two_seconds_and_the_sweep_the_rest(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.store.publish(events(900), stream="wf")
    now, asked = live.clock.now, itertools.count()
    # Half a second passes by the look at the clock.
    monkeypatch.setattr(live.clock, "now", lambda: now() + 500 * next(asked))
    live.store.delete("wf")
    left = live.log.trim("wf", until=now() + 1_000_000)
    assert 0 < left < 900


def test_a_deletion_is_done_though_the_memory_is_not_given_back_yet(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> int:
        raise StoreUnavailable("away")

    live.subscribe("a")
    live.store.publish(events(3), stream="wf")
    live.settle()
    monkeypatch.setattr(live.log, "trim", away)
    live.store.delete("wf")
    assert (live.log.describe("wf").count, live.dispatch_queue.requested_turns) == (0, [0])
    monkeypatch.undo()
    sweep(live)
    assert live.log.trim("wf") == 0
