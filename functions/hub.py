"""The hub of this process, which Lambda keeps from one request to the next."""

from __future__ import annotations

import logging
import os
import random
from functools import cache

from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings

__all__ = ["hub"]


@cache
def hub() -> Hub:
    """The hub, as the environment says. Making it sets the level of logging, and what jitter begins with.

    The first request asks for it, before anything else: after a restore from a snapshot, thus, of which all
    environments would draw the same numbers (Lambda Developer Guide, "Handling uniqueness with Lambda SnapStart").
    """
    # Not only for our own: redis-py and botocore wait by it too before they try again.
    random.seed()
    settings = Settings.from_environment(os.environ)
    logging.getLogger().setLevel(settings.log_level)
    # It tells at every start where it found credentials and endpoints, and at DEBUG what it signs.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return Hub(settings)
