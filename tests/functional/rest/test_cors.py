"""Pages of other origins: preflights, and the CORS headers of each answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fresh import forget, reread
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

_APP = "https://app.example"
_EVIL = "https://evil.example"


def allow(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", origins)
    reread()


def preflight(api: Api, origin: str, *, method: str = "POST", asked: str = "authorization") -> Reply:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    return api.call("OPTIONS", "/api/v1/events", headers=headers)


def names(reply: Reply, header: str) -> set[str]:
    return {name.strip().lower() for name in reply.headers.get(header, "").split(",") if name.strip()}


@pytest.mark.parametrize("origin", [_APP, "http://localhost:5173", "null"])
def test_without_the_setting_no_origin_is_allowed(api: Api, origin: str) -> None:
    refused = preflight(api, origin)
    assert (refused.status, refused.json["code"]) == (403, "foreign-origin")
    assert not {name for name in refused.headers if name.startswith("access-control-")}
    read = api.get("/api/v1/events", Origin=origin)
    assert read.status == 200
    assert "access-control-allow-origin" not in read.headers
    assert "Origin" not in read.headers.get("vary", "")


@pytest.mark.parametrize(
    ("setting", "origin", "allowed"),
    [
        (_APP, _APP, True),
        (_APP, _EVIL, False),
        (_APP, "https://app.example.evil.example", False),
        (_APP, "https://app.example:8443", False),
        (_APP, "http://app.example", False),
        (_APP, "null", False),
        (f"{_EVIL}, {_APP}", _APP, True),
        ("http://localhost:*", "http://localhost:5173", True),
        ("http://localhost:*", "http://localhost", True),
        ("http://localhost:*", "https://localhost:5173", False),
        ("http://localhost:*", "http://localhost.evil.example:80", False),
        ("http://[::1]:*", "http://[::1]:3000", True),
        ("https://app.example:8443", _APP, False),
        ("null", "null", True),
    ],
)
def test_a_list_allows_its_origins_only(
    api: Api, monkeypatch: pytest.MonkeyPatch, setting: str, origin: str, *, allowed: bool
) -> None:
    allow(monkeypatch, setting)
    asked, read = preflight(api, origin), api.get("/api/v1/streams/none", Origin=origin)
    assert asked.status == (204 if allowed else 403)
    for reply in (asked, read):
        assert reply.headers.get("access-control-allow-origin") == (origin if allowed else None)
        # A cache must not return the answer for one origin to another.
        assert "origin" in names(reply, "vary")
        assert "access-control-allow-credentials" not in reply.headers


def test_an_asterisk_allows_every_origin_and_answers_do_not_vary(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "*")
    assert preflight(api, _EVIL).headers["access-control-allow-origin"] == "*"
    read = api.get("/api/v1/streams", Origin=_EVIL)
    assert read.headers["access-control-allow-origin"] == "*"
    assert "vary" not in read.headers


def test_a_preflight_names_what_a_page_may_send(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, _APP)
    reply = preflight(api, _APP, asked="authorization,ce-id,ce-myextension,x-other,ce-bad name")
    needed = {"authorization", "x-api-key", "if-match", "if-none-match", "prefer", "content-type"}
    allowed = names(reply, "access-control-allow-headers")
    assert needed | {"ce-id", "ce-myextension"} <= allowed
    assert not {"x-other", "ce-bad name"} & allowed
    assert names(reply, "access-control-allow-methods") == {"get", "head", "post", "put", "patch", "delete"}
    assert int(reply.headers["access-control-max-age"]) > 0
    assert reply.body == b""


def test_a_page_may_read_the_headers_that_a_client_needs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, _APP)
    api.publish(*(cloudevent(name, workflowid="wf") for name in "123"))
    read = api.get("/api/v1/streams/wf/events?limit=1", Origin=_APP, Prefer="wait=1")
    assert {"etag", "link", "x-amzn-requestid"} <= names(read, "access-control-expose-headers")
    created = api.call(
        "POST",
        "/api/v1/streams",
        body=json.dumps({"id": "own"}).encode(),
        headers={"Origin": _APP, "Content-Type": "application/json"},
    )
    assert "location" in names(created, "access-control-expose-headers")
    binary = api.get("/api/v1/events/1?mode=binary", Origin=_APP)
    assert {"ce-id", "ce-hubsequence", "ce-workflowid"} <= names(binary, "access-control-expose-headers")


def test_a_problem_is_readable_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, _APP)
    for reply in (api.get("/api/v1/nothing", Origin=_APP), api.call("POST", "/health", headers={"Origin": _APP})):
        assert reply.status in {404, 405}
        assert reply.headers["access-control-allow-origin"] == _APP


def test_vary_names_the_request_headers_that_matter(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, _APP)
    assert names(api.get("/api/v1/events", Origin=_APP), "vary") == {"accept", "origin"}


def test_an_invalid_origin_in_the_setting_fails_every_call(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "app.example")
    forget()
    reply = api.get("/api/v1/streams", Origin=_APP)
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert "access-control-allow-origin" not in reply.headers
