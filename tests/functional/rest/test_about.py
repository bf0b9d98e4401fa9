from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore.hub.backends import CAPABILITIES
from functions.hub import hub
from functions.rest.app import app
from functions.rest.openapi import document, methods_at
from functions.rest.version import VERSION
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_the_hub_is_well_when_the_store_answers(api: Api, path: str) -> None:
    reply = api.get(path)
    capabilities = CAPABILITIES["redis"]
    assert reply.status == 200
    assert reply.json == {"status": "ok", "version": VERSION, "backend": "redis", "capabilities": capabilities}


def test_without_its_store_the_hub_answers_with_retry_after(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from eventstore.errors import StoreUnavailable  # noqa: PLC0415 - only here

    def away(_: object) -> None:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(type(hub().log), "ping", away)
    problem = api.get("/health")
    assert (problem.status, problem.json["code"], problem.headers["retry-after"]) == (503, "store-unavailable", "1")


def test_a_fault_is_logged_and_hidden_from_the_client(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(hub().log), "ping", broken)
    problem = api.get("/health")
    assert (problem.status, problem.json["code"]) == (500, "internal")
    assert b"secret" not in problem.body
    assert "a secret" in caplog.text


def test_the_statistics_count_the_store(api: Api) -> None:
    api.publish(cloudevent("1", workflowid="a"), cloudevent("2", workflowid="b"))
    api.publish(cloudevent("3", workflowid="a"))
    stats = api.get("/api/v1/stats").json
    assert (stats["partitions"], stats["streams"], stats["appends"]) == (4, 2, 3)
    assert sum(part["appends"] for part in stats["by_partition"]) == 3


def test_an_empty_store_has_no_newest_event(api: Api) -> None:
    assert api.get("/api/v1/stats").json["newest"] is None


def test_after_a_renewal_earlier_cursors_are_refused(api: Api) -> None:
    api.publish(*(cloudevent(name, workflowid="a") for name in "123"))
    pages = [f"/api/v1/{path}?limit=1" for path in ("events", "streams/a/events")]
    following = [f"{page}&cursor={api.get(page).json['next']}" for page in pages]
    assert [api.get(page).status for page in following] == [200, 200]
    assert api.call("POST", "/api/v1/epoch").status == 200
    refused = [api.get(page) for page in following]
    assert [(reply.status, reply.json["code"]) for reply in refused] == [(410, "new-epoch")] * 2


def test_a_renewal_returns_the_new_epoch_of_each_partition(api: Api) -> None:
    first, second = (api.call("POST", "/api/v1/epoch").json["partitions"] for _ in range(2))
    assert [partition["partition"] for partition in first] == [0, 1, 2, 3]
    assert not {partition["epoch"] for partition in first} & {partition["epoch"] for partition in second}


def test_a_renewal_changes_the_entity_tags_of_streams(api: Api) -> None:
    api.publish(cloudevent("1", workflowid="a"))
    tag = api.get("/api/v1/streams/a").headers["etag"]
    api.call("POST", "/api/v1/epoch")
    assert api.get("/api/v1/streams/a", If_None_Match=tag).status == 200


def test_a_renewal_takes_no_parameters(api: Api) -> None:
    problem = api.call("POST", "/api/v1/epoch?partition=1")
    assert (problem.status, problem.json["code"]) == (422, "invalid-query")


def test_an_unknown_path_is_not_found(api: Api) -> None:
    problem = api.get("/api/v1/nothing")
    assert (problem.status, problem.json["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/api/v1/events", "GET, HEAD, POST"),
        ("/api/v1/streams/a%2Fb", "GET, HEAD, PATCH, DELETE"),
        ("/health", "GET, HEAD"),
    ],
)
def test_an_unsupported_method_is_answered_with_the_supported_ones(api: Api, path: str, allow: str) -> None:
    problem = api.call("PUT", path)
    assert (problem.status, problem.json["code"], problem.headers["allow"]) == (405, "method-not-allowed", allow)


def urls() -> list[str]:
    return [path for path, item in document(server="/")["paths"].items() if "get" in item]


@pytest.mark.parametrize("path", urls())
def test_head_is_answered_as_get_is(api: Api, path: str) -> None:
    api.publish(cloudevent("1", workflowid="wf"))
    url = path.replace("{id}", "1").replace("{stream}", "wf").replace("{subscription}", "s")
    got, headed = api.get(url), api.call("HEAD", url)
    assert (headed.status, headed.headers) == (got.status, got.headers)
    # The gateway computes Content-Length from the body, and does not send the body.
    assert len(headed.body) == len(got.body)


def test_head_is_refused_where_get_is_not_supported(api: Api) -> None:
    problem = api.call("HEAD", "/api/v1/epoch")
    assert (problem.status, problem.headers["allow"]) == (405, "POST")
    assert "does not support HEAD" in problem.json["detail"]


def test_options_names_the_methods_of_a_path(api: Api) -> None:
    reply = api.call("OPTIONS", "/api/v1/events")
    assert (reply.status, reply.headers["allow"], reply.body) == (204, "GET, HEAD, POST", b"")
    assert api.call("OPTIONS", "/api/v1/nothing").status == 404


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 204, None),
        ("?type=order.*&stream=wf&from=start", 204, None),
        ("?access_token=mine", 204, None),
        ("?types=a", 422, "invalid-query"),
        ("?type=", 422, "invalid-query"),
        ("?from=yesterday", 422, "invalid-query"),
        ("?filter=type+LIKE", 422, "invalid-filter"),
        ("?stream=a%2Fb", 422, "invalid-stream"),
        ("?cursor=none", 422, "invalid-cursor"),
        ("?stream=ended", 410, "stream-gone"),
    ],
)
def test_the_reason_of_a_refused_handshake_can_be_requested(
    api: Api, query: str, status: int, code: str | None
) -> None:
    api.publish(cloudevent("1", workflowid="ended"))
    api.call("DELETE", "/api/v1/streams/ended?permanent=true")
    reply = api.get(f"/api/v1/handshake{query}")
    assert (reply.status, reply.json["code"] if reply.body else None) == (status, code)


def test_the_document_names_the_base_of_its_paths(api: Api) -> None:
    assert api.get("/api/v1/openapi.json").json["servers"] == [{"url": "/v1"}]


def test_the_documentation_page_loads_nothing_from_elsewhere(api: Api) -> None:
    reply = api.get("/api/v1/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert b"flunq-eventstore" in reply.body
    assert b"<script src=" not in reply.body
    assert b"<title>flunq-eventstore</title>" in reply.body
    assert b'<link rel="icon" href="data:image/svg+xml' in reply.body


def test_the_example_of_a_problem_has_a_code_of_the_hub() -> None:
    spec = document(server="/")
    for name, response in spec["components"]["responses"].items():
        media = response["content"]["application/problem+json"]
        assert media["example"]["code"] in spec["components"]["schemas"]["Problem"]["properties"]["code"]["enum"], name
        assert media["example"]["status"] >= 400, name


def test_the_documentation_page_runs_only_its_own_scripts_and_cannot_be_framed(api: Api) -> None:
    reply = api.get("/api/v1/docs")
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    scripts = Scripts.of(reply.body.decode())
    assert len(scripts) == 2
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'none'")
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "same-origin"


class Scripts(HTMLParser):
    """The scripts of a page, as a browser parses them."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self._within = False

    @classmethod
    def of(cls, page: str) -> list[str]:
        parser = cls()
        parser.feed(page)
        return parser.scripts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Neither a source nor an event handler: a policy of digests would block both.
        assert not any(name.startswith("on") or (tag, name) == ("script", "src") for name, _ in attrs)
        self._within = tag == "script"
        if self._within:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = self._within and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._within:
            self.scripts[-1] += data


def test_the_function_routes_what_the_document_describes() -> None:
    # HEAD takes the path of GET.
    described = {
        (method, path) for path in document(server="/")["paths"] for method in methods_at(path) if method != "HEAD"
    }
    routed = {(route.method, route.path) for route in (*app._static_routes, *app._dynamic_routes)}
    # Clients see the name of a parameter in the document; the code may name it differently.
    assert {(method, re.sub(r"{\w+}", "*", path)) for method, path in described} == {
        (method, re.sub(r"<\w+>", "*", path)) for method, path in routed
    }


def test_the_version_is_that_of_the_distribution() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
