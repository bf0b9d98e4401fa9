"""Copying the events of a stream to a fork of it, piece by piece.

A piece is appended where the one before it ends, or not at all. So the fork holds the first events of the other stream
in their order, whoever else copies at the same time, and wherever a request has died: the next one continues.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.cloudevents import attributes_of, data_of
from eventstore.cloudevents.event import Event
from eventstore.errors import EventConflict, InvalidStream, StreamConflict, WrongExpectedVersion
from eventstore.frames.budget import fitting
from eventstore.streams import FORK_MARK, Expected, Origin, is_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.ports import Appended, Log
    from eventstore.streams import StreamName, StreamState
    from eventstore.write.limits import Limits

__all__ = ["Fork", "origin_of", "require_fork_name", "require_same"]

_FIRST_PIECE = 32
_MOST_EVENTS = 500
"""The number of events of a piece: of the first one, whose size is not known, and of others, at most."""


def require_fork_name(stream: StreamName, to: StreamName) -> None:
    """Raise unless a name can be that of a fork.

    Args:
        stream: The stream to fork, for the error.
        to: The name.

    Raises:
        InvalidStream: Subscriptions could not know by the name that its events are not for them.
    """
    if not is_fork(to):
        raise InvalidStream(
            f"the name {to!r} does not contain {FORK_MARK!r}, by which subscriptions leave out the events of forks; "
            f"name it {stream + FORK_MARK!r}, for example",
            pointer="/to",
        )


def origin_of(source: StreamState, until: int | None) -> Origin:
    """Return the origin of a new fork.

    Args:
        source: The stream to fork.
        until: The sequence of the last event to copy; None for the newest.

    Raises:
        InvalidStream: The stream has no such event, or does not keep it.
    """
    if until is not None and until > source.head:
        raise InvalidStream(
            f"stream {source.name!r} ends at sequence {source.head}; until must not be greater", pointer="/until"
        )
    last = source.head if until is None else until
    if last < source.first:
        kept = f"the oldest event that it keeps is {source.first}" if source.count else "it keeps no event"
        raise InvalidStream(f"stream {source.name!r} has nothing to copy up to {last}: {kept}", pointer="/until")
    return Origin(source.name, source.first, last)


def require_same(fork: StreamState, stream: StreamName, until: int | None) -> Origin:
    """Return the origin of a stream that exists, if it is that of a request.

    Args:
        fork: The stream.
        stream: The stream that the request forks.
        until: As of the request; None accepts any.

    Raises:
        StreamConflict: The stream is no fork, or another one.
    """
    origin = fork.config.forked_from
    if origin is not None and origin.stream == stream and until in {None, origin.until}:
        return origin
    what = f"as a fork of {origin.stream!r} up to {origin.until}" if origin else "and is no fork"
    raise StreamConflict(f"stream {fork.name!r} exists {what}; choose another name")


class Fork:
    """A fork that is being made.

    Args:
        log: Holds both streams.
        name: The name of the fork, which exists.
        origin: Where it comes from.
        limits: The maximum size of an append.
    """

    def __init__(self, log: Log, name: StreamName, origin: Origin, *, limits: Limits) -> None:
        self._log = log
        self._name = name
        self._origin = origin
        self._limits = limits
        self.needs_wakeup: set[int] = set()

    def copy(self, *, may_go_on: Callable[[], bool]) -> bool:
        """Copy the events that are not copied yet, and return whether all are. At least one piece of them is copied.

        Args:
            may_go_on: Whether there is time for another piece.

        Raises:
            StreamConflict: The fork holds other events, or events were removed that are not copied.
            StreamGone: One of the streams was deleted for good.
        """
        state = self._log.describe(self._name)
        if state.first > 1:
            raise StreamConflict(
                f"events of stream {self._name!r} were removed before it was complete; fork to another name"
            )
        copied, size = min(state.head, self._origin.count), _FIRST_PIECE
        if copied:
            # The newest event is compared: all before it are the right ones, because each was appended behind them.
            newest, _ = self._read(copied - 1, 1)
            self._append(newest, copied - 1)
        while copied < self._origin.count:
            events, size = self._read(copied, size)
            copied += self._append(events, copied)
            if copied < self._origin.count and not may_go_on():
                return False
        self._complete()
        return True

    def _read(self, copied: int, count: int) -> tuple[list[Event], int]:
        """Return the next events, and how many to read after them."""
        origin, start = self._origin, self._origin.first + copied
        read = self._log.read(origin.stream, start=start, stop=origin.until, count=count)
        if not read.events or read.events[0].sequence != start:
            raise StreamConflict(
                f"events of stream {origin.stream!r} from sequence {start} were removed before they were copied to "
                f"{self._name!r}; fork to another name"
            )
        count = fitting((len(event.body) for event in read.events), self._limits.batch_bytes)
        average = max(1, read.size // len(read.events))
        events = [Event(attributes_of(event.body), data_of(event.body)) for event in read.events[:count]]
        most = min(_MOST_EVENTS, self._limits.batch_events)
        return events, max(1, min(most, self._limits.batch_bytes // average))

    def _append(self, events: Sequence[Event], copied: int) -> int:
        """Append events behind those that are copied; return how many of them the fork holds now."""
        while True:
            try:
                appended = self._log.append(self._name, events, expected=Expected(copied))
            except WrongExpectedVersion as error:
                # Another request copies, too. What it has stored is compared, and must be the same.
                stored = error.actual - copied
                if not 0 < stored < len(events):
                    raise self._foreign() from error
                events = events[:stored]
                continue
            except EventConflict as error:
                raise self._foreign() from error
            return self._checked(appended, copied)

    def _checked(self, appended: Appended, copied: int) -> int:
        if appended.needs_wakeup:
            self.needs_wakeup.add(appended.partition)
        count = len(appended.sequences)
        if list(appended.sequences) != list(range(copied + 1, copied + 1 + count)):
            raise self._foreign()
        return count

    def _complete(self) -> None:
        while True:
            state = self._log.describe(self._name)
            origin = state.config.forked_from
            if origin is None or origin.complete:
                return
            done = replace(state.config, forked_from=replace(origin, complete=True))
            if self._log.configure(state, done):
                return

    def _foreign(self) -> StreamConflict:
        return StreamConflict(
            f"stream {self._name!r} holds events that others published before all of {self._origin.stream!r} were "
            "copied; fork to another name"
        )
