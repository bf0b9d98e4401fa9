"""What steps would do, before they are written into the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eventstore.adapters.journaled.records import Record
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.steps import Step
from eventstore.cloudevents.event import KEY_BYTES
from eventstore.errors import IndexDiverged, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.journaled.changes import Append, Change
    from eventstore.adapters.journaled.foldings import Foldings
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Direct
    from eventstore.ports import Clock

__all__ = ["Trials", "Tried"]

_NO_NONCE = bytes(8)


class Tried(NamedTuple):
    """What a step would do; see lua/journal/check.lua.

    Attributes:
        answer: What it answers if it changes nothing; None if it would change something.
        time: The time of the store, in milliseconds since 1970.
        folded: The position of the last record that is folded.
        is_open: Whether the index has anything of this journal.
    """

    answer: Any
    time: int
    folded: int
    is_open: bool

    @property
    def is_done(self) -> bool:
        """Whether an append would change nothing because all of its events are there."""
        return isinstance(self.answer, list) and isinstance(self.answer[0], int)


class Trials:
    """Tries steps on the index of a journal, and changes nothing.

    Args:
        client: The client of the store.
        foldings: How records are folded, whose steps are tried.
        clock: The time of records; None is the server's time, which deployments use.
        direct: Sends the scripts; None for the client.
    """

    def __init__(
        self, client: Client, foldings: Foldings, *, clock: Clock | None = None, direct: Direct | None = None
    ) -> None:
        self._client = client
        self._foldings = foldings
        self._clock = clock
        self._direct = direct
        self._look = Script("journal/look", "shared/server_time")

    def tried(self, partition: int, change: Change, *, step: Step | None = None) -> Tried:
        """Return what a change would do now.

        Args:
            partition: The partition.
            change: The change.
            step: The step to try to its end, as if it were done; None tries that of the change, up to where it changes
                something.
        """
        goes_on = step is not None
        step = step or Step(*self._foldings.of(partition, 0, Record(_NO_NONCE, 0, 0, change))[1:3])
        keys = [partition_keys(partition).partition, *step.keys]
        return self._tried(
            partition, self._foldings.check(type(change)), keys, (int(goes_on), self._time(), *step.arguments)
        )

    def looked(self, partition: int, append: Append) -> Tried | None:
        """Return what an append would do, as `tried` does; None if it may be refused, or its stream be gone."""
        keys = [partition_keys(partition).partition, stream_keys(partition, append.stream).state]
        tried = self._tried(partition, self._look, keys, (append.names[:KEY_BYTES], self._time()))
        return None if tried.answer else tried._replace(answer=None)

    def _tried(self, partition: int, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Tried:
        (answer, now, folded, identity, diverged, closed), _ = script.with_commands(
            self._client, keys, arguments, (), direct=self._direct
        )
        if diverged is not None:
            raise IndexDiverged(partition, diverged.decode())
        if closed is not None:
            raise StoreClosed
        return Tried(answer, int(now), int(folded), identity is not None)

    def _time(self) -> str:
        """Return the time that replaces that of the store, in milliseconds since 1970; empty is the store's."""
        return "" if self._clock is None else str(self._clock.now())
