"""CloudEvents SQL beyond the conformance test kit, which tests/conformance runs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventstore.errors import InvalidFilter
from eventstore.filters.cesql import Kind, parse
from eventstore.filters.cesql.patterns import matcher
from tests.filters import ATTRIBUTES, CHAINS, EXPRESSIONS

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "io.flunq.task.done", "n": 5, "yes": True}


def value(expression: str, **attributes: AttributeValue) -> AttributeValue:
    outcome = parse(expression).evaluate(EVENT | attributes)
    assert not outcome.failures
    return outcome.value


def failed(expression: str, **attributes: AttributeValue) -> tuple[AttributeValue, list[Kind]]:
    outcome = parse(expression).evaluate(EVENT | attributes)
    return outcome.value, [failure.kind for failure in outcome.failures]


def position(expression: str) -> int | None:
    with pytest.raises(InvalidFilter) as caught:
        parse(expression)
    return caught.value.position


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2 + 3 * 4 = 14", True),
        ("10 - 3 - 2", 5),
        ("2 * 7 / 2 * 3", 21),
        ("1 < 2 = true", True),
        ("true OR true AND false", False),
        ("true OR true XOR true", False),
        ("NOT false AND false", False),
        ("NOT n IN (6)", False),
        ("NOT EXISTS subject", True),
        ("- n + 7", 2),
        ("4 -1", 3),
        ("4--1", 5),
        ("4 - +1", 3),
        ("true AND n IN (4, 5) AND type LIKE 'io%'", True),
        ("n LIKE '5' LIKE 'true'", True),
        ("'a' NOT LIKE 'b' = true", True),
        ("CONCAT('a', 1 + 1, n = 5)", "a2true"),
    ],
)
def test_operators_bind_by_their_precedence_and_then_from_left_to_right(
    expression: str, expected: AttributeValue
) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("'+7' + 0", 7),
        ("-2147483648", -(2**31)),
        ("true + true", 2),
        ("0" * 8000 + "7", 7),
        ("INT(zeros)", 0),
        ("n = '5'", True),
        ("'05' = n", True),
        ("yes = 1", True),
        ("n IN ('5')", True),
        ("type IN (missing, type)", True),
        ("TRUE = 'true' AND FALSE = 'false'", True),
        ("TRUE = 'TRUE' OR FALSE = 'FALSE'", False),
        ("IS_INT('7') AND IS_INT(7) AND NOT IS_INT('x')", True),
        ("IS_BOOL('False') AND IS_BOOL(7) AND NOT IS_BOOL('x')", True),
        ("SUBSTRING('abc', 2, 0)", ""),
        ("RIGHT('abc', 0)", ""),
        ("LENGTH(TRIM('\u3000\u0085a\u001f '))", 2),
        ("LENGTH('\U0001f600')", 1),
        ("CONCAT_WS(1, 2, 3)", "213"),
        (r"'it\'s'", "it's"),
        (r"'a\b'", r"a\b"),
        (r"'a\\'", r"a\\"),
        (r"'a\"b'", r"a\"b"),
    ],
)
def test_an_expression_has_a_value(expression: str, expected: AttributeValue) -> None:
    assert value(expression, missing="x", zeros="-" + "0" * 8000) == expected


@pytest.mark.parametrize(
    ("expression", "expected", "kinds"),
    [
        ("2147483647 + 1", 0, [Kind.MATH]),
        ("-2147483648 / -1", 0, [Kind.MATH]),
        ("--2147483648", 0, [Kind.MATH]),
        ("'a' + 3", 3, [Kind.CAST]),
        ("INT('2147483648')", 0, [Kind.CAST]),
        ("INT('٣')", 0, [Kind.CAST]),
        ("'a' AND true", False, [Kind.CAST]),
        ("'a' OR true", True, [Kind.CAST]),
        ("NOT 'a'", True, [Kind.CAST]),
        ("5 IN ('a', '5')", True, [Kind.CAST]),
        ("5 IN ('a', CONCAT('5'))", True, [Kind.CAST]),
        ("gone", False, [Kind.MISSING_ATTRIBUTE]),
        ("1 / gone", 0, [Kind.MISSING_ATTRIBUTE]),
        ("LOWER(gone)", "", [Kind.MISSING_ATTRIBUTE]),
        ("gone NOT IN ('a')", False, [Kind.MISSING_ATTRIBUTE]),
        ("'a' IN ('a', gone)", False, [Kind.MISSING_ATTRIBUTE]),
        ("gone NOT LIKE 'a'", False, [Kind.MISSING_ATTRIBUTE]),
        ("NOT (gone = 1)", True, [Kind.MISSING_ATTRIBUTE]),
        ("gone XOR true", False, [Kind.MISSING_ATTRIBUTE]),
        ("true AND gone", False, [Kind.MISSING_ATTRIBUTE]),
        ("gone = absent", False, [Kind.MISSING_ATTRIBUTE, Kind.MISSING_ATTRIBUTE]),
        ("NOBODY(gone)", False, [Kind.MISSING_FUNCTION]),
        ("LENGTH(1, 2)", False, [Kind.MISSING_FUNCTION]),
        ("SUBSTRING('abc', 0, -1)", "", [Kind.FUNCTION_EVALUATION]),
        ("CONCAT(big, big)", "", [Kind.FUNCTION_EVALUATION]),
        ("big LIKE '%a_c%'", False, [Kind.GENERIC]),
    ],
)
def test_an_error_has_a_kind_and_leaves_a_value(expression: str, expected: AttributeValue, kinds: list[Kind]) -> None:
    assert failed(expression, big="a" * 600_000) == (expected, kinds)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("n = 5", True),
        ("yes", True),
        ("n = 6", False),
        ("n", False),
        ("1", False),
        ("'true'", False),
        ("true OR gone", True),
        ("gone OR true", False),
        ("NOT (gone = 1)", False),
    ],
)
def test_an_event_matches_an_expression_that_is_true_without_an_error(expression: str, *, matches: bool) -> None:
    assert parse(expression).matches(EVENT) is matches


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("", 0),
        ("  ", 2),
        ("type = ", 7),
        ("type = 'a", 7),
        ("type == 'a'", 6),
        ("type 'a'", 5),
        ("(type", 5),
        ("type)", 4),
        ("ABC(", 4),
        ("ABC(1,)", 6),
        ("AB1(1)", 0),
        ("a_b = 1", 0),
        ("type LIKE subject", 10),
        ("type NOT 5", 9),
        ("type IN ()", 9),
        ("type IN 'a'", 8),
        ("EXISTS 'a'", 7),
        ("EXISTS (a)", 7),
        ("1 AND AND 2", 6),
        ("2147483648", 0),
        ("1 + -2147483649", 4),
        ("+ 1", 0),
        ("type = 'ä' ; drop", 11),
        ("type = \u2019a\u2019", 7),
        ("a = '\ud800'", 5),
        ("1 +" * 3000, 0),
        ("9" * 5000, 0),
    ],
)
def test_an_invalid_expression_is_refused_at_a_position(expression: str, at: int) -> None:
    assert position(expression) == at


@pytest.mark.parametrize("part", ["({})", "NOT {}", "- {}", "ABS({})", "1 IN ({})", "1 OR 1 = 1 + 1 * ({})"])
def test_expressions_nest_at_most_64_levels(part: str) -> None:
    expression = "1"
    for _ in range(64):
        expression = part.format(expression)
    parse(expression).evaluate(EVENT)
    assert position(part.format(expression)) is not None


@pytest.mark.parametrize("sign", [" OR n = 1", " + 1", " = 1", " LIKE 'a'", " IN (1)"])
def test_a_long_chain_is_as_deep_as_its_parts(sign: str) -> None:
    parsed = parse("n" + sign * (8000 // len(sign)))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(_frames()) + 30)
    try:
        parsed.evaluate(EVENT)
    finally:
        sys.setrecursionlimit(limit)


def test_an_expression_lists_its_unknown_functions() -> None:
    parsed = parse("LENGHT(type) = 3 AND LEFT(type) = 'a' AND UPPER(type) = 'A'").unknown
    assert [at for _, at in parsed] == [0, 21]


@pytest.mark.parametrize(
    ("expression", "equalities"),
    [
        ("type = 'a'", [("type", "a")]),
        ("'a' = type", [("type", "a")]),
        ("type IN ('a', 'b')", [("type", "a"), ("type", "b")]),
        ("EXISTS n AND (type = 'a') AND n = 5", [("type", "a")]),
        ("source = 'c' AND type = 'a' AND subject = 'b'", [("subject", "b")]),
        ("type = 'a' OR subject = 'b'", [("type", "a"), ("subject", "b")]),
        ("type = 'a' OR n = 5", []),
        ("n = 5 OR n = 6 AND type = 'a'", [("type", "a")]),
        ("type = 'a' AND n = 5 OR n = 6", []),
        ("type = 'a' XOR type = 'b'", [("type", "a"), ("type", "b")]),
        ("type != 'a'", []),
        ("NOT (type = 'a')", []),
        ("type NOT IN ('a')", []),
        ("type IN ('a', source)", []),
        ("type = 5", []),
        ("type = 'a' = false", []),
        ("tenantid = 'a'", []),
        (f"type IN ({', '.join(repr(str(n)) for n in range(17))})", []),
    ],
)
def test_an_expression_is_indexed_by_its_required_equalities(
    expression: str, equalities: list[tuple[str, str]]
) -> None:
    assert list(parse(expression).equalities) == equalities


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["(", ")", ",", "'", "NOT", "IN", "a", "1", "-", "LIKE"])).map(" ".join)
    )
)
def test_any_text_is_an_expression_or_is_refused_at_a_position(text: str) -> None:
    try:
        parse(text)
    except InvalidFilter as refusal:
        assert refusal.position is not None  # noqa: PT017 - either outcome is right
        assert 0 <= refusal.position <= len(text)  # noqa: PT017 - as above


@given(EXPRESSIONS, ATTRIBUTES)
def test_every_expression_has_a_value_for_every_event(expression: str, attributes: dict[str, AttributeValue]) -> None:
    parsed = parse(expression)
    outcome = parsed.evaluate(attributes)
    assert isinstance(outcome.value, str | int | bool)
    assert parsed.matches(attributes) == (outcome.value is True and not outcome.failures)


@settings(max_examples=500)
@given(CHAINS, ATTRIBUTES)
def test_an_event_that_matches_has_one_of_the_equalities(
    expression: str, attributes: dict[str, AttributeValue]
) -> None:
    parsed = parse(expression)
    if parsed.equalities and parsed.matches(attributes):
        assert set(attributes.items()) & set(parsed.equalities)


@given(st.text("ab%_\\", max_size=8), st.text("ab%_\\", max_size=8))
@example("%__a%", "\naba")
def test_a_pattern_matches_what_a_backtracking_search_finds(pattern: str, text: str) -> None:
    wildcards = {"%": ".*", "_": "."}
    parts = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    expression = "".join(wildcards.get(part) or re.escape(part[-1]) for part in parts)
    assert matcher(pattern)(text) == (re.fullmatch(expression, text, re.DOTALL) is not None)


def _frames() -> list[object]:
    frame, frames = sys._getframe(), []
    while frame:
        frames.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return frames
