"""Durable subscriptions over `eventstore.v1` (docs/protocol.md, "Durable subscriptions")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.durable.admin import Changes
from eventstore.filters import parse_filters
from eventstore.groups import DeliverySettings, Nack
from eventstore.ports import Start
from eventstore.positions import BEGINNING, Cursor
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable, Target
from functions.hub import hub
from tests.functional.rest.api import cloudevent
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.websocket.clients import Client, Gateway

NAME = "workers"


def make(name: str = NAME, *, streams: tuple[str, ...] = ("wf",), **settings: int) -> Durable:
    durable = Durable(hub().new_id(), name, parse_filters([]), streams, DeliverySettings(**settings))
    durables = hub().durables
    return durables.create(durable, dict.fromkeys(durables.partitions(durable), Start.OLDEST))


def join(client: Client, own_id: str = "w", name: str = NAME) -> dict[str, Any]:
    return client.send({"action": "subscribe", "id": own_id, "subscription": name})


def publish(client: Client, *ids: str) -> None:
    answer = client.send({"action": "publish", "events": [cloudevent(event_id) for event_id in ids], "stream": "wf"})
    assert answer["type"] == "published"


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for message in messages for event in message.get("events", ())]


@pytest.fixture
def member(client: Client) -> Client:
    """A member that has received `owned` for the partition of the single stream."""
    make()
    join(client)
    [owned] = client.received()
    assert owned["type"] == "owned"
    return client


class TestJoining:
    def test_joining_is_answered_with_the_partitions_of_the_subscription(self, client: Client) -> None:
        make(streams=())
        answer = client.send({"action": "subscribe", "id": "w", "subscription": NAME, "request": "r"})
        wanted = {"id": "w", "subscription": NAME, "partitions": [0, 1, 2, 3], "request": "r"}
        assert answer == {"type": "subscribed", "ack_deadline": 30, **wanted}

    def test_a_member_receives_owned_and_then_stored_events(self, client: Client) -> None:
        make()
        publish(client, "1", "2")
        join(client)
        owned, sent = client.received()
        assert (owned["type"], owned["id"], owned["frame"]) == ("owned", "w", 1)
        assert (sent["id"], sent["partition"], sent["frame"], ids([sent])) == ("w", owned["partition"], 2, ["1", "2"])

    def test_two_members_share_the_partitions(self, client: Client, gateway: Gateway) -> None:
        make(streams=())
        join(client)
        owned = {message["partition"] for message in client.received()}
        other, _ = gateway.connect()
        join(other)
        revoked = {message["partition"] for message in client.received() if message["type"] == "revoked"}
        assert revoked <= owned == {0, 1, 2, 3}
        for partition in revoked:
            client.send({"action": "release", "id": "w", "partition": partition})
        assert {message["partition"] for message in other.received()} == revoked

    def test_joining_an_unknown_subscription_is_refused(self, client: Client) -> None:
        answer = join(client, name="nobody")
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "subscription-not-found", "w")

    def test_joining_a_subscription_with_a_target_is_refused(self, client: Client) -> None:
        durable = Durable(hub().new_id(), NAME, parse_filters([]), target=Target("lambda", "billing"))
        hub().durables.create(durable, dict.fromkeys(range(4), Start.OLDEST))
        answer = join(client)
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "subscription-has-target", "w")
        Trusted(hub().durable_subscriptions).change(NAME, Changes(target=None))
        assert join(client)["type"] == "subscribed"

    def test_the_id_of_a_failed_join_may_be_used_again(self, client: Client) -> None:
        join(client, name="nobody")
        make()
        assert join(client)["type"] == "subscribed"

    def test_an_id_serves_once(self, member: Client) -> None:
        make("others")
        assert join(member, name="others")["code"] == "subscription-conflict"
        member.send({"action": "unsubscribe", "id": "w"})
        assert join(member)["code"] == "subscription-conflict"

    def test_joining_again_after_a_lost_answer_is_accepted(self, member: Client) -> None:
        assert join(member)["type"] == "subscribed"
        publish(member, "1")
        [sent] = member.received()
        assert (sent["frame"], ids([sent])) == (2, ["1"])

    def test_other_subscriptions_of_the_connection_continue(self, member: Client) -> None:
        member.send({"action": "subscribe", "id": "s"})
        publish(member, "1")
        assert sorted(m["id"] for m in member.received() if m["type"] == "events") == ["s", "w"]


class TestAcknowledging:
    def test_an_acknowledgement_makes_room_for_more_events(self, client: Client) -> None:
        make(max_in_flight=2)
        join(client)
        publish(client, "1", "2", "3")
        first = client.received()[-1]
        assert ids([first]) == ["1", "2"]
        answer = client.send({"action": "ack", "id": "w", "cursor": first["cursor"], "request": "r"})
        assert answer == {"type": "acknowledged", "id": "w", "request": "r"}
        assert ids(client.received()) == ["3"]

    def test_a_held_stream_is_acknowledged_by_stream_and_sequence(self, member: Client) -> None:
        publish(member, "1", "2")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 0})
        [again] = member.received()
        assert (again["stream"], again["attempt"], ids([again])) == ("wf", 2, ["1"])
        answer = member.send({"action": "ack", "id": "w", "stream": "wf", "sequence": 1})
        assert answer == {"type": "acknowledged", "id": "w"}
        assert ids(member.received()) == ["2"]

    def test_a_held_stream_that_caught_up_is_announced(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 0})
        member.received()
        member.send({"action": "ack", "id": "w", "stream": "wf", "sequence": 1})
        [frame] = member.received()
        assert (frame["stream"], frame["events"], "attempt" in frame) == ("wf", [], False)


class TestFailing:
    def test_a_nack_is_answered(self, member: Client) -> None:
        publish(member, "1")
        message = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "no", "request": "r"}
        assert member.send(message) == {"type": "acknowledged", "id": "w", "request": "r"}

    def test_a_long_reason_is_truncated_before_it_is_stored(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        for reason in ("\N{PILE OF POO}" * 30_000, "\ud800"):
            nack = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": reason}
            assert member.send(nack)["type"] == "acknowledged"
        turn = hub().turns.begin(partition_of("wf", 4), events=1, behind=1)
        nacks = [command for _, command in turn.commands]
        assert [command.reason for command in nacks if isinstance(command, Nack)] == ["\N{PILE OF POO}" * 300, "?"]

    def test_a_nack_with_a_delay_is_not_retried_at_once(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 86_400})
        assert member.received() == []
        [(_, seconds)] = member.gateway.dispatch_queue.later[-1:]
        assert seconds > 0

    def test_a_parked_event_keeps_its_reason(self, member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(type(hub().letters), "send", lambda _, letters: sent.extend(letters))
        publish(member, "1", "2")
        member.received()
        nack = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "card declined", "park": True}
        member.send(nack)
        assert member.received() == []
        assert [(letter.sequence, letter.errors[0]) for letter in sent] == [
            (1, "card declined"),
            (2, "behind 1, which was parked"),
        ]


class TestLeaving:
    def test_unsubscribing_leaves_the_group(self, member: Client, gateway: Gateway) -> None:
        publish(member, "1")
        member.received()
        assert member.send({"action": "unsubscribe", "id": "w"}) == {"type": "unsubscribed", "id": "w"}
        other, _ = gateway.connect()
        join(other)
        assert ids(other.received()) == ["1"]

    def test_a_member_that_left_receives_nothing_more(self, member: Client) -> None:
        member.send({"action": "unsubscribe", "id": "w"})
        publish(member, "1")
        assert member.received() == []

    def test_a_member_that_left_may_rejoin_under_another_id(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "unsubscribe", "id": "w"})
        join(member, "w2")
        owned, sent = member.received()
        assert (owned["type"], sent["id"], ids([sent])) == ("owned", "w2", ["1"])

    def test_disconnecting_leaves_the_group(self, member: Client, gateway: Gateway) -> None:
        publish(member, "1")
        member.received()
        member.disconnect()
        other, _ = gateway.connect()
        join(other)
        assert ids(other.received()) == ["1"]

    @pytest.mark.parametrize(("code", "sent"), [(1001, ["1", "2"]), (1006, ["1"])])
    def test_no_event_is_blamed_for_a_connection_that_the_hub_ends(
        self, member: Client, gateway: Gateway, code: int, sent: list[str]
    ) -> None:
        publish(member, "1", "2")
        member.received()
        member.disconnect(code)
        other, _ = gateway.connect()
        join(other)
        # After another end, events are sent one by one, to find out which one is the cause.
        assert ids(other.received()) == sent

    def test_a_deleted_subscription_can_be_left(self, member: Client) -> None:
        hub().durables.delete(NAME)
        assert member.send({"action": "unsubscribe", "id": "w"})["type"] == "unsubscribed"
        member.disconnect()

    def test_a_release_is_answered(self, member: Client) -> None:
        answer = member.send({"action": "release", "id": "w", "partition": partition_of("wf", 4), "request": "r"})
        assert answer == {"type": "released", "id": "w", "partition": partition_of("wf", 4), "request": "r"}


class TestDeleting:
    @pytest.fixture
    def delete(self, member: Client) -> Callable[[], None]:
        assert member.received() == []
        return lambda: Trusted(hub().durable_subscriptions).delete(NAME)

    def test_a_member_is_notified_of_the_deletion_of_its_subscription(
        self, member: Client, delete: Callable[[], None]
    ) -> None:
        delete()
        wanted = {"code": "subscription-not-found", "detail": f"the durable subscription '{NAME}' was deleted"}
        assert member.received() == [{"type": "error", **wanted, "id": "w"}]

    def test_the_deletion_is_sent_after_earlier_events(self, member: Client, delete: Callable[[], None]) -> None:
        publish(member, "1")
        member.gateway.dispatch(*({"partition": partition} for partition in range(4)))
        delete()
        assert [message["type"] for message in member.received()] == ["events", "error"]

    def test_a_repeated_wakeup_sends_the_deletion_once(self, member: Client, delete: Callable[[], None]) -> None:
        delete()
        wakeup = {"ended": member.connection, "id": "w", "subscription": NAME}
        assert len(member.received()) == 1
        member.gateway.dispatch(wakeup)
        assert member.received() == []

    def test_a_member_that_has_left_is_not_notified_of_the_deletion(
        self, member: Client, delete: Callable[[], None]
    ) -> None:
        delete()
        member.send({"action": "unsubscribe", "id": "w"})
        assert member.received() == []

    def test_a_disconnected_member_is_not_notified_of_the_deletion(
        self, member: Client, delete: Callable[[], None]
    ) -> None:
        delete()
        member.disconnect()
        assert member.received() == []

    def test_a_new_subscription_of_the_same_name_has_to_be_joined(
        self, member: Client, delete: Callable[[], None]
    ) -> None:
        delete()
        make()
        assert [message["type"] for message in member.received()] == ["error"]
        publish(member, "1")
        assert member.received() == []
        join(member, "w2")
        assert ids(member.received()) == ["1"]

    def test_a_function_that_crashes_while_notifying_is_retried(
        self, member: Client, delete: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dying(*_: object) -> None:
            raise KeyboardInterrupt

        delete()
        [(name, notified_member)] = member.gateway.dispatch_queue.deletions
        wakeup = {"ended": notified_member.connection, "id": notified_member.id, "subscription": name}
        with monkeypatch.context() as patched:
            patched.setattr(type(hub().members), "unsubscribe", dying)
            with pytest.raises(KeyboardInterrupt):
                member.gateway.dispatch(wakeup)
        assert [message["type"] for message in member.received()] == ["error", "error"]
        assert member.send({"action": "ack", "id": "w", "stream": "wf", "sequence": 1})["code"] == (
            "subscription-not-found"
        )


def cursor(*partitions: int) -> str:
    return Cursor(dict.fromkeys(partitions, ("0" * 12, BEGINNING))).token()


ACK, NACK = {"action": "ack", "id": "w"}, {"action": "nack", "id": "w"}


@pytest.mark.parametrize(
    ("message", "code", "pointer"),
    [
        ({"action": "subscribe", "subscription": NAME}, "invalid-request", "/id"),
        ({"action": "subscribe", "id": "x", "subscription": 7}, "invalid-request", "/subscription"),
        ({"action": "subscribe", "id": "x", "subscription": NAME, "from": "now"}, "invalid-request", "/from"),
        ({"action": "subscribe", "id": "x", "subscription": NAME, "filters": []}, "invalid-request", "/filters"),
        (ACK, "invalid-request", "/cursor"),
        ({**ACK, "cursor": 7}, "invalid-request", "/cursor"),
        ({**ACK, "cursor": []}, "invalid-request", "/cursor"),
        ({**ACK, "cursor": "nonsense"}, "invalid-cursor", "/cursor"),
        ({**ACK, "cursor": "x", "stream": "wf", "sequence": 1}, "invalid-request", "/cursor"),
        ({**ACK, "cursor": "x", "sequence": 1}, "invalid-request", "/sequence"),
        ({**ACK, "stream": "wf"}, "invalid-request", "/sequence"),
        ({**ACK, "stream": "wf", "sequence": "1"}, "invalid-request", "/sequence"),
        ({**ACK, "stream": "wf", "sequence": -1}, "invalid-request", "/sequence"),
        ({**ACK, "stream": "wf", "sequence": 1.5}, "invalid-request", "/sequence"),
        ({**ACK, "stream": "a/b", "sequence": 1}, "invalid-stream", "/stream"),
        ({**ACK, "stream": "", "sequence": 1}, "invalid-stream", "/stream"),
        ({**ACK, "partition": 1}, "invalid-request", "/partition"),
        ({"action": "ack", "cursor": "x"}, "invalid-request", "/id"),
        (NACK, "invalid-request", "/stream"),
        ({**NACK, "stream": "wf"}, "invalid-request", "/sequence"),
        ({**NACK, "stream": "a/b", "sequence": 1}, "invalid-stream", "/stream"),
        ({**NACK, "stream": "wf", "sequence": 1, "park": "yes"}, "invalid-request", "/park"),
        ({**NACK, "stream": "wf", "sequence": 1, "delay": -1}, "invalid-request", "/delay"),
        ({**NACK, "stream": "wf", "sequence": 1, "delay": 86_401}, "invalid-request", "/delay"),
        ({**NACK, "stream": "wf", "sequence": 1, "reason": 7}, "invalid-request", "/reason"),
        ({**NACK, "stream": "wf", "sequence": 1, "attempt": 2}, "invalid-request", "/attempt"),
        ({"action": "nack", "stream": "wf", "sequence": 1}, "invalid-request", "/id"),
        ({"action": "release", "id": "w"}, "invalid-request", "/partition"),
        ({"action": "release", "id": "w", "partition": "1"}, "invalid-request", "/partition"),
        ({"action": "release", "partition": 1}, "invalid-request", "/id"),
        (
            {"action": "release", "id": "w", "partition": (partition_of("wf", 4) + 1) % 4},
            "invalid-request",
            "/partition",
        ),
        ({"action": "release", "id": "w", "partition": 10**15}, "invalid-request", "/partition"),
        ({**ACK, "cursor": cursor(partition_of("wf", 4), *range(4, 2000))}, "invalid-cursor", "/cursor"),
        ({**ACK, "cursor": cursor((partition_of("wf", 4) + 1) % 4)}, "invalid-cursor", "/cursor"),
    ],
)
def test_an_invalid_message_is_refused_with_a_pointer(member: Client, message: object, code: str, pointer: str) -> None:
    answer = member.send(message)
    assert (answer["type"], answer["code"], answer.get("pointer")) == ("error", code, pointer)


@pytest.mark.parametrize(
    "message",
    [
        {"action": "ack", "id": "x", "stream": "wf", "sequence": 1},
        {"action": "nack", "id": "x", "stream": "wf", "sequence": 1},
        {"action": "release", "id": "x", "partition": 1},
        {"action": "unsubscribe", "id": "x"},
    ],
)
def test_commands_of_a_connection_that_is_no_member_are_refused(member: Client, message: dict[str, Any]) -> None:
    answer = member.send(message)
    assert (answer["code"], answer["id"]) == ("subscription-not-found", "x")


def test_an_ephemeral_subscription_has_nothing_to_acknowledge(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    answer = client.send({"action": "nack", "id": "s", "stream": "wf", "sequence": 1})
    assert answer["code"] == "subscription-not-found"
