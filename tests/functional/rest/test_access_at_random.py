"""A limited caller gets the answer of an unlimited one, without what is out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fresh import reread
from tests.functional.rest.api import Api, cloudevent
from tests.functional.rest.callers import Caller, caller

if TYPE_CHECKING:
    from collections.abc import Iterator

_STREAMS = ["a", "a:1", "a:b:1", "ab:1", "b:1", "b:2", "b.1", "default"]
_LIMITS = st.fixed_dictionaries(
    {
        "tenants": st.lists(st.sampled_from(["a", "ab", "b", "c"]), max_size=2, unique=True),
        "streams": st.lists(st.sampled_from(["a", "a:b", "b.", "d", "c"]), max_size=2, unique=True),
    }
)
_FILTERS = ["TRUE", "hubstream LIKE 'b%'", "NOT hubstream LIKE 'a:%'", "hubsequence = '1'", "type = 'one'"]
_QUERIES = st.fixed_dictionaries(
    {"limit": st.integers(1, 5), "order": st.sampled_from(["asc", "desc"])},
    optional={
        "type": st.sampled_from(["one", "two", "t*", "*"]),
        "filter": st.lists(st.sampled_from(_FILTERS), min_size=1, max_size=2),
        "source": st.just("/s"),
    },
)


@pytest.fixture
def everyone(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """A caller with full access; each stream has two events of two types."""
    monkeypatch.setenv("AUTH", "jwt")
    reread()
    assert api.get("/health").status == 403
    full_access = caller()
    for number, stream in enumerate(_STREAMS):
        for kind in ("one", "two"):
            event = cloudevent(f"{kind}-{number}", source="/s") | {"type": kind}
            assert full_access.publish(event, query=f"?stream={stream}").status == 201
    yield full_access
    reread()


def pages(by: Caller, query: dict[str, object], cursor: str = "") -> list[str]:
    """The ids of all pages after a cursor, or from the start."""
    ids: list[str] = []
    while True:
        asked = urlencode(query | ({"cursor": cursor} if cursor else {}), doseq=True)
        page = by.get(f"/api/v1/events?{asked}").json
        ids += [event["id"] for event in page["events"]]
        if "next" not in page:
            return ids
        cursor = page["next"]


def within(limited: Caller, ids: list[str]) -> list[str]:
    """The ids of events in reach, by the number of their stream."""
    assert limited.access is not None
    return [event_id for event_id in ids if limited.access.reaches(_STREAMS[int(event_id.partition("-")[2])])]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_LIMITS, _QUERIES)
def test_a_search_finds_exactly_the_events_in_reach(
    everyone: Caller, limits: dict[str, list[str]], query: dict[str, object]
) -> None:
    limited = caller(**limits)
    assert pages(limited, query) == within(limited, pages(everyone, query))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(_LIMITS, _QUERIES)
def test_a_cursor_of_another_caller_continues_with_events_in_reach(
    everyone: Caller, limits: dict[str, list[str]], query: dict[str, object]
) -> None:
    limited = caller(**limits)
    cursor = everyone.get(f"/api/v1/events?{urlencode(query, doseq=True)}").json["cursor"]
    assert pages(limited, query, cursor) == within(limited, pages(everyone, query, cursor))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(_LIMITS, st.sampled_from(["", "a", "a:", "b", "d"]), st.integers(1, 4))
def test_a_list_of_streams_has_exactly_those_in_reach_in_order(
    everyone: Caller, limits: dict[str, list[str]], prefix: str, limit: int
) -> None:
    limited = caller(**limits)
    assert limited.access is not None
    names, cursor = [], ""
    while True:
        asked = {"limit": limit} | ({"prefix": prefix} if prefix else {}) | ({"cursor": cursor} if cursor else {})
        page = limited.get(f"/api/v1/streams?{urlencode(asked)}").json
        names += [stream["id"] for stream in page["streams"]]
        if "next" not in page:
            break
        cursor = page["next"]
    assert everyone
    assert names == sorted(name for name in _STREAMS if name.startswith(prefix) and limited.access.reaches(name))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(_LIMITS, st.integers(0, len(_STREAMS) - 1))
def test_an_event_by_its_id_is_found_exactly_if_it_is_in_reach(
    everyone: Caller, limits: dict[str, list[str]], number: int
) -> None:
    limited = caller(**limits)
    assert everyone
    assert limited.access is not None
    reached = limited.access.reaches(_STREAMS[number])
    assert limited.get(f"/api/v1/events/one-{number}").status == (200 if reached else 404)
    assert limited.get(f"/api/v1/streams/{_STREAMS[number]}/events").status == (200 if reached else 403)
