"""The log and the turns of one partition, as a function of this tree, or of an older one, builds them."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

__all__ = ["log_and_turns"]


def log_and_turns(client: Client) -> tuple[RedisLog, RedisTurns]:
    """Both, which share what turns read ahead, where the tree knows of that."""
    shared: dict[str, Any] = {}
    if "read_ahead" in signature(RedisLog).parameters:
        from eventstore.adapters.redis.read_ahead import ReadAhead  # noqa: PLC0415 - an older tree has none

        shared["read_ahead"] = ReadAhead()
    return RedisLog(client, partitions=1, **shared), RedisTurns(client, partitions=1, **shared)
