from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, datetime

import pytest
from cloudevents.core.v1.event import CloudEvent

from eventstore_client.events import Recorded, encode_event

TEXT = (
    '{"specversion":"1.0","id":"9","source":"/s","type":"t","time":"2020-12-10T18:54:05.627515990Z","count":7,"on":true,'
    '"data":{"n": 1e400, "m":1.0},"hubstream":"acme:wf","hubsequence":"12","hubtime":"2026-01-05T09:00:00.000Z"}'
)


def test_a_recorded_event_knows_its_place() -> None:
    recorded = Recorded.from_text(TEXT)

    assert (recorded.stream, recorded.sequence, recorded.id, recorded.type) == ("acme:wf", 12, "9", "t")


def test_attributes_keep_their_types() -> None:
    attributes = Recorded.from_text(TEXT).attributes

    assert (attributes["count"], attributes["on"]) == (7, True)
    assert type(attributes["count"]) is int


def test_time_keeps_its_nanoseconds() -> None:
    assert Recorded.from_text(TEXT).time == "2020-12-10T18:54:05.627515990Z"


def test_the_text_of_data_is_what_was_published() -> None:
    assert Recorded.from_text(TEXT).data_text == '{"n": 1e400, "m":1.0}'


def test_an_event_without_data_has_none() -> None:
    recorded = Recorded.from_text('{"id":"1","hubstream":"s","hubsequence":"1"}')

    assert (recorded.data, recorded.data_text, recorded.time) == (None, None, None)


def test_json_null_is_data() -> None:
    recorded = Recorded.from_text('{"id":"1","data":null,"hubstream":"s","hubsequence":"1"}')

    assert recorded.data_text == "null"


def test_text_is_encoded_as_it_stands() -> None:
    assert encode_event('{"n":  1e400}') == encode_event(b'{"n":  1e400}') == '{"n":  1e400}'


def test_any_mapping_is_an_event() -> None:
    assert json.loads(encode_event(OrderedDict(id="1", data={"ü": 1}))) == {"id": "1", "data": {"ü": 1}}


def test_a_time_of_the_cloudevents_library_becomes_a_timestamp() -> None:
    event = CloudEvent({"id": "1", "source": "/s", "type": "t", "time": datetime(2026, 1, 5, 9, tzinfo=UTC)})

    assert json.loads(encode_event(event))["time"] == "2026-01-05T09:00:00Z"


def test_a_value_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_event({"id": "1", "data": float("nan")})


def test_an_invalid_event_is_refused_with_the_accepted_types() -> None:
    with pytest.raises(TypeError, match="int is not an event; pass a"):
        encode_event(42)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [b"x", datetime(2026, 1, 1, tzinfo=UTC), {1}])
def test_a_value_that_json_lacks_is_refused_with_an_alternative(value: object) -> None:
    with pytest.raises(
        TypeError, match=f"contains a {type(value).__name__}, which JSON cannot represent; pass bytes as data_b"
    ):
        encode_event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"n": [value]}})
