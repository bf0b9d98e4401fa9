"""The console's function, as API Gateway calls it."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from functions.console.app import handler
from functions.console.files import site
from tests.functional.rest.api import proxied

_STATIC = Path(__file__).parents[3] / "functions/console/static"
_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_MOST_BYTES = 200 * 1000


def get(path: str, *, method: str = "GET", **headers: str) -> dict[str, Any]:
    event = proxied(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    for given in ("headers", "multiValueHeaders"):
        # Those of the recorded request.
        for name in [
            name
            for name in event[given]
            if name.lower() in {"accept", "accept-encoding"} - {name.replace("_", "-").lower() for name in headers}
        ]:
            del event[given][name]
    return handler(event, None)


def files() -> list[str]:
    return [path.relative_to(_STATIC).as_posix() for path in _STATIC.rglob("*.*") if path.name != "package.json"]


def test_a_browser_is_led_from_the_root_to_the_console() -> None:
    answer = get("/", **_BROWSER)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (302, "/v1/console")
    assert answer["headers"]["Vary"] == "Accept"


@pytest.mark.parametrize("accepted", ["*/*", "application/json", ""])
def test_a_program_finds_nothing_at_the_root(accepted: str) -> None:
    answer = get("/", **({"Accept": accepted} if accepted else {}))
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "not-found"


def test_the_page_may_load_and_call_its_own_hub_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_URL", "wss://abc.execute-api.eu-west-1.amazonaws.com/ws")
    answer = get("/console")
    policy = dict(directive.split(" ", 1) for directive in answer["headers"]["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' wss://abc.execute-api.eu-west-1.amazonaws.com",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer["headers"]["X-Frame-Options"] == "DENY"
    assert answer["headers"]["Cache-Control"] == "no-cache"


def test_the_page_names_its_files_by_the_digest_of_all() -> None:
    named = re.findall(r'(?:href|src)="([^"]+)"', get("/console")["body"])
    assert {path.partition("/")[0] for path in named} == {"console"}
    for path in named:
        answer = get(f"/{path}")
        assert answer["statusCode"] == 200
        assert answer["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", sorted(set(files()) - {"index.html"}))
def test_every_file_is_served_as_it_is(name: str) -> None:
    answer = get(f"/console/{site().digest}/{name}")
    assert (answer["statusCode"], answer["body"].encode()) == (200, (_STATIC / name).read_bytes())
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


def test_a_file_of_another_version_is_not_kept() -> None:
    answer = get("/console/0123456789abcdef/shell.js")
    assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (200, "no-store")


def test_a_reader_that_accepts_gzip_gets_it() -> None:
    path = f"/console/{site().digest}/shell.js"
    answer = get(path, Accept_Encoding="br, gzip")
    assert (answer["headers"]["Content-Encoding"], answer["isBase64Encoded"]) == ("gzip", True)
    assert gzip.decompress(b64decode(answer["body"])) == (_STATIC / "shell.js").read_bytes()
    assert answer["headers"]["ETag"] != get(path)["headers"]["ETag"]
    assert answer["headers"]["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip;q=0", False),
        ("br, GZIP; q=0.000", False),
        ("x-gzipped", False),
        ("gzip;q=0.5", True),
        ("br;q=0, gzip", True),
        ("deflate,gzip;q=1.0,*;q=0", True),
    ],
)
def test_the_weight_of_gzip_decides(accepted: str, *, is_compressed: bool) -> None:
    answer = get(f"/console/{site().digest}/shell.js", Accept_Encoding=accepted)
    assert ("Content-Encoding" in answer["headers"]) is is_compressed


@pytest.mark.parametrize("path", ["/console", f"/console/{site().digest}/console.css"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_reader_that_has_a_file_is_not_sent_it_again(path: str, encoding: str) -> None:
    first = get(path, Accept_Encoding=encoding)
    again = get(path, Accept_Encoding=encoding, If_None_Match=f'"other", W/{first["headers"]["ETag"]}')
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == first["headers"]["ETag"]
    assert get(path, Accept_Encoding=encoding, If_None_Match='"other"')["statusCode"] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/console/nothing",
        "/console/index.html",
        f"/console/{site().digest}/index.html",
        f"/console/{site().digest}/nothing.js",
        f"/console/{site().digest}/../app.py",
        f"/console/{site().digest}/%2e%2e/app.py",
        "/console/../../etc/passwd",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    answer = get(path)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "not-found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_console_is_only_read(method: str) -> None:
    answer = get("/console", method=method)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD")


def test_head_has_the_headers_of_get() -> None:
    assert get("/console", method="HEAD")["headers"] == get("/console")["headers"]


def test_the_path_with_a_slash_leads_to_the_page() -> None:
    assert get("/console/")["headers"]["Location"] == "/v1/console"


@pytest.mark.parametrize(
    ("variables", "known"),
    [
        ({}, {"auth": "none"}),
        ({"AUTH": "jwt", "WEBSOCKET_URL": "wss://host/ws"}, {"auth": "jwt", "websocket": "wss://host/ws"}),
    ],
)
def test_the_page_learns_how_to_sign_in_and_where_the_websocket_api_is(
    variables: dict[str, str], known: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = get("/console/hub.json")
    assert json.loads(answer["body"]) == known


def test_all_files_together_are_small() -> None:
    module = _STATIC.parents[1] / "rest/javascript/eventstore.js"
    compressed = sum(len(file.compressed) for file in site().files.values()) + len(gzip.compress(module.read_bytes()))
    assert compressed < _MOST_BYTES


def test_no_file_names_another_origin() -> None:
    namespaces = {"http://www.w3.org/2000/svg"}
    named = {
        (path, url)
        for path in files()
        for url in re.findall(r"\b(?:https?|wss?)://[^\s\"'`<>)]+", (_STATIC / path).read_text())
    }
    assert {url for _, url in named} <= namespaces, named


def test_no_file_has_markup_in_a_script() -> None:
    unsafe = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\b|style=\"")
    assert not [path for path in files() if unsafe.search((_STATIC / path).read_text())]
