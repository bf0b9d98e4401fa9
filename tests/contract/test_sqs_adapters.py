"""The queues of the hub on a real SQS: the local stack's, or the one that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.aws.sqs_deliveries import SqsDeliveries
from eventstore.adapters.aws.sqs_dispatch_queue import SqsDispatchQueue
from eventstore.adapters.aws.sqs_letters import SqsLetters
from eventstore.errors import QueueUnavailable
from eventstore.frames.frame import Address, Delivery, Kind, Part, postings
from eventstore.groups import Member
from eventstore.ports import DeadLetter
from eventstore.subscriptions import BARE, Connection
from tests.contract.aws import sqs_at
from tests.contract.endpoints import ENDPOINT, at_endpoint, on_local_stack
from tests.contract.queues import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sqs import SQSClient


@pytest.fixture(scope="module")
def sqs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQSClient]:
    place = at_endpoint() if os.environ.get(ENDPOINT) else on_local_stack(tmp_path_factory.mktemp("stack"))
    with place as client:
        yield client


@pytest.fixture
def queue(sqs: SQSClient) -> Queue:
    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    return Queue(sqs, fifo=True, VisibilityTimeout="30", **scope)


def names() -> Any:  # noqa: ANN401 - what makes new ids
    return map("id-{}".format, itertools.count()).__next__


def grouped(queue: Queue, number: int) -> dict[str, list[str]]:
    """Per group the bodies of so many messages, in the order in which they come."""
    found: dict[str, list[str]] = {}
    while sum(map(len, found.values())) < number:
        taken = queue.take(WaitTimeSeconds=20, MessageSystemAttributeNames=["MessageGroupId"])
        assert taken, f"only {found} came"
        for message in taken:
            found.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
            queue.delete(message)
    return found


class TestDispatchQueue:
    @pytest.fixture
    def alarms(self, sqs: SQSClient) -> Queue:
        return Queue(sqs, fifo=False)

    @pytest.fixture
    def dispatch_queue(self, sqs: SQSClient, queue: Queue, alarms: Queue) -> SqsDispatchQueue:
        return SqsDispatchQueue(sqs_at(sqs.meta.endpoint_url), queue.url, new_id=names(), alarms_url=alarms.url)

    def test_the_wakeups_of_each_partition_have_a_group_of_their_own(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        dispatch_queue.request_turns(range(16))
        assert grouped(queue, 16) == {f"p{partition}": [f'{{"partition": {partition}}}'] for partition in range(16)}

    def test_a_request_for_no_partition_sends_nothing(self, dispatch_queue: SqsDispatchQueue, queue: Queue) -> None:
        dispatch_queue.request_turns([])
        assert queue.bodies() == []

    def test_a_wakeup_of_the_same_partition_is_another_message(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        dispatch_queue.request_turns([7])
        dispatch_queue.request_turns([7])
        assert queue.drain(2) == ['{"partition": 7}'] * 2

    def test_only_one_wakeup_of_a_partition_is_received_at_a_time(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        dispatch_queue.request_turns([7])
        [first] = queue.take()
        dispatch_queue.request_turns([7])
        assert queue.bodies() == []
        queue.delete(first)
        assert queue.bodies() == ['{"partition": 7}']

    def test_a_connection_that_closed_is_a_message(self, dispatch_queue: SqsDispatchQueue, queue: Queue) -> None:
        dispatch_queue.connection_closed("L0SM9cOFvHcCIhw=")
        assert queue.drain(1) == ['{"gone": "L0SM9cOFvHcCIhw="}']

    def test_a_connection_to_close_is_one_that_is_gone_to_an_older_version(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        dispatch_queue.close_connection(Connection("L0SM9cOFvHcCIhw=", BARE, 5, "someone", ("acme",), ("acme:",)))
        [body] = map(json.loads, queue.drain(1))
        assert body == {"gone": "L0SM9cOFvHcCIhw=", "close": "cloudevents.json", "opened": 5}

    def test_each_member_of_a_deleted_subscription_has_a_message(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        members = [Member(f"c{number}=", f"w{number}") for number in range(12)]
        dispatch_queue.subscription_deleted("workers", members)
        messages = [json.loads(body) for body in queue.drain(12)]
        assert sorted(map(str, messages)) == sorted(
            str({"ended": member.connection, "id": member.id, "subscription": "workers"}) for member in members
        )

    def test_the_deletions_that_concern_one_connection_come_in_order(
        self, dispatch_queue: SqsDispatchQueue, queue: Queue
    ) -> None:
        for name in ("first", "second", "third"):
            dispatch_queue.subscription_deleted(name, [Member("c1=", "w")])
        assert [json.loads(body)["subscription"] for body in queue.drain(3)] == ["first", "second", "third"]

    def test_an_alarm_comes_when_its_time_has_come(self, dispatch_queue: SqsDispatchQueue, alarms: Queue) -> None:
        dispatch_queue.request_turn_later(7, seconds=0.4)
        dispatch_queue.request_turn_later(8, seconds=0)
        assert [json.loads(body)["alarm"] for body in alarms.drain(2)] == [8, 7]

    def test_the_longest_alarm_is_taken(self, dispatch_queue: SqsDispatchQueue, alarms: Queue) -> None:
        dispatch_queue.request_turn_later(7, seconds=900)
        assert alarms.bodies() == []

    def test_a_queue_that_is_not_there_is_unavailable(self, sqs: SQSClient, queue: Queue) -> None:
        sqs.delete_queue(QueueUrl=queue.url)
        dispatch_queue = SqsDispatchQueue(
            sqs_at(sqs.meta.endpoint_url), queue.url, new_id=names(), alarms_url=queue.url
        )
        for call in (
            lambda: dispatch_queue.request_turns([1]),
            lambda: dispatch_queue.request_turns([1, 2]),
            lambda: dispatch_queue.request_turn_later(1, seconds=1),
            lambda: dispatch_queue.subscription_deleted("w", [Member("c", "w")]),
            lambda: dispatch_queue.close_connection(Connection("c", BARE, 0)),
        ):
            with pytest.raises(QueueUnavailable):
                call()


class TestDeliveries:
    @pytest.fixture
    def deliveries(self, sqs: SQSClient, queue: Queue) -> SqsDeliveries:
        return SqsDeliveries(sqs_at(sqs.meta.endpoint_url), queue.url, new_id=names())

    def test_those_of_a_shard_keep_their_order(self, deliveries: SqsDeliveries, queue: Queue) -> None:
        deliveries.send([delivery(number % 12, number) for number in range(36)])
        came = grouped(queue, 36)
        assert {group: frames(bodies) for group, bodies in came.items()} == {
            f"s{shard}": [shard, shard + 12, shard + 24] for shard in range(12)
        }

    def test_those_of_a_later_call_come_behind(self, deliveries: SqsDeliveries, queue: Queue) -> None:
        for number in range(3):
            deliveries.send([delivery(0, number)])
        assert frames(queue.drain(3)) == [0, 1, 2]

    def test_more_than_one_call_may_carry_is_sent_by_several(self, deliveries: SqsDeliveries, queue: Queue) -> None:
        deliveries.send([delivery(shard, shard, size=96 * 1024) for shard in range(6)])
        assert sorted(frames(queue.drain(6))) == list(range(6))

    def test_events_of_any_characters_come_as_they_are(self, deliveries: SqsDeliveries, queue: Queue) -> None:
        deliveries.send([delivery(0, 1, text="ä💜\u2028\ufffe\uffff\t")])
        [posting] = postings(queue.drain(1)[0])
        assert json.loads(posting.message)["events"] == ["ä💜\u2028\ufffe\uffff\t"]

    def test_a_queue_that_is_not_there_is_unavailable(self, sqs: SQSClient, queue: Queue) -> None:
        sqs.delete_queue(QueueUrl=queue.url)
        deliveries = SqsDeliveries(sqs_at(sqs.meta.endpoint_url), queue.url, new_id=names())
        for sent in ([delivery(0, 1)], [delivery(0, 1), delivery(1, 2)]):
            with pytest.raises(QueueUnavailable):
                deliveries.send(sent)


class TestLetters:
    @pytest.fixture
    def letters(self, sqs: SQSClient, queue: Queue) -> SqsLetters:
        return SqsLetters(sqs_at(sqs.meta.endpoint_url), queue.url)

    def test_those_of_a_stream_keep_their_order(self, letters: SqsLetters, queue: Queue) -> None:
        letters.send([letter(stream, sequence) for sequence in range(1, 5) for stream in ("a", "b")])
        came = [[json.loads(body) for body in bodies] for bodies in grouped(queue, 8).values()]
        assert sorted((one[0]["stream"], [each["sequence"] for each in one]) for one in came) == [
            ("a", [1, 2, 3, 4]),
            ("b", [1, 2, 3, 4]),
        ]

    def test_one_that_is_sent_again_is_kept_once(self, letters: SqsLetters, queue: Queue) -> None:
        letters.send([letter("a", 1), letter("a", 2)])
        letters.send([letter("a", 1), letter("a", 2), letter("a", 3)])
        assert [json.loads(body)["sequence"] for body in queue.drain(3)] == [1, 2, 3]
        assert queue.bodies() == []

    def test_one_that_is_parked_anew_is_another_one(self, letters: SqsLetters, queue: Queue) -> None:
        letters.send([letter("a", 1)])
        letters.send([letter("a", 1, since="2026-01-02T00:00:00Z")])
        assert len(queue.drain(2)) == 2

    def test_a_letter_says_why_and_holds_the_event(self, letters: SqsLetters, queue: Queue) -> None:
        letters.send([letter("a", 1)])
        assert json.loads(queue.drain(1)[0]) == {
            "subscription": "workers",
            "stream": "a",
            "sequence": 1,
            "attempts": 2,
            "errors": ["no", "no"],
            "since": "2026-01-01T00:00:00Z",
            "event": {"id": "1"},
        }

    def test_a_large_event_is_named_alone(self, letters: SqsLetters, queue: Queue) -> None:
        letters.send([letter("a", 1, event=json.dumps({"id": "1", "data": "x" * 250_000}))])
        content = json.loads(queue.drain(1)[0])
        assert (content["stream"], content["sequence"], content["event"]) == ("a", 1, None)

    def test_those_of_one_stream_are_discarded_and_the_others_stay_in_order(
        self, letters: SqsLetters, queue: Queue
    ) -> None:
        letters.send([letter(stream, sequence) for sequence in range(1, 13) for stream in ("a", "b")])
        assert letters.discard("k", "a") == 12
        left = [json.loads(body) for body in queue.drain(12)]
        assert [(one["stream"], one["sequence"]) for one in left] == [("b", sequence) for sequence in range(1, 13)]

    def test_a_queue_that_is_not_there_is_unavailable(self, sqs: SQSClient, queue: Queue) -> None:
        sqs.delete_queue(QueueUrl=queue.url)
        letters = SqsLetters(sqs_at(sqs.meta.endpoint_url), queue.url)
        for call in (lambda: letters.send([letter("a", 1)]), lambda: letters.discard("k", "a")):
            with pytest.raises(QueueUnavailable):
                call()


def delivery(shard: int, frame: int, *, text: str = "x", size: int = 0) -> Delivery:
    events = json.dumps([text + "." * size], ensure_ascii=False)
    return Delivery(shard, (Part(Kind.EVENTS, 7, ("c",), (events,), (Address("a", "s", frame, 0),)),))


def frames(bodies: list[str]) -> list[int]:
    return [json.loads(posting.message)["frame"] for body in bodies for posting in postings(body)]


def letter(stream: str, sequence: int, *, since: str = "2026-01-01T00:00:00Z", event: str = '{"id":"1"}') -> DeadLetter:
    return DeadLetter("workers", "k", stream, sequence, event, 2, ("no", "no"), since)
