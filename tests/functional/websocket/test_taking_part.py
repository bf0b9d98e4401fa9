"""Durable subscriptions over `eventstore.v1` (docs/protocol.md, "Durable subscriptions")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.durable.admin import Changes
from eventstore.filters import parse_filters
from eventstore.groups import Nack, Rules
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


def make(name: str = NAME, *, streams: tuple[str, ...] = ("wf",), **rules: int) -> Durable:
    durable = Durable(hub().new_id(), name, parse_filters([]), streams, Rules(**rules))
    durables = hub().durables
    return durables.create(durable, dict.fromkeys(durables.partitions(durable), Start.OLDEST))


def join(client: Client, own_id: str = "w", name: str = NAME) -> dict[str, Any]:
    return client.send({"action": "subscribe", "id": own_id, "subscription": name})


def publish(client: Client, *ids: str) -> None:
    told = client.send({"action": "publish", "events": [cloudevent(one) for one in ids], "stream": "wf"})
    assert told["type"] == "published"


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for message in messages for event in message.get("events", ())]


@pytest.fixture
def member(client: Client) -> Client:
    """Takes part, owns the partition of the one stream, and has been told so."""
    make()
    join(client)
    [owned] = client.received()
    assert owned["type"] == "owned"
    return client


class TestTakingPart:
    def test_who_takes_part_is_told_which_partitions_it_concerns(self, client: Client) -> None:
        make(streams=())
        told = client.send({"action": "subscribe", "id": "w", "subscription": NAME, "request": "r"})
        wanted = {"id": "w", "subscription": NAME, "partitions": [0, 1, 2, 3], "request": "r"}
        assert told == {"type": "subscribed", "ack_deadline": 30, **wanted}

    def test_it_is_told_what_it_owns_and_gets_what_is_there(self, client: Client) -> None:
        make()
        publish(client, "1", "2")
        join(client)
        owned, sent = client.received()
        assert (owned["type"], owned["id"], owned["frame"]) == ("owned", "w", 1)
        assert (sent["id"], sent["partition"], sent["frame"], ids([sent])) == ("w", owned["partition"], 2, ["1", "2"])

    def test_two_share_partitions(self, client: Client, gateway: Gateway) -> None:
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

    def test_what_does_not_exist_cannot_be_taken_part_in(self, client: Client) -> None:
        told = join(client, name="nobody")
        assert (told["type"], told["code"], told["id"]) == ("error", "subscription-not-found", "w")

    def test_what_has_a_target_cannot_be_taken_part_in(self, client: Client) -> None:
        durable = Durable(hub().new_id(), NAME, parse_filters([]), target=Target("lambda", "billing"))
        hub().durables.create(durable, dict.fromkeys(range(4), Start.OLDEST))
        told = join(client)
        assert (told["type"], told["code"], told["id"]) == ("error", "subscription-has-target", "w")
        Trusted(hub().durable_subscriptions).change(NAME, Changes(target=None))
        assert join(client)["type"] == "subscribed"

    def test_an_id_that_failed_may_be_used(self, client: Client) -> None:
        join(client, name="nobody")
        make()
        assert join(client)["type"] == "subscribed"

    def test_an_id_serves_once(self, member: Client) -> None:
        make("others")
        assert join(member, name="others")["code"] == "subscription-conflict"
        member.send({"action": "unsubscribe", "id": "w"})
        assert join(member)["code"] == "subscription-conflict"

    def test_who_was_not_answered_may_ask_once_more(self, member: Client) -> None:
        assert join(member)["type"] == "subscribed"
        publish(member, "1")
        [sent] = member.received()
        assert (sent["frame"], ids([sent])) == (2, ["1"])

    def test_other_subscriptions_of_the_connection_go_on(self, member: Client) -> None:
        member.send({"action": "subscribe", "id": "s"})
        publish(member, "1")
        assert sorted(m["id"] for m in member.received() if m["type"] == "events") == ["s", "w"]


class TestAcknowledging:
    def test_what_is_acknowledged_makes_room_for_more(self, client: Client) -> None:
        make(max_in_flight=2)
        join(client)
        publish(client, "1", "2", "3")
        first = client.received()[-1]
        assert ids([first]) == ["1", "2"]
        told = client.send({"action": "ack", "id": "w", "cursor": first["cursor"], "request": "r"})
        assert told == {"type": "acknowledged", "id": "w", "request": "r"}
        assert ids(client.received()) == ["3"]

    def test_a_held_stream_is_acknowledged_by_itself(self, member: Client) -> None:
        publish(member, "1", "2")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 0})
        [again] = member.received()
        assert (again["stream"], again["attempt"], ids([again])) == ("wf", 2, ["1"])
        told = member.send({"action": "ack", "id": "w", "stream": "wf", "sequence": 1})
        assert told == {"type": "acknowledged", "id": "w"}
        assert ids(member.received()) == ["2"]

    def test_a_stream_that_caught_up_is_said_to_have(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 0})
        member.received()
        member.send({"action": "ack", "id": "w", "stream": "wf", "sequence": 1})
        [told] = member.received()
        assert (told["stream"], told["events"], "attempt" in told) == ("wf", [], False)


class TestFailing:
    def test_a_nack_is_answered(self, member: Client) -> None:
        publish(member, "1")
        message = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "no", "request": "r"}
        assert member.send(message) == {"type": "acknowledged", "id": "w", "request": "r"}

    def test_a_long_reason_is_cut_before_it_is_kept(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        for reason in ("\N{PILE OF POO}" * 30_000, "\ud800"):
            nack = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": reason}
            assert member.send(nack)["type"] == "acknowledged"
        turn = hub().turns.begin(partition_of("wf", 4), events=1, behind=1)
        nacks = [command for _, command in turn.commands]
        assert [one.reason for one in nacks if isinstance(one, Nack)] == ["\N{PILE OF POO}" * 300, "?"]

    def test_later_means_not_now(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "delay": 86_400})
        assert member.received() == []
        [(_, seconds)] = member.gateway.bells.later[-1:]
        assert seconds > 0

    def test_parked_is_parked_with_its_reason(self, member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(type(hub().letters), "send", lambda _, letters: sent.extend(letters))
        publish(member, "1", "2")
        member.received()
        nack = {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "card declined", "park": True}
        member.send(nack)
        assert member.received() == []
        assert [(one.sequence, one.errors[0]) for one in sent] == [
            (1, "card declined"),
            (2, "behind 1, which was parked"),
        ]


class TestLeaving:
    def test_who_unsubscribes_leaves(self, member: Client, gateway: Gateway) -> None:
        publish(member, "1")
        member.received()
        assert member.send({"action": "unsubscribe", "id": "w"}) == {"type": "unsubscribed", "id": "w"}
        other, _ = gateway.connect()
        join(other)
        assert ids(other.received()) == ["1"]

    def test_who_left_gets_nothing_more(self, member: Client) -> None:
        member.send({"action": "unsubscribe", "id": "w"})
        publish(member, "1")
        assert member.received() == []

    def test_who_left_may_come_back_under_another_id(self, member: Client) -> None:
        publish(member, "1")
        member.received()
        member.send({"action": "unsubscribe", "id": "w"})
        join(member, "w2")
        owned, sent = member.received()
        assert (owned["type"], sent["id"], ids([sent])) == ("owned", "w2", ["1"])

    def test_whose_connection_ends_leaves(self, member: Client, gateway: Gateway) -> None:
        publish(member, "1")
        member.received()
        member.disconnect()
        other, _ = gateway.connect()
        join(other)
        assert ids(other.received()) == ["1"]

    def test_what_ended_meanwhile_can_be_left(self, member: Client) -> None:
        hub().durables.delete(NAME)
        assert member.send({"action": "unsubscribe", "id": "w"})["type"] == "unsubscribed"
        member.disconnect()

    def test_what_was_released_is_answered(self, member: Client) -> None:
        told = member.send({"action": "release", "id": "w", "partition": partition_of("wf", 4), "request": "r"})
        assert told == {"type": "released", "id": "w", "partition": partition_of("wf", 4), "request": "r"}


class TestEnding:
    @pytest.fixture
    def delete(self, member: Client) -> Callable[[], None]:
        assert member.received() == []
        return lambda: Trusted(hub().durable_subscriptions).delete(NAME)

    def test_a_member_is_told_that_what_it_takes_part_in_was_deleted(
        self, member: Client, delete: Callable[[], None]
    ) -> None:
        delete()
        wanted = {"code": "subscription-not-found", "detail": f"the durable subscription '{NAME}' was deleted"}
        assert member.received() == [{"type": "error", **wanted, "id": "w"}]

    def test_it_is_told_behind_what_it_was_sent(self, member: Client, delete: Callable[[], None]) -> None:
        publish(member, "1")
        member.gateway.dispatch(*({"partition": partition} for partition in range(4)))
        delete()
        assert [message["type"] for message in member.received()] == ["events", "error"]

    def test_a_bell_that_comes_again_tells_nothing_new(self, member: Client, delete: Callable[[], None]) -> None:
        delete()
        bell = {"ended": member.connection, "id": "w", "subscription": NAME}
        assert len(member.received()) == 1
        member.gateway.dispatch(bell)
        assert member.received() == []

    def test_who_left_by_then_is_told_nothing(self, member: Client, delete: Callable[[], None]) -> None:
        delete()
        member.send({"action": "unsubscribe", "id": "w"})
        assert member.received() == []

    def test_who_disconnected_by_then_is_told_nothing(self, member: Client, delete: Callable[[], None]) -> None:
        delete()
        member.disconnect()
        assert member.received() == []

    def test_another_one_of_the_name_is_taken_part_in_anew(self, member: Client, delete: Callable[[], None]) -> None:
        delete()
        make()
        assert [message["type"] for message in member.received()] == ["error"]
        publish(member, "1")
        assert member.received() == []
        join(member, "w2")
        assert ids(member.received()) == ["1"]

    def test_a_function_that_dies_before_all_is_done_is_made_up_for(
        self, member: Client, delete: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dying(*_: object) -> None:
            raise KeyboardInterrupt

        delete()
        [(name, told)] = member.gateway.bells.told_ended
        bell = {"ended": told.connection, "id": told.id, "subscription": name}
        with monkeypatch.context() as patched:
            patched.setattr(type(hub().members), "unsubscribe", dying)
            with pytest.raises(KeyboardInterrupt):
                member.gateway.dispatch(bell)
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
def test_what_is_wrong_is_named(member: Client, message: object, code: str, pointer: str) -> None:
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
def test_what_the_connection_takes_no_part_in_is_not_there(member: Client, message: dict[str, Any]) -> None:
    told = member.send(message)
    assert (told["code"], told["id"]) == ("subscription-not-found", "x")


def test_a_subscription_of_its_own_has_nothing_to_acknowledge(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    told = client.send({"action": "nack", "id": "s", "stream": "wf", "sequence": 1})
    assert told["code"] == "subscription-not-found"
