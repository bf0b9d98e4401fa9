"""An archive that has what its log had, and may not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.hot_window import RedisHotWindow
from eventstore.adapters.redis.partitions import Partitions
from eventstore.errors import ArchiveUnavailable
from eventstore.positions import BEGINNING, END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Log
    from eventstore.streams import StreamName

__all__ = ["FakeHistory"]


class FakeHistory:
    """See `ports.history.History`.

    Attributes:
        is_away: Whether it does not answer.
        reads: How often it was asked.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.reads = 0
        self._bodies: dict[tuple[StreamName, int], bytes] = {}

    def cool(self, log: Log, client: Client) -> int:
        """Archive all events of a log, and let them leave memory; return how many did."""
        window = RedisHotWindow(Partitions(client))
        for tail in log.tail(dict.fromkeys(range(log.partitions), BEGINNING), count=100_000).values():
            for _, event in tail.events:
                self._bodies[event.stream, event.sequence] = event.body
        return sum(window.cool(number, until=END, may_go_on=lambda: True) for number in range(log.partitions))

    def forget(self, stream: StreamName, sequence: int) -> None:
        """Lose an event."""
        del self._bodies[stream, sequence]

    def bodies(
        self,
        partition: int,  # noqa: ARG002 - a stream is in one
        wanted: Mapping[StreamName, Mapping[int, int]],
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        self.reads += 1
        if self.is_away:
            raise ArchiveUnavailable("it is away")
        return {
            stream: {each: found for each in sequences if (found := self._bodies.get((stream, each))) is not None}
            for stream, sequences in wanted.items()
        }
