"""What an access allows, reaches and hides."""

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
    except InvalidFilter:  # a function that there is not, or with another number of arguments
        return None


_OF_STREAMS = st.lists(st.builds(lambda start: {"prefix": {"hubstream": start}}, _NAMES), max_size=2)
_WANTED = st.builds(lambda some, others: parsed([*some, *others]), _OF_STREAMS, FILTERS).filter(bool)


def acme(*scopes: Scope, **limits: list[str]) -> Access:
    return Access.of("someone", scopes, **({"tenants": ["acme"]} | limits))


@given(_ACCESSES)
def test_what_is_passed_on_as_text_says_the_same(access: Access) -> None:
    assert Access.decoded(access.encoded()) == access


def test_what_tenants_stand_for_is_not_told_twice() -> None:
    told = Access.of("s", [], tenants=["acme", "b"], streams=["b:", "public."]).encoded()
    assert (told["tenants"], told["streams"]) == ("acme b", "public.")


@given(st.sets(_TENANTS, max_size=3), st.sets(_NAMES, max_size=3), _NAMES)
def test_it_reaches_the_streams_of_its_tenants_and_prefixes_and_no_other(
    tenants: set[str], streams: set[str], name: str
) -> None:
    access = Access.of("someone", [], tenants=tenants, streams=streams)
    starts = (*streams, *(f"{tenant}:" for tenant in tenants))
    assert access.reaches(name) is (not starts or name.startswith(starts))


@given(_ACCESSES, _WANTED, ATTRIBUTES, _NAMES)
def test_a_confined_filter_wants_what_was_wanted_and_is_in_reach(
    access: Access, wanted: Filter, attributes: dict[str, AttributeValue], stream: str
) -> None:
    recorded = {**attributes, "hubstream": stream}
    assert access.confined(wanted).matches(recorded) is (wanted.matches(recorded) and access.reaches(stream))


@given(_ACCESSES, _WANTED)
def test_a_filter_that_is_confined_stays_as_it_is(access: Access, wanted: Filter) -> None:
    confined = access.confined(wanted)
    assert access.confined(confined) is confined


@given(_ACCESSES, _NAMES)
def test_the_starts_within_a_prefix_are_those_of_the_names_in_reach(access: Access, prefix: str) -> None:
    for tail in ("", "a", "b", ":", "ab", "a:b"):
        name = prefix + tail
        assert any(name.startswith(start) for start in access.within(prefix)) is access.reaches(name)


@given(_ACCESSES, _NAMES, _WANTED)
def test_a_durable_subscription_made_within_reach_is_covered(access: Access, stream: str, wanted: Filter) -> None:
    assert access.covers(Durable("k", "n", access.confined(wanted)))
    assert access.covers(Durable("k", "n", wanted, (stream,))) is access.reaches(stream)


def test_one_that_might_want_more_is_not_covered() -> None:
    assert not acme().covers(Durable("k", "n", parse_filters([{"exact": {"type": "a"}}])))
    assert not acme().covers(Durable("k", "n", parse_filters([{"prefix": {"hubstream": "acm"}}])))
    assert not acme().covers(Durable("k", "n", parse_filters([{"not": {"prefix": {"hubstream": "acme:"}}}])))
    union = [{"any": [{"prefix": {"hubstream": "acme:"}}, {"exact": {"type": "a"}}]}]
    assert not acme().covers(Durable("k", "n", parse_filters(union)))


def test_one_whose_filter_names_its_streams_is_covered() -> None:
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


def test_a_confined_subscription_is_found_by_what_it_asked_for() -> None:
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
    told = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **members}
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in told.items()) + "}"


def test_events_of_its_own_streams_may_be_published() -> None:
    acme().require_events([from_json(event(tenantid="acme", workflowid="1"))], stream=None)
    acme().require_events([from_json(event())], stream="acme:1")


@pytest.mark.parametrize("members", [{}, {"workflowid": "1"}, {"tenantid": "other", "workflowid": "1"}])
def test_an_event_that_belongs_elsewhere_is_refused(members: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        acme().require_events([from_json(event()), from_json(event(**members))], stream=None)
    assert refused.value.pointer == "/0"


def test_an_event_that_says_it_is_of_another_tenant_is_refused() -> None:
    with pytest.raises(Forbidden) as refused:
        acme().require_events([from_json(event(tenantid="other"))], stream="acme:1")
    assert refused.value.pointer == "/tenantid"


def test_a_tenant_that_is_no_string_is_the_one_that_it_is_in_a_header() -> None:
    told = from_json('{"specversion":"1.0","id":"1","source":"/s","type":"t","tenantid":true,"workflowid":"1"}')
    Access.of("s", [Scope.PUBLISH], tenants=["true"]).require_events([told], stream=None)
    with pytest.raises(Forbidden):
        Access.of("s", [Scope.PUBLISH], tenants=["True"]).require_events([told], stream="True:1")


def test_a_prefix_alone_says_nothing_of_tenants() -> None:
    access = Access.of("someone", [], streams=["public."])
    access.require_events([from_json(event(tenantid="other"))], stream="public.1")


def test_what_is_passed_on_by_others_grants_no_scope_that_there_is_not() -> None:
    assert Access.decoded({"scopes": "read everything"}).scopes == {Scope.READ}
    assert Access.decoded({}).scopes == frozenset()
