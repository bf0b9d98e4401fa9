"""The progress of one durable subscription in a scenario: what was handled, what is parked, and what was redriven."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.transcripts.content import where
from tests.transcripts.membership import Group, Redriven

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from random import Random

    from tests.transcripts.calls import Target
    from tests.transcripts.clock import Clock
    from tests.transcripts.content import Where
    from tests.transcripts.controls import GroupControls
    from tests.transcripts.membership import Member, Parked
    from tests.transcripts.transcript import Json

__all__ = ["ACK_DEADLINE", "Progress"]

ACK_DEADLINE = 6
"""Of every durable subscription of a scenario, in seconds."""
_MAX_ATTEMPTS = 3
_MAX_IN_FLIGHT = 50

_ALL: Mapping[str, Any] = MappingProxyType({})

_SKIPPED = 0.2
"""The share of redrives that leave out the failed event."""


class Progress:
    """What became of the events of a durable subscription.

    Attributes:
        healed: Whether everything can be handled from now on.
        parked: The streams that were parked when the hub was last asked.
        redriven: The streams that were redriven.

    Args:
        wanted: The part of its definition that selects events: `filters`.
    """

    def __init__(self, hub: GroupControls, name: str, *, clock: Clock, random: Random, wanted: Json = _ALL) -> None:
        self.name = name
        self.healed = False
        self.parked: Sequence[Parked] = ()
        self.redriven: list[Redriven] = []
        self._hub = hub
        self._wanted = wanted
        self._clock = clock
        self._random = random
        self._handled: set[Where] = set()
        self._given_up: set[Where] = set()

    async def create(self, target: Json | None = None) -> None:
        """Create the durable subscription, with its target if it has one."""
        await self._hub.create(
            self.name,
            ack_deadline=ACK_DEADLINE,
            max_attempts=_MAX_ATTEMPTS,
            max_in_flight=_MAX_IN_FLIGHT,
            target=target,
            filters=self._wanted.get("filters", ()),
        )

    def group(self, *, finished: bool, members: Iterable[Member] = (), target: Target | None = None) -> Group:
        """The record of the durable subscription, with what its members or its target recorded."""
        return Group(
            name=self.name,
            wanted=self._wanted,
            ack_deadline=ACK_DEADLINE,
            max_attempts=_MAX_ATTEMPTS,
            members=tuple(members),
            redriven=tuple(self.redriven),
            parked=tuple(self.parked),
            finished=finished,
            target=target,
        )

    def handle(self, event: Json) -> None:
        """An event was handled."""
        self._handled.add(where(event))

    def missing(self, published: AbstractSet[Where]) -> Sequence[Where]:
        """The published events that are neither handled nor parked."""
        parked = {parked.stream: parked.sequence for parked in self.parked}
        missing = published - self._handled - self._given_up
        return sorted(place for place in missing if place[1] < parked.get(place[0], place[1] + 1))

    async def settled(self, published: AbstractSet[Where], *, unparked: bool) -> bool:
        """Whether the hub has nothing to do: it takes every event for handled, or has parked it with its letters.

        Whether the events were handled, the checker proves.

        Args:
            unparked: Whether none may be parked.
        """
        # In this order, because nothing can be parked while the hub has nothing to do.
        unfinished = await self._hub.unfinished(self.name)
        self.parked = await self._hub.parked(self.name)
        if unfinished:
            return False
        return not self.parked if unparked else self._letters_written(published)

    async def redrive(self) -> None:
        """Heal what fails, and redrive every parked stream, sometimes without the failed event."""
        self.healed = True
        for parked in sorted(self.parked, key=lambda parked: parked.stream):
            how = "skip" if self._random.random() < _SKIPPED else "start"
            self.redriven.append(Redriven(at=self._clock.now(), how=how, parked=parked))
            self._handled = {
                (stream, sequence)
                for stream, sequence in self._handled
                if stream != parked.stream or sequence < parked.sequence
            }
            if how == "skip":
                self._given_up.add(parked.place)
            await self._hub.redrive(self.name, parked.stream, how)

    def _letters_written(self, published: AbstractSet[Where]) -> bool:
        return all(
            parked.letters
            >= sum(stream == parked.stream and sequence >= parked.sequence for stream, sequence in published)
            for parked in self.parked
        )
