"""The `Registry` in Redis: a hash per connection, and each subscription in the slots of its partitions.

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
from eventstore.adapters.redis.keys import CONNECTIONS, connection_key, partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import ConnectionNotFound, SubscriptionConflict, SubscriptionNotFound, TooManySubscriptions
from eventstore.live.index_terms import terms_of
from eventstore.ports import ListedConnection, Start, Started
from eventstore.positions import BEGINNING, END_OF_APPEND, Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Clock, ConnectionRecord
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId, Subscription, SubscriptionId

__all__ = ["RedisRegistry"]

_MAX_SUBSCRIPTIONS = 50
"""The maximum number of active subscriptions of a connection."""


class RedisRegistry:
    """See `ports.Registry`; the arguments are those of `RedisTurns`."""

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
    ) -> None:
        self._client = client
        self._clock = clock
        self._partitions = Partitions.of(client, partitions, new_epoch)
        self._list = Script("shared/list_names")
        self._connect = Script("registry/connect")
        self._add_subscription = Script("registry/add_subscription")
        self._record_activity = Script("registry/record_activity")
        self._remove_subscription = Script("registry/remove_subscription")
        self._subscribe = Script("registry/subscribe", "shared/open_partition", "shared/bell")
        self._unsubscribe = Script("registry/unsubscribe")

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
            return read_records(self._client, connection_ids)

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `Registry.subscribe`."""
        record = json.dumps([subscription.key, sorted(starts), terms_of(subscription)], separators=(",", ":"))
        with ANSWERING:
            self._record(subscription.connection, subscription.id, record)
            started = self._start(subscription, starts)
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

    def disconnect(self, connection_id: ConnectionId) -> Sequence[DurableName]:
        """See `Registry.disconnect`."""
        key = connection_key(connection_id)
        with ANSWERING:
            # From here on, nobody can subscribe; the records of existing subscriptions remain.
            self._client.execute_command("HDEL", key, "protocol")
            fields: Mapping[bytes, bytes] = self._client.execute_command("HGETALL", key)
            records = subscription_fields(fields).values()
            self._end(*records)
            joined = [name for name in map(durable_name, records) if name is not None]
            if not joined:
                self.forget(connection_id)
        return joined

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

    def _record(self, connection_id: ConnectionId, subscription_id: SubscriptionId, record: str) -> None:
        arguments = [subscription_id, record, _MAX_SUBSCRIPTIONS]
        answer = self._add_subscription(self._client, [connection_key(connection_id)], arguments)
        if answer == b"used":
            raise SubscriptionConflict(subscription_id)
        if answer == b"many":
            raise TooManySubscriptions(_MAX_SUBSCRIPTIONS)
        if answer != b"taken":
            raise ConnectionNotFound

    def _start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        opening, key, encoded = self._partitions.opening, subscription.key, subscription.encoded()
        calls = [
            (_subscribe_keys(partition), [*opening(), key, encoded, _encode_start(start), END_OF_APPEND])
            for partition, start in starts.items()
        ]
        return dict(zip(starts, map(_started, self._subscribe.each(self._client, calls)), strict=True))

    def _end(self, *records: bytes) -> None:
        """Remove the ephemeral subscriptions among these records from their partitions."""
        ephemeral = (json.loads(record) for record in records if durable_name(record) is None)
        calls = [
            (_unsubscribe_keys(partition), [key, *terms])
            for key, partitions, terms in ephemeral
            for partition in partitions
        ]
        self._unsubscribe.each(self._client, calls)


def _subscribe_keys(partition: int) -> Sequence[str]:
    log, keys = partition_keys(partition), turn_keys(partition)
    head = (log.partition, keys.turn, log.bell, log.log, keys.behind)
    return (*head, keys.places, keys.subscriptions, keys.frames)


def _unsubscribe_keys(partition: int) -> Sequence[str]:
    keys = turn_keys(partition)
    return keys.subscriptions, keys.frames, keys.behind, keys.places, keys.terms


def _started(answer: tuple[bytes, bytes, bytes]) -> Started:
    epoch, position, removals = answer
    time, order, index = map(int, position.split(b"-"))
    return Started(Epoch(epoch.decode()), Position(time, order, index), int(removals))


def _encode_start(start: Position | Start) -> str:
    if start is Start.NOW:
        return "now"
    position = BEGINNING if isinstance(start, Start) else start
    return f"{position.major}-{position.minor}-{position.index}"
