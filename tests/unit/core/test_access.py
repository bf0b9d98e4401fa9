"""What an access allows, and which streams it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.access import FULL, Access, Scope
from eventstore.cloudevents import from_json
from eventstore.errors import Forbidden, InvalidFilter
from eventstore.filters import Filter, parse_filters
from eventstore.live.index_terms import ANYTHING, terms_of
from eventstore.subscriptions import EVENTSTORE, Connection, Durable, Subscription
from tests.filters import ATTRIBUTES, FILTERS

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

_NAMES = st.text("ab:.", min_size=1, max_size=4)
_TENANTS = st.text("ab.", min_size=1, max_size=3)
_ACCESSES = st.builds(
    lambda scopes, tenants, streams: Access.of("someone", scopes, tenants=tenants, streams=streams),
    st.sets(st.sampled_from(Scope)),
    st.sets(_TENANTS, max_size=3),
    st.sets(_NAMES, max_size=3),
)


def parsed(filters: list[object]) -> Filter | None:
    try:
        return parse_filters(filters)
    except InvalidFilter:  # an unknown function, or a wrong number of arguments
        return None


_OF_STREAMS = st.lists(st.builds(lambda start: {"prefix": {"hubstream": start}}, _NAMES), max_size=2)
_WANTED = st.builds(lambda of_streams, others: parsed([*of_streams, *others]), _OF_STREAMS, FILTERS).filter(bool)


def acme(*scopes: Scope, **limits: list[str]) -> Access:
    return Access.of("someone", scopes, **({"tenants": ["acme"]} | limits))


@given(_ACCESSES)
def test_access_survives_its_encoding(access: Access) -> None:
    assert Access.decoded(access.encoded()) == access


def test_encoded_access_leaves_out_prefixes_that_its_tenants_cover() -> None:
    encoded = Access.of("s", [], tenants=["acme", "b"], streams=["b:", "public."]).encoded()
    assert (encoded["tenants"], encoded["streams"]) == ("acme b", "public.")


@given(st.sets(_TENANTS, max_size=3), st.sets(_NAMES, max_size=3), _NAMES)
def test_access_reaches_the_streams_of_its_tenants_and_prefixes_only(
    tenants: set[str], streams: set[str], name: str
) -> None:
    access = Access.of("someone", [], tenants=tenants, streams=streams)
    starts = (*streams, *(f"{tenant}:" for tenant in tenants))
    assert access.reaches(name) is (not starts or name.startswith(starts))


@given(_ACCESSES, _WANTED, ATTRIBUTES, _NAMES)
def test_a_confined_filter_matches_the_original_within_reach(
    access: Access, wanted: Filter, attributes: dict[str, AttributeValue], stream: str
) -> None:
    recorded = {**attributes, "hubstream": stream}
    assert access.confined(wanted).matches(recorded) is (wanted.matches(recorded) and access.reaches(stream))


@given(_ACCESSES, _WANTED)
def test_a_filter_that_is_confined_stays_as_it_is(access: Access, wanted: Filter) -> None:
    confined = access.confined(wanted)
    assert access.confined(confined) is confined


@given(_ACCESSES, _NAMES)
def test_name_prefixes_within_a_prefix_are_those_in_reach(access: Access, prefix: str) -> None:
    for tail in ("", "a", "b", ":", "ab", "a:b"):
        name = prefix + tail
        assert any(name.startswith(start) for start in access.within(prefix)) is access.reaches(name)


@given(_ACCESSES, _NAMES, _WANTED)
def test_a_durable_subscription_made_within_reach_is_covered(access: Access, stream: str, wanted: Filter) -> None:
    assert access.covers(Durable("k", "n", access.confined(wanted)))
    assert access.covers(Durable("k", "n", wanted, (stream,))) is access.reaches(stream)


def test_a_durable_subscription_that_may_reach_further_is_not_covered() -> None:
    assert not acme().covers(Durable("k", "n", parse_filters([{"exact": {"type": "a"}}])))
    assert not acme().covers(Durable("k", "n", parse_filters([{"prefix": {"hubstream": "acm"}}])))
    assert not acme().covers(Durable("k", "n", parse_filters([{"not": {"prefix": {"hubstream": "acme:"}}}])))
    union = [{"any": [{"prefix": {"hubstream": "acme:"}}, {"exact": {"type": "a"}}]}]
    assert not acme().covers(Durable("k", "n", parse_filters(union)))


def test_a_durable_subscription_whose_filter_names_streams_in_reach_is_covered() -> None:
    assert acme().covers(Durable("k", "n", parse_filters([{"exact": {"hubstream": "acme:1"}}])))


@pytest.mark.parametrize(
    ("access", "prefixes", "included"),
    [
        (Access.of("s", Scope), (), True),
        (Access.of("s", Scope), ("acme:",), True),
        (Access.of("s", Scope, tenants=["acme"]), ("acme:",), True),
        (Access.of("s", Scope, tenants=["acme"]), ("acme:orders", "acme:x"), True),
        (Access.of("s", Scope, tenants=["acme"]), (), False),
        (Access.of("s", Scope, tenants=["acme"]), ("acme",), False),
        (Access.of("s", Scope, tenants=["acme"]), ("acme:", "beta:"), False),
        (Access.of("s", Scope, tenants=["acme", "beta"]), ("beta:",), True),
        (Access.of("s", Scope, streams=["acme:orders"]), ("acme:",), False),
    ],
)
def test_a_connection_that_reaches_no_more_streams_is_included(
    access: Access, prefixes: tuple[str, ...], *, included: bool
) -> None:
    assert access.includes(Connection("c", EVENTSTORE, 0, prefixes=prefixes)) is included


def test_a_confined_subscription_is_indexed_by_its_original_filter() -> None:
    asked = parse_filters([{"exact": {"type": "a"}}])
    confined = Subscription("k", "c", "s", acme().confined(asked))
    assert terms_of(confined) == terms_of(Subscription("k", "c", "s", asked))
    assert terms_of(confined) != (ANYTHING,)


def test_without_limits_nothing_is_changed() -> None:
    asked = parse_filters([{"exact": {"type": "a"}}])
    assert FULL.confined(asked) is asked
    assert FULL.covers(Durable("k", "n", asked))


def test_a_missing_scope_is_named() -> None:
    with pytest.raises(Forbidden, match="scope subscribe or admin"):
        acme(Scope.READ).require(Scope.SUBSCRIBE, Scope.ADMIN)


def test_one_of_several_scopes_is_enough() -> None:
    acme(Scope.ADMIN).require(Scope.SUBSCRIBE, Scope.ADMIN)


def test_a_stream_out_of_reach_is_refused_by_what_is_in_reach() -> None:
    with pytest.raises(Forbidden, match=r"does not allow stream 'other:1', only .* 'acme:'"):
        acme().require_streams(["acme:1", "other:1"])


def event(**members: str) -> str:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **members}
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in attributes.items()) + "}"


def test_events_of_its_own_streams_may_be_published() -> None:
    acme().require_events([from_json(event(tenantid="acme", workflowid="1"))], stream=None)
    acme().require_events([from_json(event())], stream="acme:1")


@pytest.mark.parametrize("members", [{}, {"workflowid": "1"}, {"tenantid": "other", "workflowid": "1"}])
def test_an_event_that_belongs_elsewhere_is_refused(members: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        acme().require_events([from_json(event()), from_json(event(**members))], stream=None)
    assert refused.value.pointer == "/0"


def test_an_event_of_another_tenant_is_refused() -> None:
    with pytest.raises(Forbidden) as refused:
        acme().require_events([from_json(event(tenantid="other"))], stream="acme:1")
    assert refused.value.pointer == "/tenantid"


def test_a_tenant_that_is_not_a_string_equals_its_header_value() -> None:
    event = from_json('{"specversion":"1.0","id":"1","source":"/s","type":"t","tenantid":true,"workflowid":"1"}')
    Access.of("s", [Scope.PUBLISH], tenants=["true"]).require_events([event], stream=None)
    with pytest.raises(Forbidden):
        Access.of("s", [Scope.PUBLISH], tenants=["True"]).require_events([event], stream="True:1")


def test_a_prefix_implies_no_tenant() -> None:
    access = Access.of("someone", [], streams=["public."])
    access.require_events([from_json(event(tenantid="other"))], stream="public.1")


def test_unknown_scopes_of_an_authorizer_grant_nothing() -> None:
    assert Access.decoded({"scopes": "read everything"}).scopes == {Scope.READ}
    assert Access.decoded({}).scopes == frozenset()
