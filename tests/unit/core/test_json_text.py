from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents.json_text import elements, members, single
from eventstore.errors import Malformed

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
indents = st.sampled_from([None, 1, "\t"])


@given(st.dictionaries(st.text(), values), indents)
def test_members_keep_their_text(value: dict[str, object], indent: int | str | None) -> None:
    texts = members(json.dumps(value, indent=indent))
    assert {name: json.loads(member.text) for name, member in texts.items()} == value


@given(st.lists(values), indents)
def test_elements_keep_their_text(value: list[object], indent: int | str | None) -> None:
    assert [json.loads(text) for text in elements(json.dumps(value, indent=indent))] == value


@given(st.text())
def test_anything_but_a_json_object_is_malformed(text: str) -> None:
    try:
        members(text)
    except Malformed:
        return
    assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("number", ["1.0", "1e400", "-0", "12345678901234567890", "9" * 5000, "1E+2"])
def test_numbers_are_preserved_verbatim(number: str) -> None:
    assert members(f'{{"n": {number} }}')["n"].text == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected '{'"),
        ("[]", "expected '{'"),
        ('{"a":1', "expected ',' or '}'"),
        ('{"a":1,}', "name in double quotes"),
        ('{"a" 1}', "expected a colon"),
        ('{"a":}', "expected a value"),
        ('{"a":1} x', "expected the end of the input"),
        ('{"a":NaN}', "NaN is not a JSON value"),
        ('{"a":-Infinity}', "-Infinity is not a JSON value"),
        ('{"a":1,"a":2}', "duplicate member 'a'"),
        ('{"a":"\n"}', "unescaped control character"),
        ('{"a":"\\x"}', "invalid escape sequence"),
        ('{"a":"\\u00g"}', "four hexadecimal digits"),
        ('{"a":"b', "unterminated string"),
        ('{"a":[1 2]}', "expected a comma or the end"),
        ('{"a":' + "[" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_an_invalid_message_is_refused_with_a_pointer(text: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason.replace("{", r"\{").replace("[", r"\[")):
        members(text)


@pytest.mark.parametrize("text", ["1,2", "", "1 2", "{} {}"])
def test_more_or_less_than_one_value_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        single(text)
