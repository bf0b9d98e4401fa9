"""The use case of managing streams: creating, configuring and deleting them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import StreamConflict, Unavailable, WrongExpectedVersion
from eventstore.read.pages import current

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.access import Access
    from eventstore.ports import Clock, Log, Wakeups
    from eventstore.positions import Epoch
    from eventstore.streams import Condition, StreamConfig, StreamName, StreamState

__all__ = ["StreamAdmin"]

_LOGGER = logging.getLogger(__name__)

_TRIM_MILLISECONDS = 2000
"""How long a request removes events from memory before it is answered: API Gateway times out after 29 seconds."""


class StreamAdmin:
    """Creates, configures and deletes streams.

    Args:
        log: Stores the streams.
        wakeups: Starts the turns that notify subscribers of a deletion.
        clock: Limits the time that a request spends on removing events from memory; None leaves all to the sweep.
    """

    def __init__(self, log: Log, wakeups: Wakeups, *, clock: Clock | None = None) -> None:
        self._log = log
        self._wakeups = wakeups
        self._clock = clock

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
