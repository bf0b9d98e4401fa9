"""The SDK of CloudEvents reads the records of the topic for other programs."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat

from eventstore.adapters.kafka.event_records import HEADERS, record_of
from eventstore.cloudevents import from_json
from eventstore.cloudevents.event import RecordedEvent
from eventstore.frames.event_text import event_text
from eventstore.frames.pushes import PushedEvent
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent

_STREAM = StreamName("acme:order-7")
_MEMBERS = {"specversion": "1.0", "id": "1 ä💜", "source": "/shop", "type": "io.flunq.order"}


def pushed(text: str) -> PushedEvent:
    """An event as turns push it."""
    recorded = RecordedEvent(_STREAM, 7, 1_700_000_000_123, from_json(text).body)
    return PushedEvent(_STREAM, 7, event_text(recorded, most=1_000_000, events_url="")[0])


def read(text: str) -> BaseCloudEvent:
    """An event as the SDK reads it from its record."""
    record = record_of(pushed(text), partitions=16)
    return from_kafka(KafkaMessage(headers=dict(HEADERS), key=record.key, value=record.value), JSONFormat())


def test_all_attributes_are_read_with_those_of_the_hub_and_the_key() -> None:
    members = {**_MEMBERS, "time": "2026-01-02T03:04:05.678Z", "subject": "ü", "tenantid": "acme", "flag": True}
    attributes = read(json.dumps(members)).get_attributes()
    assert attributes.pop("time").isoformat() == "2026-01-02T03:04:05.678000+00:00"
    del members["time"]
    assert attributes == {
        **members,
        "hubstream": _STREAM,
        "hubsequence": "7",
        "hubtime": "2023-11-14T22:13:20.123Z",
        "partitionkey": _STREAM,
    }


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": {"amount": 12.5, "note": "ä \u2028 \u0000"}}, {"amount": 12.5, "note": "ä \u2028 \u0000"}),
        ({"data": "text"}, "text"),
        ({"datacontenttype": "text/plain", "data": "text"}, "text"),
        (
            {"datacontenttype": "application/octet-stream", "data_base64": b64encode(b"\x00\xff").decode()},
            b"\x00\xff",
        ),
    ],
)
def test_data_is_read_as_it_was_published(members: dict[str, object], data: object) -> None:
    assert read(json.dumps(_MEMBERS | members)).get_data() == data


def test_numbers_are_written_as_they_were_published() -> None:
    value = record_of(pushed(json.dumps(_MEMBERS)[:-1] + ',"data":{"amount":12.50}}'), partitions=16).value
    assert b'"data":{"amount":12.50}' in value


def test_an_event_without_data_is_no_tombstone() -> None:
    record = record_of(pushed(json.dumps(_MEMBERS)), partitions=16)
    assert json.loads(record.value)["id"] == _MEMBERS["id"]
    assert read(json.dumps(_MEMBERS)).get_data() is None


def test_the_partition_is_that_of_the_stream_in_the_hub() -> None:
    for partitions in (1, 3, 16):
        record = record_of(pushed(json.dumps(_MEMBERS)), partitions=partitions)
        assert (record.partition, record.key) == (partition_of(_STREAM, partitions), _STREAM.encode())


def test_the_mode_is_recognized_by_the_content_type_as_the_binding_says() -> None:
    assert dict(HEADERS)["content-type"].lower().startswith(b"application/cloudevents+json")
    assert not [name for name, _ in HEADERS if name.startswith("ce_")]
