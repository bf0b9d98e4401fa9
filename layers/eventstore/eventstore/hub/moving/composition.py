"""The store of a deployment, as whoever moves it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.copy_source import RedisCopySource
from eventstore.adapters.redis.copy_target import CopySteps, RedisCopySteps, RedisCopyTarget
from eventstore.adapters.redis.definitions import (
    Definitions,
    DurableDefinitions,
    FilterDefinitions,
    SchemaDefinitions,
)
from eventstore.adapters.redis.group_steps import GroupSteps, RedisGroupSteps
from eventstore.adapters.redis.partitions import Partitions
from eventstore.hub.moving.store import MovedStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.hub.hub import Hub

__all__ = ["moved_store"]


def moved_store(hub: Hub) -> MovedStore:
    """Return the store of a hub."""
    journaled = hub.journaled
    definitions: Mapping[str, Definitions]
    if journaled is None:
        redis, settings = hub.redis, hub.settings
        partitions = Partitions(redis, configured=settings.partitions, shards=settings.shards)
        definitions = {
            "durable": DurableDefinitions(redis),
            "filter": FilterDefinitions(redis),
            "schema": SchemaDefinitions(redis),
        }
        groups: GroupSteps = RedisGroupSteps(redis, partitions)
        steps: CopySteps = RedisCopySteps(redis)
    else:
        partitions, groups, steps = journaled.partitions, journaled.groups, journaled.copy_steps
        definitions = {
            "durable": journaled.durable_definitions,
            "filter": journaled.filter_definitions,
            "schema": journaled.schema_definitions,
        }
    source = RedisCopySource(
        partitions, definitions=definitions, bodies=None if journaled is None else journaled.bodies
    )
    target = RedisCopyTarget(partitions, steps=steps, groups=groups, definitions=definitions)
    return MovedStore(hub.log, source, target)
