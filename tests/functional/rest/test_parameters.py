from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import Invalid
from functions.rest.conditions import expected, is_current, prefers_batch, wait_seconds
from functions.rest.queries import all_query, names_query, stream_query
from functions.rest.tokens import STREAMS, token_of

NAMES = st.sampled_from(
    ["type", "since", "until", "from", "to", "limit", "cursor", "order", "direction", "stream", "prefix", "filter"]
)
TIMES = st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)\Z")
VALUES = st.one_of(st.text(), TIMES, st.integers().map(str))
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.dictionaries(st.one_of(NAMES, st.text()), st.lists(VALUES, min_size=1, max_size=2)))
def test_parameters_make_a_query_or_are_refused(query: dict[str, list[str]]) -> None:
    for read in (
        all_query,
        lambda given: stream_query(given, wait_seconds=0),
        lambda given: names_query(given, STREAMS),
    ):
        try:
            read(query)
        except Invalid as refusal:
            assert refusal.pointer in query  # noqa: PT017 - either outcome is right


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=OFFSETS))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_a_time_is_the_first_whole_millisecond_not_before_it(time: datetime) -> None:
    since = all_query({"since": [time.isoformat()]}).selection.since
    exact = (time - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    assert since is not None
    assert -0.01 <= since - exact < 1.01  # a float of so many microseconds is slightly inexact


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01t01:00:01+01:00", 1000),
        ("1970-01-01T00:00:01.5z", 1500),
        ("1970-01-01T00:00:01.0001Z", 1001),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1969-12-31T23:59:59Z", 0),
    ],
)
def test_a_time_counts_in_milliseconds(text: str, milliseconds: int) -> None:
    assert all_query({"until": [text]}).selection.until == milliseconds


@given(st.from_regex(r"\A[A-Za-z0-9._:~-]{1,200}\Z"))
def test_the_cursor_of_a_list_of_streams_preserves_its_name(name: str) -> None:
    assert names_query({"cursor": [token_of(STREAMS, name)]}, STREAMS).after == name


@given(st.dictionaries(st.sampled_from(["if-match", "if-none-match", "prefer", "accept"]), st.text()))
def test_any_header_is_parsed_or_refused(headers: dict[str, str]) -> None:
    prefers_batch(headers)
    is_current(headers, '"1.1.ab"')
    assert 0 <= wait_seconds(headers, seconds_left=29) <= 25
    try:
        expected(headers)
    except Invalid as refusal:
        assert refusal.pointer in {"If-Match", "If-None-Match"}  # noqa: PT017 - either outcome is right
