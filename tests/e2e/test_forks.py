"""Forks on every endpoint: they hold the first events of a stream, and reach nobody who does not name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_client import Conflict, Gone, NotFound, Origin
from tests.e2e.live import event
from tests.faces import FACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_client import EventStore, Recorded, Worker
    from tests.e2e.hubs import Hub

ON_BOTH_FACES = pytest.mark.parametrize("face", [*FACES])


def handled(store: EventStore, subscription: str, count: int) -> Sequence[tuple[str, str]]:
    """Work until a number of events are handled; return the stream and id of each."""
    found: list[tuple[str, str]] = []

    def handle(recorded: Recorded) -> None:
        found.append((recorded.stream, recorded.id))
        if len(found) == count:
            worker.close()

    worker: Worker
    with store.work(subscription, patience=30) as worker:
        worker.run(handle)
    return found


@ON_BOTH_FACES
def test_a_fork_is_made_once_and_says_where_it_comes_from(hub: Hub, face: str) -> None:
    with hub.client(face=face) as store:
        store.publish([event(number) for number in range(1, 6)], stream="wf-1")
        fork = store.streams.fork("wf-1", "wf-1~fork", until=3)
        again = store.streams.fork("wf-1", "wf-1~fork", until=3)

        assert fork.forked_from == Origin("wf-1", first=1, until=3, complete=True)
        assert again == fork
        assert [(one.sequence, one.id) for one in store.read("wf-1~fork")] == [(1, "1"), (2, "2"), (3, "3")]
        assert {one.stream for one in store.search()} == {"wf-1"}
        with pytest.raises(Conflict):
            store.streams.fork("wf-1", "wf-1~fork", until=4)
        with pytest.raises(NotFound):
            store.streams.fork("wf-2", "wf-2~fork")
        store.streams.delete("wf-1", permanent=True)
        assert store.streams.fork("wf-1", "wf-1~fork") == fork
        with pytest.raises(Gone):
            store.streams.fork("wf-1", "other~fork")


def test_a_long_stream_is_forked_whole(hub: Hub) -> None:
    with hub.client() as store:
        store.publish_all(event(number) for number in range(1, 1_501))
        fork = store.streams.fork("wf-1", "wf-1~fork")

        assert (fork.head, fork.forked_from) == (1_500, Origin("wf-1", first=1, until=1_500, complete=True))
        assert [one.id for one in store.read("wf-1~fork")] == [str(number) for number in range(1, 1_501)]


def test_subscribers_of_all_streams_receive_nothing_of_a_fork(hub: Hub) -> None:
    with hub.client() as store:
        store.publish([event(1), event(2)], stream="wf-1")
        with (
            store.subscribe() as everything,
            store.subscribe(filters=[{"exact": {"type": "t"}}]) as by_type,
            store.subscribe(stream="wf-1~fork") as shadow,
        ):
            store.streams.fork("wf-1", "wf-1~fork")
            store.publish([event("in the fork")], stream="wf-1~fork")
            assert [next(shadow).id for _ in range(3)] == ["1", "2", "in the fork"]
            store.publish([event(3)], stream="wf-1")
            for subscription in (everything, by_type):
                found = next(subscription)
                assert (found.stream, found.id) == ("wf-1", "3")


def test_a_workflow_is_replayed_to_a_shadow_and_not_to_production(hub: Hub) -> None:
    with hub.client() as store:
        store.publish([event(1), event(2), event(3)], stream="wf-1")
        store.subscriptions.create("production", start="start")
        store.streams.fork("wf-1", "wf-1~fork", until=2)
        store.subscriptions.create("shadow", stream="wf-1~fork", start="start")

        assert handled(store, "shadow", 2) == [("wf-1~fork", "1"), ("wf-1~fork", "2")]
        assert handled(store, "production", 3) == [("wf-1", "1"), ("wf-1", "2"), ("wf-1", "3")]
        store.publish([event("in the fork")], stream="wf-1~fork")
        store.publish([event(4)], stream="wf-1")
        assert handled(store, "production", 1) == [("wf-1", "4")]
