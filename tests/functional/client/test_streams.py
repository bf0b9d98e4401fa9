"""`EventStore.streams`, `search`, `get` and `read`, against the real handler of REST and the gRPC door."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.write import stream_admin
from eventstore_client import (
    Conflict,
    Gone,
    HistoryLost,
    Invalid,
    NotFound,
    Origin,
    Retention,
    WrongExpectedVersion,
)

if TYPE_CHECKING:
    from eventstore_client import EventStore


def event(event_id: str = "1", **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "io.flunq.task.completed", **members}


class TestStreams:
    def test_a_created_stream_has_its_settings(self, rest_hub: EventStore) -> None:
        created = rest_hub.streams.create(
            "metrics", max_age=timedelta(days=1), max_events=1_000, labels={"team": "blue"}
        )

        assert created.retention == Retention(max_age=timedelta(days=1), max_events=1_000)
        assert (created.name, created.head, created.first, created.count) == ("metrics", 0, 1, 0)
        assert dict(created.labels) == {"team": "blue"}
        assert abs(datetime.now(UTC) - created.created) < timedelta(minutes=1)
        assert rest_hub.streams.get("metrics") == rest_hub.streams.change("metrics", max_events=1_000)

    def test_creating_a_stream_again_returns_it_unless_it_must_be_new(self, rest_hub: EventStore) -> None:
        first = rest_hub.streams.create("s", max_events=5)

        assert rest_hub.streams.create("s", max_events=5) == first
        with pytest.raises(Conflict):
            rest_hub.streams.create("s", max_events=6)
        with pytest.raises(WrongExpectedVersion):
            rest_hub.streams.create("s", max_events=5, new=True)

    def test_a_change_sets_what_it_names_and_none_removes_it(self, rest_hub: EventStore) -> None:
        rest_hub.streams.create("s", max_age=60, max_events=5, labels={"a": "1", "b": "2"})

        changed = rest_hub.streams.change("s", max_events=None, labels={"a": None, "c": "3"})

        assert changed.retention == Retention(max_age=timedelta(minutes=1))
        assert dict(changed.labels) == {"b": "2", "c": "3"}

    @pytest.mark.parametrize("hub_url", ["http"], indirect=True)
    def test_a_change_removes_all_labels(self, rest_hub: EventStore) -> None:
        rest_hub.streams.create("s", labels={"a": "1", "b": "2"})

        assert dict(rest_hub.streams.change("s", labels=None).labels) == {}

    def test_a_change_of_nothing_is_refused(self, rest_hub: EventStore) -> None:
        rest_hub.streams.create("s")

        with pytest.raises(Invalid, match="send at least one of: retention, labels"):
            rest_hub.streams.change("s")

    def test_a_change_may_require_the_description_that_was_read(self, rest_hub: EventStore) -> None:
        rest_hub.streams.create("s")
        read = rest_hub.streams.get("s")
        rest_hub.streams.change("s", max_events=5, expected=read.etag)

        with pytest.raises(WrongExpectedVersion):
            rest_hub.streams.change("s", max_events=6, expected=read.etag)

        assert rest_hub.streams.get("s").retention.max_events == 5

    def test_a_change_may_require_the_end_of_the_stream(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event()], stream="s")

        assert rest_hub.streams.change("s", max_events=5, expected=1).retention.max_events == 5
        with pytest.raises(WrongExpectedVersion):
            rest_hub.streams.change("s", max_events=6, expected=2)

    def test_a_fork_has_the_first_events_and_says_where_it_comes_from(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event("1"), event("2"), event("3")], stream="s")

        fork = rest_hub.streams.fork("s", "s~fork", until=2)

        assert (fork.head, fork.forked_from) == (2, Origin("s", first=1, until=2, complete=True))
        assert rest_hub.streams.fork("s", "s~fork") == fork
        assert [(one.stream, one.id) for one in rest_hub.read("s~fork")] == [("s~fork", "1"), ("s~fork", "2")]
        assert {one.stream for one in rest_hub.search()} == {"s"}
        assert rest_hub.streams.get("s").forked_from is None
        with pytest.raises(Conflict, match="choose another name"):
            rest_hub.streams.fork("s", "s~fork", until=3)
        with pytest.raises(Invalid, match="name it 's~fork'"):
            rest_hub.streams.fork("s", "shadow")
        with pytest.raises(NotFound):
            rest_hub.streams.fork("none", "none~fork")

    def test_a_fork_of_a_long_stream_is_complete_once_it_is_returned(
        self, rest_hub: EventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rest_hub.publish([event(str(number)) for number in range(300)], stream="s")
        monkeypatch.setattr(stream_admin, "_COPY_MILLISECONDS", -1)

        fork = rest_hub.streams.fork("s", "s~fork")

        assert (fork.head, fork.forked_from) == (300, Origin("s", first=1, until=300, complete=True))

    def test_a_list_continues_page_by_page(self, rest_hub: EventStore) -> None:
        for number in range(7):
            rest_hub.streams.create(f"wf-{number}")
        rest_hub.streams.create("other")

        names = [stream.name for stream in rest_hub.streams.list(prefix="wf-", page=3)]

        assert names == [f"wf-{number}" for number in range(7)]

    def test_a_deleted_stream_continues_its_sequence(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event("1"), event("2")], stream="s")

        rest_hub.streams.delete("s", expected=2)

        assert rest_hub.publish([event("3")], stream="s")[0].sequence == 3

    def test_a_stream_that_ends_elsewhere_is_not_deleted(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event()], stream="s")

        with pytest.raises(WrongExpectedVersion) as refused:
            rest_hub.streams.delete("s", expected=0)

        assert refused.value.problem["actual"] == 1
        assert rest_hub.streams.get("s").count == 1

    def test_a_permanently_deleted_stream_is_gone(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event()], stream="s")

        rest_hub.streams.delete("s", permanent=True)

        with pytest.raises(Gone):
            rest_hub.streams.get("s")

    def test_a_stream_that_does_not_exist_is_not_found(self, rest_hub: EventStore) -> None:
        with pytest.raises(NotFound):
            rest_hub.streams.get("nowhere")
        with pytest.raises(NotFound):
            rest_hub.streams.change("nowhere", max_events=1)


class TestGet:
    def test_an_event_is_found_by_its_id(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event("a/b c", data={"n": 1})], stream="s")

        found = rest_hub.get("a/b c")

        assert (found.stream, found.sequence, found.data) == ("s", 1, {"n": 1})

    def test_an_event_whose_id_is_not_unique_is_found_by_its_source(self, rest_hub: EventStore) -> None:
        rest_hub.publish([event("1", source="/a"), event("1", source="/b")], stream="s")

        with pytest.raises(Conflict) as refused:
            rest_hub.get("1")
        assert [candidate["source"] for candidate in refused.value.problem["candidates"]] == ["/a", "/b"]
        assert rest_hub.get("1", source="/b").sequence == 2
        assert rest_hub.get("1", source="/a", stream="s").sequence == 1

    def test_an_event_that_does_not_exist_is_not_found(self, rest_hub: EventStore) -> None:
        with pytest.raises(NotFound):
            rest_hub.get("nobody")


@pytest.fixture
def orders(rest_hub: EventStore) -> EventStore:
    """Six events in two streams, of two types."""
    for number in range(1, 7):
        kind = "order.placed" if number % 2 else "order.paid"
        rest_hub.publish([event(str(number), type=kind, workflowid=f"wf-{number % 3}", data=number)])
        # Events of the same millisecond have no order between streams.
        stored = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == stored:
            pass
    return rest_hub


class TestSearch:
    def test_all_streams_are_searched_in_order_page_by_page(self, orders: EventStore) -> None:
        assert [found.id for found in orders.search(page=2)] == ["1", "2", "3", "4", "5", "6"]
        assert [found.id for found in orders.search(page=4, order="desc")] == ["6", "5", "4", "3", "2", "1"]

    @pytest.mark.parametrize(
        ("selection", "ids"),
        [
            ({"type": "order.paid"}, ["2", "4", "6"]),
            ({"type": "order.*"}, ["1", "2", "3", "4", "5", "6"]),
            ({"type": ["order.paid", "order.placed"], "workflowid": "wf-1"}, ["1", "4"]),
            ({"stream": ["wf-0", "wf-2"]}, ["2", "3", "5", "6"]),
            ({"filter": "type LIKE '%paid' AND workflowid = 'wf-0'"}, ["6"]),
            ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, []),
            ({"since": "2020-01-01T00:00:00+02:00", "workflowid": "wf-2"}, ["2", "5"]),
        ],
        ids=str,
    )
    def test_events_are_selected(self, orders: EventStore, selection: dict[str, Any], ids: list[str]) -> None:
        assert [found.id for found in orders.search(**selection)] == ids

    def test_a_search_uses_a_named_filter(self, orders: EventStore, http_hub: EventStore) -> None:
        http_hub.filters.put("paid", [{"suffix": {"type": ".paid"}}])

        assert [found.id for found in orders.search(filter_name="paid")] == ["2", "4", "6"]

    def test_a_search_continues_from_the_cursor_of_another(self, orders: EventStore) -> None:
        first = orders.search(page=2)
        assert [next(first).id for _ in range(2)] == ["1", "2"]
        assert first.cursor is None
        assert next(first).id == "3"

        assert [found.id for found in orders.search(cursor=first.cursor)] == ["3", "4", "5", "6"]

    def test_a_finished_search_continues_with_new_events(self, orders: EventStore) -> None:
        search = orders.search()
        assert len(list(search)) == 6
        orders.publish([event("7")])

        assert [found.id for found in orders.search(cursor=search.cursor)] == ["7"]

    def test_events_removed_during_a_search_are_an_error_unless_accepted(self, orders: EventStore) -> None:
        search, accepting = orders.search(page=1), orders.search(page=1, on_loss=(losses := []).append)
        assert (next(search).id, next(accepting).id) == ("1", "1")
        orders.streams.delete("wf-2", permanent=True)

        with pytest.raises(HistoryLost, match="wf-2"):
            list(search)

        assert [found.id for found in accepting] == ["3", "4", "6"]
        assert [missing.stream for loss in losses for missing in loss.missing] == ["wf-2"]
        resumed = orders.search(cursor=search.cursor, on_loss=losses.append)
        assert [found.id for found in resumed][-3:] == ["3", "4", "6"]
        assert len(losses) == 2

    def test_an_unknown_option_is_named(self, orders: EventStore) -> None:
        with pytest.raises(TypeError, match="unknown option 'kind'; events are selected by type, source"):
            orders.search(kind="order.paid")  # type: ignore[call-arg]

    def test_a_time_without_a_zone_is_refused(self, orders: EventStore) -> None:
        with pytest.raises(ValueError, match="has no time zone"):
            orders.search(since=datetime(2026, 1, 1))  # noqa: DTZ001 - the fault

    def test_a_stream_is_read_backwards_and_by_type(self, orders: EventStore) -> None:
        assert [found.id for found in orders.read("wf-1", direction="backwards", page=1)] == ["4", "1"]
        assert [found.id for found in orders.read("wf-1", type="order.paid")] == ["4"]
        assert [found.id for found in orders.read("wf-1", filter="type = 'order.placed'")] == ["1"]
