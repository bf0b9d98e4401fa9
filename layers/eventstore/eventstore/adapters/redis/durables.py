"""The `Durables` in Redis: a definition by name, and a group in the slot of each of the subscription's partitions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.definitions import Definitions, DurableDefinitions
from eventstore.adapters.redis.filter_references import decoded_durable, encoded_reference
from eventstore.adapters.redis.group_steps import GroupSteps, RedisGroupSteps
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.steps import CLOSED
from eventstore.errors import StoreClosed, StoreUnavailable, SubscriptionNotFound
from eventstore.groups import Group, encoded
from eventstore.ports import Start
from eventstore.positions import BEGINNING, Epoch, Position
from eventstore.streams import DurableName, is_name, partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.groups import Command
    from eventstore.subscriptions import Durable

__all__ = ["RedisDurables"]

_BATCH = 1000
"""The maximum number of commands per script call; ElastiCache Serverless accepts 3,999 arguments."""

_MAX_WAITING = 10_000
"""The maximum number of commands in an inbox: those of twenty turns, and at most some 15 MB."""

_NO_WAKEUP_OUTSTANDING, _TOO_MANY = 1, -2
"""Answers of enqueue_commands.lua."""


class RedisDurables:
    """See `ports.Durables`.

    Args:
        client: See `RedisLog`.
        partitions: See `RedisLog`.
        new_epoch: See `RedisLog`.
        waiting: The maximum number of commands in the inbox of a partition.
        definitions: Stores the definitions; None stores them in Redis alone.
        groups: Starts and ends groups; None does so in Redis alone.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        waiting: int = _MAX_WAITING,
        definitions: Definitions | None = None,
        groups: GroupSteps | None = None,
    ) -> None:
        self._client = client
        self._waiting = waiting
        self._partitions = Partitions.of(client, partitions, new_epoch)
        self._definitions = definitions or DurableDefinitions(client)
        self._groups = groups or RedisGroupSteps(client, self._partitions)
        self._enqueue_commands = Script("groups/enqueue_commands", "shared/bell")

    @property
    def count(self) -> int:
        """See `Durables.count`."""
        with ANSWERING:
            return self._partitions.count

    def create(
        self, durable: Durable, starts: Mapping[int, Position | Start], *, removals: Mapping[int, int] | None = None
    ) -> Durable:
        """See `Durables.create`."""
        with ANSWERING:
            self._partitions.require_writable()
            # The definition is stored first and decides; repeating a call that died keeps it and its groups. A full
            # store refuses a new definition, and nothing that belongs to a stored one.
            stored = self._stored(durable.name)
            if stored is None:
                created = self._definitions.create(durable.name, durable.encoded(), *encoded_reference(durable))
                stored = durable if created else self.get(durable.name)
            self._definitions.ensure_listed(durable.name)
            for partition in starts.keys() & set(self.partitions(stored)):
                group = _encode_group(starts[partition], (removals or {}).get(partition, 0))
                self._groups.start(partition, stored.key, stored.encoded(), group)
        return stored

    def get(self, name: DurableName) -> Durable:
        """See `Durables.get`."""
        # The name may be any text from a client: only valid names may become part of a key.
        if not is_name(name):
            raise SubscriptionNotFound(name, durable=True)
        with ANSWERING:
            stored = self._stored(name)
        if stored is None:
            raise SubscriptionNotFound(name, durable=True)
        return stored

    def definitions(self, names: Sequence[DurableName]) -> Sequence[Durable]:
        """See `Durables.definitions`."""
        with ANSWERING:
            texts = self._definitions.texts(names)
        return [decoded_durable(text, reference) for text, reference in texts if text is not None]

    def names(self, *, prefix: str, after: str, count: int) -> Sequence[DurableName]:
        """See `Durables.names`."""
        with ANSWERING:
            return self._definitions.names(prefix=prefix, after=after, count=count)

    def change(self, old: Durable, new: Durable) -> bool:
        """See `Durables.change`."""
        with ANSWERING:
            self._partitions.require_writable()
            ((text, reference),) = self._definitions.texts([old.name])
            # Compared as values: an earlier release may have encoded the same definition differently.
            if text is None or decoded_durable(text, reference) != old:
                return False
            return self._definitions.change(old.name, text, new.encoded(), *encoded_reference(new))

    def delete(self, name: DurableName) -> None:
        """See `Durables.delete`."""
        durable = self.get(name)
        with ANSWERING:
            self._partitions.require_writable()
            for partition in self.partitions(durable):
                self._groups.end(partition, durable.key)
            while True:
                ((text, _),) = self._definitions.texts([name])
                if text is None or self._definitions.delete(name, text):
                    break

    def partitions(self, durable: Durable) -> Sequence[int]:
        """See `Durables.partitions`."""
        return sorted({partition_of(stream, self.count) for stream in durable.streams}) or range(self.count)

    def groups(self, durable: Durable) -> Mapping[int, Group]:
        """See `Durables.groups`."""
        partitions = self.partitions(durable)
        pipeline = self._client.pipeline(transaction=False)
        for partition in partitions:
            pipeline.hget(turn_keys(partition).groups, durable.key)
        with ANSWERING:
            states = pipeline.execute()
        return {p: Group.decoded(state.decode()) for p, state in zip(partitions, states, strict=True) if state}

    def has_groups(self, durable: Durable) -> bool:
        """See `Durables.has_groups`."""
        with ANSWERING:
            partitions = self.partitions(durable)
            self._partitions.restore_groups(partitions)
            pipeline = self._client.pipeline(transaction=False)
            for partition in partitions:
                pipeline.hexists(turn_keys(partition).groups, durable.key)
            return all(pipeline.execute())

    def enqueue(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> Sequence[int]:
        """See `Durables.enqueue`."""
        without_wakeup = []
        with ANSWERING:
            for partition, own_commands in commands.items():
                keys = turn_keys(partition)
                script_keys = [keys.inbox, keys.groups, partition_keys(partition).bell]
                texts = [encoded(command) for command in own_commands]
                for start in range(0, len(texts), _BATCH):
                    arguments = [durable.key, self._waiting, *texts[start : start + _BATCH]]
                    answer = self._enqueue_commands(self._client, script_keys, arguments)
                    if answer == CLOSED:
                        raise StoreClosed
                    if answer == _TOO_MANY:
                        raise StoreUnavailable(
                            f"{self._waiting} requests of members wait in partition {partition}, and no more may: "
                            "send it again in some seconds"
                        )
                    if answer == _NO_WAKEUP_OUTSTANDING:
                        without_wakeup.append(partition)
        return without_wakeup

    def _stored(self, name: DurableName) -> Durable | None:
        ((text, reference),) = self._definitions.texts([name])
        return None if text is None else decoded_durable(text, reference)


def _encode_group(start: Position | Start, removals: int) -> str:
    """Encode a new group; create_group.lua replaces the placeholders `REMOVALS` and `NOW`."""
    place = BEGINNING if isinstance(start, Start) else start
    members = json.loads(Group(place=place, removals=removals).encoded())
    if isinstance(start, Start):
        # Earlier removals count only for a given position.
        members["removals"] = "REMOVALS"
    if start is Start.NOW:
        members["place"] = "NOW"
    return json.dumps(members, separators=(",", ":"))
