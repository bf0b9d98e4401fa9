"""What is done every minute: ringing for what was missed, forgetting who is gone, removing what is no longer kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import Absent

if TYPE_CHECKING:
    from eventstore.durable.admin import DurableSubscriptions
    from eventstore.durable.membership import Members
    from eventstore.ports import Bells, Clock, Log, Registry, Turns

__all__ = ["Sweeper", "Swept"]

_LIFETIME = 2 * 60 * 60 * 1000
"""How long API Gateway keeps a connection ("Quotas for configuring and running a WebSocket API"), in milliseconds."""

_GRACE = 5 * 60 * 1000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: partitions rung for, connections forgotten, events removed."""

    rung: int = 0
    forgotten: int = 0
    removed: int = 0


class Sweeper:
    """Mends what a lost message or a function that died left undone. Doing it twice changes nothing."""

    def __init__(
        self,
        log: Log,
        registry: Registry,
        turns: Turns,
        bells: Bells,
        members: Members,
        *,
        clock: Clock,
        subscriptions: DurableSubscriptions | None = None,
    ) -> None:
        self._log = log
        self._registry = registry
        self._members = members
        self._turns = turns
        self._bells = bells
        self._clock = clock
        self._subscriptions = subscriptions

    def sweep(self, *, until: int) -> Swept:
        """Do all of it, or as much as there is time for (in milliseconds since 1970); the next sweep goes on."""
        waiting = self._turns.waiting()
        self._bells.ring(waiting)
        if self._subscriptions is not None:
            self._subscriptions.announce_all()
        forgotten = self._forget_overdue(until)
        removed = 0
        for partition in range(self._log.partitions):
            self._log.index([partition], until=until)
            for stream in self._log.streams_with_retention(partition):
                if self._clock.now() >= until:
                    return Swept(len(waiting), forgotten, removed)
                removed += self._trim(stream, until)
        # Last, for a deletion may have left very much, which no reader sees.
        for partition in range(self._log.partitions):
            for stream in self._log.deleted(partition):
                if self._clock.now() >= until:
                    return Swept(len(waiting), forgotten, removed)
                removed += self._trim(stream, until)
        return Swept(len(waiting), forgotten, removed)

    def _trim(self, stream: str, until: int) -> int:
        try:
            return self._log.trim(stream, until=until)
        except Absent:
            return 0

    def _forget_overdue(self, until: int) -> int:
        """Forget connections that must have ended, though nobody told: `$disconnect` is best effort."""
        forgotten = 0
        before = self._clock.now() - _LIFETIME - _GRACE
        while expired_connections := self._registry.expired_connections(before=before, count=_AT_ONCE):
            for connection in expired_connections:
                self._members.disconnect(connection)
                forgotten += 1
                if self._clock.now() >= until:
                    return forgotten
        return forgotten
