"""The hub of this process, which Lambda keeps from one request to the next."""

from __future__ import annotations

import logging
import os
import random
from functools import cache

from eventstore.errors import SettingsError
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings

__all__ = ["hub", "provide"]

_PROVIDED: list[Hub] = []


def provide(hub_of_process: Hub) -> None:
    """Make `hub` return this hub, in a process that is not a function of Lambda and builds its hub itself."""
    _PROVIDED[:] = [hub_of_process]
    hub.cache_clear()


@cache
def hub() -> Hub:
    """Return the hub that the environment configures. The first call sets the log level and seeds `random`.

    The first request calls this before anything else, so after a restore from a snapshot: with the seed of a snapshot
    all environments would draw the same numbers (Lambda Developer Guide, "Handling uniqueness with Lambda SnapStart").
    """
    if _PROVIDED:
        return _PROVIDED[0]
    # Jitter of the hub, redis-py and botocore uses the global generator.
    random.seed()
    settings = Settings.from_environment(os.environ)
    if settings.kafka_events_topic:
        raise SettingsError("KAFKA_EVENTS_TOPIC is set, and functions cannot write it: set it for the server only")
    logging.getLogger().setLevel(settings.log_level)
    # botocore logs the source of its credentials at INFO, and what it signs at DEBUG.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return Hub(settings)
