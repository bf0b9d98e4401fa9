"""A store, as whoever moves it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from eventstore.ports import Log
    from eventstore.ports.copies import CopySource, CopyTarget

__all__ = ["KINDS", "CopyDiffers", "MovedStore"]

KINDS = ("durable", "filter", "schema")
"""The kinds of definitions that a store has."""


class CopyDiffers(Exception):
    """The copy of a store is not like the store."""


class MovedStore(NamedTuple):
    """A store.

    Attributes:
        log: Its events.
        source: What is copied of it.
        target: What is copied into it.
    """

    log: Log
    source: CopySource
    target: CopyTarget
