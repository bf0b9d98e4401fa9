"""Streams as operators handle them: making them, changing their settings, deleting them."""

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
    from eventstore.streams import Condition, StreamConfig, StreamState

__all__ = ["StreamAdmin"]

_LOGGER = logging.getLogger(__name__)

_TRIMMING = 2000
"""Milliseconds that a deletion spends on memory before it is answered: API Gateway ends a request after 29 seconds."""


class StreamAdmin:
    """Makes streams, changes them and deletes them.

    Args:
        log: Keeps them.
        wakeups: Starts the turns that tell subscribers of a deletion.
        clock: By which a deletion removes what it can in a short time; without one, all is left to the sweep.
    """

    def __init__(self, log: Log, wakeups: Wakeups, *, clock: Clock | None = None) -> None:
        self._log = log
        self._wakeups = wakeups
        self._clock = clock

    def create(
        self, stream: str, config: StreamConfig, *, access: Access, new: bool = False
    ) -> tuple[StreamState, bool]:
        """Make a stream.

        Args:
            stream: Its name.
            config: Its settings.
            access: The caller's; it needs the scope `admin`, and reach of the stream.
            new: Whether a stream that is there already is an error, even one with the same settings.

        Returns:
            The state that it is in, and whether it was made now.

        Raises:
            Forbidden: The access does not allow it.
            StreamConflict, StreamGone: As `Log.create` says.
            WrongExpectedVersion: It was to be new, and is there.
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
        stream: str,
        change: Callable[[StreamConfig], StreamConfig],
        *,
        access: Access,
        accepts: Callable[[StreamState, str], bool] | None = None,
    ) -> tuple[StreamState, str]:
        """Change a stream's settings, and remove for a short time what they no longer keep; the sweep removes the rest.

        Args:
            stream: Its name.
            change: Makes the new settings of those that it has.
            access: The caller's; it needs the scope `admin`, and reach of the stream.
            accepts: Whether the stream may be changed, as it is and in the epoch that its partition has; without it, it
                may be however it is.

        Returns:
            The state that it is in, and its partition's epoch.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone: As `Log.configure` says.
            WrongExpectedVersion: It may not; nothing is changed.
        """
        _require_admin(access, stream)
        while True:
            now = current(self._log, stream)
            known = now.state
            if accepts is not None and not accepts(known, now.epoch):
                raise WrongExpectedVersion(stream, expected=None, actual=known.head)
            config = change(known.config)
            # Who says the same again, because an answer was lost, changes nothing.
            if config == known.config or self._log.configure(known, config, exactly=accepts is not None):
                break
        self._trim(stream)
        return self._log.describe(stream), now.epoch

    def delete(
        self, stream: str, *, access: Access, permanently: bool = False, conditions: Sequence[Condition] = ()
    ) -> None:
        """Delete a stream's events, all at once. What is left in memory is removed later, by the sweep at the latest.

        Args:
            stream: Its name.
            access: The caller's; it needs the scope `admin`, and reach of the stream.
            permanently: Whether it never takes an event again.
            conditions: What must be true of the stream's version.

        Raises:
            Forbidden: The access does not allow it.
            StreamNotFound, StreamGone, WrongExpectedVersion: As `Log.delete` says.
        """
        _require_admin(access, stream)
        deleted = self._log.delete(stream, permanently=permanently, conditions=conditions)
        # Subscribers are told by the partition's next turn.
        self._wakeups.notify([deleted.partition] if deleted.needs_wakeup else [])
        self._trim(stream)

    def _trim(self, stream: str) -> None:
        if self._clock is None:
            return
        try:
            self._log.trim(stream, until=self._clock.now() + _TRIMMING)
        except Unavailable as error:
            # What was asked for is done, and the sweep goes on.
            _LOGGER.warning("%s: %s", error.code, error.detail)


def _require_admin(access: Access, stream: str) -> None:
    access.require(Scope.ADMIN)
    access.require_streams([stream], pointer="stream")
