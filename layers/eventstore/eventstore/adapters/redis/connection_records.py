"""What the store holds of connections: the fields of their hashes, and what partitions know of their subscriptions."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.keys import connection_key, turn_keys
from eventstore.ports import ConnectionRecord, EphemeralRecord
from eventstore.streams import DurableName
from eventstore.subscriptions import Connection, SubscriptionId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.streams import StreamName
    from eventstore.subscriptions import ConnectionId, SubscriptionKey

__all__ = ["FIELDS", "decode_connection", "durable_name", "encode_credential", "read_records", "subscription_fields"]

FIELDS = ("protocol", "opened", "credential")
"""The fields of a hash that `decode_connection` reads."""

_SUBSCRIPTION, _DEFINITION = b"s:", b"d:"

_BATCH = 3000
"""The maximum number of arguments per command; ElastiCache Serverless accepts 3,999."""


class _Place(NamedTuple):
    """Where a partition keeps what belongs to an ephemeral subscription."""

    partition: int
    key: SubscriptionKey


def encode_credential(connection: Connection) -> str:
    """Return what connect.lua stores of the client's credential; empty if there is nothing to store."""
    members = [connection.subject, connection.tenants, connection.prefixes]
    # ASCII: the subject of a token may hold a lone surrogate, which has no UTF-8.
    return json.dumps(members, separators=(",", ":")) if any(members) else ""


def decode_connection(connection_id: ConnectionId, fields: Sequence[bytes | None]) -> Connection | None:
    """Return a connection; None if it is not registered.

    Args:
        connection_id: Its id.
        fields: The values of `FIELDS`.
    """
    protocol, opened, credential = fields
    if protocol is None or opened is None:
        return None
    subject, tenants, prefixes = json.loads(credential) if credential else ("", (), ())
    return Connection(connection_id, protocol.decode(), int(opened), subject, tuple(tenants), tuple(prefixes))


def subscription_fields(fields: Mapping[bytes, bytes]) -> Mapping[SubscriptionId, bytes]:
    """Return the records of a connection's active subscriptions, by their ids, which are sorted."""
    records = {
        SubscriptionId(field[len(_SUBSCRIPTION) :].decode()): record
        for field, record in fields.items()
        if field.startswith(_SUBSCRIPTION) and record
    }
    return dict(sorted(records.items()))


def durable_name(record: bytes) -> DurableName | None:
    """Return the name of the durable subscription of a record; None if it is that of an ephemeral subscription."""
    content = json.loads(record)
    return DurableName(content) if isinstance(content, str) else None


def read_records(
    client: Client,
    connection_ids: Sequence[ConnectionId],
    frames_of: Callable[[SubscriptionKey], Mapping[int, int]],
) -> Sequence[ConnectionRecord]:
    """See `Registry.records`.

    Args:
        client: The client of the store.
        connection_ids: The ids of the connections.
        frames_of: Returns the last frames of a subscription that this process delivers to.
    """
    pipeline = client.pipeline(transaction=False)
    for connection_id in connection_ids:
        pipeline.hgetall(connection_key(connection_id))
    texts: dict[_Place, bytes] = {}
    registered: list[tuple[Connection, Mapping[SubscriptionId, bytes]]] = []
    for connection_id, fields in zip(connection_ids, pipeline.execute(), strict=True):
        connection = decode_connection(connection_id, [fields.get(name.encode()) for name in FIELDS])
        if connection is not None:
            registered.append((connection, subscription_fields(fields)))
            texts |= {
                _Place(0, json.loads(record)[0]): fields[_DEFINITION + own_id.encode()]
                for own_id, record in registered[-1][1].items()
                if _DEFINITION + own_id.encode() in fields
            }
    places = {
        record: _places(record) for _, own in registered for record in own.values() if durable_name(record) is None
    }
    stored = _read(client, [own[0] for own in places.values() if own], "subscriptions")
    definitions = _definitions([*stored, *texts.items()])
    frames = _read_frames(client, [place for own in places.values() for place in own])
    return [
        ConnectionRecord(
            connection,
            [
                EphemeralRecord(
                    own_id,
                    *definitions[places[record][0].key],
                    {place.partition: frames[place] for place in places[record] if place in frames}
                    or frames_of(places[record][0].key),
                )
                for own_id, record in own.items()
                # One that has ended since has no definition.
                if places.get(record) and places[record][0].key in definitions
            ],
            {own_id: name for own_id, record in own.items() if (name := durable_name(record)) is not None},
        )
        for connection, own in registered
    ]


def _places(record: bytes) -> Sequence[_Place]:
    key, partitions, _ = json.loads(record)
    return [_Place(partition, key) for partition in partitions]


def _definitions(
    texts: Iterable[tuple[_Place, bytes]],
) -> Mapping[SubscriptionKey, tuple[str, tuple[StreamName, ...]]]:
    """Return the filters and the streams of ephemeral subscriptions, by their keys."""
    definitions = {}
    for place, text in texts:
        # Read as JSON alone: to compile thousands of filters would take seconds.
        _, _, filters, streams, *_ = json.loads(text)
        definitions[place.key] = json.dumps(filters, separators=(",", ":")), tuple(streams)
    return definitions


def _read_frames(client: Client, places: Sequence[_Place]) -> Mapping[_Place, int]:
    """Return the number of the last frame of each subscription in each partition that has sent any."""
    partitions = sorted({place.partition for place in places})
    pipeline = client.pipeline(transaction=False)
    for partition in partitions:
        pipeline.hget(turn_keys(partition).turn, "leap")
    # As `RedisTurns.frames`: what is stored is less by the frame offset.
    offsets = {partition: int(value or 0) for partition, value in zip(partitions, pipeline.execute(), strict=True)}
    frames = {place: int(value) + offsets[place.partition] for place, value in _read(client, places, "frames")}
    return {place: frame for place, frame in frames.items() if frame > 0}


def _read(client: Client, places: Iterable[_Place], name: str) -> Iterable[tuple[_Place, bytes]]:
    """Return the values that a hash of each partition has under the keys; absent ones are left out.

    Args:
        client: The client of the store.
        places: The keys, and the partitions that are read.
        name: The hash, as in `TurnKeys`.
    """
    by_partition: dict[int, list[_Place]] = defaultdict(list)
    for place in places:
        by_partition[place.partition].append(place)
    batches = [own[start : start + _BATCH] for own in by_partition.values() for start in range(0, len(own), _BATCH)]
    pipeline = client.pipeline(transaction=False)
    for batch in batches:
        pipeline.hmget(getattr(turn_keys(batch[0].partition), name), [place.key for place in batch])
    return [
        (place, value)
        for batch, values in zip(batches, pipeline.execute(), strict=True)
        for place, value in zip(batch, values, strict=True)
        if value is not None
    ]
