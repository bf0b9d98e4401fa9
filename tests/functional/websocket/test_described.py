"""Messages that other tests of these handlers rarely see conform to the AsyncAPI document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.cloudevents import from_json
from eventstore.cloudevents.event import RecordedEvent
from eventstore.durable.admin import Changes
from eventstore.filters import EVERYTHING
from eventstore.frames.builder import DeliveryBuilder, FrameLimits
from eventstore.frames.frame import Address, postings
from eventstore.frames.hub_messages import missing_json
from eventstore.frames.positioned import PositionedEvent
from eventstore.positions import Position
from eventstore.subscriptions import Subscription
from functions.hub import hub
from tests.documents import undescribed
from tests.functional.websocket.test_taking_part import NAME, make
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.websocket.clients import Gateway

_MEMBER = Address("c", "w", 32, 0)
_PLACE = Position(1, 0, 0)
_EVENT = PositionedEvent(
    _PLACE,
    RecordedEvent("wf-1", 1, 1, from_json('{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1}').body),
)
_LOST = missing_json([("wf-1", 1, 2)], complete=False, gone=["wf-1"])


def subscriber(*, bare: bool) -> tuple[Subscription, int]:
    return Subscription("k", "c", "s1", EVERYTHING, bare=bare), 3


@pytest.mark.parametrize(
    "add",
    [
        lambda builder: builder.add_events([_EVENT], [subscriber(bare=False)], bare=False),
        lambda builder: builder.add_events([_EVENT], [subscriber(bare=True)], bare=True),
        lambda builder: builder.add_live(_PLACE, [subscriber(bare=False)]),
        lambda builder: builder.add_owned(_PLACE, _MEMBER, ack_deadline_ms=30_000),
        lambda builder: builder.add_revoked(_MEMBER),
        lambda builder: builder.add_missing(_LOST, _PLACE, _MEMBER),
        lambda builder: builder.add_to_member([_EVENT], _MEMBER, resent=True),
        lambda builder: builder.add_again([_EVENT], 2, _MEMBER, reason="no"),
        lambda builder: builder.add_caught_up("wf-1", _MEMBER),
        lambda builder: builder.add_truncated(_LOST, _PLACE, [subscriber(bare=False), subscriber(bare=True)]),
    ],
    ids=["events", "bare", "live", "owned", "revoked", "missing", "resent", "again", "caught up", "truncated"],
)
def test_the_messages_of_a_turn_conform(add: Callable[[DeliveryBuilder], object]) -> None:
    builder = DeliveryBuilder(7, "00c0ffee1234", FrameLimits(), "https://hub/api/v1/events")
    add(builder)
    messages = [
        json.loads(posting.message) for delivery in builder.deliveries() for posting in postings(delivery.encoded())
    ]
    assert messages
    for message in messages:
        assert not undescribed(message), message


def test_the_notifications_of_members_conform(gateway: Gateway) -> None:
    make()
    client, _ = gateway.connect()
    client.send({"action": "subscribe", "id": "w", "subscription": NAME})
    client.received()
    Trusted(hub().durable_subscriptions).change(NAME, Changes(ack_deadline_ms=60_000), versions=None)
    kinds: set[Any] = {message["type"] for message in client.received()}
    assert "changed" in kinds


def test_a_message_that_does_not_conform_is_reported() -> None:
    assert undescribed({"type": "pong", "more": 1}) == ["pong has no member more"]
    assert undescribed({"type": "live", "id": "s1", "partition": 7, "frame": 0, "cursor": "c"})
    assert undescribed({"type": "nothing"}) == ["no message has the type nothing"]
