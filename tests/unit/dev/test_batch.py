from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.queues.batch import events, kept_back, reported
from eventstore_dev.queues.broker import Received

if TYPE_CHECKING:
    from pathlib import Path


def message(name: str, body: str = "text") -> Received:
    return Received(name, f"handle-{name}", body, "md5", {"MessageGroupId": name[0]}, {}, "arn:aws:sqs:r:1:q")


def test_a_record_has_the_shape_of_awss_own(material: Path) -> None:
    sample = json.loads((material / "lambda-events" / "sqsEvent.json").read_text())["Records"][0]
    attribute = {"DataType": "Number", "StringValue": "100"}
    ((payload, _),) = events([Received("i", "h", "b", "m", {}, {"testAttr": attribute}, "arn")], limit=1000)
    record = json.loads(payload)["Records"][0]
    assert set(record) == set(sample)
    assert record["messageAttributes"]["testAttr"]["stringValue"] == "100"
    assert record["messageAttributes"]["testAttr"]["dataType"] == "Number"


def test_text_is_handed_over_as_it_is() -> None:
    ((payload, _),) = events([message("a1", 'ä\n"€')], limit=10_000)
    assert json.loads(payload)["Records"][0]["body"] == 'ä\n"€'


def test_a_binary_attribute_is_base64() -> None:
    attribute = {"DataType": "Binary", "BinaryValue": b"\x00\x01"}
    ((payload, _),) = events([Received("i", "h", "b", "m", {}, {"raw": attribute}, "arn")], limit=1000)
    assert json.loads(payload)["Records"][0]["messageAttributes"]["raw"]["binaryValue"] == "AAE="


def test_a_batch_over_the_limit_becomes_several_events_in_order() -> None:
    batch = [message(f"a{number}", "x" * 100) for number in range(5)]
    parts = list(events(batch, limit=900))
    assert len(parts) > 1
    assert all(len(payload) <= 900 for payload, _ in parts)
    assert [record.id for _, messages in parts for record in messages] == ["a0", "a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("answer", [b"", b"null", b"{}", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}'])
def test_an_answer_without_failures_means_success(answer: bytes) -> None:
    assert reported(answer, ["a1"]) == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b'"ok"',
        b'{"batchItemFailures":"a1"}',
        b'{"batchItemFailures":["a1"]}',
        b'{"batchItemFailures":[{"itemIdentifier":""}]}',
        b'{"batchItemFailures":[{"itemIdentifier":null}]}',
        b'{"batchItemFailures":[{"item":"a1"}]}',
        b'{"batchItemFailures":[{"itemIdentifier":"unknown"}]}',
        b'{"batchItemFailures":[{"itemIdentifier":["a1"]}]}',
    ],
)
def test_an_invalid_answer_means_that_all_failed(answer: bytes) -> None:
    assert reported(answer, ["a1"]) is None


def test_reported_messages_have_failed() -> None:
    assert reported(b'{"batchItemFailures":[{"itemIdentifier":"a2"}]}', ["a1", "a2"]) == {"a2"}


def test_messages_after_a_failed_one_of_their_group_are_kept() -> None:
    batch = [message(name) for name in ("a1", "a2", "b1", "a3", "b2")]
    assert kept_back(batch, frozenset({"a2"})) == {"a2", "a3"}
