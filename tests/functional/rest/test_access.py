"""The handler, too, enforces what the credential of a caller grants."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import Access, Scope
from eventstore.filters import parse_filters
from eventstore.hub.backends import CAPABILITIES
from eventstore.subscriptions import Durable
from functions.authorizer.policy import policy_of
from functions.hub import hub
from functions.rest.openapi import document
from functions.rest.openapi.paths import PATHS
from functions.rest.openapi.security import PUBLIC, SCOPES
from tests.fresh import reread
from tests.functional.rest.api import Api, cloudevent
from tests.functional.rest.callers import Caller, caller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.ports import Durables
    from tests.functional.rest.api import Reply

_CALLS = [
    (operation["operationId"], method.upper(), path)
    for path, item in PATHS.items()
    for method, operation in item.items()
]
_GUARDED = [
    (operation, name, path)
    for operation, method, path in _CALLS
    if operation not in PUBLIC
    for name in ((method, "HEAD") if method == "GET" else (method,))
]
_PUBLIC = ["/api/v1/asyncapi.json", "/api/v1/docs", "/api/v1/eventstore.js", "/api/v1/openapi.json"]
_JSON = {"Content-Type": "application/json"}
_STAGE = "arn:aws:execute-api:eu-central-1:123456789012:abcdef123/v1"


@pytest.fixture(params=["jwt", "key"])
def auth(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def everyone(api: Api, monkeypatch: pytest.MonkeyPatch, auth: str) -> Caller:
    """A caller with full access, where an authorizer decides."""
    monkeypatch.setenv("AUTH", auth)
    reread()
    assert api.get("/health").status == 403
    return caller()


@pytest.fixture
def acme(everyone: Caller) -> Caller:
    """A tenant with full access to its streams; another tenant has events too, and both have one with the id 1."""
    everyone.publish(cloudevent("1", tenantid="acme", workflowid="a"), cloudevent("2", tenantid="acme", workflowid="a"))
    everyone.publish(cloudevent("1", tenantid="other", workflowid="b", source="/other"))
    everyone.publish(cloudevent("3", tenantid="other", workflowid="b"))
    everyone.publish(cloudevent("4"))
    return caller(tenants=["acme"])


def forbidden(reply: Reply) -> str:
    assert (reply.status, reply.json["code"]) == (403, "forbidden"), reply.body
    return str(reply.json["detail"])


def post(by: Api, path: str, **body: object) -> Reply:
    return by.call("POST", f"/api/v1/{path}", body=json.dumps(body).encode(), headers=_JSON)


def test_a_limited_caller_cannot_renew_the_epoch(acme: Caller, everyone: Caller) -> None:
    cursor = everyone.get("/api/v1/events?limit=1").json["next"]
    assert "acme:" in forbidden(acme.call("POST", "/api/v1/epoch"))
    assert everyone.get(f"/api/v1/events?cursor={cursor}").status == 200


def asked(path: str) -> str:
    """A path with a value for each parameter."""
    for name in ("connection", "filter", "id", "stream", "subscription", "type"):
        path = path.replace(f"{{{name}}}", "x")
    return path


_VALID: Mapping[str, Mapping[str, Any]] = {
    "publishEvents": {
        "body": json.dumps(cloudevent("new")).encode(),
        "headers": {"Content-Type": "application/cloudevents+json"},
    },
    "createStream": {"body": b'{"id": "new"}'},
    "changeStream": {"body": b'{"labels": {}}'},
    "forkStream": {"body": b'{"to": "x~fork"}'},
    "createSubscription": {"body": b'{"id": "new"}'},
    "changeSubscription": {"body": b'{"max_attempts": 2}'},
    "putFilter": {"body": b'{"filters": []}'},
    "putSchema": {"body": b'{"schema": {}}'},
    "replaySubscription": {"body": b'{"from": "now"}'},
    "purgeDeadLetters": {"query": "?subscription=x"},
    "redriveDeadLetters": {"body": b'{"subscription": "x"}'},
}
"""The other parts of a valid request; an invalid one would be refused for another reason."""


@pytest.mark.parametrize(("operation", "method", "path"), _GUARDED)
@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("auth", ["jwt"], indirect=True)
@pytest.mark.usefixtures("everyone")
def test_a_call_needs_its_scope_in_the_handler_and_in_the_gateways_policy(
    operation: str, method: str, path: str, scope: Scope
) -> None:
    needed = SCOPES[operation]
    allowed = scope in needed or not needed
    valid = {"headers": _JSON, "query": "", **_VALID.get(operation, {})}
    reply = caller(scope).call(method, asked(path) + valid.pop("query"), **valid)
    assert (reply.status != 403) is allowed, reply.body
    policy = policy_of(Access.of("someone", [scope]), method_arn=f"{_STAGE}/{method}{asked(path)}")
    assert allows(policy, f"{_STAGE}/{method}{asked(path)}") is allowed


def allows(policy: dict[str, Any], arn: str) -> bool:
    return any(fnmatchcase(arn, resource) for resource in policy["policyDocument"]["Statement"][0]["Resource"])


@pytest.mark.parametrize(("operation", "method", "path"), _GUARDED)
@pytest.mark.parametrize("auth", ["key"], indirect=True)
@pytest.mark.usefixtures("everyone")
def test_a_call_without_an_authorizer_context_is_refused(operation: str, method: str, path: str) -> None:
    assert operation
    assert "authorizer" in forbidden(Caller(None).call(method, asked(path), body=b"{}", headers=_JSON))


@pytest.mark.parametrize("path", _PUBLIC)
@pytest.mark.usefixtures("everyone")
def test_the_documentation_and_the_module_need_no_credential(path: str) -> None:
    assert Caller(None).get(path).status == 200
    assert Caller(None).call("HEAD", path).status == 200


@pytest.mark.parametrize("auth", ["none", "iam"], indirect=True)
def test_without_an_authorizer_every_caller_has_full_access(
    api: Api, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    monkeypatch.setenv("AUTH", auth)
    reread()
    assert api.publish(cloudevent("1")).status == 201
    assert api.get("/api/v1/stats").json["appends"] == 1


def test_a_missing_scope_is_named(everyone: Caller) -> None:
    assert everyone
    assert "the scope publish" in forbidden(caller(Scope.READ).publish(cloudevent("1")))


def test_events_are_published_to_streams_in_reach(acme: Caller) -> None:
    assert acme.publish(cloudevent("5", tenantid="acme", workflowid="a")).status == 201
    assert acme.publish(cloudevent("6"), query="?stream=acme:b").status == 201


@pytest.mark.parametrize(
    ("events", "query", "pointer"),
    [
        ([cloudevent("5")], "", ""),
        ([cloudevent("5", tenantid="other", workflowid="a")], "", ""),
        ([cloudevent("5", tenantid="other")], "?stream=acme:a", "/tenantid"),
        ([cloudevent("5")], "?stream=other:b", "stream"),
        ([cloudevent("5")], "?stream=acmes", "stream"),
        ([cloudevent("5", tenantid="acme", workflowid="a"), cloudevent("6")], "", "/1"),
    ],
)
def test_a_publish_to_others_is_refused_and_stores_nothing(
    acme: Caller, everyone: Caller, events: list[dict[str, object]], query: str, pointer: str
) -> None:
    before = everyone.get("/api/v1/stats").json["appends"]
    reply = acme.publish(*events, query=query)
    forbidden(reply)
    assert [error["pointer"] for error in reply.json.get("errors", [])] == ([pointer] if pointer else [])
    assert everyone.get("/api/v1/stats").json["appends"] == before


def test_a_search_finds_events_in_reach(acme: Caller) -> None:
    assert acme.get("/api/v1/events").ids == ["1", "2"]
    assert acme.get("/api/v1/events?order=desc").ids == ["2", "1"]
    assert acme.get("/api/v1/events?type=*&tenantid=other").ids == []
    assert acme.get("/api/v1/events?filter=TRUE").ids == ["1", "2"]
    assert acme.get("/api/v1/events?stream=acme:a").ids == ["1", "2"]


def test_a_search_in_streams_of_others_is_refused(acme: Caller) -> None:
    assert "other:b" in forbidden(acme.get("/api/v1/events?stream=acme:a&stream=other:b"))


def test_a_cursor_of_another_caller_reveals_nothing(acme: Caller, everyone: Caller) -> None:
    cursor = everyone.get("/api/v1/events?limit=2").json["next"]
    assert acme.get(f"/api/v1/events?cursor={cursor}").ids == []
    cursor = everyone.get("/api/v1/streams/other:b/events?limit=1").json["next"]
    forbidden(acme.get(f"/api/v1/streams/other:b/events?cursor={cursor}"))


def test_an_event_by_its_id_is_in_reach_or_not_found(acme: Caller) -> None:
    assert acme.get("/api/v1/events/1").json["hubstream"] == "acme:a"
    assert acme.get("/api/v1/events/3").json["code"] == "event-not-found"
    assert acme.get("/api/v1/events/1?source=/other").json["code"] == "event-not-found"
    forbidden(acme.get("/api/v1/events/3?stream=other:b"))


def test_an_event_of_another_tenant_is_answered_like_an_unknown_one(acme: Caller) -> None:
    there, absent = acme.get("/api/v1/events/3"), acme.get("/api/v1/events/9")
    assert there.status == absent.status == 404
    assert there.json["detail"].replace("'3'", "'9'") == absent.json["detail"]


@pytest.mark.parametrize("stream", ["other:b", "other:nothing", "default", "acm", "acme"])
@pytest.mark.parametrize("path", ["", "/events"])
def test_a_stream_of_others_is_refused_whether_or_not_it_exists(acme: Caller, stream: str, path: str) -> None:
    forbidden(acme.get(f"/api/v1/streams/{stream}{path}"))
    forbidden(acme.get(f"/api/v1/streams/{stream}{path}", If_None_Match="*"))


def test_a_stream_of_others_is_neither_created_nor_deleted(acme: Caller, everyone: Caller) -> None:
    forbidden(acme.create(id="other:c"))
    forbidden(acme.call("DELETE", "/api/v1/streams/other:b"))
    assert [stream["id"] for stream in everyone.get("/api/v1/streams").json["streams"]] == [
        "acme:a",
        "default",
        "other:b",
    ]


def test_streams_in_reach_are_created_read_and_deleted(acme: Caller) -> None:
    assert acme.create(id="acme:c").status == 201
    assert acme.get("/api/v1/streams/acme:a/events").ids == ["1", "2"]
    assert acme.get("/api/v1/streams/acme:a").json["head"] == 2
    assert acme.call("DELETE", "/api/v1/streams/acme:a").status == 204


def test_a_list_of_streams_has_those_in_reach_page_by_page(everyone: Caller) -> None:
    for name in ("a.1", "b:1", "b:2", "b:3", "c", "d:1", "d:2", "e"):
        everyone.create(id=name)
    limited = caller(tenants=["b", "d"], streams=["a."])
    names, url = [], "/api/v1/streams?limit=2"
    while url:
        page = limited.get(url).json
        names += [stream["id"] for stream in page["streams"]]
        url = f"/api/v1/streams?limit=2&cursor={page['next']}" if "next" in page else ""
    assert names == ["a.1", "b:1", "b:2", "b:3", "d:1", "d:2"]
    assert [stream["id"] for stream in limited.get("/api/v1/streams?prefix=d").json["streams"]] == ["d:1", "d:2"]
    assert [stream["id"] for stream in limited.get("/api/v1/streams?prefix=b:3").json["streams"]] == ["b:3"]
    assert limited.get("/api/v1/streams?prefix=c").json["streams"] == []


def test_counts_over_all_streams_are_hidden_from_limited_callers(acme: Caller) -> None:
    backend = {"name": "redis", "capabilities": CAPABILITIES["redis"]}
    assert acme.get("/api/v1/stats").json == {"partitions": 4, "backend": backend, "subscriptions": []}


@pytest.fixture
def subscriptions(acme: Caller, everyone: Caller) -> Caller:
    """Durable subscriptions of all streams, of each tenant, and two that an operator created for one tenant."""
    assert post(everyone, "subscriptions", id="all", **{"from": "start"}).status == 201
    assert post(everyone, "subscriptions", id="acme:a-wide-one").status == 201
    assert post(everyone, "subscriptions", id="named", stream=["acme:a"]).status == 201
    assert post(everyone, "subscriptions", id="prefixed", filters=[{"prefix": {"hubstream": "acme:"}}]).status == 201
    assert post(acme, "subscriptions", id="acme:own", **{"from": "start"}).status == 201
    assert post(caller(tenants=["other"]), "subscriptions", id="other:own").status == 201
    return acme


def test_a_list_of_durable_subscriptions_has_those_in_reach(subscriptions: Caller) -> None:
    page = subscriptions.get("/api/v1/subscriptions?limit=2").json
    assert [subscription["id"] for subscription in page["subscriptions"]] == ["acme:own", "named"]
    page = subscriptions.get(f"/api/v1/subscriptions?limit=2&cursor={page['next']}").json
    assert [subscription["id"] for subscription in page["subscriptions"]] == ["prefixed"]
    assert "next" not in page


def test_a_short_page_of_durable_subscriptions_needs_one_query(
    subscriptions: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    durables, asked = hub().durables, []
    for number in range(50):
        durables.create(Durable("0" * 24, f"bulk:{number:02}", parse_filters([])), {})
    names = type(durables).names

    def counted(self: Durables, **options: Any) -> Sequence[str]:  # noqa: ANN401 - as they come
        asked.append(options)
        return names(self, **options)

    monkeypatch.setattr(type(durables), "names", counted)
    page = subscriptions.get("/api/v1/subscriptions?limit=1").json
    assert [subscription["id"] for subscription in page["subscriptions"]] == ["acme:own"]
    page = subscriptions.get(f"/api/v1/subscriptions?limit=1&cursor={page['next']}").json
    assert [subscription["id"] for subscription in page["subscriptions"]] == ["named"]
    assert len(asked) == 2


def test_a_durable_subscription_is_confined_when_it_is_created(subscriptions: Caller) -> None:
    made = subscriptions.get("/api/v1/subscriptions/acme:own").json
    assert made["filters"] == [{"prefix": {"hubstream": "acme:"}}]
    again = post(subscriptions, "subscriptions", id="acme:own", filters=made["filters"])
    assert again.status == 200


@pytest.mark.parametrize("name", ["all", "acme:a-wide-one", "other:own", "nothing"])
def test_a_durable_subscription_of_others_is_not_there(subscriptions: Caller, name: str) -> None:
    calls = [
        subscriptions.get(f"/api/v1/subscriptions/{name}"),
        subscriptions.call("DELETE", f"/api/v1/subscriptions/{name}"),
        post(subscriptions, f"subscriptions/{name}/replay", **{"from": "start"}),
        post(subscriptions, "dead-letters/redrive", subscription=name),
        subscriptions.call("DELETE", f"/api/v1/dead-letters?subscription={name}"),
        subscriptions.get(f"/api/v1/dead-letters?subscription={name}"),
    ]
    assert [reply.json["code"] for reply in calls] == ["subscription-not-found"] * len(calls)


def test_a_durable_subscription_to_streams_of_others_is_not_created(acme: Caller) -> None:
    forbidden(post(acme, "subscriptions", id="acme:x", stream=["acme:a", "other:b"]))


def test_a_durable_subscription_cannot_have_a_name_of_others(acme: Caller) -> None:
    forbidden(post(acme, "subscriptions", id="workers"))
    forbidden(post(acme, "subscriptions", id="other:workers"))


def test_a_name_that_an_operator_used_for_a_wider_subscription_conflicts(subscriptions: Caller) -> None:
    reply = post(subscriptions, "subscriptions", id="acme:a-wide-one")
    assert (reply.status, reply.json["code"]) == (409, "subscription-conflict")


def test_statistics_list_the_durable_subscriptions_in_reach(subscriptions: Caller) -> None:
    listed = subscriptions.get("/api/v1/stats").json["subscriptions"]
    assert [subscription["id"] for subscription in listed] == ["acme:own", "named", "prefixed"]


def test_the_state_of_a_durable_subscription_does_not_reveal_events_of_others(
    subscriptions: Caller, everyone: Caller
) -> None:
    before = standing(subscriptions)
    everyone.publish(*(cloudevent(str(at), tenantid="other", workflowid="b") for at in range(100, 107)))
    assert standing(subscriptions) == before
    assert [subscription["oldest_age"] for subscription in before] == [None, None]


def test_the_log_lag_of_a_durable_subscription_is_shown_to_callers_with_full_access(
    subscriptions: Caller, everyone: Caller
) -> None:
    assert subscriptions
    assert everyone.get("/api/v1/subscriptions/acme:own").json["log_lag"] >= 2
    assert next(
        subscription["log_lag"]
        for subscription in everyone.get("/api/v1/stats").json["subscriptions"]
        if subscription["id"] == "acme:own"
    )


def standing(by: Caller) -> list[dict[str, Any]]:
    """A tenant's own durable subscription, as each call describes it."""
    listed = by.get("/api/v1/stats").json["subscriptions"]
    return [
        by.get("/api/v1/subscriptions/acme:own").json,
        next(subscription for subscription in listed if subscription["id"] == "acme:own"),
    ]


def test_parked_streams_of_others_are_refused(acme: Caller) -> None:
    forbidden(acme.get("/api/v1/dead-letters?stream=other:b"))
    forbidden(post(acme, "dead-letters/redrive", subscription="acme:own", stream="other:b"))
    forbidden(acme.call("DELETE", "/api/v1/dead-letters?subscription=acme:own&stream=other:b"))


def test_a_filter_that_is_too_long_with_the_restriction_is_refused(acme: Caller) -> None:
    assert acme.get(f"/api/v1/events?subject={'s' * 8150}").json["code"] == "invalid-filter"


@pytest.mark.parametrize(
    ("auth", "schemes"), [("none", []), ("iam", ["sigv4"]), ("jwt", ["bearer"]), ("key", ["bearer", "apiKey"])]
)
def test_the_document_lists_the_security_of_each_call(schemes: list[str], auth: str) -> None:
    described = document(server="/", auth=auth)
    assert list(described["components"]["securitySchemes"]) == schemes
    publish = described["paths"]["/api/v1/events"]["post"]
    scopes = [] if auth == "iam" else ["publish"]
    assert publish.get("security", []) == [{scheme: scopes} for scheme in schemes]
    assert described["paths"]["/api/v1/docs"]["get"].get("security", []) == []
    assert ({"401", "403"} <= publish["responses"].keys()) is bool(schemes)


def test_every_call_of_the_document_has_its_scopes() -> None:
    assert SCOPES.keys() == {operation for operation, _, _ in _CALLS}


def test_the_served_document_follows_the_setting_of_authentication(everyone: Caller, auth: str) -> None:
    assert everyone.get("/api/v1/openapi.json").json == document(server="/v1", auth=auth)
