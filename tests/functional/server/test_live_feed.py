"""What a server feeds to its own ephemeral subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import StoreUnavailable, TurnLost
from eventstore.ports import TurnResult
from eventstore.positions import Cursor, Position
from eventstore.streams import StreamName
from tests.examples import event, events
from tests.functional.core.readers import LIMITS
from tests.functional.server.fed import FedLive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.redis.connection import Client
    from eventstore_hosting.valkey import ValkeyServer

STREAM = StreamName("wf-1")


@pytest.fixture
def live(client: Client, valkey: ValkeyServer) -> Iterator[FedLive]:
    live = FedLive(client, valkey, partitions=1, limits=LIMITS)
    yield live
    live.follower.close()


def turns(live: FedLive) -> None:
    while live.dispatcher.take_turn(0):
        pass


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for message in messages if message["type"] == "events" for one in message["events"]]


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def test_a_subscriber_from_now_receives_what_is_published_later(live: FedLive) -> None:
    live.store.publish([event("1")], stream=STREAM)
    live.subscribe("a")
    live.store.publish([event("2")], stream=STREAM)
    turns(live)
    messages = live.received()["a"]
    assert ids(messages) == ["2"]
    assert [message["frame"] for message in messages] == list(range(1, len(messages) + 1))


def test_live_is_sent_once_everything_that_was_stored_at_the_start_has_arrived(live: FedLive) -> None:
    live.store.publish(events(11), stream=STREAM)
    live.subscribe("a", oldest=True)
    turns(live)
    messages = live.received()["a"]
    assert ids(messages) == [str(number) for number in range(1, 12)]
    assert kinds(messages)[-1] == "live"
    assert kinds(messages).count("live") == 1


def test_live_does_not_come_before_what_the_follower_has_not_seen_yet(live: FedLive) -> None:
    live.subscribe("first")
    turns(live)
    live.store.publish(events(9), stream=STREAM)
    # The follower is behind: a turn goes no further than what it knows.
    live.subscribe("late", oldest=True)
    live.feed.take_turn(0)
    seen = live.received().get("late", [])
    assert "live" not in kinds(seen)
    turns(live)
    seen += live.received()["late"]
    assert (ids(seen), kinds(seen)[-1]) == ([str(number) for number in range(1, 10)], "live")


def test_a_subscription_that_starts_at_an_end_that_was_removed_is_live(live: FedLive) -> None:
    # The follower never sees entries that are gone when it reads.
    live.store.publish(events(3), stream=STREAM)
    live.log.delete(STREAM)
    live.log.trim(STREAM)
    live.subscribe("a")
    live.feed.take_turn(0)
    assert kinds(live.received()["a"]) == ["live"]


def test_a_client_that_does_not_read_waits_for_its_history_and_delays_nobody(live: FedLive) -> None:
    live.store.publish(events(9), stream=STREAM)
    live.subscribe("slow", oldest=True)
    live.subscribe("fast", oldest=True)
    live.sessions.congested.add("slow")
    turns(live)
    received = live.received()
    assert "slow" not in received
    assert len(ids(received["fast"])) == 9
    live.sessions.congested.clear()
    turns(live)
    assert len(ids(live.received()["slow"])) == 9


def test_subscribers_of_a_store_that_was_reset_are_disconnected(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.client.execute_command("FLUSHALL")
    live.feed_log.append(STREAM, [event("1")])
    live.follow()
    live.feed.serve(0)
    assert live.sessions.closed == {"a": "store-reset"}
    # Who comes now is of the new history.
    live.subscribe("b", oldest=True)
    turns(live)
    assert ids(live.received()["b"]) == ["1"]


def test_an_ended_subscription_leaves_nothing_behind(live: FedLive) -> None:
    live.subscribe("a", streams=[STREAM])
    live.subscribe("b", filters=[{"exact": {"type": "t"}}])
    turns(live)
    live.registry.disconnect("a")
    live.registry.unsubscribe("b", "s")
    [partition] = live.feed.turns.partitions
    assert not (partition.keys_by_term)
    assert not (partition.behind)
    assert not (partition.frames)


def test_an_event_is_matched_with_its_candidates_only(live: FedLive, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        live.subscribe(f"c{number}", filters=[{"exact": {"subject": f"s{number}"}}])
    turns(live)
    asked: list[str] = []
    definitions = live.feed.turns.definitions
    monkeypatch.setattr(live.feed.turns, "definitions", lambda p, keys: asked.extend(keys) or definitions(p, keys))
    live.feed._sender._known.clear()
    live.store.publish([event("1", subject="s7")], stream=STREAM)
    live.received()
    turns(live)
    assert len(asked) == 1
    assert list(live.received()) == ["c7"]


def test_a_store_that_fails_while_the_feed_begins_anew_after_a_reset_ends_no_thread(
    live: FedLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.subscribe("a")
    live.store.publish([event("1")], stream=STREAM)
    live.follow()
    live.log.renew()
    # It does not wait before it tries again.
    live.feed._stopped.set()

    def fail(_: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(live.feed_log, "ends", fail)
        assert live.feed._try_turn(0), "something is left to do"
    assert not live.feed._try_turn(0)
    assert set(live.sessions.closed.values()) == {"store-reset"}


def test_what_is_stored_here_is_delivered_by_the_thread_that_stores_it(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    with live.storing(0):
        live.store.publish([event("1")], stream=STREAM)
        assert not live.received()
    assert ids(live.received()["a"]) == ["1"]
    # The follower sees it later, and nothing comes twice.
    live.follow()
    turns(live)
    assert not live.received()


def test_what_the_append_has_read_is_not_read_again(live: FedLive, monkeypatch: pytest.MonkeyPatch) -> None:
    live.subscribe("a")
    turns(live)
    live.received()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the log was read")

    monkeypatch.setattr(live.follower, "entries_after", fail)
    monkeypatch.setattr(live.feed_log, "tail", fail)
    for first in ("1", "4"):
        with live.storing(0):
            live.store.publish([event(first), event(first + "b"), event(first + "c")], stream=STREAM)
        assert ids(live.received()["a"]) == [first, first + "b", first + "c"]


@pytest.mark.parametrize("when", ["before", "after", "both"])
def test_what_others_store_meanwhile_is_delivered_too(live: FedLive, when: str) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    with live.storing(0):
        if when != "after":
            live.log.append(StreamName("wf-2"), [event("before")])
        live.store.publish([event("1")], stream=STREAM)
        if when != "before":
            live.log.append(STREAM, [event("after")])
    turns(live)
    wanted = [*["before"] * (when != "after"), "1", *["after"] * (when != "before")]
    assert ids(live.received()["a"]) == wanted
    turns(live)
    assert not live.received()


@pytest.mark.parametrize("is_known", [True, False])
def test_what_others_stored_is_news_although_the_follower_never_sees_it(
    live: FedLive, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    moved: list[int] = []
    monkeypatch.setattr(live.feed, "_moved", moved.append)
    live.subscribe("a")
    turns(live)
    with live.storing(0):
        live.log.append(StreamName("wf-2"), [event("before")])
        # The other one claims the wake-up of the partition, in its own instance.
        assert not live.log.append(STREAM, [event("1")], growth=live.growth if is_known else None).needs_wakeup
    assert not live.follower.wait_for_entries(live.feed.turns.ends(), seconds=0.001)
    assert moved == [0]


def test_an_append_that_stores_only_some_events_is_read(live: FedLive) -> None:
    live.subscribe("a")
    live.store.publish([event("1")], stream=STREAM)
    turns(live)
    live.received()
    with live.storing(0) as growth:
        live.store.publish([event("1"), event("2")], stream=STREAM)
    assert growth is not None
    assert growth.tail is None
    assert ids(live.received()["a"]) == ["2"]


def test_scripts_that_the_store_has_forgotten_cost_the_reading_of_the_log(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    live.client.execute_command("SCRIPT", "FLUSH")
    with live.storing(0) as growth:
        live.store.publish([event("1")], stream=STREAM)
    assert growth is not None
    assert not growth.entries
    assert ids(live.received()["a"]) == ["1"]


def test_removals_are_reported_although_the_events_after_them_are_not_read(live: FedLive) -> None:
    live.store.publish([event("1")], stream=STREAM)
    live.subscribe("a")
    turns(live)
    live.received()
    live.log.append(StreamName("wf-2"), [event("2")])
    live.log.delete(StreamName("wf-2"))
    with live.storing(0):
        live.store.publish([event("3")], stream=STREAM)
    turns(live)
    messages = live.received()["a"]
    assert kinds(messages) == ["truncated", "events"]
    assert ids(messages) == ["3"]


def test_a_reset_before_an_append_is_noticed_by_it(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    with live.storing(0):
        live.client.execute_command("FLUSHALL")
        live.store.publish([event("1")], stream=STREAM)
    turns(live)
    assert live.sessions.closed == {"a": "store-reset"}


def test_the_follower_leaves_new_entries_to_a_thread_that_stores_events(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    with live.storing(0):
        live.store.publish([event("1")], stream=STREAM)
        news = live.follower.wait_for_entries(live.feed.turns.ends(), seconds=0.1)
        assert live.feed._leave_to_others(0, news[0])
        assert not live.received()
        # If the thread does not come to it, the follower delivers after a while.
        live.feed.request_turns([0])
        assert ids(live.received()["a"]) == ["1"]
    assert not live.received()


def test_a_thread_that_stores_events_takes_no_turn_while_others_catch_up(live: FedLive) -> None:
    live.store.publish(events(9), stream=STREAM)
    live.subscribe("late", oldest=True)
    with live.storing(0):
        live.store.publish([event("10")], stream=STREAM)
    assert not live.received()
    turns(live)
    assert len(ids(live.received()["late"])) == 10


def test_storing_succeeds_although_its_events_cannot_be_delivered_now(
    live: FedLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        patch.setattr(live.feed_log, "tail", fail)
        patch.setattr(live.feed, "_submit", lambda _: None)
        # The append has not read how the log grew.
        with live.feed.storing(0):
            live.store.publish([event("1")], stream=STREAM)
    assert not live.received()
    turns(live)
    assert ids(live.received()["a"]) == ["1"]


def test_an_append_that_fails_leaves_the_delivery_to_the_follower(
    live: FedLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.subscribe("a")
    turns(live)
    live.received()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the store was asked")

    def publish_and_lose_the_answer() -> None:
        with live.storing(0):
            live.store.publish([event("1")], stream=STREAM)
            raise StoreUnavailable("the answer was lost")

    monkeypatch.setattr(live.follower, "entries_after", fail)
    with pytest.raises(StoreUnavailable):
        publish_and_lose_the_answer()
    assert not live.received()
    turns(live)
    assert ids(live.received()["a"]) == ["1"]


def test_a_reset_of_the_store_is_noticed_although_nothing_is_stored_afterwards(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.feed.notice_resets()
    assert not live.sessions.closed
    live.client.execute_command("FLUSHALL")
    live.feed.notice_resets()
    assert live.sessions.closed == {"a": "store-reset"}


@pytest.mark.parametrize("resumes", ["resumes", ""])
def test_a_subscriber_learns_of_a_reset_that_is_noticed_while_its_subscription_begins(
    live: FedLive, monkeypatch: pytest.MonkeyPatch, resumes: str
) -> None:
    live.store.publish([event("1")], stream=STREAM)
    live.subscribe("a", oldest=True)
    turns(live)
    cursor = live.received()["a"][-1]["cursor"]
    ends = live.feed_log.ends

    def ends_before_a_reset(partitions: Any) -> Any:  # noqa: ANN401 - as `Log.ends`
        read = ends(partitions)
        monkeypatch.undo()
        live.log.renew()
        live.feed.notice_resets()
        return read

    monkeypatch.setattr(live.feed_log, "ends", ends_before_a_reset)
    if resumes:
        with pytest.raises(StoreUnavailable, match="the store was reset while the subscription began; connect and"):
            live.subscribe("c", cursors=[cursor])
        assert live.subscribe("b", cursors=[cursor]).recovery == "new-epoch"
    else:
        assert live.subscribe("b", oldest=True).recovery == "complete"
    turns(live)
    assert ids(live.received()["b"]) == ["1"]


def test_a_turn_of_the_old_history_does_not_move_the_new_one(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    turn = live.feed.turns.begin(0, events=10, behind=10)
    live.client.execute_command("FLUSHALL")
    live.feed.notice_resets()
    with pytest.raises(TurnLost):
        live.feed.turns.commit(turn, TurnResult())


def test_a_cursor_after_the_end_of_the_log_keeps_no_event_from_anybody(live: FedLive) -> None:
    live.subscribe("a")
    turns(live)
    live.received()
    end = live.feed.turns.partitions[0]
    ahead = Cursor({0: (end.epoch, Position(2**62, 0, 0))}).token()
    live.subscribe("b", cursors=[ahead])
    turns(live)
    live.store.publish([event("1")], stream=STREAM)
    turns(live)
    received = live.received()
    assert ids(received["a"]) == ["1"]
    assert ids(received["b"]) == ["1"]
