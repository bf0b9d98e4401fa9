from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventstore.cloudevents import recorded_attributes
from eventstore.cloudevents.event import RecordedEvent, canonical
from eventstore.errors import InvalidFilter
from eventstore.filters import EVERYTHING, Filter, filter_of_parameters, parse_filters, sql_filter
from tests.examples import event
from tests.filters import ATTRIBUTES, FILTERS

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "io.task.done", "n": 5, "yes": True}

_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(
            st.sampled_from(["exact", "prefix", "suffix", "all", "any", "not", "sql", "type", "a/b"]), inner, max_size=2
        ),
    ),
)


def refused(value: object) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as caught:
        parse_filters(value)
    return caught.value


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        ([], True),
        ([{"exact": {"type": "io.task.done"}}], True),
        ([{"exact": {"type": "io.task.done", "source": "/shop"}}], True),
        ([{"exact": {"type": "io.task.done", "source": "/other"}}], False),
        ([{"exact": {"subject": "a"}}], False),
        ([{"exact": {"n": "5", "yes": "true"}}], True),
        ([{"prefix": {"type": "io.task."}}], True),
        ([{"prefix": {"type": "IO."}}], False),
        ([{"prefix": {"yes": "tr"}}], True),
        ([{"prefix": {"subject": "a"}}], False),
        ([{"suffix": {"type": ".done"}}], True),
        ([{"suffix": {"type": ".don"}}], False),
        ([{"sql": "type LIKE 'io.%' AND n > 3"}], True),
        ([{"sql": "subject = 'a'"}], False),
        ([{"not": {"sql": "subject = 'a'"}}], True),
        ([{"not": {"exact": {"n": "5"}}}], False),
        ([{"all": [{"exact": {"n": "5"}}, {"exact": {"yes": "true"}}]}], True),
        ([{"all": [{"exact": {"n": "5"}}, {"exact": {"yes": "false"}}]}], False),
        ([{"any": [{"exact": {"n": "6"}}, {"exact": {"yes": "true"}}]}], True),
        ([{"any": [{"exact": {"n": "6"}}, {"exact": {"yes": "false"}}]}], False),
        ([{"exact": {"n": "5"}}, {"exact": {"yes": "false"}}], False),
    ],
)
def test_an_event_matches_when_every_filter_of_the_list_matches(value: object, *, matches: bool) -> None:
    assert parse_filters(value).matches(EVENT) is matches


def test_filters_may_use_the_attributes_that_the_hub_adds() -> None:
    recorded = RecordedEvent("wf-1", 7, 1000, event(n=5).body)
    attributes = recorded_attributes(recorded)
    assert attributes == event(n=5).attributes | {
        "hubstream": "wf-1",
        "hubsequence": "7",
        "hubtime": "1970-01-01T00:00:01.000Z",
    }
    assert attributes == json.loads(recorded.encoded())
    assert parse_filters([{"exact": {"hubstream": "wf-1"}}]).matches(attributes)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (None, "/filters"),
        ({"exact": {"type": "a"}}, "/filters"),
        (["exact"], "/filters/0"),
        ([{}], "/filters/0"),
        ([{"exact": {"type": "a"}, "not": {}}], "/filters/0"),
        ([{"sql": "true"}, {"equal": {}}], "/filters/1/equal"),
        ([{"a/b~": 1}], "/filters/0/a~1b~0"),
        ([{"exact": {}}], "/filters/0/exact"),
        ([{"exact": "a"}], "/filters/0/exact"),
        ([{"prefix": {"type": 5}}], "/filters/0/prefix/type"),
        ([{"prefix": {"type": ""}}], "/filters/0/prefix/type"),
        ([{"suffix": {"Type": "a"}}], "/filters/0/suffix/Type"),
        ([{"suffix": {"a/b": "a"}}], "/filters/0/suffix/a~1b"),
        ([{"exact": {"data": "a"}}], "/filters/0/exact/data"),
        ([{"exact": {"type": "\ud800"}}], "/filters/0/exact/type"),
        ([{"all": []}], "/filters/0/all"),
        ([{"any": {}}], "/filters/0/any"),
        ([{"any": [{"sql": "true"}, {"all": [None]}]}], "/filters/0/any/1/all/0"),
        ([{"not": []}], "/filters/0/not"),
        ([{"sql": 5}], "/filters/0/sql"),
        ([{"sql": ""}], "/filters/0/sql"),
    ],
)
def test_an_invalid_filter_is_refused_with_a_pointer(value: object, pointer: str) -> None:
    refusal = refused(value)
    assert (refusal.code, refusal.pointer, refusal.position) == ("invalid-filter", pointer, None)


@pytest.mark.parametrize(
    ("expression", "position"), [("type = ", 7), ("type = 'a' AND LENGHT(type) = 3", 15), ("\ud800", 0)]
)
def test_an_expression_is_refused_by_its_position(expression: str, position: int) -> None:
    with pytest.raises(InvalidFilter) as caught:
        sql_filter(expression, pointer="filter")
    assert (caught.value.pointer, caught.value.position) == ("filter", position)


def test_filters_nest_16_deep_and_no_more() -> None:
    value: object = {"exact": {"type": "a"}}
    for _ in range(15):
        value = {"not": value}
    parse_filters([value])
    assert refused([{"not": value}]).pointer == "/filters/0" + "/not" * 16


def test_filters_have_8_kib_and_no_more() -> None:
    frame = len('[{"exact":{"type":""}}]')
    parse_filters([{"exact": {"type": "ä" * ((8192 - frame) // 2)}}])
    assert refused([{"exact": {"type": "ä" * ((8192 - frame) // 2 + 1)}}]).pointer == "/filters"


def test_filters_that_are_too_long_are_refused_before_they_are_looked_at() -> None:
    assert refused([{"exact": {"type": "a" * 8192}}, {"no dialect": 1}]).pointer == "/filters"


def test_filters_that_are_nested_deeper_than_json_is_written_are_refused() -> None:
    value: object = {}
    for _ in range(200_000):
        value = {"not": value}
    assert refused([value]).pointer == "/filters"


@given(_JSON)
def test_any_json_is_a_filter_or_is_refused_with_a_pointer(value: object) -> None:
    try:
        parse_filters(value)
    except InvalidFilter as refusal:
        assert refusal.pointer.startswith("/filters")  # noqa: PT017 - either outcome is right


@given(FILTERS, ATTRIBUTES)
def test_a_filter_that_is_stored_reads_back_as_it_was(value: object, attributes: dict[str, str | int | bool]) -> None:
    parsed = _known(value)
    again = parse_filters(json.loads(parsed.text))
    assert (again, again.text, again.equalities) == (parsed, parsed.text, parsed.equalities)
    assert again.matches(attributes) == parsed.matches(attributes)


def test_filters_that_are_written_in_another_order_are_equal() -> None:
    first = parse_filters([{"exact": {"type": "a", "subject": "ä"}}])
    other = parse_filters([{"exact": {"subject": "ä", "type": "a"}}])
    assert first == other
    assert hash(first) == hash(other)
    assert first.text == '[{"exact":{"subject":"ä","type":"a"}}]'


@given(FILTERS, ATTRIBUTES)
def test_an_event_that_matches_has_one_of_the_equalities(
    value: object, attributes: dict[str, str | int | bool]
) -> None:
    parsed = _known(value)
    if parsed.equalities and parsed.matches(attributes):
        own = {(name, canonical(value)) for name, value in attributes.items()}
        assert own & set(parsed.equalities)


@pytest.mark.parametrize(
    ("value", "equalities"),
    [
        ([], []),
        ([{"exact": {"type": "a", "source": "b", "tenantid": "c"}}], [("type", "a")]),
        ([{"exact": {"tenantid": "c"}}], []),
        ([{"exact": {"type": "a"}}, {"exact": {"subject": "b"}}], [("subject", "b")]),
        ([{"all": [{"prefix": {"type": "a"}}, {"exact": {"source": "b"}}]}], [("source", "b")]),
        ([{"any": [{"exact": {"type": "a"}}, {"exact": {"subject": "b"}}]}], [("type", "a"), ("subject", "b")]),
        ([{"any": [{"exact": {"type": "a"}}, {"suffix": {"subject": "b"}}]}], []),
        ([{"any": [{"exact": {"type": str(n)}} for n in range(16)]}], [("type", str(n)) for n in range(16)]),
        ([{"any": [{"exact": {"type": str(n)}} for n in range(17)]}], []),
        ([{"any": [{"exact": {"type": "a"}}] * 20}], [("type", "a")]),
        ([{"not": {"exact": {"type": "a"}}}], []),
        ([{"sql": "type IN ('a', 'b') AND n = 5"}], [("type", "a"), ("type", "b")]),
        ([{"sql": "type = 'a'"}, {"exact": {"type": "b"}}], [("type", "a")]),
    ],
)
def test_a_filter_is_indexed_by_its_most_selective_attribute(value: object, equalities: list[tuple[str, str]]) -> None:
    assert list(parse_filters(value).equalities) == equalities


class TestOfParameters:
    @pytest.mark.parametrize(
        ("wanted", "matches"),
        [
            (["io.task.done"], True),
            (["other", "io.task.done"], True),
            (["io.task.*"], True),
            (["*"], True),
            (["other", "*"], True),
            (["io.task"], False),
            (["io.timer.*"], False),
        ],
    )
    def test_a_type_matches_exactly_or_by_prefix(self, wanted: list[str], *, matches: bool) -> None:
        assert filter_of_parameters({"type": wanted}).matches(EVENT) is matches

    def test_all_of_several_parameters_must_match(self) -> None:
        selected = filter_of_parameters({"tenantid": ["acme"], "workflowid": ["a", "b"], "filter": ["n = 5", "n = 6"]})
        assert selected.matches(EVENT | {"tenantid": "acme", "workflowid": "b"})
        assert not selected.matches(EVENT | {"tenantid": "acme", "workflowid": "c"})
        assert not selected.matches(EVENT | {"tenantid": "acme", "workflowid": "b", "n": 7})

    def test_a_star_is_a_wildcard_in_types_only(self) -> None:
        assert not filter_of_parameters({"subject": ["a*"]}).matches(EVENT | {"subject": "ab"})

    def test_without_parameters_everything_matches(self) -> None:
        assert filter_of_parameters({"limit": ["5"], "type": ["*"]}) == EVERYTHING

    @pytest.mark.parametrize("name", ["type", "subject", "filter"])
    def test_an_empty_value_is_refused_by_the_name_of_its_parameter(self, name: str) -> None:
        with pytest.raises(InvalidFilter) as caught:
            filter_of_parameters({name: ["true", ""]})
        assert caught.value.pointer == name

    def test_parameters_beyond_the_size_of_a_filter_are_refused_by_the_longest(self) -> None:
        with pytest.raises(InvalidFilter) as caught:
            filter_of_parameters({"type": ["a"], "subject": ["b" * 9000], "filter": ["true"]})
        assert caught.value.pointer == "subject"

    def test_a_filter_is_stored_as_json(self) -> None:
        selected = filter_of_parameters({"type": ["a", "b.*"], "subject": ["c"], "filter": ["n = 5"]})
        assert parse_filters(json.loads(selected.text)) == selected


def test_the_sql_parser_is_imported_on_first_use() -> None:
    program = (
        "import sys\nfrom eventstore.filters import parse_filters\n{}\nprint('eventstore.filters.cesql' in sys.modules)"
    )
    asked = {
        "parse_filters([{'prefix': {'type': 'a'}}])": "False",
        "parse_filters([{'sql': 'true'}])": "True",
    }
    for line, present in asked.items():
        path = f"import sys; sys.path[:0] = {sys.path!r}\n"
        answer = subprocess.run(
            [sys.executable, "-c", path + program.format(line)], check=True, capture_output=True, text=True
        )
        assert answer.stdout.strip() == present


def _known(value: object) -> Filter:
    """The parsed filter; rejects examples that call functions with a wrong number of arguments."""
    try:
        return parse_filters(value)
    except InvalidFilter as refusal:
        assume(" arguments" not in refusal.detail)
        raise
