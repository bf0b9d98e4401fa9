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
        st.builds(lambda filters: {"all": filters}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda filters: {"any": filters}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda operand: {"not": operand}, inner),
    ),
    max_leaves=6,
)


def subscription(*filters: object, streams: tuple[str, ...] = ()) -> Subscription:
    return Subscription("k", "c", "s", parse_filters(list(filters)), streams)


def test_stream_names_are_the_most_selective_terms() -> None:
    assert terms_of(subscription(EXACT, streams=("wf",))) == terms_of(subscription(streams=("wf",)))


def test_a_subscription_without_an_equality_is_indexed_under_anything() -> None:
    assert terms_of(subscription({"prefix": {"type": "t"}})) == (ANYTHING,)


def test_index_terms_differ_by_attribute() -> None:
    assert terms_of(subscription({"exact": {"type": "x"}})) != terms_of(subscription({"exact": {"source": "x"}}))


@pytest.mark.parametrize("streams", [(), ("wf",), ("other", "wf")])
@given(filters=st.lists(_FILTERS, max_size=3), attributes=st.dictionaries(_NAMES, _VALUES))
def test_a_matching_subscription_shares_an_index_term_with_the_event(
    streams: tuple[str, ...], filters: list[object], attributes: dict[str, str]
) -> None:
    wanted = subscription(*filters, streams=streams)
    if wanted.matches("wf", attributes):
        assert set(terms_of(wanted)) & set(terms_of_event("wf", attributes))


@given(st.lists(_FILTERS, max_size=3), st.lists(st.sampled_from(["wf", "a:b"]), max_size=2))
def test_a_subscription_decodes_to_what_was_encoded(filters: list[object], streams: list[str]) -> None:
    wanted = subscription(*filters, streams=tuple(streams))
    assert Subscription.decoded("k", wanted.encoded()) == wanted
    assert json.loads(wanted.encoded())


@pytest.mark.parametrize(
    "filters", [[], [EXACT], [{"prefix": {"hubstream": "wf~"}}], [{"exact": {"hubstream": "wf~fork"}}]]
)
def test_a_subscription_receives_events_of_a_fork_only_if_it_names_the_stream(filters: list[object]) -> None:
    attributes = {"type": "t", "hubstream": "wf~fork"}
    assert not subscription(*filters).matches("wf~fork", attributes)
    assert not subscription(*filters).concerns("wf~fork")
    assert not subscription(*filters, streams=("wf",)).matches("wf~fork", attributes)
    assert subscription(*filters, streams=("wf~fork",)).matches("wf~fork", attributes)
    assert subscription(*filters, streams=("wf~fork",)).concerns("wf~fork")


def test_only_subscriptions_that_name_a_fork_are_candidates_for_its_events() -> None:
    terms = set(terms_of_event("wf~fork", {"type": "t", "subject": "s"}))
    assert terms == set(terms_of(subscription(streams=("wf~fork",))))
    assert not terms & {*terms_of(subscription(EXACT)), *terms_of(subscription())}
