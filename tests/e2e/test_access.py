"""The whole hub with its authorizer: which credentials are accepted, and what each allows."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from websockets.exceptions import InvalidStatus

from eventstore.streams import partition_of
from tests.e2e.guarded import Caller, Guarded, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("own-hub")

_PUBLIC = ["/api/v1/asyncapi.json", "/api/v1/docs", "/api/v1/eventstore.js", "/api/v1/openapi.json"]
_UNAUTHORIZED = "unauthorized"
_DENIED = "User is not authorized to access this resource"
_LACKING = "the credential lacks the scope for this call, or there is no such call"


@pytest.fixture(scope="module", params=["jwt", "key"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(request.param, tmp_path_factory.mktemp("guarded")) as hub:
        yield hub


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A tenant for one test."""
    return f"t{abs(hash(request.node.nodeid)) % 10**9}"


@pytest.fixture
def other(tenant: str) -> str:
    return f"o{tenant}"


@pytest.fixture
def acme(hub: Guarded, tenant: str) -> Caller:
    return hub.caller(tenants=[tenant])


def event(event_id: str, tenant: str, workflow: str = "w") -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/s",
        "type": "t",
        "tenantid": tenant,
        "workflowid": workflow,
    }


def beside(tenant: str, stream: str) -> str:
    """A workflow of the tenant in the partition of a stream, so that events of both arrive in the order of the log."""
    wanted = partition_of(stream, 16)
    return next(str(n) for n in range(10_000) if partition_of(f"{tenant}:{n}", 16) == wanted)


def refused(reply: Any) -> tuple[int, str]:  # noqa: ANN401 - an answer of urllib3's
    """The status and code of a problem of the gateway, or of the door in its place."""
    problem = reply.json()
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == reply.status
    assert problem["type"] == f"urn:flunq:problem:{problem['code']}"
    assert problem["request"] == reply.headers.get("x-amzn-RequestId", reply.headers.get("X-Request-Id"))
    return reply.status, problem["code"]


@pytest.mark.parametrize("path", ["/health", "/api/v1/events", "/api/v1/nothing", "/api/v1", "/nothing"])
def test_without_a_credential_nothing_is_answered(hub: Guarded, path: str) -> None:
    reply = Caller(hub.url, "").call("GET", path)
    assert refused(reply) == (401, _UNAUTHORIZED)
    assert reply.headers.get("x-amzn-ErrorType") == ("UnauthorizedException" if hub.has_gateway else None)


def test_an_unknown_credential_is_unauthorized(hub: Guarded) -> None:
    assert refused(Caller(hub.url, "nobodys").call("GET", "/health")) == (401, _UNAUTHORIZED)


def test_an_expired_credential_is_unauthorized(hub: Guarded) -> None:
    expired = {"exp": int(time.time()) - 3600} if hub.auth == "jwt" else {"expires": "2020-01-01T00:00:00Z"}
    assert refused(hub.caller("read", **expired).call("GET", "/api/v1/events")) == (401, _UNAUTHORIZED)


def test_a_credential_of_another_hub_is_unauthorized(hub: Guarded) -> None:
    if hub.auth == "jwt":
        assert hub.caller("read", aud="https://elsewhere.example").call("GET", "/health").status == 401


def test_two_credentials_are_unauthorized(hub: Guarded) -> None:
    reply = hub.caller().call("GET", "/health", headers={"X-Api-Key": "another"})
    assert refused(reply) == (401, _UNAUTHORIZED)


@pytest.mark.parametrize("path", ["/health", "/api/v1/events", "/api/v1/streams"])
def test_a_cached_authorization_accepts_no_second_credential(hub: Guarded, path: str) -> None:
    caller = hub.caller("read")
    assert caller.call("GET", path).status == 200
    cached = hub.has_gateway and hub.auth == "jwt"
    assert caller.call("GET", path, headers={"X-Api-Key": "another"}).status == (403 if cached else 401)
    assert caller.call("GET", path, headers={"X-Api-Key": caller.credential}).status == 200
    assert caller.call("GET", path).status == 200


def test_every_valid_credential_may_check_the_health(hub: Guarded) -> None:
    assert hub.caller("read").call("GET", "/health").json()["status"] == "ok"


def test_a_credential_without_scopes_is_denied(hub: Guarded) -> None:
    reply = hub.caller("" if hub.auth == "jwt" else "openid").call("GET", "/health")
    assert refused(reply) == (403, "forbidden")
    assert reply.json()["detail"] == (f"{_DENIED} with an explicit deny" if hub.has_gateway else _LACKING)


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        ("read subscribe admin", "POST", "/api/v1/events"),
        ("publish subscribe admin", "GET", "/api/v1/events"),
        ("publish subscribe admin", "GET", "/api/v1/streams/a/events"),
        ("publish read subscribe", "POST", "/api/v1/streams"),
        ("publish read subscribe", "DELETE", "/api/v1/streams/a"),
        ("publish read", "GET", "/api/v1/subscriptions"),
        ("publish read subscribe", "POST", "/api/v1/subscriptions"),
        ("publish read subscribe", "GET", "/api/v1/stats"),
        ("publish read subscribe", "GET", "/api/v1/dead-letters"),
        ("publish read subscribe", "GET", "/api/v1/connections"),
        ("publish read subscribe", "DELETE", "/api/v1/connections/a"),
    ],
)
def test_a_call_without_its_scope_is_denied(hub: Guarded, scopes: str, method: str, path: str) -> None:
    reply = hub.caller(scopes).call(method, path)
    assert refused(reply) == (403, "forbidden")
    assert reply.json()["detail"] == (_DENIED if hub.has_gateway else _LACKING)


@pytest.mark.parametrize("path", _PUBLIC)
def test_the_documentation_and_the_module_need_no_credential(hub: Guarded, path: str) -> None:
    anyone = Caller(hub.url, "")
    assert anyone.call("GET", path).status == 200
    assert anyone.call("HEAD", path).status == 200
    assert anyone.call("POST", path, {}).status == 405


def test_the_console_needs_no_credential_and_only_a_browser_is_led_there(hub: Guarded) -> None:
    anyone = Caller(hub.url, "")
    page = anyone.call("GET", "/", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.retries is not None
    assert [redirect.redirect_location for redirect in page.retries.history] == ["/console"]
    assert anyone.call("HEAD", "/console").status == 200
    program = anyone.call("GET", "/")
    assert (program.status, program.json()["code"]) == (404, "not-found")
    assert refused(anyone.call("POST", "/", {})) == (401, _UNAUTHORIZED)


def test_a_preflight_is_answered_without_a_credential(hub: Guarded) -> None:
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    for path in ("/", "/health", "/api/v1/events", "/api/v1/streams/a%2Fb"):
        reply = Caller(hub.url, "").call("OPTIONS", path, headers=headers)
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (204, "http://localhost:3000")


def test_a_refusal_of_the_gateway_is_readable_by_a_page(hub: Guarded) -> None:
    reply = Caller(hub.url, "").call("GET", "/health", headers={"Origin": "http://localhost:3000"})
    assert (refused(reply), reply.headers["Access-Control-Allow-Origin"]) == ((401, _UNAUTHORIZED), "*")


def test_a_tenants_operator_sees_and_closes_its_own_connections_only(
    hub: Guarded, acme: Caller, tenant: str, other: str
) -> None:
    def ids(by: Caller) -> set[str]:
        return {connection["id"] for connection in by.call("GET", "/api/v1/connections").json()["connections"]}

    with acme.socket() as own, hub.caller(tenants=[other]).socket(), hub.caller().socket() as unlimited:
        own.ask(action="ping")
        [listed] = acme.call("GET", "/api/v1/connections").json()["connections"]
        assert (listed["tenants"], listed["prefixes"], bool(listed["subject"])) == ([tenant], [f"{tenant}:"], True)
        every_id = ids(hub.caller())
        assert len(every_id) >= 3
        for connection in every_id - {listed["id"]}:
            assert acme.call("DELETE", f"/api/v1/connections/{connection}").status == 404
        assert acme.call("DELETE", f"/api/v1/connections/{listed['id']}").status == 204
        assert own.receive()["code"] == "connection-not-found"
        assert ids(acme) == set()
        assert unlimited.ask(action="ping")["type"] == "pong"


def test_head_needs_the_scope_of_get(hub: Guarded) -> None:
    assert hub.caller("read").call("HEAD", "/api/v1/events").status == 200
    assert hub.caller("publish").call("HEAD", "/api/v1/events").status == 403


def test_a_refused_credential_is_logged_without_a_traceback(hub: Guarded) -> None:
    before = len(hub.output())
    assert Caller(hub.url, "nobodys").call("GET", "/health").status == 401
    assert hub.caller("read").call("GET", "/health").status == 200
    output = hub.output()[before:]
    assert "credential rejected" in output
    # The runtime client always writes the heading of a traceback; no frame follows.
    assert ("[ERROR] Exception: Unauthorized" in output) is hub.has_gateway
    assert 'File "' not in output


def test_a_key_may_be_in_its_own_header(hub: Guarded) -> None:
    if hub.auth == "key":
        reply = Caller(hub.url, "").call("GET", "/health", headers={"X-Api-Key": hub.credential("read")})
        assert reply.status == 200


def test_a_tenant_publishes_and_reads_its_own(acme: Caller, tenant: str) -> None:
    assert acme.publish(event("1", tenant)).status == 201
    assert [event["id"] for event in acme.call("GET", "/api/v1/events").json()["events"]] == ["1"]
    assert acme.call("GET", f"/api/v1/streams/{tenant}:w/events").json()["head"] == 1


def test_a_prefix_limits_access(hub: Guarded, tenant: str) -> None:
    limited = hub.caller(streams=[f"{tenant}.public."])
    assert limited.publish(event("1", tenant), query=f"?stream={tenant}.public.1").status == 201
    assert limited.publish(event("1", tenant), query=f"?stream={tenant}.private").status == 403


def test_a_tenant_publishes_nothing_to_others(acme: Caller, tenant: str, other: str) -> None:
    reply = acme.publish(event("1", tenant), event("2", other))
    assert (reply.status, reply.json()["code"]) == (403, "forbidden")
    assert f"'{tenant}:'" in reply.json()["detail"]
    assert acme.call("GET", "/api/v1/events").json()["events"] == []


def test_events_of_others_are_not_read(hub: Guarded, acme: Caller, other: str) -> None:
    everyone = hub.caller()
    assert everyone.publish(event(f"of-{other}", other)).status == 201
    before = everyone.call("GET", f"/api/v1/events?stream={other}:w").json()
    assert acme.call("GET", f"/api/v1/streams/{other}:w/events").status == 403
    assert acme.call("GET", f"/api/v1/streams/{other}:w").status == 403
    assert acme.call("GET", f"/api/v1/events?stream={other}:w&cursor={before['cursor']}").status == 403
    assert acme.call("GET", f"/api/v1/events/of-{other}").status == 404
    assert acme.call("GET", f"/api/v1/events/of-{other}?stream={other}:w").status == 403
    assert acme.call("GET", f"/api/v1/streams?prefix={other}").json()["streams"] == []
    assert acme.call("GET", "/api/v1/events").json()["events"] == []
    assert acme.call("GET", f"/api/v1/events?tenantid={other}").json()["events"] == []


def test_live_events_of_others_do_not_arrive(hub: Guarded, acme: Caller, tenant: str, other: str) -> None:
    everyone = hub.caller()
    with acme.socket() as socket:
        assert socket.ask(action="subscribe", id="s")["type"] == "subscribed"
        everyone.publish(event("theirs", other))
        everyone.publish(event("own", tenant, beside(tenant, f"{other}:w")))
        assert [event["id"] for event in socket.until("own")] == ["own"]


def test_earlier_events_of_others_do_not_arrive(hub: Guarded, acme: Caller, tenant: str, other: str) -> None:
    everyone = hub.caller()
    with everyone.socket() as socket:
        cursor = socket.ask(action="subscribe", id="s")["cursor"]
    everyone.publish(event("theirs", other))
    everyone.publish(event("own", tenant, beside(tenant, f"{other}:w")))
    with acme.socket() as socket:
        socket.ask(action="subscribe", id="start", **{"from": "start"})
        assert [event["id"] for event in socket.until("own")] == ["own"]
        socket.ask(action="subscribe", id="resumed", cursor=cursor)
        assert [event["id"] for event in socket.until("own")] == ["own"]


@pytest.mark.parametrize("how", ["header", "subprotocol", "query"])
def test_bare_events_of_others_do_not_arrive(hub: Guarded, acme: Caller, tenant: str, other: str, how: str) -> None:
    everyone = hub.caller()
    everyone.publish(event("theirs", other))
    everyone.publish(event("own", tenant, beside(tenant, f"{other}:w")))
    with acme.socket(query=[("from", "start")], protocol="cloudevents.json", how=how) as socket:
        assert [event["id"] for event in socket.until("own")] == ["own"]


def test_a_durable_subscription_of_others_is_not_found(hub: Guarded, acme: Caller, tenant: str, other: str) -> None:
    everyone = hub.caller()
    assert everyone.call("POST", "/api/v1/subscriptions", {"id": other, "from": "start"}).status == 201
    assert acme.call("GET", f"/api/v1/subscriptions/{other}").status == 404
    assert acme.call("DELETE", f"/api/v1/subscriptions/{other}").status == 404
    with acme.socket() as socket:
        refused = socket.ask(action="subscribe", id="s", subscription=other)
        assert refused["code"] == "subscription-not-found"
    assert acme.call("POST", "/api/v1/subscriptions", {"id": f"{tenant}:w", "stream": f"{other}:w"}).status == 403


def test_a_durable_subscription_delivers_events_in_reach(hub: Guarded, acme: Caller, tenant: str, other: str) -> None:
    everyone = hub.caller()
    assert acme.call("POST", "/api/v1/subscriptions", {"id": f"{tenant}:w", "from": "start"}).status == 201
    everyone.publish(event("theirs", other))
    everyone.publish(event("own", tenant, beside(tenant, f"{other}:w")))
    with acme.socket() as socket:
        assert socket.ask(action="subscribe", id="s", subscription=f"{tenant}:w")["type"] == "subscribed"
        assert [event["id"] for event in socket.until("own")] == ["own"]


def test_every_message_of_a_connection_is_limited_by_its_credential(hub: Guarded, tenant: str, other: str) -> None:
    with hub.caller("publish", tenants=[tenant]).socket() as socket:
        assert socket.ask(action="publish", events=[event("1", tenant)])["type"] == "published"
        assert socket.ask(action="publish", events=[event("1", other)])["code"] == "forbidden"
        assert socket.ask(action="subscribe", id="s")["code"] == "forbidden"
    with hub.caller("subscribe").socket() as socket:
        assert socket.ask(action="publish", events=[event("1", tenant)])["code"] == "forbidden"


@pytest.mark.needs("functions")
@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
@pytest.mark.parametrize("function", ["RestFunction", "WebSocketFunction"])
def test_a_direct_invocation_cannot_set_the_authorizer_context(hub: Guarded, function: str, kind: str) -> None:
    """Functions receive an authorizer context from their API only; a caller of Invoke cannot set it."""
    forged = {"principalId": "root", "subject": "root", "scopes": "publish read subscribe admin"}
    called = urllib3.request(
        "POST",
        f"{hub.url}/2015-03-31/functions/{function}/invocations",
        body=json.dumps(proxied(authorizer=forged)),
        headers={"X-Amz-Invocation-Type": kind, "Authorization": "AWS4-HMAC-SHA256 Credential=any"},
    )
    assert (called.status, called.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert "requestContext.authorizer is not taken from Invoke" in called.json()["Message"]


@pytest.mark.needs("functions")
def test_a_directly_invoked_function_allows_nobody(hub: Guarded) -> None:
    for context in ({}, {"authorizer_": {}}):
        called = urllib3.request(
            "POST",
            f"{hub.url}/2015-03-31/functions/RestFunction/invocations",
            body=json.dumps(proxied(**context)),
        )
        assert (called.status, called.json()["statusCode"]) == (200, 403)


def proxied(**context: object) -> dict[str, object]:
    """A deletion, as the event that API Gateway would send."""
    return {
        "httpMethod": "DELETE",
        "path": "/api/v1/streams/a",
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": context,
    }


@pytest.mark.parametrize("how", ["header", "subprotocol", "query"])
def test_a_handshake_without_a_valid_credential_is_refused(hub: Guarded, how: str) -> None:
    with pytest.raises(InvalidStatus) as refused, Caller(hub.url, "nobodys").socket(how=how):
        pass
    response = refused.value.response
    assert response.status_code == 401
    assert not hub.has_gateway or json.loads(response.body) == {"message": "Unauthorized"}


def test_a_handshake_with_the_read_scope_only_is_refused(hub: Guarded) -> None:
    with pytest.raises(InvalidStatus) as refused, hub.caller("read").socket():
        pass
    assert refused.value.response.status_code == 403


def test_a_handshake_to_streams_of_others_is_refused(acme: Caller, other: str) -> None:
    query = [("stream", f"{other}:w")]
    with pytest.raises(InvalidStatus) as refused, acme.socket(query=query, protocol="cloudevents.json"):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.needs("functions")
def test_the_gateway_caches_tokens_but_not_keys(hub: Guarded) -> None:
    def asked() -> int:
        return sum("AuthorizerFunction" in line and "START" in line for line in hub.output().splitlines())

    caller = hub.caller("read")
    before = asked()
    assert [caller.call("GET", path).status for path in ("/api/v1/events", "/health", "/api/v1/stats")] == [
        200,
        200,
        403,
    ]
    assert asked() - before == (1 if hub.auth == "jwt" else 3)


def test_no_credential_is_written_anywhere(hub: Guarded, tenant: str) -> None:
    good, bad = hub.caller(tenants=[tenant]), Caller(hub.url, hub.credential("read")[:-3] + "xyz")
    for caller in (good, bad):
        caller.call("GET", "/api/v1/events")
        caller.call("GET", f"/api/v1/events?access_token={caller.credential}")
        caller.call("GET", "/health", headers={"X-Api-Key": caller.credential})
        caller.call("GET", "/health", headers={"Authorization": f"Basic {caller.credential}"})
        for how in ("header", "subprotocol", "query"):
            for query in ([], [("unknown", "1")]):
                try:
                    with caller.socket(query=query, protocol="cloudevents.json", how=how) as socket:
                        socket.send({"no": "event"})
                        socket.receive()
                except InvalidStatus:
                    continue
    written = hub.output()
    assert "credential rejected" in written
    for caller in (good, bad):
        parts = [*caller.credential.split("."), urlsafe_b64encode(caller.credential.encode()).rstrip(b"=").decode()]
        assert not [part for part in parts if part in written]
