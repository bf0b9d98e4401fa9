"""The service of orders: what is placed is charged, and what is paid is shipped.

Each order is a stream, so its events are handled in order. The id of an event that the service publishes follows from
the order, so an event that is handled again changes nothing in the stream.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from eventstore_client import EventStore, Recorded, Retry

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BankIsBusy", "Orders"]


class BankIsBusy(Exception):
    """The bank cannot be asked now."""


class Orders:
    """Places orders, and handles them until it is closed.

    Args:
        url: The hub.
        charge: Charges an amount for an order; it may raise `BankIsBusy`.
    """

    def __init__(self, url: str, *, charge: Callable[[str, float], None]) -> None:
        self._store = EventStore(url)
        self._charge = charge
        self._store.subscriptions.create("orders", filters=[{"prefix": {"type": "order."}}], start="start")
        self._worker = self._store.work("orders")
        self._thread = threading.Thread(target=self._worker.run, args=[self._handle], name="orders")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
        self._thread.join()
        self._store.close()

    def place(self, order: str, *, amount: float) -> None:
        """Place an order. Placing it again changes nothing.

        Raises:
            EventConflict: The order was placed with another amount.
        """
        self._publish(order, "placed", {"amount": amount})

    def _handle(self, event: Recorded) -> None:
        if event.type == "order.placed":
            try:
                self._charge(event.stream, event.data["amount"])
            except BankIsBusy as error:
                raise Retry("the bank is busy", delay=300) from error
            self._publish(event.stream, "paid")
        elif event.type == "order.paid":
            self._publish(event.stream, "shipped")

    def _publish(self, order: str, what: str, data: object = None) -> None:
        attributes = {"specversion": "1.0", "id": f"{order}/{what}", "source": "/orders", "type": f"order.{what}"}
        self._store.publish([attributes if data is None else {**attributes, "data": data}], stream=order)
