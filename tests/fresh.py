"""Resets a process to its start: nothing is read from the environment, nothing is connected."""

from __future__ import annotations

import os

from eventstore.hub.settings import Settings
from functions.hub import hub

__all__ = ["forget", "reread"]


def forget() -> None:
    """Make the next use of the hub rebuild it."""
    hub.cache_clear()


def reread() -> None:
    """Make the hub read the current environment, but keep its connections."""
    hub().settings = Settings.from_environment(os.environ)
