"""The instances of the server."""

from __future__ import annotations

from typing import NewType

__all__ = ["InstanceId"]

InstanceId = NewType("InstanceId", str)
"""The id of one process of the server. A process that starts draws a new one, so that it is never taken for another."""
