"""The conformance cases of the CloudEvents project for the JSON format, and events that real producers send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore.cloudevents import attributes_of, batch_from_json, data_of, from_json
from eventstore.cloudevents.event import JsonData
from eventstore.errors import InvalidEvent

if TYPE_CHECKING:
    from pathlib import Path

_MINIMAL = {"specversion": "1.0", "id": "minimal", "type": "io.cloudevents.test", "source": "https://cloudevents.io"}
_TIME = {"id": "minimalWithTime"}
GOLDEN: dict[str, dict[str, object]] = {
    "minimal": _MINIMAL,
    "minimalWithTime": _MINIMAL | _TIME,
    "minimalWithRelativeSource": _MINIMAL | {"id": "minimalWithRelativeSource", "source": "#fragment"},
    "allCore": _MINIMAL
    | {
        "id": "allCore",
        "datacontenttype": "text/plain",
        "dataschema": "https://cloudevents.io/dataschema",
        "subject": "tests",
        "time": "2018-04-05T17:31:00Z",
    },
    "simpleTextData": _MINIMAL | {"id": "simpleTextData", "datacontenttype": "text/plain"},
    "allExtensionTypes": _MINIMAL
    | {
        "id": "allExtensionTypes",
        "extinteger": 10,
        "extboolean": True,
        "extstring": "text",
        "extbinary": "TWE=",
        "exttimestamp": "2023-03-31T15:12:00Z",
        "exturi": "https://cloudevents.io",
        "exturiref": "//authority/path",
    },
}


def cases(material: Path, name: str) -> list[dict[str, object]]:
    cases: list[dict[str, object]] = json.loads((material / "cloudevents" / name).read_text())["tests"]
    assert cases
    return cases


def test_every_valid_event_is_read_as_its_golden_sample(material: Path) -> None:
    for case in cases(material, "json-valid-events.json"):
        attributes = dict(from_json(json.dumps(case["event"])).attributes)
        if case["sampleId"] == "minimalWithTime":
            # The samples give the instant; attributes keep their original text.
            assert str(attributes.pop("time")).startswith("2018-04-05T1")
        assert attributes == GOLDEN[str(case["sampleId"])], case["id"]


def test_text_data_is_read_verbatim(material: Path) -> None:
    (case,) = [c for c in cases(material, "json-valid-events.json") if c["sampleId"] == "simpleTextData"]
    assert from_json(json.dumps(case["event"])).data == JsonData('"Simple text"')


def test_every_invalid_event_is_refused_with_a_pointer(material: Path) -> None:
    for case in cases(material, "json-invalid-events.json"):
        with pytest.raises(InvalidEvent) as caught:
            from_json(json.dumps(case["event"]))
        assert caught.value.pointer.startswith("/"), case["id"]


def test_a_batch_keeps_the_order_of_its_events(material: Path) -> None:
    events = [case["event"] for case in cases(material, "json-valid-events.json")]
    assert [e.id for e in batch_from_json(json.dumps(events).encode())] == [e["id"] for e in events]  # type: ignore[index]


@pytest.mark.parametrize(
    "name",
    ["google-structured-storage-StorageObjectDataWorkflows.json", "google-structured-pubsub-MessagePublishedData.json"],
)
def test_events_of_real_producers_are_preserved(material: Path, name: str) -> None:
    content = (material / "cloudevents" / name).read_bytes()
    event = from_json(content)
    sent = json.loads(content)
    data = data_of(event.body)
    assert isinstance(data, JsonData)
    assert attributes_of(event.body) | {"data": json.loads(data.text)} == sent


def test_a_producer_with_illegal_attribute_names_is_refused_by_name(material: Path) -> None:
    content = (material / "cloudevents" / "google-structured-audit-LogEntryData-bigqueryjobcompleted.json").read_bytes()
    with pytest.raises(InvalidEvent, match="'methodName'"):
        from_json(content)
