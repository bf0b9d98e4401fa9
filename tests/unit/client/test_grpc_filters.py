"""Filters and selections over gRPC select what they select over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.filters import filter_of_parameters, parse_filters
from eventstore_client import Invalid
from eventstore_client.grpc.filters import filter_json, filter_messages, selection_of
from eventstore_client.searches import selection_query
from eventstore_proto.flunq.eventstore.v1 import events_pb2
from eventstore_server.grpc.selections import filter_values

if TYPE_CHECKING:
    from eventstore_client.grpc.messages import events

_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True).filter(lambda name: name != "data")
_VALUES = st.dictionaries(_NAMES, st.text("abü*. ", min_size=1, max_size=4), min_size=1, max_size=3)
_FILTERS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        *(st.builds(lambda values, dialect=dialect: {dialect: values}, _VALUES) for dialect in ("exact", "prefix")),
        st.just({"suffix": {"type": ".failed"}}),
        st.just({"sql": "priority > 3"}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda filters: {"all": filters}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda filters: {"any": filters}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda operand: {"not": operand}, inner),
    ),
    max_leaves=6,
)


def at_the_hub(filters: list[events.Filter]) -> list[object]:
    """What the hub makes of filters."""
    return filter_values(events_pb2.Filter.FromString(message.SerializeToString()) for message in filters)


@given(st.lists(_FILTERS, max_size=3))
def test_the_hub_receives_the_filters_that_were_sent(filters: list[Any]) -> None:
    messages = filter_messages(filters)

    assert at_the_hub(messages) == filters
    assert [filter_json(message) for message in messages] == filters


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"type": "t"},
        {"type": ["t.*", "u"], "source": "/s"},
        {"type": ["*", "u"], "tenantid": ["a", "b"]},
        {"filter": "priority > 3", "workflowid": "wf-1"},
        {"filter": ["priority > 3", "EXISTS subject"], "subject": "x", "executionid": "e"},
    ],
)
def test_a_selection_is_the_filter_of_the_parameters_of_rest(selection: Any) -> None:  # noqa: ANN401 - options
    query = selection_query(selection)

    sent = parse_filters(at_the_hub(list(selection_of(query).filters)))

    assert sent == filter_of_parameters(query)


def test_times_and_a_named_filter_are_selected() -> None:
    selection = selection_of(
        selection_query({"since": "2026-01-05T09:00:00.5+01:00", "until": "2026-01-06T00:00:00Z", "filter_name": "f"})
    )

    assert selection.since.ToJsonString() == "2026-01-05T08:00:00.500Z"
    assert (selection.until.ToJsonString(), selection.filter_name) == ("2026-01-06T00:00:00Z", "f")


@pytest.mark.parametrize("since", ["yesterday", "2026-01-05T09:00:00"])
def test_a_time_that_is_none_is_named(since: str) -> None:
    with pytest.raises(Invalid, match="since must be a time in RFC 3339") as invalid:
        selection_of({"since": since})
    assert invalid.value.errors[0]["pointer"] == "since"


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [
        (["t"], "/filters/0"),
        ([{"exact": {"a": "b"}, "prefix": {"a": "b"}}], "/filters/0"),
        ([{"sql": "TRUE"}, {"regex": "x"}], "/filters/1"),
        ([{"exact": {"a": 1}}], "/filters/0/exact"),
        ([{"any": [{"not": {"sql": 3}}]}], "/filters/0/any/0/not/sql"),
    ],
)
def test_a_filter_that_no_message_carries_is_named(filters: list[Any], pointer: str) -> None:
    with pytest.raises(Invalid) as invalid:
        filter_messages(filters)
    assert (invalid.value.code, invalid.value.errors[0]["pointer"]) == ("invalid-filter", pointer)
