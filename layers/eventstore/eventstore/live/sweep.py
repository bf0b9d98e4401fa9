"""The sweep of every minute: repeat lost wake-ups, remove connections that are gone, and remove expired events.

Where nobody subscribes, no turn is taken, and the sweep moves the checkpoint.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import Absent, ArchiveUnavailable, IndexDiverged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.durable.definitions import Definitions
    from eventstore.durable.membership import Members
    from eventstore.ports import Clock, DispatchQueue, Log, Registry, Turns
    from eventstore.streams import StreamName

__all__ = ["Sweeper", "Swept"]

_LOGGER = logging.getLogger(__name__)

_LIFETIME_MS = 2 * 60 * 60 * 1000
"""How long API Gateway keeps a connection ("Quotas for configuring and running a WebSocket API")."""

_GRACE_MS = 5 * 60 * 1000
_CONNECTIONS = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of a sweep.

    Attributes:
        requested: Partitions for which a turn was requested.
        forgotten: Connections that were removed.
        removed: Events that were removed.
        diverged: Partitions whose indexes do not follow their journals, of which nothing was removed.
    """

    requested: int = 0
    forgotten: int = 0
    removed: int = 0
    diverged: int = 0


class Sweeper:
    """Repairs what a lost message or a crashed function left undone. Sweeping twice changes nothing more.

    Args:
        log: Holds the events, and removes expired ones.
        registry: Knows the connections.
        turns: Knows which partitions have something to do, and in which nobody subscribes.
        dispatch_queue: Receives the requests for turns.
        members: Disconnects connections that are gone.
        clock: Tells the time.
        definitions: Completes changed definitions; None where there are no durable subscriptions.
    """

    def __init__(
        self,
        log: Log,
        registry: Registry,
        turns: Turns,
        dispatch_queue: DispatchQueue,
        members: Members,
        *,
        clock: Clock,
        definitions: Definitions | None = None,
    ) -> None:
        self._log = log
        self._registry = registry
        self._members = members
        self._turns = turns
        self._dispatch_queue = dispatch_queue
        self._clock = clock
        self._definitions = definitions

    def sweep(self, *, until: int) -> Swept:
        """Sweep, and stop once the time `until` has come (in milliseconds since 1970). The next sweep continues."""
        self._turns.advance()
        waiting = self._turns.waiting()
        self._dispatch_queue.request_turns(waiting)
        diverged: dict[int, IndexDiverged] = {}
        with _noted(diverged):
            if self._definitions is not None:
                self._definitions.announce_all()
        forgotten = self._remove_expired_connections(until)
        removed = self._remove_events(diverged, until)
        for error in diverged.values():
            _LOGGER.error("%s: %s", error.code, error.detail)
        return Swept(len(waiting), forgotten, removed, len(diverged))

    def _remove_events(self, diverged: dict[int, IndexDiverged], until: int) -> int:
        """Bring indexes up to date, remove what no stream keeps any more, and return how many events these were."""
        removed = 0
        for partition in range(self._log.partitions):
            with _noted(diverged):
                self._index(partition, until)
                for stream in self._log.streams_with_retention(partition):
                    if self._clock.now() >= until:
                        return removed
                    removed += self._trim(stream, until)
        # Deleted streams last: they may hold very many events, which no reader sees.
        for partition in range(self._log.partitions):
            with _noted(diverged):
                for stream in self._log.deleted(partition):
                    if self._clock.now() >= until:
                        return removed
                    removed += self._trim(stream, until)
        return removed

    def _index(self, partition: int, until: int) -> None:
        try:
            self._log.index([partition], until=until)
        except ArchiveUnavailable as error:
            # Results do not depend on it, and what follows needs no archive.
            _LOGGER.warning("the index of partition %d waits for the archive: %s", partition, error.detail)

    def _trim(self, stream: StreamName, until: int) -> int:
        try:
            return self._log.trim(stream, until=until)
        except Absent:
            return 0

    def _remove_expired_connections(self, until: int) -> int:
        """Remove connections that must have ended without a `$disconnect`, which is best effort."""
        removed = 0
        before = self._clock.now() - _LIFETIME_MS - _GRACE_MS
        while expired_connections := self._registry.expired_connections(before=before, count=_CONNECTIONS):
            for connection in expired_connections:
                self._members.disconnect(connection)
                removed += 1
                if self._clock.now() >= until:
                    return removed
        return removed


@contextmanager
def _noted(diverged: dict[int, IndexDiverged]) -> Iterator[None]:
    """Note the partition if its index has diverged, and go on after the block: the others are swept all the same."""
    try:
        yield
    except IndexDiverged as error:
        diverged[error.partition] = error
