from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.rest.workers import Workers, create, post

if TYPE_CHECKING:
    from tests.functional.rest.api import Api


@pytest.fixture
def workers(api: Api) -> Workers:
    """Two parked streams: one at its second event, one at its first."""
    workers = Workers(api)
    create(api)
    workers.join()
    workers.publish("bad", "1", "2", "3")
    workers.publish("worse", "1")
    workers.park("bad", 2, reason="card declined")
    workers.park("worse", 1)
    workers.received()
    return workers


def parked(api: Api, query: str = "") -> list[tuple[str, str]]:
    return [
        (letter["subscription"], letter["stream"])
        for letter in api.get(f"/api/v1/dead-letters{query}").json["dead_letters"]
    ]


def test_a_parked_stream_is_listed_with_its_reason(api: Api, workers: Workers) -> None:
    bad, worse = api.get("/api/v1/dead-letters").json["dead_letters"]
    assert bad.pop("since").endswith("Z")
    assert bad.pop("partition") in range(4)
    assert bad == {
        "subscription": "workers",
        "stream": "bad",
        "sequence": 2,
        "attempts": 1,
        "errors": ["card declined"],
        "letters": 2,
    }
    assert worse["stream"] == "worse"
    assert len(workers.letters.kept) == 3


@pytest.mark.usefixtures("workers")
class TestListing:
    def test_the_failed_event_is_included_for_a_single_stream(self, api: Api) -> None:
        [letter] = api.get("/api/v1/dead-letters?subscription=workers&stream=bad").json["dead_letters"]
        assert (letter["event"]["id"], letter["event"]["hubsequence"]) == ("2", "2")

    def test_a_removed_failed_event_is_not_included(self, api: Api) -> None:
        api.call("DELETE", "/api/v1/streams/bad?permanent=true")
        [letter] = api.get("/api/v1/dead-letters?subscription=workers&stream=bad").json["dead_letters"]
        assert (letter["sequence"], "event" in letter) == (2, False)

    def test_parked_streams_are_listed_page_by_page(self, api: Api) -> None:
        first = api.get("/api/v1/dead-letters?limit=1").json
        second = api.get(f"/api/v1/dead-letters?limit=1&cursor={first['next']}").json
        assert [page["dead_letters"][0]["stream"] for page in (first, second)] == ["bad", "worse"]
        assert "next" not in second

    def test_pages_continue_across_subscriptions(self, api: Api, workers: Workers) -> None:
        create(api, "others", **{"from": "start"})
        workers.join("others", connection="c2")
        workers.park("bad", 1, connection="c2")
        assert parked(api) == [("others", "bad"), ("workers", "bad"), ("workers", "worse")]
        cursor = api.get("/api/v1/dead-letters?limit=2").json["next"]
        assert parked(api, f"?cursor={cursor}") == [("workers", "worse")]
        assert parked(api, "?stream=bad") == [("others", "bad"), ("workers", "bad")]
        assert parked(api, "?subscription=workers") == [("workers", "bad"), ("workers", "worse")]

    def test_a_page_does_not_exceed_the_limit_of_an_answer(self, api: Api, workers: Workers) -> None:
        for number in range(10):
            workers.publish(f"s{number}", "1")
            workers.park(f"s{number}", 1, reason="\u20ac" * 500)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("functions.rest.paging._BUDGET", 10_000)
            first = api.get("/api/v1/dead-letters").json
            rest = api.get(f"/api/v1/dead-letters?cursor={first['next']}").json
        streams = [letter["stream"] for page in (first, rest) for letter in page["dead_letters"]]
        assert streams[:3] == ["bad", "s0", "s1"]
        assert len(first["dead_letters"]) < 12
        assert streams == sorted(streams)


class TestRedriving:
    @pytest.mark.parametrize(("how", "wanted"), [("start", ["2"]), ("skip", ["3"]), ("drop", [])])
    def test_a_redriven_stream_resumes_where_requested(
        self, api: Api, workers: Workers, how: str, wanted: list[str]
    ) -> None:
        reply = post(api, "dead-letters/redrive", subscription="workers", stream="bad", how=how)
        assert (reply.status, reply.json) == (202, {"subscription": "workers", "streams": ["bad"]})
        workers.settle()
        assert [sequence for _, sequence in workers.received()][:1] == wanted
        assert parked(api) == [("workers", "worse")]

    def test_only_the_letters_of_the_redriven_stream_are_discarded(self, api: Api, workers: Workers) -> None:
        post(api, "dead-letters/redrive", subscription="workers", stream="bad")
        assert {letter.stream for letter in workers.letters.kept} == {"worse"}

    def test_without_a_stream_every_parked_stream_is_redriven(self, api: Api, workers: Workers) -> None:
        reply = post(api, "dead-letters/redrive", subscription="workers")
        assert reply.json["streams"] == ["bad", "worse"]
        workers.settle()
        assert sorted(workers.received()) == [("bad", "2"), ("bad", "3"), ("worse", "1")]
        assert workers.letters.kept == []

    @pytest.mark.parametrize(
        ("members", "code"),
        [
            ({"subscription": "nobody"}, "subscription-not-found"),
            ({"subscription": "workers", "stream": "good"}, "nothing-parked"),
        ],
    )
    def test_redriving_without_a_parked_stream_is_refused(
        self, api: Api, workers: Workers, members: dict[str, object], code: str
    ) -> None:
        problem = post(api, "dead-letters/redrive", **members)
        assert (problem.status, problem.json["code"]) == (404, code)
        assert len(workers.letters.kept) == 3


class TestPurging:
    def test_a_purged_stream_resumes_after_the_parked_events(self, api: Api, workers: Workers) -> None:
        reply = api.call("DELETE", "/api/v1/dead-letters?subscription=workers&stream=bad")
        assert (reply.status, reply.json["streams"]) == (202, ["bad"])
        workers.settle()
        workers.publish("bad", "4")
        assert workers.received() == [("bad", "4")]
        assert parked(api) == [("workers", "worse")]

    def test_without_a_stream_every_parked_stream_is_purged(self, api: Api, workers: Workers) -> None:
        api.call("DELETE", "/api/v1/dead-letters?subscription=workers")
        workers.settle()
        assert (parked(api), workers.letters.kept) == ([], [])

    def test_purging_without_a_parked_stream_is_refused(self, api: Api, workers: Workers) -> None:
        api.call("DELETE", "/api/v1/dead-letters?subscription=workers")
        workers.settle()
        assert api.call("DELETE", "/api/v1/dead-letters?subscription=workers").json["code"] == "nothing-parked"

    @pytest.mark.usefixtures("workers")
    def test_a_subscription_must_be_named(self, api: Api) -> None:
        problem = api.call("DELETE", "/api/v1/dead-letters")
        assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "subscription")
        assert len(parked(api)) == 2
