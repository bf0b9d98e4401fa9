"""Whose requests go on, by what a browser says of them."""

from __future__ import annotations

import json

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from eventstore_dev.origins import Origins, OriginsError, refusal_of


def refused(*headers: tuple[str, str], allowed: str = "", harmless: bool = False) -> str:
    """The code of why a request with these headers does not go on; empty if it does."""
    found = Origins.parse(allowed).refuses(CIMultiDictProxy(CIMultiDict(headers)), harmless=harmless)
    return found.code if found is not None else ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8081", "127.0.0.1", "127.8.9.10:1", "localhost:8081", "LocalHost", "[::1]:8081", "hub.localhost:8081"],
)
def test_names_of_this_machine_go_on(host: str) -> None:
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
def test_other_names_do_not_whatever_is_asked(host: str) -> None:
    assert refused(("Host", host), harmless=True) == refused(("Host", host)) == "foreign-host"


def test_one_foreign_name_of_several_is_foreign() -> None:
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
def test_pages_of_this_machine_go_on(origin: str) -> None:
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
def test_other_pages_do_not(origin: str) -> None:
    here = ("Host", "127.0.0.1:8081")
    assert refused(here, ("Origin", origin), ("Sec-Fetch-Site", "same-origin")) == "foreign-origin"
    assert refused(here, ("Origin", "http://localhost"), ("Origin", origin)) == "foreign-origin"


def test_what_changes_nothing_goes_on_for_every_page_for_none_can_read_the_answer() -> None:
    evil = ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")
    assert refused(("Host", "localhost"), *evil, harmless=True) == ""


@pytest.mark.parametrize(("site", "code"), [("cross-site", "foreign-origin"), ("same-origin", ""), ("none", "")])
def test_without_an_origin_the_browser_says_how_far_the_page_is(site: str, code: str) -> None:
    assert refused(("Host", "localhost"), ("Sec-Fetch-Site", site)) == code


def test_a_program_goes_on() -> None:
    assert refused() == ""
    assert refused(("Host", "127.0.0.1:8081"), ("User-Agent", "curl/8")) == ""


@pytest.mark.parametrize("allowed", ["https://app.example", " http://a.test:1 , https://APP.example:443/ "])
def test_a_listed_origin_goes_on_and_its_host_too(allowed: str) -> None:
    page = ("Origin", "https://app.example"), ("Sec-Fetch-Site", "cross-site")
    assert refused(("Host", "localhost"), *page, allowed=allowed) == ""
    assert refused(("Host", "app.example:8081"), *page, allowed=allowed) == ""
    assert refused(("Host", "other.example"), *page, allowed=allowed) == "foreign-host"


@pytest.mark.parametrize("origin", ["http://app.example", "https://app.example:8443", "https://a.app.example", "null"])
def test_an_origin_that_is_like_a_listed_one_is_another(origin: str) -> None:
    assert refused(("Origin", origin), allowed="https://app.example") == "foreign-origin"


def test_pages_without_an_origin_can_be_listed() -> None:
    assert refused(("Host", "localhost"), ("Origin", "null"), allowed="null") == ""
    assert refused(("Host", "null"), allowed="null") == "foreign-host"


def test_everyone_can_be_let_in() -> None:
    assert refused(("Host", "evil.example"), ("Origin", "https://evil.example"), allowed="*") == ""


@pytest.mark.parametrize(
    "setting", ["app.example", "https://", "https://app.example/path", "https://a,", "https://u@a"]
)
def test_what_is_no_origin_is_told(setting: str) -> None:
    with pytest.raises(OriginsError, match="an origin is such as"):
        Origins.parse(setting)


@pytest.mark.parametrize("problem", [True, False])
def test_a_refusal_says_why_and_which_setting_allows_it(problem: bool) -> None:  # noqa: FBT001 - a parameter of the test
    headers = CIMultiDictProxy(CIMultiDict(Host="hub.test:8081"))
    found = Origins().refuses(headers, harmless=True)
    assert found is not None
    response = refusal_of(found, problem=problem)
    assert isinstance(response.body, bytes)
    told = json.loads(response.body)
    assert (response.status, told["code"]) == (403, "foreign-host")
    assert "ALLOWED_ORIGINS=http://hub.test:8081" in (told["detail"] if problem else told["message"])
    assert response.content_type == ("application/problem+json" if problem else "application/json")


@pytest.mark.parametrize(
    ("setting", "listed"), [("", ()), ("https://app.example,null", ("https://app.example", "null"))]
)
def test_pages_of_this_machine_and_those_of_the_setting_may_read(setting: str, listed: tuple[str, ...]) -> None:
    readers = Origins.parse(setting).readers.split(",")
    assert {"http://localhost:*", "https://127.0.0.1:*", "http://[::1]:*"} <= set(readers)
    assert tuple(readers[-len(listed) :] if listed else ()) == listed


def test_an_asterisk_lets_everyone_read() -> None:
    assert Origins.parse("*").readers == "*"
