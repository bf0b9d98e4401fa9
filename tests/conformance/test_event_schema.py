"""The schema of an event in the API documents and the parser accept the same events."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from eventstore.cloudevents import from_json
from eventstore.cloudevents.attributes import PATTERNS
from eventstore.errors import InvalidEvent
from functions.rest.openapi.events import EVENT_SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema.protocols import Validator

_SCHEMA = EVENT_SCHEMAS["CloudEvent"]
# OpenAPI 3.1 reads schemas by JSON Schema 2020-12, AsyncAPI 3.0 by draft 7.
_VALIDATORS: tuple[Validator, ...] = (Draft202012Validator(_SCHEMA), Draft7Validator(_SCHEMA))
_LEAST = {"specversion": "1.0", "id": "1", "source": "/engine", "type": "order.placed"}

_ACCEPTED: list[dict[str, object]] = [
    {"source": "https://shop.example/orders"},
    {"source": "https://shop.example:8443/orders?page=1&of=%C3%A9#top"},
    {"source": "urn:event:from:myapi/resource/123"},
    {"source": "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"},
    {"source": "mailto:cncf-wg-serverless@lists.cncf.io"},
    {"source": "//authority/path"},
    {"source": "#fragment"},
    {"datacontenttype": "application/json; charset=utf-8"},
    {"datacontenttype": 'multipart/mixed; boundary="a \\" b"; type=x'},
    {"datacontenttype": "application/vnd.Shop.order+JSON;version=1"},
    {"dataschema": "https://shop.example/schemas/order.json#/definitions/order"},
    {"dataschema": "urn:shop:order:7"},
    {"dataschema": "HTTPS://SHOP.example/Order?v=7"},
    {"time": "2016-12-31t23:59:60.5z"},
    {"time": "2018-04-05T17:31:00-23:59"},
    {"id": "æ — 7 / 8"},
    {"subject": "日本 🎉"},
    {"tenantid": "a tenant: of a kind", "workflowid": 7, "executionid": True, "partitionkey": "order 7"},
    {"workflowid": ""},
    {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "size": -(2**31), "last": 2**31 - 1},
    {"subject": None, "time": None, "workflowid": None, "extension": None, "hubstream": None, "No Name": None},
    {"data": None},
    {"data": {"total": 10**40, "nested": [[], {}]}},
    {"data_base64": "TWE="},
    {"data_base64": ""},
    {"data_base64": None},
    {"data": "text", "data_base64": None},
    {"extension" + "n" * 200: "long"},
]
_REFUSED: list[dict[str, object]] = [
    {"specversion": "0.3"},
    {"specversion": None},
    {"id": ""},
    {"id": None},
    {"id": 7},
    {"id": "a\tb"},
    {"type": ""},
    {"type": True},
    {"source": ""},
    {"source": "https://shop.example/a b"},
    {"source": "/a#b#c"},
    {"source": "/50%"},
    {"subject": ""},
    {"subject": ["a"]},
    {"time": "2018-04-05 17:31:00Z"},
    {"time": "2018-04-05T24:00:00Z"},
    {"time": "2018-04-05T17:31:00"},
    {"time": 1522949460},
    {"datacontenttype": "json"},
    {"datacontenttype": "application/json; charset"},
    {"dataschema": "/relative"},
    {"dataschema": "https://a#b#c"},
    {"hubsequence": "7"},
    {"hub": "mine"},
    {"my.extension": "bad"},
    {"myExtension": "bad"},
    {"my_extension": "bad"},
    {"": "bad"},
    {"extension": 2**31},
    {"extension": 1.5},
    {"extension": {"a": 1}},
    {"extension": "a\u0000b"},
    {"data": 1, "data_base64": "TWE="},
    {"data": None, "data_base64": "TWE="},
    {"data_base64": "TWE"},
    {"data_base64": "TW E="},
    {"data_base64": 7},
]


def parsed(event: dict[str, Any]) -> bool:
    try:
        from_json(json.dumps(event))
    except InvalidEvent:
        return False
    return True


def verdicts(event: dict[str, Any]) -> set[bool]:
    """Whether the parser and both dialects of the schema accept the event."""
    return {parsed(event), *(validator.is_valid(event) for validator in _VALIDATORS)}


@pytest.mark.parametrize("members", _ACCEPTED, ids=json.dumps)
def test_an_event_that_the_parser_accepts_is_valid_by_the_schema(members: dict[str, object]) -> None:
    assert verdicts(_LEAST | members) == {True}


@pytest.mark.parametrize("members", _REFUSED, ids=json.dumps)
def test_an_event_that_the_parser_refuses_is_invalid_by_the_schema(members: dict[str, object]) -> None:
    assert verdicts(_LEAST | members) == {False}


@pytest.mark.parametrize("member", sorted(_LEAST))
def test_an_event_without_a_required_attribute_is_refused_by_both(member: str) -> None:
    assert verdicts({name: value for name, value in _LEAST.items() if name != member}) == {False}


@pytest.mark.parametrize(("name", "valid"), [("json-valid-events.json", True), ("json-invalid-events.json", False)])
def test_both_agree_on_the_conformance_vectors(material: Path, name: str, valid: bool) -> None:  # noqa: FBT001 - a column of the table
    for case in json.loads((material / "cloudevents" / name).read_text())["tests"]:
        assert verdicts(case["event"]) == {valid}, case["id"]


def test_both_agree_on_events_of_real_producers(material: Path) -> None:
    for path in (material / "cloudevents").glob("google-structured-*.json"):
        assert len(verdicts(json.loads(path.read_text()))) == 1, path.name


def test_both_accept_the_values_of_the_header_vectors(material: Path) -> None:
    vectors = json.loads((material / "cloudevents" / "http-header-percent-vectors.json").read_text())
    for value, _ in vectors["round_trip"]:
        assert len(verdicts(_LEAST | {"extension": value})) == 1, value


_TEXT = st.one_of(st.text(), st.text(st.characters(exclude_categories=["Cc", "Cn", "Cs"]), min_size=1))
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
    st.lists(st.none()),
)
_NAMES = st.one_of(_TEXT, st.from_regex(r"[a-z0-9_]+", fullmatch=True), st.sampled_from(["hub", "tenantid", "data"]))
_BASE64 = st.one_of(st.none(), st.binary().map(lambda content: b64encode(content).decode()), st.text(alphabet="TWE+/="))
_MEMBERS = st.one_of(
    *(st.tuples(st.just(name), st.from_regex(pattern, fullmatch=True)) for name, pattern in PATTERNS.items()),
    st.tuples(st.sampled_from(["id", "type", "subject"]), _TEXT),
    st.tuples(st.just("data_base64"), _BASE64),
    st.tuples(_NAMES, _VALUES),
)


@given(st.lists(_MEMBERS, max_size=2).map(dict))
@example({})
def test_no_event_that_the_parser_accepts_is_refused_by_the_schema(members: dict[str, Any]) -> None:
    event = _LEAST | members
    if parsed(event):
        for validator in _VALIDATORS:
            validator.validate(event)
