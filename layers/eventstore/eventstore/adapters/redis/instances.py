"""The `Instances` in Redis: one sorted set of all instances, and a Redis Stream for the messages to each."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.connection import ANSWERING, SOCKET_SECONDS
from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import INSTANCES, inbox_key
from eventstore.adapters.redis.scripts import Script
from eventstore.ports import FIRST_MESSAGE, InstanceId, Received

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Clock

__all__ = ["RedisInstances"]

_INBOX_MS = 60_000
"""How long the inbox of an instance that neither receives nor sends heartbeats is kept."""

_INBOXES = 1 << 48
"""The numbers from which that of an inbox is drawn."""

_MAX_BLOCK_MS = int(SOCKET_SECONDS * 1000 / 2)

_RECEIVED = 200
"""The maximum number of messages that a call receives."""

_BATCH, _BATCH_BYTES = 3000, 1 << 20
"""How many messages, and about how many bytes, a script is sent; ElastiCache Serverless accepts 3,999 and 4 MiB."""


class RedisInstances:
    """See `ports.Instances`.

    Args:
        client: The client of the store.
        alive_ms: How long after its last heartbeat an instance counts as alive, in milliseconds.
        reader: The client of the blocking reads of `receive`, each of which holds a connection while it waits. None is
            `client`; a server passes one of its own, so that waiting never takes a connection from its requests.
        max_messages: About how many messages an inbox holds; the oldest are lost beyond it.
        clock: Replaces the clock of the server; None is the server's, which deployments use.
    """

    def __init__(
        self,
        client: Client,
        *,
        alive_ms: int,
        reader: Client | None = None,
        max_messages: int = 10_000,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._reader = reader or client
        self._alive_ms = alive_ms
        self._max_messages = max_messages
        self._clock = clock
        self._heartbeat = Script("instances/heartbeat", "shared/server_time")
        self._dead = Script("instances/dead", "shared/server_time")
        self._forget = Script("instances/forget", "shared/server_time")
        self._keep_inbox = Script("instances/keep_inbox")
        self._send = Script("instances/send")

    def heartbeat(self, instance: InstanceId) -> Sequence[InstanceId]:
        """See `Instances.heartbeat`."""
        with ANSWERING:
            # The inbox first: an instance that others know has one.
            self._keep(instance, FIRST_MESSAGE)
            return _sorted(self._heartbeat(self._client, [INSTANCES], [instance, self._alive_ms, self._time()]))

    def leave(self, instance: InstanceId) -> None:
        """See `Instances.leave`."""
        with ANSWERING:
            self._client.execute_command("ZREM", INSTANCES, instance)
            self._client.execute_command("DEL", inbox_key(instance))

    def dead(self) -> Sequence[InstanceId]:
        """See `Instances.dead`."""
        with ANSWERING:
            return _sorted(self._dead(self._client, [INSTANCES], [self._alive_ms, self._time()]))

    def forget(self, instance: InstanceId) -> None:
        """See `Instances.forget`."""
        with ANSWERING:
            # If a heartbeat in between creates the inbox that this deletes, the instance finds a gap when it receives.
            if self._forget(self._client, [INSTANCES], [instance, self._alive_ms, self._time()]):
                self._client.execute_command("DEL", inbox_key(instance))

    def send(self, to: InstanceId, messages: Sequence[bytes]) -> bool:
        """See `Instances.send`."""
        with ANSWERING:
            # One after the other: if one is sent again, no later one has been stored before it.
            return all(
                self._send(self._client, [inbox_key(to)], [self._max_messages, *batch]) for batch in _batches(messages)
            )

    def receive(self, instance: InstanceId, after: str, *, block_ms: int) -> Received:
        """See `Instances.receive`. It waits for at most half of the time that a connection waits for an answer."""
        with ANSWERING:
            newest, was_created = self._keep(instance, after)
            if after != FIRST_MESSAGE and (was_created or not _is_in_inbox(after, newest=newest)):
                return Received((), FIRST_MESSAGE, has_gap=True)
            # A block of 0 would never end.
            block = {"block": min(block_ms, _MAX_BLOCK_MS)} if block_ms > 0 else {}
            entries_by_key = self._reader.xread({inbox_key(instance): after}, count=_RECEIVED, **block) or {}
        entries = [entry for [batch] in dict(entries_by_key).values() for entry in batch]
        if not entries:
            return Received((), after, has_gap=False)
        messages = [message for entry_id, fields in entries if _place(entry_id).number for message in fields.values()]
        return Received(messages, entries[-1][0].decode(), has_gap=not _follows(_place(entries[0][0]), after))

    def _keep(self, instance: InstanceId, after: str) -> tuple[bytes, bool]:
        """Keep the inbox of an instance; return the id of its newest entry, and whether the inbox was created."""
        arguments = [after, _INBOX_MS, secrets.randbelow(_INBOXES) + 1]
        newest, was_created = self._keep_inbox(self._client, [inbox_key(instance)], arguments)
        return newest, bool(was_created)

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())


class _Place(NamedTuple):
    """The place of an entry: the number of its inbox, and its own number there."""

    inbox: int
    number: int


def _place(entry_id: bytes) -> _Place:
    return _Place(*sequence_and_time(entry_id))


def _is_in_inbox(after: str, *, newest: bytes) -> bool:
    """Whether a place is one of the inbox that has this newest entry. It is none if the inbox, or its end, was lost."""
    place, end = _place(after.encode()), _place(newest)
    return place.inbox == end.inbox and place.number <= end.number


def _follows(first: _Place, after: str) -> bool:
    """Whether an entry is the one that follows a place: no entry in between was removed."""
    if after == FIRST_MESSAGE:
        return first.number == 0
    place = _place(after.encode())
    return first == (place.inbox, place.number + 1)


def _sorted(instances: Sequence[bytes]) -> list[InstanceId]:
    return sorted(InstanceId(instance.decode()) for instance in instances)


def _batches(messages: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Return the messages as scripts are sent them; without messages, one batch of none."""
    batch: list[bytes] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == _BATCH or size + len(message) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    yield batch
