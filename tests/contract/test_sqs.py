from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from eventstore.adapters.sqs import SqsBells, SqsDeliveries
from eventstore.adapters.sqs_requests import SqsRequests
from eventstore.errors import QueueUnavailable
from eventstore.frames import Delivery, Kind, Part
from tests.contract.aws import NOBODY, Api, signed

URL = "https://sqs.eu-west-1.amazonaws.com/1/q.fifo"
THROTTLED = 400, b'{"__type":"com.amazonaws.sqs#ThrottlingException"}'
REFUSED = 400, b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}'
BROKEN = 503, b""


def queue(url: str) -> SqsRequests:
    return SqsRequests(signed(url, "sqs"), URL, pause=lambda _: None)


def bells(url: str) -> SqsBells:
    return SqsBells(queue(url), new_id=map(str, itertools.count(1)).__next__)


def deliveries(url: str) -> SqsDeliveries:
    return SqsDeliveries(queue(url), new_id=map(str, itertools.count(1)).__next__)


def delivery(shard: int, text: str = "") -> Delivery:
    return Delivery(shard, (Part(Kind.TEXT, 0, (), (text,), ()),))


def asked(api: Api) -> list[tuple[str, Any]]:
    targets = [headers["X-Amz-Target"] for headers in api.headers]
    return list(zip(targets, [json.loads(body) for _, _, body in api.requests], strict=True))


def groups(api: Api) -> list[list[str]]:
    return [[entry["MessageGroupId"] for entry in told.get("Entries", [told])] for _, told in asked(api)]


def refusing(*names: str) -> tuple[int, bytes]:
    failed = [{"Id": name, "Code": "InternalError", "SenderFault": False} for name in names]
    return 200, json.dumps({"Successful": [], "Failed": failed}).encode()


def test_a_bell_is_one_message_in_its_partitions_group(api: Api) -> None:
    bells(api.url).ring([7])
    told = {
        "QueueUrl": URL,
        "MessageBody": '{"partition": 7}',
        "MessageGroupId": "p7",
        "MessageDeduplicationId": "1",
    }
    assert asked(api) == [("AmazonSQS.SendMessage", told)]


def test_requests_are_in_the_json_protocol_and_signed_for_sqs(api: Api) -> None:
    bells(api.url).ring([7])
    assert api.requests[0][:2] == ("POST", "/")
    assert api.headers[0]["Content-Type"] == "application/x-amz-json-1.0"
    assert "/eu-west-1/sqs/aws4_request" in api.headers[0]["Authorization"]


def test_many_bells_go_ten_at_a_time_each_under_an_id_of_its_own(api: Api) -> None:
    bells(api.url).ring(range(16))
    entries = [entry for _, told in asked(api) for entry in told["Entries"]]
    assert [len(told["Entries"]) for _, told in asked(api)] == [10, 6]
    assert len({entry["MessageDeduplicationId"] for entry in entries}) == 16


def test_a_bell_that_is_refused_is_told_of(api: Api) -> None:
    api.answers = [refusing("1")]
    with pytest.raises(QueueUnavailable, match="InternalError"):
        bells(api.url).ring(range(2))


@pytest.mark.parametrize("failure", [BROKEN, THROTTLED])
def test_what_may_pass_is_tried_again_with_the_same_message(api: Api, failure: tuple[int, bytes]) -> None:
    api.answers = [failure, failure, (200, b"{}")]
    bells(api.url).ring([7])
    assert len(api.requests) == 3
    assert len({body for _, _, body in api.requests}) == 1


def test_a_queue_that_stays_away_is_told_of_after_three_tries(api: Api) -> None:
    api.answers = [BROKEN]
    with pytest.raises(QueueUnavailable, match="503"):
        bells(api.url).ring([7])
    assert len(api.requests) == 3


def test_what_is_wrong_is_not_tried_again(api: Api) -> None:
    api.answers = [REFUSED]
    with pytest.raises(QueueUnavailable, match="QueueDoesNotExist"):
        bells(api.url).ring([7])
    assert len(api.requests) == 1


def test_a_queue_that_does_not_answer_is_told_of() -> None:
    with pytest.raises(QueueUnavailable):
        bells(NOBODY).ring([7])


def test_deliveries_of_several_shards_go_together(api: Api) -> None:
    deliveries(api.url).send([delivery(1), delivery(2)])
    assert groups(api) == [["s1", "s2"]]


def test_deliveries_of_one_shard_go_one_after_the_other(api: Api) -> None:
    deliveries(api.url).send([delivery(1, "a"), delivery(1, "b"), delivery(2, "c")])
    assert groups(api) == [["s1", "s2"], ["s1"]]


def test_a_delivery_that_is_refused_goes_before_the_later_ones_of_its_shard(api: Api) -> None:
    api.answers = [refusing("1"), (200, b"{}")]
    deliveries(api.url).send([delivery(1, "a"), delivery(1, "b"), delivery(2, "c")])
    told = [entry["MessageBody"][-1] for _, one in asked(api) for entry in one.get("Entries", [one])]
    assert told == ["a", "c", "a", "b"]


def test_deliveries_that_are_refused_again_and_again_are_told_of(api: Api) -> None:
    api.answers = [refusing("1", "2")]
    with pytest.raises(QueueUnavailable):
        deliveries(api.url).send([delivery(1), delivery(2)])
