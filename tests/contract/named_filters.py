"""What all `NamedFilters` keep. An adapter's test inherits this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import FilterNotFound
from eventstore.filters import parse_filters
from eventstore.filters.named import NamedFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import NamedFilters


def named(name: str = "failures", *, key: str = "0" * 24, ending: str = ".failed") -> NamedFilter:
    return NamedFilter(key, name, parse_filters([{"suffix": {"type": ending}}]), created=5, changed=7)


def names(filters: Sequence[NamedFilter]) -> list[str]:
    return [item.name for item in filters]


class NamedFiltersContract:
    def test_a_filter_is_kept_by_its_name(self, filters: NamedFilters) -> None:
        assert filters.create(named())
        assert filters.get("failures") == named()

    def test_a_second_filter_of_a_name_is_not_stored(self, filters: NamedFilters) -> None:
        filters.create(named())
        assert not filters.create(named(key="1" * 24, ending=".done"))
        assert filters.get("failures") == named()

    @pytest.mark.parametrize("name", ["failures", "", "not a name", "\ud800", "a" * 201])
    def test_a_filter_that_does_not_exist_is_not_found(self, filters: NamedFilters, name: str) -> None:
        filters.create(named("others"))
        with pytest.raises(FilterNotFound):
            filters.get(name)

    def test_filters_are_listed_in_order_from_a_prefix_and_after_a_name(self, filters: NamedFilters) -> None:
        for name in ("b-2", "a", "b-1", "c", "b-3"):
            filters.create(named(name))
        assert names(filters.list(prefix="", after="", count=9)) == ["a", "b-1", "b-2", "b-3", "c"]
        assert names(filters.list(prefix="b-", after="", count=2)) == ["b-1", "b-2"]
        assert names(filters.list(prefix="b-", after="b-2", count=9)) == ["b-3"]
        assert names(filters.list(prefix="b-", after="c", count=9)) == []
        assert names(filters.list(prefix="", after="", count=0)) == []

    def test_a_filter_is_replaced_if_it_is_still_the_one_that_was_read(self, filters: NamedFilters) -> None:
        filters.create(named())
        second = replace(named(ending=".done"), version=2)
        assert filters.change(named(), second)
        assert filters.get("failures") == second

    def test_a_filter_that_was_changed_meanwhile_is_neither_replaced_nor_deleted(self, filters: NamedFilters) -> None:
        filters.create(named())
        used = replace(named(), uses=1)
        filters.change(named(), used)
        assert not filters.change(named(), replace(named(), version=2))
        assert not filters.delete(named())
        assert filters.get("failures") == used

    def test_a_filter_that_does_not_exist_is_neither_replaced_nor_deleted(self, filters: NamedFilters) -> None:
        assert not filters.change(named(), replace(named(), version=2))
        assert not filters.delete(named())
        assert names(filters.list(prefix="", after="", count=9)) == []

    def test_nothing_is_left_of_a_deleted_filter(self, filters: NamedFilters) -> None:
        filters.create(named())
        filters.create(named("others"))
        assert filters.delete(named())
        assert names(filters.list(prefix="", after="", count=9)) == ["others"]
        with pytest.raises(FilterNotFound):
            filters.get("failures")

    def test_a_name_can_be_used_again(self, filters: NamedFilters) -> None:
        filters.create(named())
        filters.delete(named())
        again = named(key="1" * 24, ending=".done")
        assert filters.create(again)
        assert filters.get("failures") == again
