from __future__ import annotations

from typing import TYPE_CHECKING

from tests.transcripts.matching import wanted_streams
from tests.transcripts.orders import Act
from tests.transcripts.plan import MARKER
from tests.transcripts.subscriber import RecordingSubscriber

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from random import Random

    from tests.transcripts.clock import Clock
    from tests.transcripts.lines import Dial
    from tests.transcripts.plan import Guest
    from tests.transcripts.transcript import Json

__all__ = ["Follower"]


class Follower:
    """A subscriber of the scenario, and the markers that it has handled."""

    def __init__(
        self,
        guest: Guest,
        dial: Dial,
        streams: Sequence[str],
        *,
        clock: Clock,
        random: Random,
        news: asyncio.Event,
    ) -> None:
        self.guest = guest
        self.leaves = any(order.act is Act.LEAVE for _, order in guest.orders)
        self.subscriber = RecordingSubscriber(
            dial, guest.request, name=guest.name, clock=clock, random=random, handle=self._handle
        )
        self._missing = set(wanted_streams(guest.request) or streams)
        self._news = news

    @property
    def caught_up(self) -> bool:
        return self.subscriber.live and not self._missing

    @property
    def state(self) -> str:
        examples = ", ".join(sorted(self._missing)[:5])
        markers = f"{len(self._missing)} markers missing ({examples})" if self._missing else "has all markers"
        return f"{self.guest.name}: {self.subscriber.state}; {markers}; it wants {dict(self.guest.request)}"

    async def run(self) -> None:
        await self.subscriber.run()
        self.subscriber.finish(caught_up=not self.leaves)

    def _handle(self, message: Json) -> None:
        for event in message.get("events", ()):
            if event["type"] == MARKER:
                self._missing.discard(event["hubstream"])
        self._news.set()
