from __future__ import annotations

import itertools
import queue
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from eventstore.groups import Member, owner_of
from eventstore.subscriptions import SubscriptionKey
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as durables
from tests.functional.grpc.events import failing, ids, publish

if TYPE_CHECKING:
    from tests.functional.grpc.served import Served


class Working:
    """A member of the durable subscription `workers`: what it sends, and what it receives.

    What has the content that is asked for may come before or after what has another: what is passed over is kept.
    """

    def __init__(self, served: Served, *, subscription: str = "workers") -> None:
        self._requests: queue.Queue[messages.WorkRequest | None] = queue.Queue()
        self._passed: list[messages.WorkResponse] = []
        self.send(1, join=messages.Join(subscription=subscription))
        self.responses = served.events.Work(iter(self._requests.get, None))
        served.before_closing.append(self.end)

    def send(self, request: int, **action: Any) -> None:  # noqa: ANN401 - an action
        self._requests.put(messages.WorkRequest(request=request, **action))

    def end(self) -> None:
        self._requests.put(None)

    def take(self, content: str) -> messages.WorkResponse:
        """The oldest response with such a content that was not taken yet."""
        for response in self._passed:
            if response.WhichOneof("content") == content:
                self._passed.remove(response)
                return response
        for response in self.responses:
            if response.WhichOneof("content") == content:
                return response
            self._passed.append(response)
        raise AssertionError(f"the call ended without {content}")

    def answered(self, request: int, **action: Any) -> messages.Answer:  # noqa: ANN401 - an action
        self.send(request, **action)
        answer = self.take("answer").answer
        assert answer.request == request
        return answer


@pytest.fixture(autouse=True)
def workers(served: Served) -> None:
    served.subscriptions.CreateSubscription(
        durables.CreateSubscriptionRequest(id="workers", streams=["s"], ack_deadline=20, max_attempts=2)
    )


def _joined(served: Served) -> Working:
    member = Working(served)
    member.take("joined")
    member.take("owned")
    return member


def test_the_first_message_says_what_was_joined_and_then_partitions_are_owned(served: Served) -> None:
    member = Working(served)
    first = next(member.responses)
    assert (first.joined.request, first.joined.ack_deadline, len(first.joined.partitions)) == (1, 20, 1)
    owned = member.take("owned")
    assert owned.owned.ack_deadline == 20
    assert owned.partition == first.joined.partitions[0]
    assert owned.cursor


def test_what_is_acknowledged_is_not_sent_again(served: Served) -> None:
    first = _joined(served)
    served.events.Publish(publish("s", "1", "2"))
    frame = first.take("events")
    assert ids(frame.events.events) == ["1", "2"]
    assert not first.answered(2, ack=messages.Ack(stream="s", sequence=1, frame=frame.frame)).HasField("failure")
    assert not first.answered(3, leave=messages.Leave()).HasField("failure")
    with pytest.raises(StopIteration):
        next(first.responses)
    second = _joined(served)
    assert ids(second.take("events").events.events) == ["2"]


def test_a_cursor_acknowledges_all_events_up_to_it(served: Served) -> None:
    member = _joined(served)
    served.events.Publish(publish("s", "1", "2"))
    frame = member.take("events")
    member.answered(2, ack=messages.Ack(cursors=[frame.cursor]))
    member.answered(3, leave=messages.Leave())
    served.turns.settle()
    status = served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="workers"))
    assert (status.figures.in_flight, status.figures.lag) == (0, 0)


def test_an_event_that_failed_is_sent_again_with_the_attempt_and_the_reason(served: Served) -> None:
    member = _joined(served)
    served.events.Publish(publish("s", "1"))
    frame = member.take("events")
    nack = messages.Nack(stream="s", sequence=1, frame=frame.frame, reason="card declined", delay_seconds=0)
    assert not member.answered(2, nack=nack).HasField("failure")
    again = member.take("events")
    assert (again.events.attempt, again.events.stream, again.events.reason) == (2, "s", "card declined")
    assert ids(again.events.events) == ["1"]
    assert again.cursor == ""


def test_a_parked_stream_is_listed_shown_and_resumed(served: Served) -> None:
    member = _joined(served)
    served.events.Publish(publish("s", "1"))
    member.take("events")
    member.answered(2, nack=messages.Nack(stream="s", sequence=1, reason="broken", park=True))
    served.turns.settle()
    (letter,) = served.subscriptions.ListDeadLetters(durables.ListDeadLettersRequest()).dead_letters
    assert (letter.subscription, letter.stream, letter.sequence) == ("workers", "s", 1)
    assert list(letter.errors) == ["broken"]
    shown = served.subscriptions.GetDeadLetter(durables.GetDeadLetterRequest(subscription="workers", stream="s"))
    assert shown.dead_letter == letter
    assert ids([shown.event]) == ["1"]
    redrive = durables.RedriveDeadLettersRequest(subscription="workers", mode=durables.REDRIVE_MODE_START)
    assert list(served.subscriptions.RedriveDeadLetters(redrive).streams) == ["s"]
    assert ids(member.take("events").events.events) == ["1"]


def test_parked_events_are_dropped(served: Served) -> None:
    member = _joined(served)
    served.events.Publish(publish("s", "1"))
    member.take("events")
    member.answered(2, nack=messages.Nack(stream="s", sequence=1, park=True))
    served.turns.settle()
    purge = durables.PurgeDeadLettersRequest(subscription="workers", stream="s")
    assert list(served.subscriptions.PurgeDeadLetters(purge).streams) == ["s"]
    served.turns.settle()
    code, info = failing(lambda: served.subscriptions.PurgeDeadLetters(purge))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "nothing-parked")


def test_a_partition_moves_to_another_member_once_it_is_released(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The key decides who is to own what. Of one that is drawn, the second member would get nothing once in 16 times.
    members = [Member("grpc-1", "w"), Member("grpc-2", "w")]
    keys = (SubscriptionKey(str(number)) for number in itertools.count())
    key = next(key for key in keys if {owner_of(members, key, partition) for partition in range(4)} == set(members))
    monkeypatch.setattr(served.hub, "new_id", lambda: key)
    served.subscriptions.CreateSubscription(durables.CreateSubscriptionRequest(id="all"))
    first = Working(served, subscription="all")
    first.take("joined")
    for _ in range(4):
        first.take("owned")
    second = Working(served, subscription="all")
    second.take("joined")
    revoked = first.take("revoked")
    first.answered(2, release=messages.Release(partition=revoked.partition, frame=revoked.frame))
    assert second.take("owned").partition == revoked.partition


def test_members_learn_that_the_subscription_was_changed(served: Served) -> None:
    member = _joined(served)
    served.subscriptions.ChangeSubscription(durables.ChangeSubscriptionRequest(id="workers", ack_deadline=40))
    changed = member.take("changed").changed
    assert (changed.version, changed.ack_deadline) == (2, 40)


def test_members_of_a_subscription_that_was_deleted_end_with_the_reason(served: Served) -> None:
    member = _joined(served)
    # A turn records its members after it has sent them what they get.
    served.turns.settle()
    served.subscriptions.DeleteSubscription(durables.DeleteSubscriptionRequest(id="workers"))
    ((name, ended),) = served.turns.deletions
    served.hub.deletion_notices.send(ended, name)
    code, info = failing(lambda: list(member.responses))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "subscription-not-found")


def test_a_member_that_left_when_it_was_notified_of_the_deletion_is_no_error(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = served.hub.deliveries
    send = deliveries.send

    def send_and_wait_for_the_end(parts: Any) -> None:  # noqa: ANN401 - deliveries
        send(parts)
        served.sessions.wait_until(0)
        served.in_loop(served.door._connections.removed())

    _joined(served)
    served.turns.settle()
    served.subscriptions.DeleteSubscription(durables.DeleteSubscriptionRequest(id="workers"))
    ((name, ended),) = served.turns.deletions
    monkeypatch.setattr(deliveries, "send", send_and_wait_for_the_end)
    served.hub.deletion_notices.send(ended, name)
    assert served.sessions.by_id == {}


def test_a_member_that_ends_its_requests_leaves(served: Served) -> None:
    member = _joined(served)
    member.end()
    with pytest.raises(StopIteration):
        next(member.responses)
    served.sessions.wait_until(0)
    served.in_loop(served.door._connections.removed())
    served.turns.settle()
    assert not served.subscriptions.GetSubscription(durables.GetSubscriptionRequest(id="workers")).members


@pytest.mark.parametrize(
    ("action", "reason", "pointer"),
    [
        ({"ack": messages.Ack()}, "invalid-request", "/ack"),
        ({"ack": messages.Ack(cursors=["x"])}, "invalid-cursor", "cursor"),
        ({"ack": messages.Ack(stream="no name")}, "invalid-stream", "/ack/stream"),
        ({"ack": messages.Ack(stream="s", sequence=2**63)}, "invalid-request", "/ack/sequence"),
        ({"nack": messages.Nack(stream="s", sequence=1, delay_seconds=90_000)}, "invalid-request", None),
        ({"release": messages.Release(partition=77)}, "invalid-request", "/partition"),
        ({"join": messages.Join(subscription="workers")}, "invalid-request", "/join"),
        ({}, "invalid-request", None),
    ],
)
def test_a_request_that_breaks_a_rule_is_answered_and_the_member_stays(
    served: Served, action: dict[str, Any], reason: str, pointer: str | None
) -> None:
    member = _joined(served)
    failure = member.answered(2, **action).failure
    assert failure.reason == reason
    assert pointer in {None, failure.metadata["pointer"]}
    served.events.Publish(publish("s", "1"))
    assert ids(member.take("events").events.events) == ["1"]


def test_a_call_begins_by_joining(served: Served) -> None:
    requests = iter([messages.WorkRequest(leave=messages.Leave())])
    assert failing(lambda: next(served.events.Work(requests)))[1].reason == "invalid-request"
    assert failing(lambda: next(served.events.Work(iter(()))))[1].reason == "invalid-request"


def test_a_request_that_cannot_be_decoded_fails_the_call(served: Served) -> None:
    call = served.channel.stream_stream("/flunq.eventstore.v1.EventStoreService/Work", None, None)
    join = messages.WorkRequest(join=messages.Join(subscription="workers"))
    responses = call(iter([join.SerializeToString(), b"\xff"]))
    code, info = failing(lambda: list(responses))
    assert (code, info.reason) == (grpc.StatusCode.INTERNAL, "internal")


def test_a_subscription_that_does_not_exist_cannot_be_joined(served: Served) -> None:
    member = Working(served, subscription="none")
    code, info = failing(lambda: next(member.responses))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "subscription-not-found")


@pytest.mark.parametrize("action", [{"ack": messages.Ack(stream="s", sequence=1)}, {"leave": messages.Leave()}])
def test_a_member_whose_connection_was_removed_learns_that_it_must_connect_again(
    served: Served, action: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = _joined(served)
    [session] = served.sessions.by_id.values()
    # As another instance does, which takes this one for dead, or an operator.
    served.hub.members.disconnect(session.connection.id, orderly=True)
    # As an instance answers for a connection that is open.
    monkeypatch.setattr(served.hub.registry, "connection", lambda _: session.connection)
    assert member.answered(2, **action).failure.reason == "connection-not-found"
