from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, reject

from eventstore.errors import FilterInUse, InvalidFilter, WrongFilterVersion
from eventstore.filters import EVERYTHING, parse_filters
from eventstore.filters.named import FilterReference, NamedFilter, combined, require_half
from tests.filters import ATTRIBUTES, FILTERS

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

NAMED = NamedFilter("k" * 24, "failures", parse_filters([{"suffix": {"type": ".failed"}}]), 3, 5, 7, 2)


def test_a_filter_is_decoded_as_it_was_encoded() -> None:
    assert NamedFilter.decoded(NAMED.encoded()) == NAMED


def test_members_of_a_later_release_are_passed_over() -> None:
    assert NamedFilter.decoded(json.dumps({**json.loads(NAMED.encoded()), "later": [1]})) == NAMED


def test_uses_of_a_filter_make_no_version() -> None:
    assert replace(NAMED, uses=9).tag == NAMED.tag
    assert len({NAMED.tag, replace(NAMED, version=4).tag, replace(NAMED, key="l" * 24).tag}) == 3


@given(FILTERS, FILTERS, ATTRIBUTES)
def test_a_reference_selects_what_matches_both_filters(
    named: list[object], own: list[object], attributes: dict[str, AttributeValue]
) -> None:
    try:
        first, second = parse_filters(named), parse_filters(own)
    except InvalidFilter:
        reject()
    used = FilterReference("failures", second).applied(replace(NAMED, filter=first))
    assert used == parse_filters([*named, *own])
    assert used.matches(attributes) == (first.matches(attributes) and second.matches(attributes))


def test_a_named_filter_beside_none_is_the_named_filter() -> None:
    assert combined(NAMED.filter, EVERYTHING) == NAMED.filter


def of_bytes(size: int) -> list[object]:
    empty = len(parse_filters([{"exact": {"type": "t"}}]).text) - 1
    return [{"exact": {"type": "t" * (size - empty)}}]


def test_two_filters_of_half_the_size_fit_together() -> None:
    half = parse_filters(of_bytes(4096))
    require_half(half)
    assert combined(half, half)


def test_a_filter_of_more_than_half_the_size_is_refused() -> None:
    with pytest.raises(InvalidFilter, match="4097 bytes") as refused:
        require_half(parse_filters(of_bytes(4097)))
    assert refused.value.pointer == "/filters"


def test_errors_name_what_they_are_about() -> None:
    assert "'workers' names filter 'failures'" in FilterInUse("failures", subscription="workers").detail
    assert FilterInUse("failures", subscription=None).detail.startswith("a durable subscription names")
    assert "is at version 3.k" in WrongFilterVersion("failures", actual="3.k").detail
    assert "does not exist" in WrongFilterVersion("failures", actual=None).detail
