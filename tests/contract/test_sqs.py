from __future__ import annotations

import itertools
import json
from dataclasses import replace
from threading import Barrier, Event
from typing import Any

import pytest

from eventstore.adapters.aws.sqs_deliveries import SqsDeliveries
from eventstore.adapters.aws.sqs_dispatch_queue import SqsDispatchQueue
from eventstore.adapters.aws.sqs_letters import SqsLetters
from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import Delivery, Kind, Part
from eventstore.ports import DeadLetter
from tests.contract.aws import NOBODY, Answer, Api, sqs_at

URL = "https://sqs.eu-west-1.amazonaws.com/1/q.fifo"


def dispatch_queue(url: str) -> SqsDispatchQueue:
    return SqsDispatchQueue(sqs_at(url), URL, new_id=map(str, itertools.count(1)).__next__)


def deliveries(url: str) -> SqsDeliveries:
    return SqsDeliveries(sqs_at(url), URL, new_id=map(str, itertools.count(1)).__next__)


def delivery(shard: int, text: str = "") -> Delivery:
    return Delivery(shard, (Part(Kind.TEXT, 0, (), (text,), ()),))


def asked(api: Api) -> list[tuple[str, Any]]:
    targets = [headers["X-Amz-Target"] for headers in api.headers]
    return list(zip(targets, [json.loads(body) for _, _, body in api.requests], strict=True))


def groups(api: Api) -> list[list[str]]:
    return [[entry["MessageGroupId"] for entry in content.get("Entries", [content])] for _, content in asked(api)]


def refusing(*names: str) -> tuple[int, bytes]:
    failed = [{"Id": name, "Code": "InternalError", "SenderFault": False} for name in names]
    return 200, json.dumps({"Successful": [], "Failed": failed}).encode()


def test_a_wakeup_is_one_message_in_its_partitions_group(api: Api) -> None:
    dispatch_queue(api.url).request_turns([7])
    message = {
        "QueueUrl": URL,
        "MessageBody": '{"partition": 7}',
        "MessageGroupId": "p7",
        "MessageDeduplicationId": "1",
    }
    assert asked(api) == [("AmazonSQS.SendMessage", message)]


def test_many_wakeups_go_ten_at_a_time_each_under_an_id_of_its_own(api: Api) -> None:
    dispatch_queue(api.url).request_turns(range(16))
    entries = [entry for _, content in asked(api) for entry in content["Entries"]]
    assert [len(content["Entries"]) for _, content in asked(api)] == [10, 6]
    assert len({entry["MessageDeduplicationId"] for entry in entries}) == 16


def test_a_wakeup_that_is_refused_means_that_the_queue_is_unavailable(api: Api) -> None:
    api.answers = [refusing("1")]
    with pytest.raises(QueueUnavailable, match="InternalError"):
        dispatch_queue(api.url).request_turns(range(2))


def test_a_queue_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(QueueUnavailable):
        dispatch_queue(NOBODY).request_turns([7])


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_a_queue_that_answers_something_else_is_unavailable(api: Api, body: bytes) -> None:
    api.answers = [(200, body)]
    with pytest.raises(QueueUnavailable, match="the answer to SendMessage is"):
        dispatch_queue(api.url).request_turns([7])


def test_a_member_that_is_null_is_absent(api: Api) -> None:
    api.answers = [(200, b'{"Successful":[],"Failed":null}')]
    deliveries(api.url).send([delivery(1), delivery(2)])
    assert len(api.requests) == 1


def test_deliveries_of_several_shards_go_together(api: Api) -> None:
    deliveries(api.url).send([delivery(1), delivery(2)])
    assert groups(api) == [["s1", "s2"]]


def test_calls_for_different_shards_are_made_side_by_side(api: Api) -> None:
    both = Barrier(2, timeout=20)

    def respond(_: bytes) -> Answer:
        both.wait()
        return Answer(200, b"{}")

    api.respond = respond
    deliveries(api.url).send([delivery(shard) for shard in range(16)])
    assert sorted(map(len, groups(api))) == [6, 10]


def test_a_call_that_fails_is_raised_when_the_others_have_ended(api: Api) -> None:
    failed, ended = Event(), Event()

    def respond(request: bytes) -> Answer:
        if len(json.loads(request)["Entries"]) == 6:
            failed.set()
            return Answer(400, b"{}")
        assert failed.wait(20)
        # The sender has had its error for a while when this one is answered.
        assert not raised.wait(0.2)
        ended.set()
        return Answer(200, b"{}")

    raised = Event()
    api.respond = respond
    with pytest.raises(QueueUnavailable):
        deliveries(api.url).send([delivery(shard) for shard in range(16)])
    raised.set()
    assert ended.is_set()


def test_deliveries_of_one_shard_go_one_after_the_other(api: Api) -> None:
    deliveries(api.url).send([delivery(1, "a"), delivery(1, "b"), delivery(2, "c")])
    assert groups(api) == [["s1", "s2"], ["s1"]]


def test_a_delivery_that_is_refused_goes_before_the_later_ones_of_its_shard(api: Api) -> None:
    api.answers = [refusing("1"), (200, b"{}")]
    deliveries(api.url).send([delivery(1, "a"), delivery(1, "b"), delivery(2, "c")])
    bodies = [entry["MessageBody"][-1] for _, one in asked(api) for entry in one.get("Entries", [one])]
    assert bodies == ["a", "c", "a", "b"]


def test_deliveries_that_are_refused_again_and_again_mean_that_the_queue_is_unavailable(api: Api) -> None:
    api.answers = [refusing("1", "2")]
    with pytest.raises(QueueUnavailable):
        deliveries(api.url).send([delivery(1), delivery(2)])


def letter(stream: str) -> DeadLetter:
    return DeadLetter("workers", "k", stream, 1, "{}", 5, ("no",), "2018-04-05T17:31:00Z")


@pytest.mark.parametrize("text", ["x" * 204_000, "\uffff" * 60_000, "x" * 300_000])
def test_no_letter_is_larger_than_the_queue_takes_whatever_its_reasons_are(api: Api, text: str) -> None:
    event = json.dumps({"data": text}, ensure_ascii=False)
    reasons = ("\N{PILE OF POO}" * 500,) * 10
    SqsLetters(sqs_at(api.url), URL).send([replace(letter("a"), event=event, errors=reasons)])
    [(_, content)] = asked(api)
    assert len(content["MessageBody"].encode()) <= 256 * 1024
    body = json.loads(content["MessageBody"])
    assert (body["stream"], body["errors"], body["event"]) == ("a", list(reasons), None)


def test_a_letter_holds_an_event_that_fits(api: Api) -> None:
    event = {"data": "x" * 204_000}
    SqsLetters(sqs_at(api.url), URL).send([replace(letter("a"), event=json.dumps(event))])
    [(_, content)] = asked(api)
    assert json.loads(content["MessageBody"])["event"] == event


def group_of(stream: str) -> str:
    """The message group that the letters of a stream go to."""
    with Api.serving() as api:
        SqsLetters(sqs_at(api.url), URL).send([letter(stream)])
        [(_, content)] = asked(api)
        return str(content["MessageGroupId"])


def received(*streams: str) -> tuple[int, bytes]:
    messages = [
        {"ReceiptHandle": f"{stream}-{at}", "Attributes": {"MessageGroupId": group_of(stream)}}
        for at, stream in enumerate(streams)
    ]
    return 200, json.dumps({"Messages": messages}).encode()


def test_the_letters_of_the_streams_named_are_deleted_and_the_others_shown_again(api: Api) -> None:
    deleted = 200, json.dumps({"Successful": [{"Id": "0"}, {"Id": "1"}]}).encode()
    api.answers = [received("a", "c", "b"), deleted, received("c"), (200, b"{}"), (200, b"{}")]
    assert SqsLetters(sqs_at(api.url), URL).discard("k", "a", "b") == 2
    calls = [(target, [e["ReceiptHandle"] for e in one.get("Entries", [])]) for target, one in asked(api)]
    assert calls == [
        ("AmazonSQS.ReceiveMessage", []),
        ("AmazonSQS.DeleteMessageBatch", ["a-0", "b-2"]),
        ("AmazonSQS.ReceiveMessage", []),
        ("AmazonSQS.ReceiveMessage", []),
        ("AmazonSQS.ChangeMessageVisibilityBatch", ["c-1", "c-0"]),
    ]


def test_a_dead_letter_queue_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(QueueUnavailable):
        SqsLetters(sqs_at(NOBODY), URL).discard("k", "a")
