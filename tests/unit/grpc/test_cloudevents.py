"""What the protobuf format can carry comes back as it was; docs/grpc.md lists what it cannot carry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents import from_json
from eventstore.errors import InvalidEvent, Malformed
from eventstore_proto.io.cloudevents.v1.cloudevents_pb2 import CloudEvent
from eventstore_server.grpc.cloudevents import from_protobuf, to_protobuf

_TEXT = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Cn"], blacklist_characters="\ufffe\uffff"), min_size=1, max_size=20
)
_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(
    lambda name: (
        not name.startswith("hub")
        and name
        not in {"id", "source", "type", "specversion", "subject", "time", "data", "dataschema", "datacontenttype"}
    )
)
_VALUES = _TEXT | st.integers(-(2**31), 2**31 - 1) | st.booleans()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_DATA = st.one_of(
    st.just({}),
    st.builds(lambda data: {"data": data}, _JSON),
    st.builds(lambda data: {"data": data, "datacontenttype": "application/json"}, _JSON),
    st.builds(lambda data: {"data": data, "datacontenttype": "text/plain"}, st.text(st.characters(codec="utf-8"))),
    st.builds(
        lambda media: {"data_base64": "AAEC/w==", "datacontenttype": media},
        st.sampled_from(["application/octet-stream", "application/json", "text/plain"]),
    ),
)
_EVENTS = st.builds(
    lambda identity, subject, extensions, data: {
        "specversion": "1.0",
        "id": identity,
        "source": "/tests",
        "type": "t",
        "subject": subject,
        **extensions,
        **data,
    },
    _TEXT,
    _TEXT,
    st.dictionaries(_NAMES, _VALUES, max_size=4),
    _DATA,
)


def _converted(text: str) -> Any:  # noqa: ANN401 - an event
    return from_protobuf(CloudEvent.FromString(to_protobuf(text).SerializeToString()), pointer="")


@given(_EVENTS, st.booleans())
def test_an_event_comes_back_from_protobuf_as_it_was(members: dict[str, Any], escaped: bool) -> None:  # noqa: FBT001 - drawn
    event = from_json(json.dumps(members, ensure_ascii=escaped))
    again = _converted(event.body.decode())
    assert again.attributes == event.attributes
    assert again.digest == event.digest


@given(
    st.datetimes().map(lambda time: time.isoformat(timespec="milliseconds")),
    st.sampled_from(["Z", "z", "+02:00", "-23:59", "+00:00"]),
)
def test_a_time_comes_back_as_the_same_instant(time: str, offset: str) -> None:
    event = from_json(_with(time=f"{time}{offset}"))
    again = _converted(event.body.decode())
    assert _instant(str(again.attributes["time"])) == _instant(f"{time}{offset}")


@pytest.mark.parametrize(
    "time",
    ["2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "2018-04-05T17:31:00.1234567891Z", "0001-01-01T00:00:00+10:00"],
)
def test_a_time_that_a_timestamp_cannot_hold_stays_a_text(time: str) -> None:
    message = to_protobuf(_with(time=time))
    assert message.attributes["time"].ce_string == time
    assert from_protobuf(message, pointer="").attributes["time"] == time


def test_attributes_have_the_types_of_cloudevents() -> None:
    message = to_protobuf(
        _with(time="2018-04-05T17:31:00Z", dataschema="https://example.com/s", count=7, done=True, hubsequence="9" * 19)
    )
    kinds = {name: value.WhichOneof("attr") for name, value in message.attributes.items()}
    assert kinds == {
        "time": "ce_timestamp",
        "dataschema": "ce_uri",
        "count": "ce_integer",
        "done": "ce_boolean",
        "hubsequence": "ce_string",
    }


def test_numbers_in_data_keep_their_digits() -> None:
    text = _with()[:-1] + ',"data":{"a":1.0,"b":123456789012345678901234567890,"c":1e400}}'
    assert to_protobuf(text).text_data == '{"a":1.0,"b":123456789012345678901234567890,"c":1e400}'


def test_other_types_of_attributes_become_texts() -> None:
    message = CloudEvent(id="1", source="/s", spec_version="1.0", type="t")
    message.attributes["a"].ce_bytes = b"\x00\xff"
    message.attributes["b"].ce_uri_ref = "../x"
    message.attributes["c"].ce_timestamp.CopyFrom(Timestamp(seconds=1, nanos=5_000_000))
    attributes = from_protobuf(message, pointer="").attributes
    assert (attributes["a"], attributes["b"], attributes["c"]) == ("AP8=", "../x", "1970-01-01T00:00:01.005Z")


def _invalid(name: str, **values: object) -> CloudEvent:
    message = CloudEvent(id="1", source="/s", spec_version="1.0", type="t")
    message.attributes[name].CopyFrom(CloudEvent.CloudEventAttributeValue(**values))
    return message


@pytest.mark.parametrize(
    ("message", "pointer"),
    [
        (CloudEvent(source="/s", spec_version="1.0", type="t"), "/e/id"),
        (_invalid("id", ce_string="2"), "/e/id"),
        (_invalid("hubstream", ce_string="s"), "/e/hubstream"),
        (_invalid("unset"), "/e/unset"),
        (_invalid("Upper", ce_string="x"), "/e/Upper"),
        (_invalid("subject", ce_integer=1), "/e/subject"),
        (_invalid("x", ce_timestamp=Timestamp(seconds=-(2**62))), "/e/x"),
        (CloudEvent(id="1", source="/s", spec_version="1.0", type="t", proto_data=PackedAny()), "/e/proto_data"),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused_with_its_place(message: CloudEvent, pointer: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        from_protobuf(message, pointer="/e")
    assert caught.value.pointer == pointer


_ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=10) | st.sampled_from(["[" * 5000, "{", "1e999999999", "\0"])
_ANY_VALUES = st.one_of(
    st.builds(lambda value: {"ce_string": value}, _ANY_TEXT),
    st.builds(lambda value: {"ce_uri": value}, _ANY_TEXT),
    st.builds(lambda value: {"ce_bytes": value}, st.binary(max_size=10)),
    st.builds(lambda value: {"ce_integer": value}, st.integers(-(2**31), 2**31 - 1)),
    st.builds(
        lambda seconds, nanos: {"ce_timestamp": Timestamp(seconds=seconds, nanos=nanos)},
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-(2**31), 2**31 - 1),
    ),
    st.just({}),
)


@given(
    st.lists(_ANY_TEXT, min_size=4, max_size=4),
    st.dictionaries(
        _ANY_TEXT | st.sampled_from(["time", "datacontenttype", "dataschema", "id"]), _ANY_VALUES, max_size=3
    ),
    st.one_of(
        st.just({}),
        st.builds(lambda data: {"text_data": data}, _ANY_TEXT),
        st.builds(lambda data: {"binary_data": data}, st.binary(max_size=10)),
    ),
)
def test_whatever_strangers_send_is_an_event_or_refused_as_invalid(
    required: list[str], attributes: dict[str, dict[str, Any]], data: dict[str, Any]
) -> None:
    names = ("id", "source", "spec_version", "type")
    message = CloudEvent(**dict(zip(names, required, strict=True)), **data)
    for name, value in attributes.items():
        message.attributes[name].CopyFrom(CloudEvent.CloudEventAttributeValue(**value))
    for valid in ({}, {"id": "1", "source": "/s", "spec_version": "1.0", "type": "t"}):
        for name, text in valid.items():
            setattr(message, name, text)
        try:
            event = from_protobuf(message, pointer="")
        except (InvalidEvent, Malformed):
            continue
        assert to_protobuf(event.body.decode()).id == event.id


def test_text_that_is_said_to_be_json_and_is_not_is_refused() -> None:
    message = CloudEvent(id="1", source="/s", spec_version="1.0", type="t", text_data="hello")
    with pytest.raises(Malformed) as caught:
        from_protobuf(message, pointer="/e")
    assert caught.value.pointer == "/e/text_data"


def _with(**members: object) -> str:
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **members})


def _instant(text: str) -> tuple[int, int]:
    time = Timestamp()
    time.FromJsonString(text.upper())
    return time.seconds, time.nanos
