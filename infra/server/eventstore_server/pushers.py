"""Which instance makes the pushes of a turn, and which pushes are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups import TARGET, Member
from eventstore.live.dispatch import Pushing
from eventstore.ports.instances import InstanceId
from eventstore.subscriptions import SubscriptionId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from eventstore.subscriptions import SubscriptionKey
    from eventstore_server.push_queue import PushQueue

__all__ = ["pushing_of"]


def pushing_of(own: InstanceId, pushes: PushQueue, *, live: Callable[[], Collection[InstanceId]]) -> Pushing:
    """Return who makes the pushes of the turns of an instance: itself.

    Args:
        own: The id of the instance.
        pushes: Its pushes.
        live: Returns the instances that are alive.
    """

    def is_lost(pusher: Member, key: SubscriptionKey, partition: int) -> bool:
        instance = InstanceId(pusher.id)
        if instance == own:
            return not pushes.has(key, partition)
        return pusher != TARGET and instance not in live()

    return Pushing(Member(TARGET.connection, SubscriptionId(own)), is_lost)
