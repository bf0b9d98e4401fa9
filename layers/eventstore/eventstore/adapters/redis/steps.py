"""The steps that change what a log holds: each is one script, in the slot of one partition.

A step is a value: the script that does it, the keys of it, and its arguments. So it can be done at once (`RedisSteps`),
or written down first, and done by whoever reads it, in the order in which all were written (`adapters.journaled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from eventstore.adapters.redis.entries import entries_of
from eventstore.adapters.redis.keys import partition_keys, stream_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import StoreClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Direct
    from eventstore.adapters.redis.growth import Growth
    from eventstore.ports import Clock
    from eventstore.streams import StreamName

__all__ = [
    "CLOSED",
    "NOTHING_TRIMMED",
    "RedisSteps",
    "Step",
    "Steps",
    "append_step",
    "configure_step",
    "create_step",
    "delete_step",
    "trim_step",
]

CLOSED = [b"closed"]
"""What scripts answer of a partition that accepts no writes (lua/log/close.lua)."""

NOTHING_TRIMMED = (0, 1)
"""What log/trim.lua answers where it removes nothing, and stops."""


class Step(NamedTuple):
    """A call of a script. Its keys and arguments are those that the Lua file of the script describes."""

    keys: Sequence[str]
    arguments: Sequence[Any]


class Steps(Protocol):
    """Does the steps of a log. Each returns what its script answers, and raises `StoreClosed` if that is `CLOSED`."""

    def append(
        self,
        partition: int,
        stream: StreamName,
        names: bytes,
        bodies: Sequence[bytes],
        *,
        expected: str,
        growth: Growth | None,
    ) -> Any:
        """Append events.

        Args:
            partition: The partition of the stream.
            stream: The name of the stream.
            names: The keys of all events, then their digests.
            bodies: Their bodies.
            expected: The head or version that the caller expects; empty is any.
            growth: Takes in how the log grew; None reads nothing of it.
        """

    def create(self, partition: int, stream: StreamName, *, limits: str, labels: str) -> Any:
        """Create a stream."""

    def configure(
        self, partition: int, stream: StreamName, *, changes: int, version: str, limits: str, labels: str
    ) -> Any:
        """Replace the settings of a stream."""

    def delete(self, partition: int, stream: StreamName, *, permanently: bool, conditions: str) -> Any:
        """Delete the events of a stream."""

    def trim(self, partition: int, stream: StreamName, events: Sequence[str | bytes | int]) -> Any:
        """Remove events that a stream no longer keeps; without events, only the mark of a deletion.

        A partition that accepts no writes keeps them.
        """


class RedisSteps:
    """See `Steps`: each is done at once.

    Args:
        client: The client of the store.
        clock: The time under which events are stored; None is the server's time.
        direct: Sends appends; None for the client.
    """

    def __init__(self, client: Client, *, clock: Clock | None = None, direct: Direct | None = None) -> None:
        self._client = client
        self._clock = clock
        self._direct = direct
        self._append = Script("log/append")
        self._create = _unless_closed("log/create")
        self._configure = _unless_closed("log/configure")
        self._delete = _unless_closed("log/delete", "log/removals", "log/sizes")
        self._trim = _unless_closed("log/trim", "log/removals", "shared/bell")

    def append(
        self,
        partition: int,
        stream: StreamName,
        names: bytes,
        bodies: Sequence[bytes],
        *,
        expected: str,
        growth: Growth | None,
    ) -> Any:
        """See `Steps.append`."""
        keys, arguments = append_step(partition, stream, names, bodies, expected=expected, time=self._time())
        commands = () if growth is None else growth.commands()
        answer, read = self._append.with_commands(self._client, keys, arguments, commands, direct=self._direct)
        if growth is not None:
            growth.answered(read)
        if answer == CLOSED:
            raise StoreClosed
        return answer

    def create(self, partition: int, stream: StreamName, *, limits: str, labels: str) -> Any:
        """See `Steps.create`."""
        step = create_step(partition, stream, time=self._time(), limits=limits, labels=labels)
        return self._done(self._create, partition, step)

    def configure(
        self, partition: int, stream: StreamName, *, changes: int, version: str, limits: str, labels: str
    ) -> Any:
        """See `Steps.configure`."""
        step = configure_step(partition, stream, changes=changes, version=version, limits=limits, labels=labels)
        return self._done(self._configure, partition, step)

    def delete(self, partition: int, stream: StreamName, *, permanently: bool, conditions: str) -> Any:
        """See `Steps.delete`."""
        step = delete_step(partition, stream, permanently=permanently, time=self._time(), conditions=conditions)
        return self._done(self._delete, partition, step)

    def trim(self, partition: int, stream: StreamName, events: Sequence[str | bytes | int]) -> Any:
        """See `Steps.trim`."""
        try:
            return self._done(self._trim, partition, trim_step(partition, stream, events))
        except StoreClosed:
            return NOTHING_TRIMMED

    def _done(self, script: Script, partition: int, step: Step) -> Any:
        answer = script(self._client, [partition_keys(partition).partition, *step.keys], step.arguments)
        if answer == CLOSED:
            raise StoreClosed
        return answer

    def _time(self) -> str:
        """Return the time to store under, in milliseconds since 1970; empty is the server's."""
        return "" if self._clock is None else str(self._clock.now())


def _unless_closed(*step: str) -> Script:
    return Script("log/unless_closed", step=step)


def append_step(
    partition: int, stream: StreamName, names: bytes, bodies: Sequence[bytes], *, expected: str, time: str
) -> Step:
    """Return the step of log/append.lua; see `Steps.append`. An empty time is the server's."""
    log, keys = partition_keys(partition), stream_keys(partition, stream)
    script_keys = [keys.events, keys.state, keys.digests, log.log, log.streams, log.bell]
    if expected or time:
        names += f"{expected}/{time}".encode()
        if "." in expected:
            # A whole version: the script compares it with that of the partition's epoch.
            script_keys.append(log.partition)
    return Step(script_keys, (names, *entries_of(bodies)))


def create_step(partition: int, stream: StreamName, *, time: str, limits: str, labels: str) -> Step:
    """Return the step of log/create.lua."""
    log, keys = partition_keys(partition), stream_keys(partition, stream)
    return Step([keys.state, log.streams, log.limits], (stream, time, limits, labels))


def configure_step(partition: int, stream: StreamName, *, changes: int, version: str, limits: str, labels: str) -> Step:
    """Return the step of log/configure.lua."""
    keys = [stream_keys(partition, stream).state, partition_keys(partition).limits]
    return Step(keys, (stream, changes, version, limits, labels))


def delete_step(partition: int, stream: StreamName, *, permanently: bool, time: str, conditions: str) -> Step:
    """Return the step of log/delete.lua."""
    log, keys = partition_keys(partition), stream_keys(partition, stream)
    script_keys = [keys.events, keys.state, log.log, log.streams, log.bell]
    script_keys += [log.partition, log.trimmed, log.limits, log.deleted, log.ended, keys.digests]
    return Step(script_keys, (stream, int(permanently), time, conditions))


def trim_step(
    partition: int, stream: StreamName, events: Sequence[str | bytes | int], *, is_dispatched: bool = False
) -> Step:
    """Return the step of log/trim.lua; the events are as it describes them.

    Args:
        partition: The partition of the stream.
        stream: The name of the stream.
        events: The events.
        is_dispatched: Whether the events are known to be dispatched: then the script does not look.
    """
    log, keys, turns = partition_keys(partition), stream_keys(partition, stream), turn_keys(partition)
    # A key that is never there has no checkpoint, and no subscriptions, so nothing waits for dispatch.
    never = f"{{p{partition}}}:never"
    turn, *subscriptions = [never] * 4 if is_dispatched else [log.turn, turns.behind, turns.terms, turns.groups]
    script_keys = [keys.events, keys.state, log.log, log.ids, log.partition, turn]
    script_keys += [log.trimmed, log.deleted, keys.digests, *subscriptions]
    return Step(script_keys, (stream, *events))
