"""The `Registry` in Redis: a hash per connection, and each subscription in the slots of the partitions it concerns.

The hash is written first and removed last: what stands in a partition is always known to a connection.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.keys import CONNECTIONS, connection_key, partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import ConnectionNotFound, SubscriptionConflict, SubscriptionNotFound, TooManySubscriptions
from eventstore.live.matching import terms_of
from eventstore.ports import Start, Started
from eventstore.positions import BEGINNING, WHOLE, Position
from eventstore.subscriptions import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Clock
    from eventstore.subscriptions import Subscription

__all__ = ["RedisRegistry"]

_MOST = 50
"""Subscriptions that a connection may have at a time."""

_SUBSCRIPTION = b"s:"


class RedisRegistry:
    """See `ports.Registry`; the arguments as in `RedisTurns`."""

    def __init__(
        self,
        client: Client,
        *,
        partitions: int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], str] = random_epoch,
    ) -> None:
        self._client = client
        self._clock = clock
        self._new_epoch = new_epoch
        self._partitions = Partitions(client, configured=partitions, new_epoch=new_epoch)
        self._list = Script("shared/list_names")
        self._connect = Script("registry/connect")
        self._add_subscription = Script("registry/add_subscription")
        self._record_activity = Script("registry/record_activity")
        self._remove_subscription = Script("registry/remove_subscription")
        self._subscribe = Script("registry/subscribe", "shared/open_partition")
        self._unsubscribe = Script("registry/unsubscribe")

    def connect(self, connection: Connection) -> None:
        """See `Registry.connect`."""
        with ANSWERING:
            # A store that this version does not know, or another one than is configured, is left as it is.
            _ = self._partitions.count
            # Listed first: one that is listed and not there is forgotten in time, and the reverse would not be.
            self._list(self._client, [CONNECTIONS], [connection.id, connection.opened])
            self._connect(self._client, [connection_key(connection.id)], [connection.protocol, connection.opened])

    def connection(self, connection_id: str) -> Connection | None:
        """See `Registry.connection`."""
        with ANSWERING:
            protocol, opened = self._client.hmget(connection_key(connection_id), ("protocol", "opened"))
        return Connection(connection_id, protocol.decode(), int(opened)) if protocol else None

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `Registry.subscribe`."""
        where = json.dumps([subscription.key, sorted(starts), terms_of(subscription)], separators=(",", ":"))
        with ANSWERING:
            self._give(subscription.connection, subscription.id, where)
            started = self._start(subscription, starts)
            # Who ended the connection meanwhile may have passed by before all of this stood.
            if self._client.hget(connection_key(subscription.connection), "protocol"):
                return started
            self._end(where.encode())
        raise ConnectionNotFound

    def join(self, connection_id: str, subscription_id: str, durable: str) -> None:
        """See `Registry.join`."""
        with ANSWERING:
            self._give(connection_id, subscription_id, json.dumps(durable))

    def joined(self, connection_id: str, subscription_id: str) -> str | None:
        """See `Registry.joined`."""
        with ANSWERING:
            where = self._client.hget(connection_key(connection_id), f"s:{subscription_id}")
        return _durable(where) if where else None

    def heard_from(self, connection_id: str, subscription_id: str) -> str | None:
        """See `Registry.heard_from`."""
        with ANSWERING:
            where = self._record_activity(
                self._client, [connection_key(connection_id)], [self._time(), subscription_id]
            )
        return _durable(where) if where else None

    def silence(self, connection_id: str) -> int | None:
        """See `Registry.silence`."""
        with ANSWERING:
            silence = self._record_activity(self._client, [connection_key(connection_id)], [self._time()])
        return None if silence is None else int(silence)

    def unsubscribe(self, connection_id: str, subscription_id: str) -> None:
        """See `Registry.unsubscribe`."""
        key = connection_key(connection_id)
        with ANSWERING:
            where = self._client.hget(key, f"s:{subscription_id}")
            if not where:
                raise SubscriptionNotFound(subscription_id)
            # The connection knows of it until nothing stands: who dies in between leaves it to be done again.
            self._end(where)
            self._remove_subscription(self._client, [key], [subscription_id])

    def disconnect(self, connection_id: str) -> Sequence[str]:
        """See `Registry.disconnect`."""
        key = connection_key(connection_id)
        with ANSWERING:
            # No one may subscribe from here on; what stands is still known.
            self._client.execute_command("HDEL", key, "protocol")
            fields: Mapping[bytes, bytes] = self._client.execute_command("HGETALL", key)
            places = [where for field, where in fields.items() if field.startswith(_SUBSCRIPTION) and where]
            self._end(*places)
            joined = [name for name in map(_durable, places) if name is not None]
            if not joined:
                self.forget(connection_id)
        return joined

    def forget(self, connection_id: str) -> None:
        """See `Registry.forget`."""
        with ANSWERING:
            self._client.execute_command("DEL", connection_key(connection_id))
            self._client.execute_command("ZREM", CONNECTIONS, connection_id)

    def expired_connections(self, *, before: int, count: int) -> Sequence[str]:
        """See `Registry.expired_connections`."""
        with ANSWERING:
            arguments = (CONNECTIONS, "-inf", f"({before}", "LIMIT", 0, count)
            return [name.decode() for name in self._client.execute_command("ZRANGEBYSCORE", *arguments)]

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())

    def _give(self, connection_id: str, subscription_id: str, where: str) -> None:
        answer = self._add_subscription(self._client, [connection_key(connection_id)], [subscription_id, where, _MOST])
        if answer == b"used":
            raise SubscriptionConflict(subscription_id)
        if answer == b"many":
            raise TooManySubscriptions(_MOST)
        if answer != b"taken":
            raise ConnectionNotFound

    def _start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        count, key, encoded = self._partitions.count, subscription.key, subscription.encoded()
        calls = [
            (_begins(partition), [self._new_epoch(), count, key, encoded, _told(start), WHOLE])
            for partition, start in starts.items()
        ]
        return dict(zip(starts, map(_started, self._subscribe.each(self._client, calls)), strict=True))

    def _end(self, *subscriptions: bytes) -> None:
        calls = [
            (_ends(partition), [key, *terms])
            for key, partitions, terms in (json.loads(where) for where in subscriptions if _durable(where) is None)
            for partition in partitions
        ]
        self._unsubscribe.each(self._client, calls)


def _durable(where: bytes) -> str | None:
    """The name of the durable subscription, if it is one that the connection takes part in."""
    told = json.loads(where)
    return told if isinstance(told, str) else None


def _begins(partition: int) -> Sequence[str]:
    kept, keys = partition_keys(partition), turn_keys(partition)
    at = (kept.partition, keys.turn, kept.bell, kept.log, keys.behind)
    return (*at, keys.places, keys.subscriptions, keys.frames)


def _ends(partition: int) -> Sequence[str]:
    keys = turn_keys(partition)
    return keys.subscriptions, keys.frames, keys.behind, keys.places, keys.terms


def _started(answer: tuple[bytes, bytes, bytes]) -> Started:
    epoch, place, removals = answer
    time, order, index = map(int, place.split(b"-"))
    return Started(epoch.decode(), Position(time, order, index), int(removals))


def _told(start: Position | Start) -> str:
    if start is Start.NOW:
        return "now"
    at = BEGINNING if isinstance(start, Start) else start
    return f"{at.time}-{at.order}-{at.index}"
