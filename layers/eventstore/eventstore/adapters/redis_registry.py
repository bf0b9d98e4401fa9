"""The `Registry` in Redis: a hash per connection, and each subscription in the slots of the partitions it concerns.

The hash is written first and removed first: what stands in a partition is always known to a connection, or to the one
who is about to remove it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.adapters.redis_connection import ANSWERING
from eventstore.adapters.redis_keys import CONNECTIONS, connection_key, partition_keys, turn_keys
from eventstore.adapters.redis_partitions import Partitions, random_epoch
from eventstore.adapters.redis_scripts import Script
from eventstore.errors import ConnectionNotFound, SubscriptionConflict, SubscriptionNotFound, TooManySubscriptions
from eventstore.matching import terms_of
from eventstore.ports import Start, Started
from eventstore.positions import BEGINNING, WHOLE, Position
from eventstore.subscriptions import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis_connection import Client
    from eventstore.subscriptions import Subscription

__all__ = ["RedisRegistry"]

_MOST = 50
"""Subscriptions that a connection may have at a time."""

_SUBSCRIPTION = b"s:"


class RedisRegistry:
    """See `ports.Registry`; the arguments as in `RedisLog`."""

    def __init__(
        self, client: Client, *, partitions: int | None = None, new_epoch: Callable[[], str] = random_epoch
    ) -> None:
        self._client = client
        self._new_epoch = new_epoch
        self._partitions = Partitions(client, configured=partitions, new_epoch=new_epoch)
        self._take = Script("take")
        self._release = Script("release")
        self._subscribe = Script("subscribe")
        self._unsubscribe = Script("unsubscribe")

    def connect(self, connection: Connection) -> None:
        """See `Registry.connect`."""
        with ANSWERING:
            # Listed first: one that is listed and not there is forgotten in time, and the reverse would not be.
            self._client.execute_command("ZADD", CONNECTIONS, connection.opened, connection.id)
            fields = ("protocol", connection.protocol, "opened", connection.opened)
            self._client.execute_command("HSET", connection_key(connection.id), *fields)

    def connection(self, connection_id: str) -> Connection | None:
        """See `Registry.connection`."""
        with ANSWERING:
            protocol, opened = self._client.hmget(connection_key(connection_id), ("protocol", "opened"))
        return Connection(connection_id, protocol.decode(), int(opened)) if protocol else None

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `Registry.subscribe`."""
        where = json.dumps([subscription.key, sorted(starts), terms_of(subscription)], separators=(",", ":"))
        key = connection_key(subscription.connection)
        with ANSWERING:
            answer = self._take(self._client, [key], [subscription.id, where, _MOST])
            if answer == b"used":
                raise SubscriptionConflict(subscription.id)
            if answer == b"many":
                raise TooManySubscriptions(_MOST)
            if answer == b"taken":
                started = self._start(subscription, starts)
                # Who ended the connection meanwhile may have passed by before all of this stood.
                if self._client.hget(key, "protocol"):
                    return started
                self._end(where.encode())
        raise ConnectionNotFound

    def unsubscribe(self, connection_id: str, subscription_id: str) -> None:
        """See `Registry.unsubscribe`."""
        with ANSWERING:
            where = self._release(self._client, [connection_key(connection_id)], [subscription_id])
            if where is None:
                raise SubscriptionNotFound(subscription_id)
            self._end(where)

    def disconnect(self, connection_id: str) -> None:
        """See `Registry.disconnect`."""
        key = connection_key(connection_id)
        with ANSWERING:
            # No one may subscribe from here on; what stands is still known.
            self._client.execute_command("HDEL", key, "protocol")
            fields: Mapping[bytes, bytes] = self._client.execute_command("HGETALL", key)
            self._end(*(where for field, where in fields.items() if field.startswith(_SUBSCRIPTION) and where))
            self._client.execute_command("DEL", key)
            self._client.execute_command("ZREM", CONNECTIONS, connection_id)

    def overdue(self, *, before: int, count: int) -> Sequence[str]:
        """See `Registry.overdue`."""
        with ANSWERING:
            arguments = (CONNECTIONS, "-inf", f"({before}", "LIMIT", 0, count)
            return [name.decode() for name in self._client.execute_command("ZRANGEBYSCORE", *arguments)]

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
            for key, partitions, terms in map(json.loads, subscriptions)
            for partition in partitions
        ]
        self._unsubscribe.each(self._client, calls)


def _begins(partition: int) -> Sequence[str]:
    kept, keys = partition_keys(partition), turn_keys(partition)
    at = (kept.partition, keys.turn, kept.bell, kept.log, keys.behind)
    return (*at, keys.places, keys.subscriptions, keys.frames)


def _ends(partition: int) -> Sequence[str]:
    keys = turn_keys(partition)
    return keys.subscriptions, keys.frames, keys.behind, keys.places, keys.terms


def _started(answer: tuple[bytes, bytes, bytes, int]) -> Started:
    epoch, place, removals, rings = answer
    time, order, index = map(int, place.split(b"-"))
    return Started(epoch.decode(), Position(time, order, index), int(removals), bool(rings))


def _told(start: Position | Start) -> str:
    if start is Start.NOW:
        return "now"
    at = BEGINNING if isinstance(start, Start) else start
    return f"{at.time}-{at.order}-{at.index}"
