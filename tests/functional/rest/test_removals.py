"""Reading page by page while events are removed: the pages report what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from eventstore.positions import Cursor
from eventstore.streams import partition_of
from functions.hub import hub
from tests.functional.rest.api import Api, cloudevent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Log
    from tests.functional.rest.api import Reply

BATCH = "application/cloudevents-batch+json"


def publish(api: Api, count: int, *, stream: str = "wf", start: int = 1) -> None:
    for number in range(start, start + count):
        assert api.publish(cloudevent(f"{stream}-{number}"), query=f"?stream={stream}").status == 201


def delete(api: Api, stream: str = "wf", query: str = "") -> None:
    assert api.call("DELETE", f"/api/v1/streams/{stream}{query}").status == 204


def following(api: Api, reply: Reply) -> Reply:
    """The next page, by its link."""
    parts = urlsplit(reply.headers["link"].partition(">")[0][1:])
    return api.get(f"{parts.path.removeprefix('/v1')}?{parts.query}")


def pages_from(api: Api, page: Reply) -> Iterator[Reply]:
    """The page and all following ones."""
    yield page
    while page.json.get("next"):
        page = following(api, page)
        yield page


def numbers(reply: Reply) -> list[int]:
    return [int(event["hubsequence"]) for event in reply.json["events"]]


def missing(reply: Reply) -> list[tuple[str, int, int]]:
    assert "missing_more" not in reply.json
    return [(gap["stream"], gap["first"], gap["last"]) for gap in reply.json.get("missing", [])]


class TestPagesOfAllStreams:
    def test_the_next_page_reports_events_removed_in_between(self, api: Api) -> None:
        publish(api, 5)
        first = api.get("/api/v1/events?stream=wf&limit=2")
        delete(api)
        publish(api, 3, start=6)
        second = following(api, first)
        assert (numbers(first), missing(first), "missing" in first.json) == ([1, 2], [], False)
        assert (missing(second), numbers(second)) == ([("wf", 3, 5)], [6, 7])
        third = following(api, second)
        assert (missing(third), numbers(third)) == ([], [8])

    @pytest.mark.parametrize("selection", ["?", "?stream=wf&stream=other&"])
    def test_removals_are_reported_even_when_nothing_is_left(self, api: Api, selection: str) -> None:
        publish(api, 5)
        publish(api, 1, stream="other")
        first = api.get(f"/api/v1/events{selection}limit=2")
        for stream in ("wf", "other"):
            delete(api, stream)
        last = following(api, first)
        seen = {(event["hubstream"], int(event["hubsequence"])) for event in first.json["events"]}
        reported = {(stream, n) for stream, low, high in missing(last) for n in range(low, high + 1)}
        assert (last.ids, seen & reported) == ([], set())
        assert seen | reported == {("other", 1), *(("wf", n) for n in range(1, 6))}

    def test_removals_are_reported_once(self, api: Api) -> None:
        publish(api, 5)
        kept = api.get("/api/v1/events?stream=wf&limit=2").json["cursor"]
        delete(api)
        page = api.get(f"/api/v1/events?stream=wf&cursor={kept}")
        assert missing(page) == [("wf", 3, 5)]
        again = api.get(f"/api/v1/events?stream=wf&cursor={page.json['cursor']}")
        assert missing(again) == []
        publish(api, 2, start=6)
        delete(api)
        publish(api, 1, start=8)
        later = api.get(f"/api/v1/events?stream=wf&cursor={again.json['cursor']}")
        assert (missing(later), numbers(later)) == ([("wf", 6, 7)], [8])

    def test_a_first_page_reports_no_earlier_removals(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 4})
        publish(api, 9)
        pages = list(pages_from(api, api.get("/api/v1/events?stream=wf&limit=1")))
        assert [missing(page) for page in pages] == [[]] * len(pages)
        assert [number for page in pages for number in numbers(page)] == [6, 7, 8, 9]

    def test_later_pages_report_no_removals_before_the_first_page(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 4})
        publish(api, 1, stream="first")
        publish(api, 9)
        pages = list(pages_from(api, api.get("/api/v1/events?limit=1")))
        assert [missing(page) for page in pages] == [[]] * len(pages)
        assert [id_ for page in pages for id_ in page.ids] == ["first-1", "wf-6", "wf-7", "wf-8", "wf-9"]

    def test_removals_at_the_end_of_an_empty_log_are_reported_once(self, api: Api) -> None:
        publish(api, 5)
        cursor = api.get("/api/v1/events?stream=wf&limit=2").json["cursor"]
        delete(api)
        dispatched(partition_of("wf", 4))
        assert hub().log.trim("wf") == 0
        page = api.get(f"/api/v1/events?stream=wf&cursor={cursor}")
        again = api.get(f"/api/v1/events?stream=wf&cursor={page.json['cursor']}")
        assert (missing(page), missing(again)) == ([("wf", 3, 5)], [])
        publish(api, 1, start=6)
        later = api.get(f"/api/v1/events?stream=wf&cursor={again.json['cursor']}")
        assert (missing(later), numbers(later)) == ([], [6])

    def test_removals_by_retention_are_reported(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 4})
        publish(api, 9)
        first = api.get("/api/v1/events?stream=wf&limit=1")
        publish(api, 3, start=10)
        second = following(api, first)
        assert (numbers(first), missing(second), numbers(second)) == ([6], [("wf", 7, 8)], [9])

    def test_a_cursor_without_a_serial_reports_every_removal_after_it(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 4})
        publish(api, 3)
        old = api.get("/api/v1/events?stream=wf&limit=1").json["cursor"]
        token = Cursor(Cursor.parse(old).places).token()
        publish(api, 6, start=4)
        page = api.get(f"/api/v1/events?stream=wf&cursor={token}")
        assert (missing(page), numbers(page)) == ([("wf", 2, 5)], [6, 7, 8, 9])

    def test_removals_of_unselected_streams_are_not_reported(self, api: Api) -> None:
        selected, unselected = [name for name in (f"wf-{n}" for n in range(100)) if partition_of(name, 4) == 0][:2]
        publish(api, 3, stream=selected)
        publish(api, 3, stream=unselected)
        first = api.get(f"/api/v1/events?stream={selected}&limit=1")
        delete(api, selected)
        delete(api, unselected)
        assert missing(following(api, first)) == [(selected, 2, 3)]

    def test_removals_are_reported_when_reading_backwards(self, api: Api) -> None:
        publish(api, 5)
        publish(api, 2, stream="other")
        first = api.get("/api/v1/events?order=desc&limit=3&stream=wf&stream=other")
        delete(api)
        second = following(api, first)
        seen = {
            (event["hubstream"], int(event["hubsequence"])) for event in first.json["events"] + second.json["events"]
        }
        reported = {(stream, n) for stream, low, high in missing(second) for n in range(low, high + 1)}
        assert not seen & reported
        assert seen | reported == {*(("other", n) for n in (1, 2)), *(("wf", n) for n in range(1, 6))}

    def test_permanently_deleted_streams_are_reported(self, api: Api) -> None:
        publish(api, 3)
        first = api.get("/api/v1/events?stream=wf&limit=2")
        delete(api, query="?permanent=true")
        second = following(api, first)
        assert (missing(second), second.json["gone"]) == ([("wf", 3, 3)], ["wf"])
        assert "gone" not in api.get(f"/api/v1/events?cursor={_all(api)}").json

    def test_a_bare_array_reports_removals_in_headers(self, api: Api) -> None:
        publish(api, 5)
        cursor = api.get("/api/v1/events?stream=wf&limit=2").json["cursor"]
        delete(api, query="?permanent=true")
        page = api.get(f"/api/v1/events?stream=wf&cursor={cursor}", Accept=BATCH)
        assert page.json == []
        assert page.headers["eventstore-missing"] == '"wf";first=3;last=5'
        assert page.headers["eventstore-gone"] == '"wf"'
        assert "eventstore-missing-more" not in page.headers

    def test_removals_that_exceed_a_header_are_marked_as_incomplete(self, api: Api) -> None:
        names = [f"{'x' * 60}-{number}" for number in range(40)]
        cursor = _all(api)
        for name in names:
            publish(api, 1, stream=name)
            delete(api, name)
        page = api.get(f"/api/v1/events?cursor={cursor}", Accept=BATCH)
        assert page.headers["eventstore-missing-more"] == "?1"
        assert 1 < page.headers["eventstore-missing"].count(";first=1;last=1") < 40
        assert len(missing(api.get(f"/api/v1/events?cursor={cursor}"))) == 40

    def test_removals_while_a_page_is_read_in_steps_are_reported_once(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api.publish(*(cloudevent(f"e{n}", data="x" * 60_000) for n in range(40)), query="?stream=wf")
        api.publish(*(cloudevent(f"f{n}", data="x" * 60_000) for n in range(40)), query="?stream=wf")
        api.publish(*(cloudevent(f"g{n}", data="x" * 60_000) for n in range(40)), query="?stream=wf")
        first = api.get("/api/v1/events?stream=wf&limit=10")
        kind = type(hub().log)
        tail = kind.tail
        calls = []

        def racing(self: Log, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the port has it
            calls.append(args)
            answer = tail(self, *args, **kwargs)  # type: ignore[arg-type]
            if len(calls) == 1:
                self.delete("wf")
            return answer

        monkeypatch.setattr(kind, "tail", racing)
        page = api.get(f"/api/v1/events?stream=wf&limit=1000&cursor={first.json['next']}")
        reported = {n for _, low, high in missing(page) for n in range(low, high + 1)}
        while page.json.get("next"):
            seen_before = set(numbers(page))
            page = following(api, page)
            reported |= {n for _, low, high in missing(page) for n in range(low, high + 1)}
            assert not seen_before & reported
        assert len(calls) > 1
        assert reported
        assert max(reported) == 120


class TestPagesOfOneStream:
    def test_the_next_page_reports_events_removed_in_between(self, api: Api) -> None:
        publish(api, 5)
        first = api.get("/api/v1/streams/wf/events?limit=2")
        delete(api)
        publish(api, 3, start=6)
        second = following(api, first)
        assert (numbers(first), missing(first)) == ([1, 2], [])
        assert (missing(second), numbers(second)) == ([("wf", 3, 5)], [6, 7])
        assert missing(following(api, second)) == []

    def test_removals_are_reported_even_when_nothing_is_left(self, api: Api) -> None:
        publish(api, 5)
        first = api.get("/api/v1/streams/wf/events?limit=2")
        delete(api)
        second = following(api, first)
        assert (missing(second), numbers(second)) == ([("wf", 3, 5)], [])

    def test_only_removals_within_the_requested_range_are_reported(self, api: Api) -> None:
        publish(api, 9)
        first = api.get("/api/v1/streams/wf/events?limit=2&from=2&to=6")
        delete(api)
        assert missing(following(api, first)) == [("wf", 4, 6)]

    def test_a_first_page_reports_no_removals(self, api: Api) -> None:
        publish(api, 5)
        delete(api)
        publish(api, 5, start=6)
        page = api.get("/api/v1/streams/wf/events?limit=2")
        assert (missing(page), numbers(page)) == ([], [6, 7])
        assert missing(following(api, page)) == []

    def test_removals_are_reported_when_reading_backwards(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 6})
        publish(api, 9)
        first = api.get("/api/v1/streams/wf/events?limit=2&direction=backwards")
        publish(api, 2, start=10)
        second = following(api, first)
        assert (numbers(first), missing(first), numbers(second), missing(second)) == (
            [9, 8],
            [],
            [7, 6],
            [("wf", 4, 5)],
        )
        assert "next" not in second.json

    def test_reading_backwards_reports_no_earlier_removals(self, api: Api) -> None:
        api.create(id="wf", retention={"max_events": 6})
        publish(api, 9)
        pages = list(pages_from(api, api.get("/api/v1/streams/wf/events?limit=2&direction=backwards")))
        assert [missing(page) for page in pages] == [[]] * len(pages)
        assert [number for page in pages for number in numbers(page)] == [9, 8, 7, 6, 5, 4]

    def test_a_bare_array_reports_removals_in_headers(self, api: Api) -> None:
        publish(api, 5)
        cursor = api.get("/api/v1/streams/wf/events?limit=2").json["next"]
        delete(api)
        page = api.get(f"/api/v1/streams/wf/events?cursor={cursor}", Accept=BATCH)
        assert (page.json, page.headers["eventstore-missing"]) == ([], '"wf";first=3;last=5')


def dispatched(partition: int) -> None:
    """Mark the whole log of a partition as dispatched."""
    client = hub().log._client  # type: ignore[attr-defined]
    [[end, _]] = client.execute_command("XREVRANGE", f"{{p{partition}}}:log", "+", "-", "COUNT", 1)
    client.execute_command("HSET", f"{{p{partition}}}:turn", "done", end)


def _all(api: Api) -> str:
    """A cursor at the end of all streams."""
    return str(api.get("/api/v1/events?limit=1000").json["cursor"])
