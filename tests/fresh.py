"""A process as it is when it starts: nothing read from the environment yet, nothing connected."""

from __future__ import annotations

from eventstore.hub import bootstrap

__all__ = ["forget"]


def forget() -> None:
    """Let the next use of `bootstrap` read the environment anew."""
    for kept in vars(bootstrap).values():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()
