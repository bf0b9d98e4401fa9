"""The hub's own durable subscription, whose target is a topic of Kafka that has the events for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.durable.pushing import MOST_PUSHED
from eventstore.errors import SettingsError
from eventstore.filters import parse_filters
from eventstore.groups import DeliverySettings
from eventstore.ports import Start
from eventstore.streams import DurableName
from eventstore.subscriptions import Durable, SubscriptionKey, Target

if TYPE_CHECKING:
    from eventstore.hub.hub import Hub

__all__ = ["begin_events_topic", "subscription_of"]

_CALL_MS = 5_000
"""How long one push may take: those of other rules wait for the same threads."""

_MAX_ATTEMPTS = 1_000_000_000
"""No stream is ever parked: the topic refuses all events or none."""


def subscription_of(topic: str) -> DurableName:
    """Return the name of the subscription of a topic."""
    return DurableName(f"kafka-{topic}")


def begin_events_topic(hub: Hub) -> None:
    """Make the topic that the settings name, or check it, and have turns write it from the oldest event on.

    Turns that wrote it before continue where they were. Without such a setting, do nothing.

    Args:
        hub: The hub; its turns push to targets from this process.

    Raises:
        SettingsError: The topic has other settings than the hub needs, or its subscription has another target.
        StoreUnavailable: The store or a broker does not answer.
    """
    topic, name = hub.target_adapters.events_topic, hub.settings.kafka_events_topic
    if topic is None:
        return
    topic.check()
    durable = _durable(hub, name)
    stored = hub.durables.create(durable, dict.fromkeys(range(hub.durables.count), Start.OLDEST))
    if stored.target is None or (stored.target.kind, stored.target.address) != ("kafka", name):
        raise SettingsError(
            f"KAFKA_EVENTS_TOPIC is {name!r}, which the durable subscription {stored.name!r} writes; one of this name "
            "exists with another target: delete it, or name another topic"
        )


def _durable(hub: Hub, topic: str) -> Durable:
    return Durable(
        key=SubscriptionKey(hub.new_id()),
        name=subscription_of(topic),
        filter=parse_filters([]),
        settings=DeliverySettings(_CALL_MS, _MAX_ATTEMPTS, MOST_PUSHED),
        created=hub.clock.now(),
        # One lane and one call, so that all events of a push are one batch of Kafka.
        target=Target("kafka", topic, batch=MOST_PUSHED, concurrency=1),
    )
