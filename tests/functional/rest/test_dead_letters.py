from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.rest.workers import Workers, create, post

if TYPE_CHECKING:
    from tests.functional.rest.api import Api


@pytest.fixture
def workers(api: Api) -> Workers:
    """Two streams are parked, at the second and at the first of their events."""
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
        (one["subscription"], one["stream"]) for one in api.get(f"/api/v1/dead-letters{query}").json["dead_letters"]
    ]


def test_what_is_parked_is_told_with_why(api: Api, workers: Workers) -> None:
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
class TestLooking:
    def test_the_event_that_failed_comes_along_where_one_stream_is_asked_for(self, api: Api) -> None:
        [one] = api.get("/api/v1/dead-letters?subscription=workers&stream=bad").json["dead_letters"]
        assert (one["event"]["id"], one["event"]["hubsequence"]) == ("2", "2")

    def test_an_event_that_was_removed_does_not(self, api: Api) -> None:
        api.call("DELETE", "/api/v1/streams/bad?permanent=true")
        [one] = api.get("/api/v1/dead-letters?subscription=workers&stream=bad").json["dead_letters"]
        assert (one["sequence"], "event" in one) == (2, False)

    def test_it_is_listed_page_by_page(self, api: Api) -> None:
        first = api.get("/api/v1/dead-letters?limit=1").json
        second = api.get(f"/api/v1/dead-letters?limit=1&cursor={first['next']}").json
        assert [page["dead_letters"][0]["stream"] for page in (first, second)] == ["bad", "worse"]
        assert "next" not in second

    def test_pages_go_on_across_subscriptions(self, api: Api, workers: Workers) -> None:
        create(api, "others", **{"from": "start"})
        workers.join("others", connection="c2")
        workers.park("bad", 1, connection="c2")
        assert parked(api) == [("others", "bad"), ("workers", "bad"), ("workers", "worse")]
        cursor = api.get("/api/v1/dead-letters?limit=2").json["next"]
        assert parked(api, f"?cursor={cursor}") == [("workers", "worse")]
        assert parked(api, "?stream=bad") == [("others", "bad"), ("workers", "bad")]
        assert parked(api, "?subscription=workers") == [("workers", "bad"), ("workers", "worse")]

    def test_a_page_is_no_longer_than_an_answer_may_be(self, api: Api, workers: Workers) -> None:
        for number in range(10):
            workers.publish(f"s{number}", "1")
            workers.park(f"s{number}", 1, reason="\u20ac" * 500)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("functions.rest.paging._BUDGET", 10_000)
            first = api.get("/api/v1/dead-letters").json
            rest = api.get(f"/api/v1/dead-letters?cursor={first['next']}").json
        streams = [one["stream"] for page in (first, rest) for one in page["dead_letters"]]
        assert streams[:3] == ["bad", "s0", "s1"]
        assert len(first["dead_letters"]) < 12
        assert streams == sorted(streams)


class TestRedriving:
    @pytest.mark.parametrize(("how", "wanted"), [("start", ["2"]), ("skip", ["3"]), ("drop", [])])
    def test_a_stream_goes_on_where_it_was_asked_to(
        self, api: Api, workers: Workers, how: str, wanted: list[str]
    ) -> None:
        reply = post(api, "dead-letters/redrive", subscription="workers", stream="bad", how=how)
        assert (reply.status, reply.json) == (202, {"subscription": "workers", "streams": ["bad"]})
        workers.settle()
        assert [sequence for _, sequence in workers.received()][:1] == wanted
        assert parked(api) == [("workers", "worse")]

    def test_its_letters_are_discarded_and_no_others(self, api: Api, workers: Workers) -> None:
        post(api, "dead-letters/redrive", subscription="workers", stream="bad")
        assert {letter.stream for letter in workers.letters.kept} == {"worse"}

    def test_without_a_stream_all_of_them_go_on(self, api: Api, workers: Workers) -> None:
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
    def test_where_nothing_is_parked_nothing_goes_on(
        self, api: Api, workers: Workers, members: dict[str, object], code: str
    ) -> None:
        problem = post(api, "dead-letters/redrive", **members)
        assert (problem.status, problem.json["code"]) == (404, code)
        assert len(workers.letters.kept) == 3


class TestPurging:
    def test_a_stream_goes_on_behind_what_was_parked(self, api: Api, workers: Workers) -> None:
        reply = api.call("DELETE", "/api/v1/dead-letters?subscription=workers&stream=bad")
        assert (reply.status, reply.json["streams"]) == (202, ["bad"])
        workers.settle()
        workers.publish("bad", "4")
        assert workers.received() == [("bad", "4")]
        assert parked(api) == [("workers", "worse")]

    def test_without_a_stream_all_of_them_do(self, api: Api, workers: Workers) -> None:
        api.call("DELETE", "/api/v1/dead-letters?subscription=workers")
        workers.settle()
        assert (parked(api), workers.letters.kept) == ([], [])

    def test_once_nothing_is_parked_there_is_nothing_to_purge(self, api: Api, workers: Workers) -> None:
        api.call("DELETE", "/api/v1/dead-letters?subscription=workers")
        workers.settle()
        assert api.call("DELETE", "/api/v1/dead-letters?subscription=workers").json["code"] == "nothing-parked"

    @pytest.mark.usefixtures("workers")
    def test_a_subscription_must_be_named(self, api: Api) -> None:
        problem = api.call("DELETE", "/api/v1/dead-letters")
        assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "subscription")
        assert len(parked(api)) == 2
