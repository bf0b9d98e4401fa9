"""The hub of the server: the same use cases, with what this process does itself in place of queues."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.redis.direct import Direct
from eventstore.adapters.redis.partition_subscriptions import PartitionSubscriptions
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.hub.hub import Hub
from eventstore_server.observed_log import ObservedJournaledLog, ObservedLog
from eventstore_server.partition_turns import ObservedTurns
from eventstore_server.registry import InstanceRegistry
from eventstore_server.wakeups import InstanceDurables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from eventstore.hub.settings import Settings
    from eventstore.ports import (
        Clock,
        DeadLetter,
        DeadLetters,
        Durables,
        EphemeralSubscriptions,
        Lease,
        Log,
        Registry,
        Turn,
        Turns,
    )
    from eventstore.ports.follower import Growth
    from eventstore.streams import StreamName
    from eventstore.subscriptions import SubscriptionKey
    from eventstore_server.telemetry import Telemetry

__all__ = ["NoLetters", "ServerHub"]

_LOGGER = logging.getLogger(__name__)


class ServerHub(Hub):
    """See `Hub`. Whoever builds it assigns `dispatch_queue`, `wakeups`, `deliveries` and `pushes`.

    Args:
        settings: The settings of the deployment.
        lease: What this instance takes of partitions.
        ephemeral: Returns what delivers to the ephemeral subscriptions of this instance, when it is first needed.
        turn_began: Called with each turn that this instance begins.
        storing: As in `ObservedLog`.
        dispatches: Whether instances of the server take the turns of partitions, and not functions.
        telemetry: Measures and traces what the hub does.
        clock: Replaces the clock of deadlines, which turns apply. None is the store's clock, which deployments use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        lease: Lease,
        ephemeral: Callable[[], EphemeralSubscriptions],
        turn_began: Callable[[Turn], None],
        storing: Callable[[int], AbstractContextManager[Growth | None]],
        dispatches: bool = True,
        telemetry: Telemetry,
        clock: Clock | None = None,
    ) -> None:
        # Where there is no queue of pushes, this process makes those of its turns.
        pushes_url = settings.pushes_url or ("here" if dispatches else "")
        super().__init__(replace(settings, pushes_url=pushes_url))
        self._lease = lease
        self._ephemeral = ephemeral
        self._turn_began = turn_began
        self._storing = storing
        self._telemetry = telemetry
        self._clock_of_turns = clock
        if clock is not None:
            self.clock = clock

    @cached_property
    def log(self) -> Log:
        """See `Hub.log`."""
        observing: Mapping[str, Any] = {
            "metrics": self._telemetry.metrics,
            "latency": self._telemetry.latency,
            "tracing": self._telemetry.tracing,
            "storing": self._storing,
        }
        if self.journaled is not None:
            return ObservedJournaledLog(self.journaled, read_ahead=self._read_ahead, **observing)
        return ObservedLog(
            self.redis,
            partitions=self.partitions,
            read_ahead=self._read_ahead,
            direct=self._direct,
            history=self.history,
            **observing,
        )

    @cached_property
    def _direct(self) -> Direct | None:
        return Direct.of(self.redis)

    @cached_property
    def registry(self) -> Registry:
        """See `Hub.registry`."""
        return InstanceRegistry(self.redis, partitions=self.partitions, ephemeral=self._ephemeral())

    @cached_property
    def durables(self) -> Durables:
        """See `Hub.durables`."""

        def request_turns(partitions: Collection[int]) -> None:
            if self.dispatch_queue is not None:
                self.dispatch_queue.request_turns(partitions)

        stored = self.journaled
        return InstanceDurables(
            self.redis,
            partitions=self.partitions,
            created=request_turns,
            definitions=None if stored is None else stored.durable_definitions,
            groups=None if stored is None else stored.groups,
        )

    @cached_property
    def stored_subscriptions(self) -> EphemeralSubscriptions:
        """The ephemeral subscriptions of clients of API Gateway, which are in the store."""
        return PartitionSubscriptions(self.redis, self.partitions)

    @cached_property
    def turns(self) -> Turns:
        """See `Hub.turns`."""
        return ObservedTurns(
            self.redis,
            partitions=self.partitions,
            read_ahead=self._read_ahead,
            groups=None if self.journaled is None else self.journaled.groups,
            clock=self._clock_of_turns,
            lease=self._lease,
            began=self._turn_began,
            observer=self._telemetry.turns,
        )

    @cached_property
    def log_of_feed(self) -> Log:
        """The log as the follower's reader: it has what that has read kept for it."""
        if self.journaled is not None:
            return JournaledLog(self.journaled, read_ahead=self.read_ahead_of_feed)
        return self._log_for_turns(self.read_ahead_of_feed)

    @cached_property
    def read_ahead_of_feed(self) -> ReadAhead:
        """The entries that the follower has read."""
        return ReadAhead()

    @cached_property
    def letters(self) -> DeadLetters:
        """See `Hub.letters`. Parked events are in the store; copies go to a queue where one is named."""
        if self.settings.letters_url:
            return super().letters
        return NoLetters()


class NoLetters:
    """See `ports.DeadLetters`: in place of the queue where there is none."""

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetters.send`."""
        for subscription in sorted({letter.subscription for letter in letters}):
            _LOGGER.warning("subscription %s has parked events; GET /api/v1/dead-letters lists them", subscription)

    def discard(self, key: SubscriptionKey, *streams: StreamName) -> int:  # noqa: ARG002 - there is nothing to remove
        """See `DeadLetters.discard`."""
        return 0
