from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents import attributes_of, data_of, from_http, from_json, same_content, text_to_http, to_http
from eventstore.cloudevents.event import BinaryData, JsonData, RecordedEvent, rfc3339
from eventstore.errors import EventstoreError, InvalidEvent, Malformed, UnsupportedMediaType
from eventstore.streams import stream_name
from tests.examples import event

_HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
_ALLOWED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)


def structured(**members: object) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"} | members).encode()


class TestData:
    @pytest.mark.parametrize("data", [{}, {"data": None}, {"data": [1.0, "é"]}, {"data": "é"}, {"data_base64": "AP8="}])
    @pytest.mark.parametrize("media_type", [{}, {"datacontenttype": "text/plain"}, {"datacontenttype": "a/b+json"}])
    def test_an_event_as_it_is_pushed_is_the_same_message_as_the_stored_one(
        self, data: dict[str, object], media_type: dict[str, str]
    ) -> None:
        attributes = {"priority": -7, "urgent": True, "subject": "a b"}
        stored = RecordedEvent(stream_name("s.a"), 3, 0, from_json(structured(**attributes, **media_type, **data)).body)
        assert text_to_http(stored.encoded().decode()) == to_http(stored.body, stored.extensions())

    @given(_ALLOWED, _ALLOWED)
    def test_no_text_of_an_event_changes_what_is_pushed(self, subject: str, data: str) -> None:
        try:
            published = from_json(structured(subject=subject, data=data))
        except InvalidEvent:
            return
        stored = RecordedEvent(stream_name("s"), 3, 0, published.body)
        assert text_to_http(stored.encoded().decode()) == to_http(stored.body, stored.extensions())

    @pytest.mark.parametrize("text", ["1.0", "1e400", "12345678901234567890", '{"a": [1,  2.50]}', '"\\ud800"', "null"])
    def test_json_data_is_preserved_verbatim(self, text: str) -> None:
        published = from_json(b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":%b}' % text.encode())
        assert data_of(published.body) == JsonData(text)

    @given(st.binary())
    def test_binary_data_is_preserved_byte_for_byte(self, content: bytes) -> None:
        published = from_json(structured(data_base64=b64encode(content).decode()))
        assert data_of(published.body) == BinaryData(content)

    @given(
        st.binary(),
        st.sampled_from(["application/octet-stream", "text/plain", "text/plain; charset=latin-1", "image/png"]),
    )
    def test_an_event_read_over_http_is_written_byte_for_byte(self, content: bytes, media_type: str) -> None:
        (published,) = from_http({**_HEADERS, "Content-Type": media_type}, content)
        headers, body = to_http(published.body, {})
        assert (body, headers["content-type"]) == (content, media_type)

    def test_text_is_readable_in_the_json_format(self) -> None:
        (published,) = from_http({**_HEADERS, "Content-Type": "text/plain"}, "grüß".encode())
        assert json.loads(published.body)["data"] == "grüß"

    def test_json_over_http_is_a_json_value(self) -> None:
        (published,) = from_http({**_HEADERS, "Content-Type": "application/vnd.x+json"}, b' {"n": 1.0} ')
        assert json.loads(published.body)["data"] == {"n": 1.0}

    def test_data_declared_as_json_that_is_not_json_is_refused(self) -> None:
        with pytest.raises(Malformed, match="Content-Type says JSON"):
            from_http({**_HEADERS, "Content-Type": "application/json"}, b"{")

    def test_no_body_is_no_data(self) -> None:
        (published,) = from_http({**_HEADERS, "Content-Type": "application/json"}, b"")
        assert published.data is None

    @pytest.mark.parametrize("text", ["%%%", "EEEE=", "EEEE====", "EEE", "EE=E"])
    def test_data_that_is_no_base64_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidEvent, match="data_base64"):
            from_json(structured(data_base64=text))


class TestAttributes:
    @given(_ALLOWED)
    def test_any_string_survives_headers(self, value: str) -> None:
        published = from_json(structured(ext=value))
        headers, body = to_http(published.body, {})
        (again,) = from_http(headers, body)
        assert again.attributes == published.attributes

    def test_null_is_not_set(self) -> None:
        assert "subject" not in from_json(structured(subject=None)).attributes

    @pytest.mark.parametrize("name", ["hub", "hubsequence", "hubanything"])
    def test_attribute_names_of_the_hub_are_refused(self, name: str) -> None:
        with pytest.raises(InvalidEvent, match="are reserved"):
            from_json(structured(**{name: "x"}))

    @pytest.mark.parametrize("name", ["Upper", "with_underscore", "with-dash", "ümlaut", ""])
    def test_names_of_other_characters_are_refused(self, name: str) -> None:
        with pytest.raises(InvalidEvent, match="attribute name"):
            from_json(structured(**{name: "x"}))

    @pytest.mark.parametrize("value", [1.5, 2**31, -(2**31) - 1, [1], {"a": 1}, 10**30])
    def test_a_value_of_an_unsupported_type_is_refused(self, value: object) -> None:
        with pytest.raises(InvalidEvent, match="ext must be"):
            from_json(structured(ext=value))

    @pytest.mark.parametrize("value", [2**31 - 1, -(2**31), 0, True, False, ""])
    def test_integers_booleans_and_strings_keep_their_type(self, value: object) -> None:
        value_read = attributes_of(from_json(structured(ext=value)).body)["ext"]
        assert (value_read, type(value_read)) == (value, type(value))

    @pytest.mark.parametrize("character", ["\x00", "\x1f", "\x7f", "\x9f", "\ufdd0", "\ufffe", "\U0010ffff", "\ud800"])
    def test_characters_that_no_string_may_have_are_refused(self, character: str) -> None:
        with pytest.raises(InvalidEvent, match=r"U\+"):
            from_json(structured(ext=f"a{character}b"))

    @pytest.mark.parametrize("source", ["", "a b", "/%zz", "a#b#c", "https://ex ample", "<x>", "ü"])
    def test_a_source_that_is_not_a_uri_reference_is_refused(self, source: str) -> None:
        with pytest.raises(InvalidEvent, match="source"):
            from_json(structured(source=source))

    @pytest.mark.parametrize("schema", ["", "relative", "/path", "#x"])
    def test_a_data_schema_is_an_absolute_uri(self, schema: str) -> None:
        with pytest.raises(InvalidEvent, match="dataschema"):
            from_json(structured(dataschema=schema))

    @pytest.mark.parametrize(
        "time", ["2018-02-30T00:00:00Z", "2018-04-05 17:31:00Z", "2018-04-05T24:00:00Z", "2018-04-05T17:31:00", "1", ""]
    )
    def test_an_invalid_timestamp_is_refused(self, time: str) -> None:
        with pytest.raises(InvalidEvent, match="time must be"):
            from_json(structured(time=time))

    @pytest.mark.parametrize(
        "time",
        ["0001-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "2018-04-05t17:31:00.123456789z", "2000-02-29T00:00:00-23:59"],
    )
    def test_every_timestamp_of_rfc_3339_is_accepted(self, time: str) -> None:
        assert attributes_of(from_json(structured(time=time)).body)["time"] == time

    @pytest.mark.parametrize("media_type", ["", "json", "text/", "text/plain; charset", "a b/c"])
    def test_an_invalid_media_type_is_refused(self, media_type: str) -> None:
        with pytest.raises(InvalidEvent, match="datacontenttype"):
            from_json(structured(datacontenttype=media_type))


class TestHttp:
    def test_a_batch_is_read_in_order(self) -> None:
        body = b"[" + structured(id="a") + b"," + structured(id="b") + b"]"
        events = from_http({"CONTENT-TYPE": "application/cloudevents-batch+json; charset=UTF-8"}, body)
        assert [e.id for e in events] == ["a", "b"]

    def test_an_error_in_a_batch_names_its_event(self) -> None:
        body = b"[" + structured() + b"," + structured(type="") + b"]"
        with pytest.raises(InvalidEvent) as caught:
            from_http({"Content-Type": "application/cloudevents-batch+json"}, body)
        assert caught.value.pointer == "/1/type"

    @pytest.mark.parametrize(
        "media_type",
        ["application/json", "", "application/cloudevents+xml", "application/cloudevents+json; charset=utf-16"],
    )
    def test_other_media_types_are_not_supported(self, media_type: str) -> None:
        with pytest.raises(UnsupportedMediaType):
            from_http({"Content-Type": media_type}, structured())

    def test_the_media_type_of_data_is_in_content_type_only(self) -> None:
        with pytest.raises(InvalidEvent, match="send Content-Type"):
            from_http({**_HEADERS, "ce-datacontenttype": "text/plain"}, b"")

    def test_a_header_that_cannot_be_decoded_is_named(self) -> None:
        with pytest.raises(InvalidEvent, match="ce-subject"):
            from_http({**_HEADERS, "ce-subject": "100%"}, b"")

    @given(
        st.dictionaries(st.sampled_from([*_HEADERS, "ce-x", "content-type"]), st.text(max_size=20)),
        st.binary(max_size=80),
    )
    def test_a_request_is_read_or_refused_and_breaks_nothing(self, headers: dict[str, str], body: bytes) -> None:
        try:
            from_http(headers, body)
        except EventstoreError:
            return


class TestSameness:
    def test_order_of_members_and_spelling_of_numbers_do_not_count(self) -> None:
        first, second = event(data={"a": 1, "b": [100]}), from_json(structured())
        again = from_json(event().body[:-1] + b',"data":{"b":[1e2], "a":1.00}}')
        assert same_content(first.body, again.body)
        assert not same_content(first.body, second.body)

    @pytest.mark.parametrize(
        ("first", "second"),
        [("1", "true"), ("0", "false"), ('"1"', "1"), ("null", "0"), ("1", "1.0000000000000000001")],
    )
    def test_values_that_python_confuses_differ(self, first: str, second: str) -> None:
        bodies = [event().body[:-1] + b',"data":' + text.encode() + b"}" for text in (first, second)]
        assert not same_content(*bodies)


class TestRecorded:
    def test_the_hub_adds_its_extensions_and_changes_nothing_else(self) -> None:
        published = event(data={"n": 1.0})
        recorded = RecordedEvent("wf", 7, 1_700_000_000_123, published.body)
        assert json.loads(recorded.encoded()) == json.loads(published.body) | {
            "hubstream": "wf",
            "hubsequence": "7",
            "hubtime": "2023-11-14T22:13:20.123Z",
        }

    @given(_ALLOWED, st.integers(1, 1 << 52), st.integers(0, 1 << 42))
    def test_the_text_is_what_is_encoded_and_so_is_its_size(self, data: str, sequence: int, time: int) -> None:
        recorded = RecordedEvent(stream_name("s.a:1"), sequence, time, event(data=data).body)
        encoded = recorded.encoded()
        assert recorded.text_and_size() == (encoded.decode(), len(encoded))

    def test_times_are_written_to_the_millisecond(self) -> None:
        assert rfc3339(0) == "1970-01-01T00:00:00.000Z"

    def test_data_that_looks_like_the_end_of_attributes_is_data(self) -> None:
        tricky = event(subject='x","data":1', data='","data_base64":"')
        assert attributes_of(tricky.body)["subject"] == 'x","data":1'
        assert data_of(tricky.body) == JsonData(json.dumps('","data_base64":"'))
