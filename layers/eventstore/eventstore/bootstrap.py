"""The one place that picks adapters, lazily: a function that never asks for the store never imports redis."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import TYPE_CHECKING

from eventstore.settings import Settings

if TYPE_CHECKING:
    from eventstore.ports import Log
    from eventstore.store import Store

__all__ = ["log", "preload", "settings", "store"]


@cache
def settings() -> Settings:
    """The settings of this process. Reading them sets the level of its logging."""
    found = Settings.from_environment(os.environ)
    logging.getLogger().setLevel(found.log_level)
    return found


@cache
def log() -> Log:
    """The log of this process. Connects at its first use, and again after the connection broke."""
    from eventstore.adapters.redis_connection import connect  # noqa: PLC0415 - only who needs the log pays for redis
    from eventstore.adapters.redis_log import RedisLog  # noqa: PLC0415 - the same

    return RedisLog(connect(settings().redis_url), partitions=settings().partitions)


@cache
def store() -> Store:
    """The store of this process."""
    from eventstore.store import Store  # noqa: PLC0415 - health checks need none

    return Store(log())


def preload() -> None:
    """Import what `store` needs, without connecting: Lambda gives a function's start more processor than its requests.

    Only imports; what the environment says is read when the store is asked for.
    """
    import eventstore.adapters.redis_log  # noqa: PLC0415 - see above
    import eventstore.store  # noqa: F401, PLC0415 - see above
