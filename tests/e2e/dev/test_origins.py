"""Pages of other origins, and foreign host names, at every endpoint of the stack."""

from __future__ import annotations

import io
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import urllib3
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from eventstore_hosting.origins import Origins
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EVIL = "https://evil.example"
_PAGE = {"Origin": _EVIL, "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain;charset=UTF-8"}
_INVOKE = "/2015-03-31/functions/Behaviour/invocations"
_SQS = {"X-Amz-Target": "AmazonSQS.ListQueues"}
_DOORS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("POST", _INVOKE, {}),
    ("GET", _INVOKE, {}),
    ("POST", "/", _SQS),
    ("GET", "/", _SQS),
    ("POST", "/@connections/abc", {}),
    ("GET", "/@connections/abc", {}),
    ("DELETE", "/ws/@connections/abc", {}),
    ("POST", "/answer", {}),
    ("DELETE", "/items/1", {}),
    ("PATCH", "/items/1", {}),
    ("POST", "/nowhere", {}),
)


def refused(dev: Running, method: str, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    response = dev.call(method, path, body=b"{}" if method == "POST" else None, headers=headers)
    assert response.status == 403, response.data
    problem: dict[str, str] = response.json()
    return problem


@pytest.mark.parametrize(("method", "path", "headers"), _DOORS)
@pytest.mark.parametrize(
    "page", [_PAGE, {"Origin": _EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_a_page_of_another_origin_changes_nothing(
    dev: Running, method: str, path: str, headers: Mapping[str, str], page: Mapping[str, str]
) -> None:
    problem = refused(dev, method, path, {**headers, **page})
    assert problem["code"] == "foreign-origin"
    assert "ALLOWED_ORIGINS" in (problem.get("detail") or problem["message"])


@pytest.mark.parametrize(("method", "path", "headers"), [*_DOORS, ("GET", "/items", {}), ("GET", "/nowhere", {})])
def test_a_foreign_host_name_reads_and_changes_nothing(
    dev: Running, method: str, path: str, headers: Mapping[str, str]
) -> None:
    rebound = {"Host": "evil.example:8081", "Origin": "http://evil.example:8081", "Sec-Fetch-Site": "same-origin"}
    assert refused(dev, method, path, {**headers, **rebound})["code"] == "foreign-host"


def test_a_function_does_not_run_for_a_page(dev: Running) -> None:
    before = dev.written.getvalue().count("START")
    for _, path, headers in _DOORS:
        refused(dev, "POST", path, {**headers, **_PAGE})
    assert dev.written.getvalue().count("START") == before


@pytest.mark.parametrize(
    ("name", "origin"), [("127.0.0.1", _EVIL), ("127.0.0.1", "null"), ("evil.example", "http://evil.example")]
)
def test_a_socket_is_not_opened_for_a_page(dev: Running, name: str, origin: str) -> None:
    port = urlsplit(dev.stack.url).port
    with (
        socket.create_connection(("127.0.0.1", port)) as led_here,
        pytest.raises(InvalidStatus) as caught,
        connect(f"ws://{name}:{port}/ws", sock=led_here, additional_headers={"Origin": origin}),
    ):
        pass
    assert caught.value.response.status_code == 403
    assert json.loads(caught.value.response.body)["code"] == (
        "foreign-host" if name == "evil.example" else "foreign-origin"
    )


def test_a_refusal_is_a_problem_over_rest_and_an_aws_error_elsewhere(dev: Running) -> None:
    over_rest = dev.call("POST", "/answer", headers=_PAGE)
    assert over_rest.headers["Content-Type"].startswith("application/problem+json")
    assert over_rest.json()["status"] == 403
    elsewhere = dev.call("POST", _INVOKE, headers=_PAGE)
    assert elsewhere.headers["x-amzn-ErrorType"] == elsewhere.json()["__type"] == "AccessDeniedException"


def test_a_refusal_is_one_line_on_the_terminal(dev: Running) -> None:
    dev.call("POST", "/answer", headers=_PAGE)
    assert dev.written.getvalue().splitlines()[-1].startswith("403: a page of 'https://evil.example' may not call this")


@pytest.mark.parametrize("origin", ["own", "http://localhost:3000", "http://127.0.0.1:5173"])
def test_pages_of_localhost_work_at_every_endpoint(dev: Running, origin: str) -> None:
    page = {"Origin": dev.stack.url if origin == "own" else origin, "Sec-Fetch-Site": "same-site"}
    assert dev.call("POST", _INVOKE, body=b"{}", headers=page).status == 200
    assert dev.call("POST", "/", body=b"{}", headers={**_SQS, **page}).status == 200
    assert dev.call("DELETE", "/items/1", headers=page).status == 200
    assert dev.call("GET", "/@connections/BFHPhfCWIAMCKlQ=", headers=page).status == 410
    url = f"{dev.stack.url.replace('http', 'ws', 1)}/ws"
    with connect(url, additional_headers=page, proxy=None) as connection:
        connection.send("{}")


def test_pages_may_link_here_and_programs_may_read_everything(dev: Running) -> None:
    assert (
        dev.call("GET", "/items", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status == 200
    )
    assert dev.call("GET", "/items", headers={"Host": "localhost:9000"}).status == 200


@pytest.fixture(scope="module")
def open_to_some() -> Iterator[Running]:
    written = io.StringIO()
    with (
        running(
            TEMPLATE, limits=LIMITS, terminal=Terminal(stream=written), origins=Origins.parse("https://app.example")
        ) as stack,
        urllib3.PoolManager(retries=False) as http,
    ):
        yield Running(stack, written, http)


def test_the_setting_allows_the_listed_origins_only(open_to_some: Running) -> None:
    listed = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    assert open_to_some.call("DELETE", "/items/1", headers=listed).status == 200
    assert open_to_some.call("GET", "/items", headers={"Host": "app.example"}).status == 200
    assert open_to_some.call("DELETE", "/items/1", headers=_PAGE).status == 403


def test_no_page_reaches_the_runtime_api(dev: Running) -> None:
    """The Runtime API listens on a separate port for each process."""
    address = dev.invoke("Behaviour", {"do": "describe"}).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
    for headers in ({"Host": "evil.example"}, {"Origin": _EVIL}, {"Origin": "http://localhost:3000"}):
        response = dev.http.request(
            "POST", f"http://{address}/2018-06-01/runtime/init/error", body=b"{}", headers=headers
        )
        assert (response.status, response.json()["errorType"]) == (403, "Forbidden")
    assert dev.invoke("Behaviour", {"a": 1}).json()["event"] == {"a": 1}
