"""Durable subscriptions of a hub under test, at its store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eventstore.adapters.redis_connection import connect
from eventstore.adapters.redis_durables import RedisDurables
from eventstore.errors import Unavailable
from eventstore.filters import parse_filters
from eventstore.groups import Redrive, Rules
from eventstore.ports import Start
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable
from tests.e2e.struck import Struck
from tests.transcripts.membership import Parked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["StruckGroups"]

_AGAIN_AFTER = 0.2


class StruckGroups(Struck):
    """See `tests.transcripts.controls.GroupControls`."""

    async def create(self, name: str, *, ack_deadline: int, max_attempts: int, max_in_flight: int) -> None:
        rules = Rules(ack_deadline * 1000, max_attempts, max_in_flight)
        durable = Durable("0" * 24, name, parse_filters([]), rules=rules)
        await self._done(lambda at: at.create(durable, dict.fromkeys(range(at.count), Start.OLDEST)))

    async def parked(self, name: str) -> Sequence[Parked]:
        groups = await self._done(lambda at: at.groups(at.get(name)))
        return [
            Parked(stream=stream, sequence=one.sequence, attempts=one.attempts, letters=one.letters)
            for group in groups.values()
            for stream, one in group.parked.items()
        ]

    async def redrive(self, name: str, stream: str, how: str) -> None:
        await self._done(lambda at: at.tell(at.get(name), {partition_of(stream, at.count): (Redrive(stream, how),)}))
        await self.fire_sweep()

    async def _done(self, ask: Callable[[RedisDurables], T]) -> T:
        while True:
            try:
                return await asyncio.to_thread(self._asked, ask)
            except Unavailable:
                await asyncio.sleep(_AGAIN_AFTER)

    def _asked(self, ask: Callable[[RedisDurables], T]) -> T:
        client = connect(self.valkey.url)
        try:
            return ask(RedisDurables(client))
        finally:
            client.close()
