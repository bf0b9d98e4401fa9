"""The `Registry` in Redis: a hash per connection, with its subscriptions.

The hash is written first and removed last, so that every subscription in a partition is recorded at its connection.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.connection_records import (
    FIELDS,
    decode_connection,
    durable_name,
    encode_credential,
    read_records,
    subscription_fields,
)
from eventstore.adapters.redis.keys import CONNECTIONS, connection_key
from eventstore.adapters.redis.partition_subscriptions import PartitionSubscriptions
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import ConnectionNotFound, SubscriptionConflict, SubscriptionNotFound, TooManySubscriptions
from eventstore.live.index_terms import terms_of
from eventstore.ports import ListedConnection
from eventstore.subscriptions import SubscriptionKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Clock, ConnectionRecord, EphemeralSubscriptions, Start, Started
    from eventstore.positions import Epoch, Position
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId, Subscription, SubscriptionId

__all__ = ["RedisRegistry"]

_MAX_SUBSCRIPTIONS = 50
"""The maximum number of active subscriptions of a connection."""


class RedisRegistry:
    """See `ports.Registry`.

    Args:
        client: See `RedisTurns`.
        partitions: See `RedisTurns`.
        clock: See `RedisTurns`.
        new_epoch: See `RedisTurns`.
        ephemeral: Where ephemeral subscriptions start; None is in their partitions, whose turns deliver to them.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        ephemeral: EphemeralSubscriptions | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._partitions = Partitions.of(client, partitions, new_epoch)
        self._ephemeral = ephemeral or PartitionSubscriptions(client, self._partitions)
        self._list = Script("shared/list_names")
        self._connect = Script("registry/connect")
        self._add_subscription = Script("registry/add_subscription")
        self._record_activity = Script("registry/record_activity", "shared/server_time")
        self._remove_subscription = Script("registry/remove_subscription")

    def connect(self, connection: Connection) -> None:
        """See `Registry.connect`."""
        with ANSWERING:
            # A store that this version does not support, or with another number of partitions, is left unchanged.
            _ = self._partitions.count
            # Listed first: the sweep forgets a listed connection without a hash, but never finds an unlisted one.
            self._list(self._client, [CONNECTIONS], [connection.id, connection.opened])
            arguments = [connection.protocol, connection.opened, encode_credential(connection)]
            self._connect(self._client, [connection_key(connection.id)], arguments)

    def connection(self, connection_id: ConnectionId) -> Connection | None:
        """See `Registry.connection`."""
        with ANSWERING:
            return decode_connection(connection_id, self._client.hmget(connection_key(connection_id), FIELDS))

    def listed(self, *, after: ListedConnection, count: int) -> Sequence[ListedConnection]:
        """See `Registry.listed`."""
        connections: list[ListedConnection] = []
        offset = 0
        while len(connections) < count:
            arguments = (CONNECTIONS, after.opened, "+inf", "WITHSCORES", "LIMIT", offset, count)
            with ANSWERING:
                batch = self._client.execute_command("ZRANGEBYSCORE", *arguments)
            listed = [ListedConnection(int(score), name.decode()) for name, score in batch]
            # More than a few connections are opened in the millisecond of `after` only where clocks stand still.
            connections += [connection for connection in listed if connection > after]
            offset += count
            if len(listed) < count:
                break
        return connections[:count]

    def records(self, connection_ids: Sequence[ConnectionId]) -> Sequence[ConnectionRecord]:
        """See `Registry.records`."""
        with ANSWERING:
            return read_records(self._client, connection_ids, self._ephemeral.frames_of)

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `Registry.subscribe`."""
        record = json.dumps([subscription.key, sorted(starts), terms_of(subscription)], separators=(",", ":"))
        with ANSWERING:
            definition = "" if self._ephemeral.stores_definitions else subscription.encoded()
            self._record(subscription.connection, subscription.id, record, definition)
            started = self._ephemeral.start(subscription, starts)
            # A disconnect in between may have read the connection before all of this was stored.
            if self._client.hget(connection_key(subscription.connection), "protocol"):
                return started
            self._end(record.encode())
        raise ConnectionNotFound

    def join(self, connection_id: ConnectionId, subscription_id: SubscriptionId, durable: DurableName) -> None:
        """See `Registry.join`."""
        with ANSWERING:
            self._record(connection_id, subscription_id, json.dumps(durable))

    def joined(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> DurableName | None:
        """See `Registry.joined`."""
        with ANSWERING:
            record = self._client.hget(connection_key(connection_id), f"s:{subscription_id}")
        return durable_name(record) if record else None

    def heard_from(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> DurableName | None:
        """See `Registry.heard_from`."""
        with ANSWERING:
            record = self._record_activity(
                self._client, [connection_key(connection_id)], [self._time(), subscription_id]
            )
        return durable_name(record) if record else None

    def silence(self, connection_id: ConnectionId) -> int | None:
        """See `Registry.silence`."""
        with ANSWERING:
            silence = self._record_activity(self._client, [connection_key(connection_id)], [self._time()])
        return None if silence is None else int(silence)

    def unsubscribe(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> None:
        """See `Registry.unsubscribe`."""
        key = connection_key(connection_id)
        with ANSWERING:
            record = self._client.hget(key, f"s:{subscription_id}")
            if not record:
                raise SubscriptionNotFound(subscription_id)
            # The record is removed last, so that a call that dies in between can be repeated.
            self._end(record)
            self._remove_subscription(self._client, [key], [subscription_id])

    def disconnect(self, connection_id: ConnectionId) -> Sequence[DurableName] | None:
        """See `Registry.disconnect`."""
        key = connection_key(connection_id)
        with ANSWERING:
            # From here on, nobody can subscribe; the records of existing subscriptions remain.
            was_known = self._client.execute_command("HDEL", key, "protocol")
            fields: Mapping[bytes, bytes] = self._client.execute_command("HGETALL", key)
            records = subscription_fields(fields).values()
            self._end(*records)
            joined = [name for name in map(durable_name, records) if name is not None]
            if not joined:
                self.forget(connection_id)
        return joined if was_known or fields else None

    def forget(self, connection_id: ConnectionId) -> None:
        """See `Registry.forget`."""
        with ANSWERING:
            self._client.execute_command("DEL", connection_key(connection_id))
            self._client.execute_command("ZREM", CONNECTIONS, connection_id)

    def expired_connections(self, *, before: int, count: int) -> Sequence[ConnectionId]:
        """See `Registry.expired_connections`."""
        with ANSWERING:
            arguments = (CONNECTIONS, "-inf", f"({before}", "LIMIT", 0, count)
            return [name.decode() for name in self._client.execute_command("ZRANGEBYSCORE", *arguments)]

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())

    def _record(
        self, connection_id: ConnectionId, subscription_id: SubscriptionId, record: str, definition: str = ""
    ) -> None:
        arguments = [subscription_id, record, _MAX_SUBSCRIPTIONS, definition]
        answer = self._add_subscription(self._client, [connection_key(connection_id)], arguments)
        if answer == b"used":
            raise SubscriptionConflict(subscription_id)
        if answer == b"many":
            raise TooManySubscriptions(_MAX_SUBSCRIPTIONS)
        if answer != b"taken":
            raise ConnectionNotFound

    def _end(self, *records: bytes) -> None:
        """End the ephemeral subscriptions among these records."""
        for record in records:
            if durable_name(record) is None:
                key, partitions, terms = json.loads(record)
                self._ephemeral.end(SubscriptionKey(key), partitions, terms)
