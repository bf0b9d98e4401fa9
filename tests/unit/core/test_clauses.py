"""Events that are skipped without decoding cannot match."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, reject
from hypothesis import strategies as st

from eventstore.adapters.redis.screen import Screen
from eventstore.cloudevents import from_json
from eventstore.cloudevents.event import canonical
from eventstore.errors import InvalidFilter
from eventstore.filters import parse_filters
from tests.examples import event
from tests.filters import ATTRIBUTES, FILTERS

if TYPE_CHECKING:
    from collections.abc import Mapping


@given(FILTERS, ATTRIBUTES)
def test_a_matching_event_fulfils_every_clause(filters: list[Any], attributes: Mapping[str, Any]) -> None:
    try:
        wanted = parse_filters(filters)
    except InvalidFilter:
        # SQL that calls a function with too few arguments is refused.
        reject()
    if wanted.matches(attributes):
        for clause in wanted.clauses:
            assert any(canonical(attributes[name]) == value for name, value in clause if name in attributes)
        assert Screen(wanted.clauses).passes(from_json(json.dumps(attributes)).body)


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn"]), min_size=1))
def test_a_value_is_recognized_however_json_spells_it(value: str) -> None:
    screen = Screen(parse_filters([{"exact": {"subject": value}}]).clauses)
    assert screen.passes(event(subject=value).body)
    assert screen.passes(b"".join([event("1", subject="other").body, event("2", subject=value).body]))


def test_numbers_and_booleans_are_recognized_by_their_canonical_values() -> None:
    for value, text in ((7, "7"), (-3, "-3"), (True, "true"), ("7", "7"), ("true", "true")):
        assert Screen(parse_filters([{"exact": {"n": text}}]).clauses).passes(event(n=value).body)


def test_an_event_without_any_of_the_values_is_skipped() -> None:
    screen = Screen(parse_filters([{"any": [{"exact": {"subject": "a"}}, {"exact": {"type": "b"}}]}]).clauses)
    assert not screen.passes(event(subject="b", type="a").body)
    assert screen.passes(event(type="b").body)


def test_data_that_looks_like_an_attribute_only_causes_decoding() -> None:
    wanted = parse_filters([{"exact": {"source": "/rare"}}])
    members = '"specversion":"1.0","id":"1","source":"/common","type":"t"'
    stored = from_json(f'{{{members},"data":{{"source":"/rare"}}}}')
    assert Screen(wanted.clauses).passes(stored.body)
    assert not wanted.matches(stored.attributes)


def test_attributes_that_the_hub_adds_are_no_clauses() -> None:
    assert parse_filters([{"exact": {"hubstream": "wf"}}]).clauses == ()
