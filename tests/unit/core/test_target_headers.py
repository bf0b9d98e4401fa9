"""Which headers a target may add."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.durable.target_headers import check_headers
from eventstore.errors import InvalidTarget


def test_headers_of_ones_own_are_allowed() -> None:
    check_headers([("Authorization", "Bearer a.b-c"), ("X-Api-Key", "k"), ("x-empty", ""), ("X-Blank", "a\tb c")])


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Type", "content-length", "Content-Encoding", "Host", "ce-id", "CE-Type", "Webhook-Signature"),
        *("Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Authorization", "Expect"),
        *("User-Agent", "Accept-Encoding", "Forwarded", "X-Forwarded-For", "Via"),
    ],
)
def test_a_header_of_the_hub_or_the_connection_is_reserved(name: str) -> None:
    with pytest.raises(InvalidTarget, match="leave it out"):
        check_headers([(name, "a")])


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nHost", "\u00e4", "a" * 101, "(a)"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidTarget, match="is not the name of a header"):
        check_headers([(name, "a")])


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\nb", "a\rb", "a\0b", " a", "a ", "\u00e4", "a" * 4097, "\x7f"])
def test_a_value_that_could_end_the_field_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(InvalidTarget, match="the value of header X-A") as refused:
        check_headers([("X-A", value)], pointer="/target/headers")
    assert value not in str(refused.value)
    assert refused.value.pointer == "/target/headers"


def test_a_name_occurs_once() -> None:
    with pytest.raises(InvalidTarget, match="occurs twice"):
        check_headers([("X-A", "1"), ("x-a", "2")])


def test_their_number_and_size_are_limited() -> None:
    with pytest.raises(InvalidTarget, match="at most 20"):
        check_headers([(f"X-{number}", "") for number in range(21)])
    with pytest.raises(InvalidTarget, match="more than 8192"):
        check_headers([(f"X-{number}", "a" * 4096) for number in range(2)])


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=3))
def test_no_header_that_passes_has_a_line_break(headers: list[tuple[str, str]]) -> None:
    try:
        check_headers(headers)
    except InvalidTarget:
        return
    text = "".join(name + value for name, value in headers)
    assert not {"\r", "\n", "\0"} & set(text)
