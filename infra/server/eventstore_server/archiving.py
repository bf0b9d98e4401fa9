"""Archiving by one of the instances, if `ARCHIVE_URL` is set."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from eventstore.hub.hub import Hub

__all__ = ["ARCHIVE_SECONDS", "Archiving"]

_LOGGER = logging.getLogger(__name__)

ARCHIVE_SECONDS = 60.0
"""How long after a run the next one begins, in seconds."""

_RUN_MS = 10 * 60 * 1000


class Archiving:
    """Runs the archiver, by the instance that owns partition 0. A second one would do no harm, only work twice.

    Args:
        hub: Has the archiver.
        owned: Returns the partitions that this instance owns: none, where functions dispatch. There, the function
            `archive` archives.
    """

    def __init__(self, hub: Hub, owned: Callable[[], Collection[int]]) -> None:
        self._hub = hub
        self._owned = owned

    def run(self) -> None:
        """Archive what is due, if it is up to this instance."""
        if 0 not in self._owned() or self._hub.archiver is None:
            return
        archived = self._hub.archiver.run(until=self._hub.clock.now() + _RUN_MS)
        if archived.segments or archived.merged or archived.cooled:
            _LOGGER.info(
                "archived %d events in %d segments; merged %d segments, deleted %d objects; %d events left memory",
                archived.events,
                archived.segments,
                archived.merged,
                archived.deleted,
                archived.cooled,
            )
