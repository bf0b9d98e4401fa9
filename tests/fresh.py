"""A process as it is when it starts: nothing read from the environment yet, nothing connected."""

from __future__ import annotations

import os

from eventstore.hub.settings import Settings
from functions.hub import hub

__all__ = ["forget", "reread"]


def forget() -> None:
    """Let the next use of the hub build it anew."""
    hub.cache_clear()


def reread() -> None:
    """Let the hub go by the environment as it is now, with the connections that it has."""
    hub().settings = Settings.from_environment(os.environ)
