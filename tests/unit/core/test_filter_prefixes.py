"""The stream name prefixes to which a filter is limited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.filters import parse_filters

_STARTS = st.text("ab:", min_size=1, max_size=3)
_LEAVES = st.one_of(
    st.builds(lambda start: {"prefix": {"hubstream": start}}, _STARTS),
    st.builds(lambda name: {"exact": {"hubstream": name}}, _STARTS),
    st.builds(lambda end: {"suffix": {"hubstream": end}}, _STARTS),
    st.builds(lambda value: {"exact": {"type": value}}, st.sampled_from("ab")),
    st.builds(lambda name: {"sql": f"hubstream = '{name}'"}, _STARTS),
)
_FILTERS = st.lists(
    st.recursive(
        _LEAVES,
        lambda inner: st.one_of(
            st.builds(lambda filters: {"all": filters}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda filters: {"any": filters}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda operand: {"not": operand}, inner),
        ),
        max_leaves=6,
    ),
    max_size=3,
)


@given(_FILTERS, st.text("ab:", min_size=1, max_size=4), st.sampled_from("ab"))
def test_a_matching_event_is_in_a_stream_with_one_of_the_prefixes(
    filters: list[object], stream: str, kind: str
) -> None:
    wanted = parse_filters(filters)
    if wanted.matches({"hubstream": stream, "type": kind}):
        assert wanted.prefixes is None or stream.startswith(wanted.prefixes)


@pytest.mark.parametrize(
    ("filters", "prefixes"),
    [
        ([], None),
        ([{"exact": {"type": "a"}}], None),
        ([{"prefix": {"hubstream": "a:"}}], ("a:",)),
        ([{"exact": {"type": "a"}}, {"prefix": {"hubstream": "a:"}}], ("a:",)),
        ([{"prefix": {"hubstream": "a"}}, {"prefix": {"hubstream": "a:b"}}], ("a:b",)),
        ([{"any": [{"prefix": {"hubstream": "a"}}, {"exact": {"hubstream": "b"}}]}], ("a", "b")),
        ([{"any": [{"prefix": {"hubstream": "a"}}, {"exact": {"type": "b"}}]}], None),
        ([{"not": {"prefix": {"hubstream": "a"}}}], None),
        ([{"prefix": {"hubstream": "a"}}, {"prefix": {"hubstream": "b"}}], ()),
    ],
)
def test_the_prefixes_are_as_narrow_as_the_filter(filters: list[object], prefixes: tuple[str, ...] | None) -> None:
    assert parse_filters(filters).prefixes == prefixes
