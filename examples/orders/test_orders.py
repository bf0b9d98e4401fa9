"""The service with a real hub, which is empty for each test."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from orders import BankIsBusy, Orders

from eventstore_client import EventConflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_testing import EventstoreHub


class Bank:
    """A bank that may be busy, and remembers what it charged."""

    def __init__(self) -> None:
        self.charged: list[tuple[str, float]] = []
        self.refused = threading.Event()
        self.is_busy = False

    def charge(self, order: str, amount: float) -> None:
        if self.is_busy:
            self.refused.set()
            raise BankIsBusy
        self.charged.append((order, amount))


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def orders(eventstore_hub: EventstoreHub, bank: Bank) -> Iterator[Orders]:
    with Orders(eventstore_hub.url, charge=bank.charge) as orders:
        yield orders


def test_an_order_is_charged_and_shipped(eventstore_hub: EventstoreHub, orders: Orders, bank: Bank) -> None:
    orders.place("order-1", amount=12.5)

    eventstore_hub.await_event("order.shipped", stream="order-1")

    assert bank.charged == [("order-1", 12.5)]
    assert [event["type"] for event in eventstore_hub.events(stream="order-1")] == [
        "order.placed",
        "order.paid",
        "order.shipped",
    ]


def test_an_order_keeps_its_amount(eventstore_hub: EventstoreHub, orders: Orders) -> None:
    # Another test has this order too: the hub was emptied.
    orders.place("order-1", amount=20)
    orders.place("order-1", amount=20)

    with pytest.raises(EventConflict):
        orders.place("order-1", amount=99)

    assert [event["data"] for event in eventstore_hub.events(type="order.placed")] == [{"amount": 20}]


def test_a_busy_bank_is_asked_again(eventstore_hub: EventstoreHub, orders: Orders, bank: Bank) -> None:
    bank.is_busy = True
    orders.place("order-1", amount=12.5)
    assert bank.refused.wait(10)

    bank.is_busy = False
    paid = threading.Thread(target=eventstore_hub.await_event, args=["order.paid"])
    paid.start()
    # Five minutes pass, as often as it takes for the hub to have the answer of the service first.
    while paid.is_alive():
        eventstore_hub.advance(timedelta(minutes=5))
        paid.join(0.1)

    assert bank.charged == [("order-1", 12.5)]


def test_orders_are_handled_after_a_connection_was_cut(eventstore_hub: EventstoreHub, orders: Orders) -> None:
    orders.place("order-1", amount=1)
    eventstore_hub.await_event("order.shipped", stream="order-1")

    eventstore_hub.cut_connections()
    orders.place("order-2", amount=2)

    eventstore_hub.await_event("order.shipped", stream="order-2")


def test_orders_are_handled_after_the_hub_was_away(eventstore_hub: EventstoreHub, orders: Orders) -> None:
    orders.place("order-1", amount=1)

    with eventstore_hub.outage():
        pass

    eventstore_hub.await_event("order.shipped", stream="order-1")
