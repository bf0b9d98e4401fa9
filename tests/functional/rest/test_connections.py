"""Listing connections, and closing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import FULL, Access, Scope
from eventstore.filters import parse_filters
from eventstore.subscriptions import BARE, EVENTSTORE, Connection, Subscription
from functions.hub import hub
from tests.fresh import reread
from tests.functional.rest.callers import caller
from tests.functional.rest.workers import Workers, create

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.queues import FakeDispatchQueue
    from tests.functional.rest.api import Api

_OPENED = 1_795_512_000_120


def connect(name: str, *, opened: int = _OPENED, protocol: str = EVENTSTORE, access: Access = FULL) -> None:
    hub().subscriptions.connect(Connection(name, protocol, opened), access=access)


def subscribe(connection: str, own_id: str, *filters: object, streams: Sequence[str] = ()) -> None:
    subscription = Subscription(hub().new_id(), connection, own_id, parse_filters(list(filters)), tuple(streams))
    hub().subscriptions.start(subscription, access=FULL)


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    connections: list[dict[str, Any]] = api.get(f"/api/v1/connections{query}").json["connections"]
    return connections


def ids(api: Api, query: str = "") -> list[str]:
    return [connection["id"] for connection in listed(api, query)]


def queue() -> FakeDispatchQueue:
    return hub().dispatch_queue  # type: ignore[return-value] # of the fixture


class TestListing:
    def test_no_connection_is_listed_at_first(self, api: Api) -> None:
        assert api.get("/api/v1/connections").json == {"connections": []}

    def test_a_connection_is_listed_with_its_protocol_and_time(self, api: Api) -> None:
        connect("L0SM9cOFvHcCIhw=", protocol=BARE)
        assert listed(api) == [
            {
                "id": "L0SM9cOFvHcCIhw=",
                "connected": "2026-11-24T09:20:00.120Z",
                "protocol": "cloudevents.json",
                "in_flight": 0,
                "subscriptions": [],
            }
        ]

    def test_a_connection_is_listed_with_the_subject_and_prefixes_of_its_credential(self, api: Api) -> None:
        connect("c", access=Access.of("svc \ud800", Scope, tenants=["beta", "acme"], streams=["public."]))
        [connection] = listed(api)
        assert connection["subject"] == "svc \ud800"
        assert connection["tenants"] == ["acme", "beta"]
        assert connection["prefixes"] == ["acme:", "beta:", "public."]

    def test_its_subscriptions_are_listed(self, api: Api) -> None:
        connect("c")
        subscribe("c", "s2", {"exact": {"type": "t"}}, streams=["a", "b"])
        subscribe("c", "s1")
        assert listed(api)[0]["subscriptions"] == [
            {"id": "s1", "filters": [], "frames": []},
            {"id": "s2", "filters": [{"exact": {"type": "t"}}], "stream": ["a", "b"], "frames": []},
        ]

    def test_the_last_frame_is_listed_of_each_partition(self, api: Api) -> None:
        connect("c")
        subscribe("c", "s")
        workers = Workers(api)
        workers.publish("wf", "1")
        last = {message["partition"]: message["frame"] for message in workers.messages()}
        assert last
        frames = listed(api)[0]["subscriptions"][0]["frames"]
        assert frames == [{"partition": partition, "frame": last[partition]} for partition in sorted(last)]

    def test_unacknowledged_events_are_counted(self, api: Api) -> None:
        create(api)
        workers = Workers(api)
        workers.join()
        workers.publish("wf", "1", "2", "3")
        workers.publish("other", "1")
        last = {message["partition"]: message["frame"] for message in workers.messages()}
        connect("idle")
        busy, idle = listed(api)
        assert (busy["id"], busy["in_flight"], idle["in_flight"]) == ("c1", 4, 0)
        [membership] = busy["subscriptions"]
        assert (membership["id"], membership["subscription"], membership["in_flight"]) == ("w", "workers", 4)
        assert {frame["partition"]: frame["frame"] for frame in membership["frames"]} == last

    def test_a_member_of_a_deleted_subscription_has_nothing_in_flight(self, api: Api) -> None:
        create(api)
        workers = Workers(api)
        workers.join()
        workers.publish("wf", "1")
        api.call("DELETE", "/api/v1/subscriptions/workers")
        assert listed(api)[0]["subscriptions"] == [{"id": "w", "subscription": "workers", "in_flight": 0, "frames": []}]

    def test_a_disconnected_connection_is_not_listed(self, api: Api) -> None:
        connect("c")
        hub().members.disconnect("c")
        assert ids(api) == []


class TestPages:
    def test_connections_are_listed_page_by_page_by_when_they_were_opened(self, api: Api) -> None:
        for number in range(7):
            connect(f"c{number}=", opened=_OPENED - number // 2)
        pages = [api.get("/api/v1/connections?limit=3").json]
        while "next" in pages[-1]:
            pages.append(api.get(f"/api/v1/connections?limit=3&cursor={pages[-1]['next']}").json)
        ids_by_page = [[connection["id"] for connection in page["connections"]] for page in pages]
        assert ids_by_page == [["c6=", "c4=", "c5="], ["c2=", "c3=", "c0="], ["c1="]]

    def test_a_page_links_the_next_one(self, api: Api) -> None:
        for name in ("a", "b"):
            connect(name)
        reply = api.get("/api/v1/connections?limit=1")
        following = f"limit=1&cursor={reply.json['next']}"
        assert following in reply.headers["link"]
        assert ids(api, f"?{following}") == ["b"]

    def test_a_list_longer_than_one_step_is_whole(self, api: Api) -> None:
        for number in range(230):
            connect(f"c{number:03}")
        assert ids(api, "?limit=1000") == [f"c{number:03}" for number in range(230)]

    def test_a_page_is_no_longer_than_an_answer_may_be(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in "abc":
            connect(name)
            subscribe(name, "s", {"exact": {"type": "t" * 1000}})
        monkeypatch.setattr("functions.rest.paging._BUDGET", 2_500)
        first = api.get("/api/v1/connections").json
        rest = api.get(f"/api/v1/connections?cursor={first['next']}").json
        assert [[connection["id"] for connection in page["connections"]] for page in (first, rest)] == [
            ["a", "b"],
            ["c"],
        ]
        assert "next" not in rest

    def test_a_page_that_has_used_up_its_time_may_be_empty_and_goes_on(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUTH", "jwt")
        reread()
        for number in range(120):
            connect(f"c{number:03}")
        connect("last", opened=_OPENED + 1, access=Access.of("own", Scope, tenants=["acme"]))
        monkeypatch.setattr("functions.rest.paging._TIME", 0)
        acme = caller(tenants=["acme"])
        first = acme.get("/api/v1/connections").json
        assert first["connections"] == []
        assert ids(acme, f"?cursor={first['next']}") == ["last"]
        assert api.get("/api/v1/connections").status == 403

    @pytest.mark.parametrize("query", ["?cursor=bkY", "?cursor=*", "?cursor=bzEyeCBj", "?prefix=c", "?limit=1001"])
    def test_an_invalid_query_is_refused(self, api: Api, query: str) -> None:
        assert api.get(f"/api/v1/connections{query}").status == 422


class TestClosing:
    def test_a_connection_is_removed_and_its_closing_requested(self, api: Api) -> None:
        connect("L0SM9cOFvHcCIhw=", protocol=BARE)
        connect("other")
        reply = api.call("DELETE", "/api/v1/connections/L0SM9cOFvHcCIhw%3D")
        assert (reply.status, reply.body) == (204, b"")
        assert queue().closing == [Connection("L0SM9cOFvHcCIhw=", BARE, _OPENED)]
        assert ids(api) == ["other"]

    def test_it_gets_no_more_frames(self, api: Api) -> None:
        connect("c")
        subscribe("c", "s")
        workers = Workers(api)
        workers.settle()
        assert workers.messages()
        api.call("DELETE", "/api/v1/connections/c")
        workers.publish("wf", "1")
        assert workers.messages() == []

    def test_its_partitions_go_to_another_member(self, api: Api) -> None:
        create(api)
        workers = Workers(api)
        workers.join(connection="first")
        workers.join(connection="second")
        workers.publish("wf", "1")
        api.call("DELETE", "/api/v1/connections/first")
        workers.settle()
        standing = api.get("/api/v1/subscriptions/workers").json
        assert standing["members"] == [{"connection": "second", "id": "w"}]
        assert {partition["owner"] for partition in standing["partitions"]} == {"second"}

    @pytest.mark.parametrize("name", ["never-there", "a%2Fb", "%7Bp0%7D", "x" * 300])
    def test_an_unknown_connection_is_not_found(self, api: Api, name: str) -> None:
        problem = api.call("DELETE", f"/api/v1/connections/{name}")
        assert (problem.status, problem.json["code"]) == (404, "connection-not-found")
        assert queue().closing == []

    def test_a_connection_is_closed_once(self, api: Api) -> None:
        connect("c")
        assert [api.call("DELETE", "/api/v1/connections/c").status for _ in range(2)] == [204, 404]

    def test_a_connection_stays_when_its_closing_cannot_be_queued(self, api: Api) -> None:
        connect("c")
        queue().broken = True
        problem = api.call("DELETE", "/api/v1/connections/c")
        assert (problem.status, problem.json["code"]) == (503, "queue-unavailable")
        assert ids(api) == ["c"]

    def test_a_precondition_is_refused(self, api: Api) -> None:
        connect("c")
        assert api.call("DELETE", "/api/v1/connections/c", headers={"If-Match": "*"}).status == 422
        assert ids(api) == ["c"]


class TestLimitedCredentials:
    @pytest.fixture(autouse=True)
    def connected(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUTH", "jwt")
        reread()
        assert api.get("/api/v1/connections").status == 403
        for number, (name, tenants, streams) in enumerate(
            [
                ("all", [], []),
                ("acme", ["acme"], []),
                ("part", [], ["acme:orders"]),
                ("both", ["acme", "beta"], []),
                ("more", ["acme"], ["public."]),
                ("beta", ["beta"], []),
            ]
        ):
            connect(name, opened=number, access=Access.of(name, Scope, tenants=tenants, streams=streams))
        # As an older version stored it.
        hub().registry.connect(Connection("old", EVENTSTORE, 9))

    @pytest.mark.parametrize(
        ("tenants", "streams", "visible"),
        [
            ([], [], ["all", "acme", "part", "both", "more", "beta", "old"]),
            (["acme"], [], ["acme", "part"]),
            (["acme", "beta"], [], ["acme", "part", "both", "beta"]),
            (["acme"], ["public."], ["acme", "part", "more"]),
            ([], ["acme:orders"], ["part"]),
            (["other"], [], []),
        ],
    )
    def test_connections_with_the_same_or_less_access_are_listed_and_closed(
        self, tenants: list[str], streams: list[str], visible: list[str]
    ) -> None:
        by, everyone = caller(tenants=tenants, streams=streams), caller()
        assert ids(by) == visible
        before = ids(everyone)
        for name in before:
            reply = by.call("DELETE", f"/api/v1/connections/{name}")
            assert reply.status == (204 if name in visible else 404)
        assert ids(everyone) == [name for name in before if name not in visible]

    def test_a_connection_with_more_access_is_not_found(self) -> None:
        by = caller(tenants=["acme"])
        hidden, absent = (by.call("DELETE", f"/api/v1/connections/{name}").json for name in ("beta", "none"))
        assert hidden["detail"].replace("beta", "none") == absent["detail"]
