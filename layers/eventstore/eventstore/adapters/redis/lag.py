"""How far readers are behind, counted by references, for no event is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.ports import Lag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.positions import Position

__all__ = ["Lags"]

_AT_ONCE = 2_000
"""How many references one step counts, as in `redis_tail`."""


class Lags:
    """Counts what the logs of partitions hold beyond positions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._script = Script("log/lag")

    def count(self, after: Mapping[int, Position], *, most: int) -> dict[int, Lag]:
        """See `Log.lag`."""
        found = dict.fromkeys(after, Lag(0, None))
        starts = {p: f"{position.time}-{position.order}" for p, position in after.items()}
        while starts:
            calls = [([partition_keys(p).log], [start, after[p].index, _AT_ONCE]) for p, start in starts.items()]
            answers = self._script.each(self._client, calls)
            for partition, (events, reached, ended, oldest) in zip(list(starts), answers, strict=True):
                before = found[partition]
                first = sequence_and_time(oldest)[0] if before.oldest is None and oldest else before.oldest
                found[partition] = Lag(min(before.events + events, most), first)
                if ended or found[partition].events == most:
                    del starts[partition]
                else:
                    starts[partition] = f"({reached.decode()}"
        return found
