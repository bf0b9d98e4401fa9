"""Every parser of input from strangers, each with input similar to what it accepts."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from eventstore.cloudevents import batch_from_json, from_http, from_json
from eventstore.cloudevents.json_text import elements, members
from eventstore.durable.target_headers import check_headers
from eventstore.durable.target_urls import UrlRules
from eventstore.filters import filter_of_parameters, parse_filters
from eventstore.filters.cesql import parse
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.ports import ListedConnection
from eventstore.positions import Cursor, Position, StreamCursor
from eventstore.streams import stream_name, stream_of
from functions.rest import conditions, queries
from functions.rest.filter_models import filter_definition
from functions.rest.models import new_stream
from functions.rest.request import segment
from functions.rest.subscription_models import new_subscription, redrive, replay_place
from functions.rest.tokens import DEAD_LETTERS, STREAMS, connection_of, connection_token, names_of, token_of
from functions.websocket.requests import Ack, Join, Message, Nack, Publish, Release, Subscribe
from tests.filters import EXPRESSIONS
from tests.security.hostile import JSON, NAMES, TEXT, WRITABLE, near

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BODIES", "EVENTS", "FILTERS", "GOOD", "HEADERS", "MESSAGES", "PARSERS", "QUERIES", "SQL", "TOKENS"]

_PACKED = st.binary(max_size=40) | st.builds(
    lambda kind, rest: kind + rest, st.sampled_from([b"c", b"s", b"n", b"l", b"d", b"o"]), st.binary(max_size=40)
)
_EPOCHS = st.binary(min_size=6, max_size=6).map(bytes.hex)
_POSITIONS = st.builds(Position, *[st.integers(0, 2**64 - 1)] * 3)
_PLACES = st.builds(StreamCursor, _EPOCHS, st.integers(0, 2**64 - 1)).map(StreamCursor.token)
TOKENS = (
    TEXT
    | _PLACES
    | st.dictionaries(st.integers(0, 2**14), st.tuples(_EPOCHS, _POSITIONS), max_size=3).map(Cursor).map(Cursor.token)
    | st.builds(token_of, st.sampled_from("ndl"), NAMES)
    | st.builds(token_of, st.just("n"), NAMES)
    | st.builds(token_of, st.just("l"), NAMES, NAMES)
    | st.builds(token_of, st.just("o"), st.integers(0, 2**64).map(str), NAMES)
    | _PACKED.map(lambda packed: urlsafe_b64encode(packed).rstrip(b"=").decode())
    | st.lists(st.binary(max_size=20), max_size=3).map(
        lambda parts: ".".join(urlsafe_b64encode(b"c" + part).rstrip(b"=").decode() for part in parts)
    )
)
_WORDS = st.sampled_from(
    [
        *("AND", "OR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "type", "subject", "(", ")", ",", "'a%_'", '"x"', "''"),
        *("1", "-", "+", "*", "/", "%", "=", "!=", "<", "9999999999", "CONCAT", "LENGTH", "SUBSTRING", "INT", "data"),
    ]
)
SQL = TEXT | EXPRESSIONS | st.lists(_WORDS | TEXT, max_size=12).map(" ".join)

_VALUES = st.dictionaries(st.sampled_from(["type", "subject", "priority", "data", "Ä"]) | TEXT, TEXT | JSON, max_size=3)
_DIALECT = st.sampled_from(["exact", "prefix", "suffix"])
_FILTER = st.recursive(
    st.dictionaries(_DIALECT, _VALUES, min_size=1, max_size=1) | st.builds(lambda sql: {"sql": sql}, SQL) | JSON,
    lambda inner: (
        st.builds(lambda kind, operands: {kind: operands}, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3))
        | st.builds(lambda operand: {"not": operand}, inner)
    ),
    max_leaves=6,
)
FILTERS = st.lists(_FILTER, max_size=3) | JSON

_ATTRIBUTE = TEXT | NAMES | st.integers() | st.booleans()
_EVENT = near(
    {
        "specversion": st.just("1.0"),
        "id": st.sampled_from("123"),
        "source": st.just("/s"),
        "type": st.just("t"),
    },
    {
        "subject": st.just("s") | TEXT,
        "time": st.just("2018-04-05T17:31:00Z"),
        "datacontenttype": st.just("text/plain; charset=utf-8"),
        "dataschema": st.just("urn:a"),
        "tenantid": NAMES | _ATTRIBUTE,
        "workflowid": NAMES | _ATTRIBUTE,
        "partitionkey": NAMES | _ATTRIBUTE,
        "data": JSON,
    },
)


def _json(value: Any) -> bytes:  # noqa: ANN401 - any value
    return json.dumps(value).encode()


def _text(value: Any) -> str:  # noqa: ANN401 - any value
    return json.dumps(value)


_BROKEN = st.builds(lambda content, at: content[:at], JSON.map(_json), st.integers(0, 40))
EVENTS = _EVENT.map(_json) | st.lists(_EVENT, max_size=3).map(_json) | st.binary(max_size=60) | _BROKEN

_HEADER = WRITABLE | st.sampled_from(
    ["1.0", "1", "/s", "t", "caf%C3%A9", '"quoted"', '"', "%", "%ff", "application/json"]
)
HEADERS = near(
    {f"ce-{name}": st.just(value) for name, value in (("specversion", "1.0"), ("id", "1"), ("source", "/s"))},
    {
        "content-type": st.sampled_from(
            [
                *("application/cloudevents+json", "application/cloudevents-batch+json; charset=UTF-8", "text/plain"),
                *("application/json", "application/cloudevents+json; charset=utf-16", "application/cloudevents+avro"),
            ]
        )
        | _HEADER,
        **{f"ce-{name}": _HEADER for name in ("type", "time", "workflowid", "tenantid")},
        "if-match": st.sampled_from(['"0"', '"7"', "*", '"1.1.abc"', 'W/"1"', '"' + "9" * 40 + '"']) | _HEADER,
        "if-none-match": st.sampled_from(["*", '"7"', ",", 'W/"1"']) | _HEADER,
        "prefer": st.sampled_from(["wait=0", "wait=" + "9" * 50, 'wait="5"', "wait=-1", ", ;wait=1"]) | _HEADER,
        "accept": st.sampled_from(["application/cloudevents-batch+json;q=1.0", "*/*;q=2", ";q=", "a;q=0.999"])
        | _HEADER,
    },
).map(lambda members: {str(name): value if isinstance(value, str) else _text(value) for name, value in members.items()})

_QUERY_NAMES = (
    *ATTRIBUTES,
    "stream",
    "filter",
    "since",
    "until",
    "order",
    "limit",
    "cursor",
    "from",
    "to",
    "direction",
)
_QUERY_VALUES = st.lists(
    WRITABLE
    | NAMES
    | TOKENS
    | SQL
    | st.sampled_from(["1", "0", "1000", "9" * 30, "asc", "backwards", "now", "*", "a.*"]),
    min_size=1,
    max_size=3,
).map(lambda values: [value.encode(errors="replace").decode() for value in values])
QUERIES = st.dictionaries(
    st.sampled_from([*_QUERY_NAMES, "filter_name", "prefix", "subscription", "source", "mode", "permanent"]) | WRITABLE,
    _QUERY_VALUES,
    max_size=3,
)

TARGETS = near(
    {},
    {
        "lambda": st.just("billing") | TEXT,
        "sqs": st.just("https://q.example/123456789012/q") | TEXT,
        "http": st.just("https://hooks.example/") | TEXT,
        "eventbridge": st.just("default") | TEXT,
        "batch": st.integers(0, 101),
        "concurrency": st.integers(0, 51),
        "mode": st.sampled_from(["structured", "binary", "batched"]),
        "headers": st.dictionaries(st.sampled_from(["X-Team", "host"]) | TEXT, TEXT, max_size=3),
        "secret": st.just("flunq/hooks") | TEXT,
    },
)

BODIES = {
    "streams": near(
        {"id": NAMES},
        {
            "retention": near({"max_age": st.integers(1, 9), "max_events": st.integers(1, 9)}),
            "labels": st.dictionaries(TEXT, TEXT, max_size=3),
        },
    ),
    "subscriptions": near(
        {"id": NAMES},
        {
            "filters": FILTERS,
            "filter_name": NAMES,
            "stream": NAMES | st.lists(NAMES, max_size=3),
            "from": st.sampled_from(["now", "start"]),
            "cursor": TOKENS,
            "ack_deadline": st.integers(1, 3600),
            "max_attempts": st.floats(1, 9),
            "target": TARGETS,
        },
    ),
    "filters": near({"filters": FILTERS}),
    "replay": near({"from": st.sampled_from(["now", "start"])})
    | near({"cursor": TOKENS})
    | near({"since": st.just("2018-04-05T17:31:00Z") | TEXT}),
    "redrive": near({"subscription": NAMES}, {"stream": NAMES, "how": st.sampled_from(["start", "skip", "drop"])}),
}
_BODY = st.one_of(*BODIES.values()).map(_json) | st.binary(max_size=40) | _BROKEN

_ID = st.text("ab.~", min_size=1, max_size=3)
_ABOUT = {"request": TEXT}


def _message(
    action: str, needed: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    return near({"action": st.just(action), **needed}, {**_ABOUT, **(optional or {})})


MESSAGES = (
    _message(
        "subscribe",
        {"id": _ID},
        {"filters": FILTERS, "filter_name": NAMES, "stream": NAMES | st.lists(NAMES, max_size=3)},
    )
    | _message("subscribe", {"id": _ID}, {"cursor": TOKENS | st.lists(TOKENS, max_size=3)})
    | _message("subscribe", {"id": _ID, "subscription": NAMES | TEXT})
    | _message("publish", {"events": st.lists(_EVENT, max_size=1)}, {"stream": NAMES})
    | _message("publish", {"events": st.lists(_EVENT, max_size=2)}, {"stream": NAMES, "expected": st.integers(0, 3)})
    | _message("ack", {"id": _ID, "cursor": TOKENS | st.lists(TOKENS, max_size=3)})
    | _message("ack", {"id": _ID, "stream": NAMES, "sequence": st.integers(0, 2**70)})
    | _message(
        "nack",
        {"id": _ID, "stream": NAMES, "sequence": st.integers(0, 3)},
        {"reason": TEXT, "delay": st.integers(0, 3), "park": st.booleans()},
    )
    | _message("release", {"id": _ID, "partition": st.integers(0, 2**70)})
    | _message("unsubscribe", {"id": _ID})
    | _message("ping", {})
    | JSON
).map(_text) | TEXT


_URLS = TEXT | st.lists(
    st.sampled_from(
        [
            *(
                "https://",
                "http://",
                "//",
                "user:pass@",
                "@",
                "a.example",
                "127.1",
                "[::1]",
                "[",
                ":443",
                ":0",
                ":",
                ".",
            ),
            *("/path", "?q=1", "#f", "\\", "%41", "%", "\n", "xn--", "\u3002", "0x7f000001"),
        ]
    ),
    max_size=6,
).map("".join)
_TARGET_HEADERS = st.lists(
    st.tuples(TEXT | st.sampled_from(["Authorization", "Host", "ce-id", "X-A"]), TEXT | WRITABLE), max_size=3
)


def _asked(body: str) -> object:
    message = Message.parse(body)
    return {"publish": Publish, "ack": Ack, "nack": Nack, "release": Release, "subscribe": Subscribe}.get(
        message.action, Join
    ).of(message)


PARSERS: dict[str, tuple[Callable[[Any], object], st.SearchStrategy[Any]]] = {
    "a stream's name": (stream_name, TEXT | NAMES),
    "a cursor": (Cursor.parse, TOKENS),
    "several cursors": (lambda token: Cursor.merged([token]), TOKENS),
    "a place in a stream": (StreamCursor.parse, TOKENS | _PLACES),
    "a place in a list of names": (lambda token: names_of(STREAMS, token), TOKENS),
    "a place in the list of connections": (connection_of, TOKENS),
    "a place in the list of dead letters": (lambda token: names_of(DEAD_LETTERS, token, count=2), TOKENS),
    "CloudEvents SQL": (parse, SQL),
    "filters": (parse_filters, FILTERS),
    "filters of a URL": (filter_of_parameters, QUERIES),
    "the members of an object": (members, JSON.map(_text) | TEXT),
    "the elements of an array": (elements, JSON.map(_text) | TEXT),
    "an event in JSON": (from_json, EVENTS | TEXT),
    "a batch in JSON": (batch_from_json, EVENTS),
    "where an event belongs": (lambda content: stream_of(from_json(content)), EVENTS),
    "events over HTTP": (lambda request: from_http(*request), st.tuples(HEADERS, EVENTS)),
    "a message": (_asked, MESSAGES),
    "the condition of a publish": (conditions.expected, HEADERS),
    "the condition of a read": (lambda headers: conditions.is_current(headers, '"7"'), HEADERS),
    "a preference": (lambda headers: conditions.wait_seconds(headers, seconds_left=29.0), HEADERS),
    "what is accepted": (conditions.prefers_batch, HEADERS),
    "a query of all streams": (queries.all_query, QUERIES),
    "a query of one stream": (lambda query: queries.stream_query(query, wait_seconds=0), QUERIES),
    "a query of names": (lambda query: queries.names_query(query, STREAMS), QUERIES),
    "a query of connections": (queries.connections_query, QUERIES),
    "a query of dead letters": (queries.dead_letters_query, QUERIES),
    "a segment of a path": (segment, TEXT | st.just("%ff")),
    "a stream to be made": (new_stream, _BODY),
    "a durable subscription to be made": (lambda body: new_subscription(body, key="k", now=1), _BODY),
    "a named filter": (filter_definition, _BODY),
    "where a durable subscription is to go on": (replay_place, BODIES["replay"].map(_json)),
    "what is to be put back": (redrive, _BODY),
    "the URL of a target": (UrlRules().check, _URLS),
    "the headers of a target": (check_headers, _TARGET_HEADERS),
}

_SOUND = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "workflowid": "wf"}
_TOKEN = Cursor({7: ("00" * 6, Position(1, 2, 3))}).token()
GOOD: dict[str, Any] = {
    "a stream's name": "acme:wf-1",
    "a cursor": _TOKEN,
    "several cursors": f"{_TOKEN}.{_TOKEN}",
    "a place in a stream": StreamCursor("00" * 6, 7).token(),
    "a place in a list of names": token_of(STREAMS, "wf-1"),
    "a place in the list of connections": connection_token(ListedConnection(5, "L0SM9cOFvHcCIhw=")),
    "a place in the list of dead letters": token_of(DEAD_LETTERS, "workers", "wf-1"),
    "CloudEvents SQL": "type LIKE 'io.%' AND EXISTS subject",
    "filters": [{"any": [{"not": {"prefix": {"type": "a"}}}, {"sql": "TRUE"}]}],
    "filters of a URL": {"type": ["a.*"], "filter": ["TRUE"]},
    "the members of an object": '{"a": 1e400}',
    "the elements of an array": "[1, []]",
    "an event in JSON": _json(_SOUND),
    "a batch in JSON": _json([_SOUND]),
    "where an event belongs": _json(_SOUND),
    "events over HTTP": ({"content-type": "application/cloudevents+json"}, _json(_SOUND)),
    "a message": _text({"action": "publish", "events": [_SOUND]}),
    "the condition of a publish": {"if-match": '"7"'},
    "the condition of a read": {"if-none-match": 'W/"7", *'},
    "a preference": {"prefer": "wait=5"},
    "what is accepted": {"accept": "application/cloudevents-batch+json"},
    "a query of all streams": {"since": ["2018-04-05T17:31:00Z"], "order": ["desc"]},
    "a query of one stream": {"from": ["1"], "to": ["9"]},
    "a query of names": {"prefix": ["a"], "limit": ["1"]},
    "a query of connections": {"limit": ["9"]},
    "a query of dead letters": {"subscription": ["workers"]},
    "a segment of a path": "acme%3Awf-1",
    "a stream to be made": _json({"id": "a", "labels": {"a": "b"}}),
    "a durable subscription to be made": _json({"id": "a", "filters": [{"exact": {"type": "t"}}]}),
    "a named filter": _json({"filters": [{"exact": {"type": "t"}}]}),
    "where a durable subscription is to go on": _json({"since": "2018-04-05T17:31:00Z"}),
    "what is to be put back": _json({"subscription": "a", "how": "skip"}),
    "the URL of a target": "https://a.example:8443/hook?a=%41",
    "the headers of a target": [("Authorization", "Bearer abc"), ("X-A", "")],
}
"""Valid input for each parser."""
