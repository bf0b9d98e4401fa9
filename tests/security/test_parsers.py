"""A parser accepts any input, or refuses it with an error of the hub, in bounded time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from eventstore.cloudevents import batch_from_json, from_http, from_json
from eventstore.errors import EventstoreError
from eventstore.filters import parse_filters
from eventstore.filters.cesql import parse
from eventstore.positions import Cursor, Position
from functions.rest.subscription_models import new_subscription
from functions.websocket.requests import Message
from tests.security.hostile import bounded, tries
from tests.security.parsers import GOOD, PARSERS

MANY = 100_000
EPOCH = "00" * 6


def accepts(parse: Any, content: Any) -> bool:  # noqa: ANN401 - of any kind
    """Whether the parser accepts the content; any exception other than an error of the hub is a crash."""
    try:
        parse(content)
    except EventstoreError:
        return False
    return True


@pytest.mark.parametrize("name", PARSERS)
def test_any_input_is_accepted_or_refused(name: str) -> None:
    parser, content = PARSERS[name]

    @tries(50)
    @given(content)
    def check(given: Any) -> None:  # noqa: ANN401 - of any kind
        accepts(parser, given)

    check()


@pytest.mark.parametrize("name", PARSERS)
def test_valid_input_is_accepted(name: str) -> None:
    assert accepts(PARSERS[name][0], GOOD[name])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("filters of a URL", {"source": ["\ud800"]}),
        ("filters", [{"exact": {"source": "\ud800"}}]),
        ("CloudEvents SQL", "source = '\u2028' AND \ud800"),
        ("an event in JSON", '{"specversion":"1.0","id":"\\ud800","source":"/s","type":"t"}'),
        (
            "an event in JSON",
            '{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"\u0662\u0660\u0661\u0668-04-05T17:31:00Z"}',
        ),
        ("a query of all streams", {"since": ["2018-04-05T17:31:\u0660\u0660Z"]}),
        ("a query of all streams", {"limit": ["\u0663"]}),
        ("a stream's name", "acme:wf-1\n"),
        ("a query of names", {"prefix": ["a\n"]}),
        ("a durable subscription to be made", b'{"id":"a\\n"}'),
    ],
)
def test_almost_valid_input_is_refused(name: str, content: Any) -> None:  # noqa: ANN401 - of any kind
    assert not accepts(PARSERS[name][0], content)


def event(**members: str) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"} | members).encode()


HUGE: dict[str, tuple[Any, Any]] = {
    "a media type of blanks": (from_json, event(datacontenttype="a/b" + " " * MANY + "!")),
    "a media type of parameters": (from_json, event(datacontenttype="a/b" + ";a=b " * MANY + "!")),
    "a media type of quotes": (from_json, event(datacontenttype='a/b;a="' + "\\" * MANY)),
    "a source of escapes": (from_json, event(source="%41" * MANY + "%")),
    "a schema of schemes": (from_json, event(dataschema="a:" * MANY + " ")),
    "a time of digits": (from_json, event(time="2018-04-05T17:31:00." + "9" * MANY)),
    "Base64 of line breaks": (from_json, event(data_base64="\n" * MANY)),
    "a header of quotes": (lambda value: from_http({"ce-id": value}, b""), '"' + "\\" * MANY),
    "a header of charsets": (lambda value: from_http({"content-type": value, "ce-id": "1"}, b"x"), "; charset" * MANY),
    "a number of digits": (from_json, b'{"a":' + b"9" * MANY + b"}"),
    "nested arrays": (from_json, b'{"data":' + b"[" * MANY),
    "nested arrays that end": (from_json, b'{"data":' + b"[" * MANY + b"]" * MANY + b"}"),
    "nested objects": (batch_from_json, b'[{"a":' * MANY),
    "many members": (from_json, b"{" + b",".join(b'"m%d":1' % number for number in range(MANY)) + b"}"),
    "a batch of nothing": (batch_from_json, b"[" + b"{}," * MANY + b"{}]"),
    "nested filters": (parse_filters, json.loads('[{"not":' * 400 + "1" + "}]" * 400)),
    "filters of many starts, of which each may be within each": (
        parse_filters,
        [{"all": [{"any": [{"prefix": {"hubstream": f"{start}{at}"}} for at in range(MANY // 10)]} for start in "ab"]}],
    ),
    "many filters": (parse_filters, [{"exact": {"type": "t"}}] * (MANY // 10)),
    "SQL of parentheses": (parse, "(" * MANY),
    "SQL of signs": (parse, "-" * 8000 + "1"),
    "SQL of digits": (parse, "1" * 8000),
    "SQL of negations": (parse, "NOT " * 2000 + "TRUE"),
    "SQL of quotes": (parse, "'" + "\\'" * 4000),
    "SQL of functions": (parse, "CONCAT(" * 1000 + "'a'" + ")" * 1000),
    "SQL of lists": (parse, "a IN (" + "'a'," * 1900 + "'a')"),
    "a message of cursors": (Message.parse, json.dumps({"cursor": ["c"] * MANY})),
    "a durable subscription's number of digits": (
        lambda body: new_subscription(body, key="k", now=1),
        b'{"id":"a","filters":[' + b"9" * 4000 + b"]}",
    ),
    "a durable subscription's nested filters": (
        lambda body: new_subscription(body, key="k", now=1),
        b'{"id":"a","filters":' + b"[" * MANY,
    ),
    "a cursor of all partitions": (
        Cursor.parse,
        Cursor({number: (EPOCH, Position(0, 0, 0)) for number in range(1 << 14)}).token(),
    ),
    "a cursor of numbers that do not end": (Cursor.parse, "Y" + "____" * MANY),
    "many cursors": (
        Cursor.merged,
        [Cursor({number % (1 << 14): (EPOCH, Position(0, 0, 0))}).token() for number in range(MANY)],
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_large_input_is_accepted_or_refused_in_bounded_time(name: str) -> None:
    parser, content = HUGE[name]
    with bounded():
        accepts(parser, content)


@pytest.mark.parametrize(
    "pattern", ["%a" * 60, "%a_" * 200, "_%" * 1000, "%" * 8000, "a%b_c%" * 500, "%" + "a" * 4000 + "_%"]
)
@pytest.mark.parametrize("value", ["a" * MANY, "ab" * 4000, "a" * 8000 + "b"])
def test_a_pattern_is_compared_in_bounded_time(pattern: str, value: str) -> None:
    expression = parse(f"subject LIKE '{pattern}'")
    with bounded():
        expression.matches({"subject": value})
