"""The use case of managing streams: creating, configuring, forking and deleting them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import StreamConflict, StreamNotFound, Unavailable, WrongExpectedVersion
from eventstore.read.pages import current
from eventstore.streams import StreamConfig
from eventstore.write.forking import Fork, origin_of, require_fork_name, require_same
from eventstore.write.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.access import Access
    from eventstore.ports import Clock, Log, Wakeups
    from eventstore.positions import Epoch
    from eventstore.streams import Condition, StreamName, StreamState

__all__ = ["StreamAdmin"]

_LOGGER = logging.getLogger(__name__)

_TRIM_MILLISECONDS = 2000
"""How long a request removes events from memory before it is answered: API Gateway times out after 29 seconds."""


_COPY_MILLISECONDS = 10_000
"""How long a request copies events to a fork before it is answered, likewise."""


class StreamAdmin:
    """Creates, configures, forks and deletes streams.

    Args:
        log: Stores the streams.
        wakeups: Starts the turns that notify subscribers of a deletion.
        clock: Limits the time that a request spends on copying events, which has no limit without it, and on removing
            events from memory, which is left to the sweep without it.
        limits: The maximum sizes of appends; None is the defaults.
    """

    def __init__(self, log: Log, wakeups: Wakeups, *, clock: Clock | None = None, limits: Limits | None = None) -> None:
        self._log = log
        self._wakeups = wakeups
        self._clock = clock
        self._limits = limits or Limits()

    def create(
        self, stream: StreamName, config: StreamConfig, *, access: Access, new: bool = False
    ) -> tuple[StreamState, bool]:
        """Create a stream.

        Args:
            stream: The name of the stream.
            config: Its settings.
            access: The access of the caller: it needs the scope `admin`, and must include the stream.
            new: Whether an existing stream is an error, even with the same settings.

        Returns:
            The state of the stream, and whether it was created.

        Raises:
            Forbidden: The access does not allow it.
            StreamConflict, StreamGone: See `Log.create`.
            WrongExpectedVersion: It must be new, and exists.
        """
        access.require(Scope.ADMIN)
        access.require_streams([stream], pointer="/id")
        try:
            created = self._log.create(stream, config)
        except StreamConflict:
            if not new:
                raise
            created = False
        state = self._log.describe(stream)
        if new and not created:
            raise WrongExpectedVersion(stream, expected=None, actual=state.head)
        return state, created

    def configure(
        self,
        stream: StreamName,
        change: Callable[[StreamConfig], StreamConfig],
        *,
        access: Access,
        accepts: Callable[[StreamState, Epoch], bool] | None = None,
    ) -> tuple[StreamState, Epoch]:
        """Change the settings of a stream.

        Events that the new settings do not keep are removed for a short time; the sweep removes the rest.

        Args:
            stream: The name of the stream.
            change: Returns the new settings for the current ones.
            access: The access of the caller: it needs the scope `admin`, and must include the stream.
            accepts: Whether a state of the stream, in an epoch of its partition, may be changed; None accepts any.

        Returns:
            The new state of the stream, and the epoch of its partition.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone: See `Log.configure`.
            WrongExpectedVersion: `accepts` refused the state; nothing is changed.
        """
        _require_admin(access, stream)
        while True:
            now = current(self._log, stream)
            known = now.state
            if accepts is not None and not accepts(known, now.epoch):
                raise WrongExpectedVersion(stream, expected=None, actual=known.head)
            config = change(known.config)
            # A request that is repeated because its response was lost changes nothing.
            if config == known.config or self._log.configure(known, config, exactly=accepts is not None):
                break
        self._trim(stream)
        return self._log.describe(stream), now.epoch

    def fork(
        self, stream: StreamName, to: StreamName, *, access: Access, until: int | None = None
    ) -> tuple[StreamState, bool]:
        """Make a stream of the first events of another one: the same events, in the same order, from sequence 1.

        Events are copied in pieces, for a limited time. If not all are copied by then, or a request has died, the same
        request continues.

        Args:
            stream: The name of the other stream.
            to: The name of the fork.
            access: The access of the caller: it needs the scope `admin`, and must include both streams.
            until: The sequence of the last event to copy; None for the newest, or that of the fork if it exists.

        Returns:
            The state of the fork, whose `forked_from` says whether it is complete, and whether it was created.

        Raises:
            Forbidden: The access does not allow it.
            InvalidStream: The name is not that of a fork (`streams.is_fork`), or the other stream does not hold the
                event `until`, or any event.
            StreamConflict: Another stream has the name, or the fork cannot be completed.
            StreamNotFound, StreamGone: The other stream does not exist or was deleted for good, or the fork was.
        """
        access.require(Scope.ADMIN)
        access.require_streams([stream], pointer="stream")
        access.require_streams([to], pointer="/to")
        require_fork_name(stream, to)
        try:
            state, created = self._log.describe(to), False
        except StreamNotFound:
            state, created = self._new_fork(stream, to, until)
        origin = require_same(state, stream, until)
        if origin.complete:
            return state, created
        fork = Fork(self._log, to, origin, limits=self._limits)
        try:
            fork.copy(may_go_on=self._time_for_copying())
        finally:
            self._wakeups.notify(fork.needs_wakeup)
        return self._log.describe(to), created

    def _new_fork(self, stream: StreamName, to: StreamName, until: int | None) -> tuple[StreamState, bool]:
        config = StreamConfig(forked_from=origin_of(self._log.describe(stream), until))
        try:
            created = self._log.create(to, config)
        except StreamConflict:
            # Another request has created the stream meanwhile.
            created = False
        return self._log.describe(to), created

    def _time_for_copying(self) -> Callable[[], bool]:
        if self._clock is None:
            return lambda: True
        clock, until = self._clock, self._clock.now() + _COPY_MILLISECONDS
        return lambda: clock.now() < until

    def delete(
        self, stream: StreamName, *, access: Access, permanently: bool = False, conditions: Sequence[Condition] = ()
    ) -> None:
        """Delete all events of a stream in one step. The sweep frees the memory that the request does not.

        Args:
            stream: The name of the stream.
            access: The access of the caller: it needs the scope `admin`, and must include the stream.
            permanently: Refuse all later events: the stream is gone.
            conditions: Conditions on the version of the stream, all of which must be true.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone, WrongExpectedVersion: See `Log.delete`.
        """
        _require_admin(access, stream)
        deleted = self._log.delete(stream, permanently=permanently, conditions=conditions)
        # The next turn of the partition notifies the subscribers.
        self._wakeups.notify([deleted.partition] if deleted.needs_wakeup else [])
        self._trim(stream)

    def _trim(self, stream: StreamName) -> None:
        if self._clock is None:
            return
        try:
            self._log.trim(stream, until=self._clock.now() + _TRIM_MILLISECONDS)
        except Unavailable as error:
            # The change itself is stored, and the sweep continues the removal.
            _LOGGER.warning("%s: %s", error.code, error.detail)


def _require_admin(access: Access, stream: StreamName) -> None:
    access.require(Scope.ADMIN)
    access.require_streams([stream], pointer="stream")
