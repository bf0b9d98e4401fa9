"""Counting the events after a position, by references: no event is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.entries import id_of_entry, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.ports import Lag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.positions import Position

__all__ = ["Lags"]

_STEP = 2_000
"""How many references one script call counts: about 2 ms, during which the server does nothing else."""


class Lags:
    """Counts the events after positions in the logs of partitions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._script = Script("log/lag")

    def count(self, after: Mapping[int, Position], *, most: int) -> dict[int, Lag]:
        """See `Log.lag`."""
        lags = dict.fromkeys(after, Lag(0, None))
        starts = {p: id_of_entry(position) for p, position in after.items()}
        while starts:
            calls = [([partition_keys(p).log], [start, after[p].index, _STEP]) for p, start in starts.items()]
            answers = self._script.each(self._client, calls)
            for partition, (events, reached, ended, oldest) in zip(list(starts), answers, strict=True):
                before = lags[partition]
                first = sequence_and_time(oldest)[0] if before.oldest is None and oldest else before.oldest
                lags[partition] = Lag(min(before.events + events, most), first)
                if ended or lags[partition].events == most:
                    del starts[partition]
                else:
                    starts[partition] = f"({reached.decode()}"
        return lags
