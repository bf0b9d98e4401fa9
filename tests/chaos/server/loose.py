"""A durable subscription that operators change, replay, delete and create again while members take part.

What it must deliver meanwhile depends on when each change is applied. In the end it is changed to want all events and
replayed from the start: from then on every event that is kept must be handled again.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.member import RecordingMember
from tests.transcripts.orders import Order
from tests.transcripts.outcomes import Refused
from tests.transcripts.tasks import is_cancelled, leaves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.clock import Clock
    from tests.transcripts.content import Where
    from tests.transcripts.lines import Dial
    from tests.transcripts.transcript import Json

__all__ = ["NAME", "Loose"]

NAME = "loose"
_AGAIN_AFTER = 0.3
_FAILING = 0.02
_EXPECTED = frozenset({"subscription-not-found", "subscription-has-target"})


class Loose:
    """Its members, and what they handled.

    Args:
        dials: How each member dials.
    """

    def __init__(self, dials: Sequence[Dial], *, clock: Clock, seed: int) -> None:
        self.handled: dict[Where, float] = {}
        self.healed = False
        self._clock = clock
        self._dials = dials
        self._seed = seed
        self._left = asyncio.Event()
        self._running: dict[int, RecordingMember] = {}

    @property
    def state(self) -> str:
        """What each member does."""
        return ", ".join(f"{member.name}: {member.state}" for member in self._running.values())

    async def run(self) -> None:
        """Have the members take part until they are ordered to leave."""
        async with asyncio.TaskGroup() as attending:
            for number, dial in enumerate(self._dials, 1):
                attending.create_task(self._attend(number, dial))

    def order(self, number: int, order: Order) -> None:
        """Order a member to go away for a while."""
        if member := self._running.get(number):
            member.enqueue(order)

    def leave(self) -> None:
        """Order all members to leave."""
        self._left.set()
        for member in self._running.values():
            member.enqueue(Order.leave())

    def missing(self, places: Sequence[Where], since: float) -> list[Where]:
        """The places whose events were not handled since then."""
        return [place for place in places if self.handled.get(place, since) <= since]

    async def _attend(self, number: int, dial: Dial) -> None:
        random = Random(f"{self._seed} loose {number}")
        while not self._left.is_set():
            member = RecordingMember(
                dial,
                NAME,
                name=f"loose-{number}",
                clock=self._clock,
                random=random,
                fails=lambda _: not self.healed and random.random() < _FAILING,
                handle=self._handle,
                alive_every=1.5,
            )
            self._running[number] = member
            try:
                await member.run()
            except* Refused as refused:
                if unexpected := [error for error in leaves(refused) if not _is_expected(error)]:
                    raise unexpected[0] from None
                if is_cancelled():
                    # The refusal has taken the place of the cancellation.
                    raise asyncio.CancelledError from None
                # It was deleted: whoever creates it again finds the member waiting.
                await asyncio.sleep(_AGAIN_AFTER)

    def _handle(self, event: Json) -> None:
        self.handled[where(event)] = self._clock.now()


def _is_expected(error: BaseException) -> bool:
    return any(code in str(error) for code in _EXPECTED)
