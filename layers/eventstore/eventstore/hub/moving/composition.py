"""The store of a deployment, as whoever moves it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.cold import ColdEvents
from eventstore.adapters.redis.copy_source import RedisCopySource
from eventstore.adapters.redis.copy_target import CopySteps, RedisCopySteps, RedisCopyTarget
from eventstore.adapters.redis.definitions import (
    Definitions,
    DurableDefinitions,
    FilterDefinitions,
    SchemaDefinitions,
)
from eventstore.adapters.redis.group_steps import GroupSteps, RedisGroupSteps
from eventstore.hub.moving.store import MovedStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.hub.hub import Hub

__all__ = ["moved_store"]


def moved_store(hub: Hub) -> MovedStore:
    """Return the store of a hub."""
    journaled, partitions = hub.journaled, hub.partitions
    definitions: Mapping[str, Definitions]
    groups: GroupSteps
    steps: CopySteps
    bodies: Bodies | None = None
    if journaled is None:
        redis = hub.redis
        definitions = {
            "durable": DurableDefinitions(redis),
            "filter": FilterDefinitions(redis),
            "schema": SchemaDefinitions(redis),
        }
        groups, steps = RedisGroupSteps(redis, partitions), RedisCopySteps(redis)
    else:
        definitions = {
            "durable": journaled.durable_definitions,
            "filter": journaled.filter_definitions,
            "schema": journaled.schema_definitions,
        }
        groups, steps, bodies = journaled.groups, journaled.copy_steps, journaled.bodies
    cold = ColdEvents(hub.redis, hub.history)
    source = RedisCopySource(partitions, definitions=definitions, cold=cold, bodies=bodies)
    target = RedisCopyTarget(partitions, steps=steps, groups=groups, definitions=definitions)
    return MovedStore(hub.log, source, target)
