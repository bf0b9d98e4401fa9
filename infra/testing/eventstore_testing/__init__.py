"""A real hub for the tests of a service: the plugin of pytest with the fixture `eventstore_hub`.

def test_an_order_is_shipped(eventstore_hub):
    with EventStore(eventstore_hub.url) as store:
        ...
    assert eventstore_hub.await_event("order.shipped")["subject"] == "order-1"
"""

from __future__ import annotations

from eventstore_testing.hub import EventstoreHub, HubFailed, NoSuchEvent

__all__ = ["EventstoreHub", "HubFailed", "NoSuchEvent"]
