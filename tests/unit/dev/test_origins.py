"""Which requests of browsers are allowed, by their origin and host."""

from __future__ import annotations

import json

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from eventstore_hosting.origins import Origins, OriginsError, refusal_of


def refused(*headers: tuple[str, str], allowed: str = "", harmless: bool = False) -> str:
    """The code with which a request with these headers is refused; empty when it is allowed."""
    refusal = Origins.parse(allowed).refuses(CIMultiDictProxy(CIMultiDict(headers)), harmless=harmless)
    return refusal.code if refusal is not None else ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8081", "127.0.0.1", "127.8.9.10:1", "localhost:8081", "LocalHost", "[::1]:8081", "hub.localhost:8081"],
)
def test_names_of_localhost_are_allowed(host: str) -> None:
    assert refused(("Host", host)) == ""


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8081",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8081",
        "evil.example#127.0.0.1",
        "localhost@evil.example",
        "evil.example@localhost",
        "notlocalhost",
        "0.0.0.0:8081",
        "192.168.0.7",
        "[2001:db8::1]:8081",
        "[::1",
        "",
        " ",
    ],
)
def test_foreign_hosts_are_refused_for_every_request(host: str) -> None:
    assert refused(("Host", host), harmless=True) == refused(("Host", host)) == "foreign-host"


def test_one_foreign_host_among_several_is_refused() -> None:
    assert refused(("Host", "127.0.0.1"), ("Host", "evil.example")) == "foreign-host"


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8081",
        "http://localhost:3000",
        "https://localhost",
        "http://[::1]:5173",
        "http://app.localhost",
    ],
)
def test_pages_of_localhost_are_allowed(origin: str) -> None:
    assert refused(("Host", "127.0.0.1:8081"), ("Origin", origin), ("Sec-Fetch-Site", "cross-site")) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost:80@evil.example",
        "http://evil.example:8081",
        "null",
        "",
        "localhost",
        "file://localhost",
        "chrome-extension://localhost",
        "http://localhost evil",
        "http://[::1",
        "http://localhost:99999",
    ],
)
def test_foreign_origins_are_refused(origin: str) -> None:
    here = ("Host", "127.0.0.1:8081")
    assert refused(here, ("Origin", origin), ("Sec-Fetch-Site", "same-origin")) == "foreign-origin"
    assert refused(here, ("Origin", "http://localhost"), ("Origin", origin)) == "foreign-origin"


def test_safe_requests_are_allowed_for_every_page_which_cannot_read_the_response() -> None:
    evil = ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")
    assert refused(("Host", "localhost"), *evil, harmless=True) == ""


@pytest.mark.parametrize(("site", "code"), [("cross-site", "foreign-origin"), ("same-origin", ""), ("none", "")])
def test_without_an_origin_sec_fetch_site_decides(site: str, code: str) -> None:
    assert refused(("Host", "localhost"), ("Sec-Fetch-Site", site)) == code


def test_a_request_of_a_program_is_allowed() -> None:
    assert refused() == ""
    assert refused(("Host", "127.0.0.1:8081"), ("User-Agent", "curl/8")) == ""


@pytest.mark.parametrize("allowed", ["https://app.example", " http://a.test:1 , https://APP.example:443/ "])
def test_a_listed_origin_and_its_host_are_allowed(allowed: str) -> None:
    page = ("Origin", "https://app.example"), ("Sec-Fetch-Site", "cross-site")
    assert refused(("Host", "localhost"), *page, allowed=allowed) == ""
    assert refused(("Host", "app.example:8081"), *page, allowed=allowed) == ""
    assert refused(("Host", "other.example"), *page, allowed=allowed) == "foreign-host"


@pytest.mark.parametrize("origin", ["http://app.example", "https://app.example:8443", "https://a.app.example", "null"])
def test_an_origin_similar_to_a_listed_one_is_refused(origin: str) -> None:
    assert refused(("Origin", origin), allowed="https://app.example") == "foreign-origin"


def test_pages_without_an_origin_can_be_listed() -> None:
    assert refused(("Host", "localhost"), ("Origin", "null"), allowed="null") == ""
    assert refused(("Host", "null"), allowed="null") == "foreign-host"


def test_every_origin_can_be_allowed() -> None:
    assert refused(("Host", "evil.example"), ("Origin", "https://evil.example"), allowed="*") == ""


@pytest.mark.parametrize(
    "setting", ["app.example", "https://", "https://app.example/path", "https://a,", "https://u@a"]
)
def test_an_invalid_origin_is_reported(setting: str) -> None:
    with pytest.raises(OriginsError, match="an origin is such as"):
        Origins.parse(setting)


@pytest.mark.parametrize("problem", [True, False])
def test_a_refusal_has_its_reason_and_the_setting_that_allows_it(problem: bool) -> None:  # noqa: FBT001 - a parameter of the test
    headers = CIMultiDictProxy(CIMultiDict(Host="hub.test:8081"))
    refusal = Origins().refuses(headers, harmless=True)
    assert refusal is not None
    response = refusal_of(refusal, problem=problem)
    assert isinstance(response.body, bytes)
    content = json.loads(response.body)
    assert (response.status, content["code"]) == (403, "foreign-host")
    assert "ALLOWED_ORIGINS=http://hub.test:8081" in (content["detail"] if problem else content["message"])
    assert response.content_type == ("application/problem+json" if problem else "application/json")


@pytest.mark.parametrize(
    ("setting", "listed"), [("", ()), ("https://app.example,null", ("https://app.example", "null"))]
)
def test_pages_of_localhost_and_of_listed_origins_may_read(setting: str, listed: tuple[str, ...]) -> None:
    readers = Origins.parse(setting).readers.split(",")
    assert {"http://localhost:*", "https://127.0.0.1:*", "http://[::1]:*"} <= set(readers)
    assert tuple(readers[-len(listed) :] if listed else ()) == listed


def test_an_asterisk_lets_everyone_read() -> None:
    assert Origins.parse("*").readers == "*"


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Host": "hub.example:8081"}, False),
        ({"Host": "hub.example:8081", "Origin": "http://hub.example:8081"}, False),
        ({"Host": "hub.example:8081", "Origin": "http://other.example"}, True),
        ({"Host": "hub.example:8081", "Origin": "http://hub.example"}, True),
        ({"Host": "hub.example:8081", "Origin": "null"}, True),
        ({"Host": "hub.example:8081", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Host": "hub.example:8081", "Origin": "https://listed.example"}, False),
    ],
)
def test_an_address_of_many_names_is_called_by_its_own_pages_and_those_listed(
    headers: dict[str, str], *, refused: bool
) -> None:
    origins = Origins(frozenset({"https://listed.example"}), any_host=True)
    found = origins.refuses(CIMultiDictProxy(CIMultiDict(headers)), harmless=False)
    assert (found is not None) is refused
