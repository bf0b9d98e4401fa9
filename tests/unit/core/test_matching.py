from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.filters import parse_filters
from eventstore.live.index_terms import ANYTHING, terms_of, terms_of_event
from eventstore.subscriptions import Subscription

EXACT = {"exact": {"type": "t"}}

_VALUES = st.sampled_from(["a", "b", "ab"])
_NAMES = st.sampled_from(["type", "source", "subject", "priority"])
_LEAVES = st.builds(
    lambda dialect, name, value: {dialect: {name: value}},
    st.sampled_from(["exact", "prefix", "suffix"]),
    _NAMES,
    _VALUES,
)
_FILTERS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda some: {"all": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda some: {"any": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, inner),
    ),
    max_leaves=6,
)


def subscription(*filters: object, streams: tuple[str, ...] = ()) -> Subscription:
    return Subscription("k", "c", "s", parse_filters(list(filters)), streams)


def test_streams_are_the_most_selective() -> None:
    assert terms_of(subscription(EXACT, streams=("wf",))) == terms_of(subscription(streams=("wf",)))


def test_without_an_equality_a_subscription_is_found_by_anything() -> None:
    assert terms_of(subscription({"prefix": {"type": "t"}})) == (ANYTHING,)


def test_the_same_value_of_another_attribute_is_another_term() -> None:
    assert terms_of(subscription({"exact": {"type": "x"}})) != terms_of(subscription({"exact": {"source": "x"}}))


@pytest.mark.parametrize("streams", [(), ("wf",), ("other", "wf")])
@given(filters=st.lists(_FILTERS, max_size=3), attributes=st.dictionaries(_NAMES, _VALUES))
def test_who_wants_an_event_is_found_by_one_of_its_terms(
    streams: tuple[str, ...], filters: list[object], attributes: dict[str, str]
) -> None:
    one = subscription(*filters, streams=streams)
    if one.matches("wf", attributes):
        assert set(terms_of(one)) & set(terms_of_event("wf", attributes))


@given(st.lists(_FILTERS, max_size=3), st.lists(st.sampled_from(["wf", "a:b"]), max_size=2))
def test_a_subscription_reads_back_as_it_was_kept(filters: list[object], streams: list[str]) -> None:
    one = subscription(*filters, streams=tuple(streams))
    assert Subscription.decoded("k", one.encoded()) == one
    assert json.loads(one.encoded())
