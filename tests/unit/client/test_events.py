from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as HttpCloudEvent
from pydantic import BaseModel, ConfigDict, Field

from eventstore_client.events import encode_event
from eventstore_client.recorded import Recorded

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
    encoded = json.loads(encode_event(OrderedDict(id="1", data={"ü": 1})))
    assert encoded == {"specversion": "1.0", "id": "1", "data": {"ü": 1}}
    assert json.loads(encode_event({"specversion": "0.3", "id": "1"}))["specversion"] == "0.3"


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


class Card(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    number: str = Field(alias="cardNumber")
    expires: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    amount: float
    cards: list[Card]


CARD = Card(number="4111", expires=datetime(2027, 1, 1, tzinfo=UTC))
CARD_JSON = {"cardNumber": "4111", "expires": "2027-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        (CARD, CARD_JSON),
        (Payment(12.5, [CARD]), {"amount": 12.5, "cards": [CARD_JSON]}),
        ({"payment": Payment(1.0, [])}, {"payment": {"amount": 1.0, "cards": []}}),
        ([CARD, None], [CARD_JSON, None]),
    ],
    ids=["model", "dataclass", "nested", "list"],
)
@pytest.mark.parametrize("kind", ["mapping", "core", "http"])
def test_models_and_dataclasses_are_data(kind: str, data: object, encoded: object) -> None:
    attributes = {"id": "1", "source": "/s", "type": "t"}
    event: Any = {
        "mapping": lambda: {"specversion": "1.0", **attributes, "data": data},
        "core": lambda: CloudEvent(attributes, data),  # type: ignore[arg-type]
        "http": lambda: HttpCloudEvent(attributes, data),
    }[kind]()

    assert json.loads(encode_event(event))["data"] == encoded


def test_a_class_is_no_data() -> None:
    with pytest.raises(TypeError, match="contains a type"):
        encode_event({"id": "1", "data": Payment})


def test_an_event_of_cloudevents_http_is_an_event() -> None:
    event = HttpCloudEvent({"id": "7", "source": "/s", "type": "t", "taskid": "a"}, {"n": 1})

    encoded = json.loads(encode_event(event))

    assert encoded.pop("time")
    assert encoded == {
        "specversion": "1.0",
        "id": "7",
        "source": "/s",
        "type": "t",
        "taskid": "a",
        "data": {"n": 1},
    }


@pytest.mark.parametrize(
    ("media_type", "data", "member"),
    [
        ("image/png", b"\x00\xff", ("data_base64", "AP8=")),
        ("application/json", b"{}", ("data_base64", "e30=")),
        ("text/plain", "words", ("data", "words")),
        ("text/xml", 1, ("data", "1")),
        ("application/vnd.flunq+json", [1], ("data", [1])),
        ("application/json", datetime(2026, 1, 5, 9, tzinfo=UTC), ("data", "2026-01-05T09:00:00Z")),
    ],
    ids=str,
)
def test_data_of_the_cloudevents_library_are_encoded_as_it_does(
    media_type: str, data: bytes | str, member: tuple[str, object]
) -> None:
    event = CloudEvent({"id": "1", "source": "/s", "type": "t", "datacontenttype": media_type}, data)
    encoded = json.loads(encode_event(event))

    assert encoded[member[0]] == member[1]
    assert encoded == json.loads(JSONFormat().write(event))


def test_an_event_without_an_id_gets_one_and_one_with_an_id_keeps_it() -> None:
    ids = iter(["a", "b"])

    encoded = [json.loads(encode_event(event, new_id=lambda: next(ids))) for event in ({}, {"id": None}, {"id": "x"})]

    assert [event["id"] for event in encoded] == ["a", "b", "x"]


def test_made_ids_differ() -> None:
    assert len({json.loads(encode_event({"type": "t"}))["id"] for _ in range(100)}) == 100
