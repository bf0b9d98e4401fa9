"""One run: the hub, what must be true of it, and everyone who uses it."""

from __future__ import annotations

from collections import Counter, deque
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any

from tests.chaos.cursors import Cursors, PositionBounds
from tests.chaos.hub import PARTITIONS, Hub, Watch
from tests.chaos.log import Log
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.ports import DeadLetter
    from tests.chaos.durables import Durable
    from tests.chaos.pages import PageReader
    from tests.chaos.subscribers import Subscriber
    from tests.chaos.targets import PushTarget

__all__ = ["World"]

_TRACE = 6000


class World:
    """What all operations share.

    Attributes:
        counts: How often each operation was done, and each fault struck.
        dirty: The partitions in which a turn came to nothing, so that the next one takes its work again.
        full: For how many further steps the store is full.
        is_calm: Whether nothing fails, so that all comes to an end.
    """

    def __init__(self, seed: int, url: str, *, scripts: Mapping[str, Callable[[str], str]] | None = None) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.hub = Hub(url, self.rng, Watch(self._sent, self._parked, self._pushed, self._lost), scripts=scripts)
        self._began = self.hub.clocks.true
        self.log = Log(PARTITIONS)
        self.cursors = Cursors()
        self.epochs: dict[tuple[int, str], int] = {}
        """The generation of each epoch of a partition that was seen."""
        self.operations: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.figures: Counter[str] = Counter()
        self.step = 0
        self.dirty: set[int] = set()
        self.full = 0
        self.is_calm = False
        self.page_tokens: list[str] = []
        """Cursors of pages of all streams, to subscribe behind."""
        self.subscribers: list[Subscriber] = []
        self.readers: list[PageReader] = []
        self.durables: dict[str, Durable] = {}
        self.ended: list[Durable] = []
        """Durable subscriptions that were deleted, whose members may not know it."""
        self.targets: dict[str, PushTarget] = {}
        """By their addresses, those of earlier definitions too: a push may come late."""
        self.losses: list[tuple[str, dict[str, Any]]] = []
        """What the hub logged as removed before it was pushed, and of which subscription; not looked at yet."""
        self.taking_part: dict[str, Durable] = {}
        """Which durable subscription each connection of a member asked for."""
        self.digest = blake2b(digest_size=8)
        self.trace: deque[str] = deque(maxlen=_TRACE)

    def note(self, text: str) -> None:
        """Write down what was done."""
        seconds = (self.hub.clocks.true - self._began) / 1000
        line = f"{self.step:6} {seconds:9.1f} s  {text}"
        self.digest.update(line.encode())
        self.trace.append(line)

    def lines_about(self, violation: Violation, *words: str, most: int = 60) -> list[str]:
        """The newest lines of the trace that concern a violation, or that have one of the words."""
        words = words or violation.about
        lines = [line for line in self.trace if not words or any(word in line for word in words)]
        return lines[-most:]

    def first_kept(self, stream: str) -> int:
        """The first sequence that the store still has, as it describes the stream."""
        reply = self.hub.rest("GET", f"/streams/{stream}")
        if reply.status == 200:
            return int(reply.json["first"])
        return self.log.stream(stream).head + 1

    def firsts(self) -> dict[str, int]:
        """`first_kept` of all streams."""
        found = {name: stream.head + 1 for name, stream in self.log.streams.items()}
        reply = self.hub.rest("GET", "/streams?limit=1000")
        if reply.status != 200:
            raise Violation("reading goes on", f"GET /streams is answered {reply.status} {reply.body[:200]!r}")
        return found | {one["id"]: one["first"] for one in reply.json["streams"]}

    def place_here(self, partition: int, index: int, *, most: int | None = None) -> PositionBounds:
        """A place in the partition as it is now."""
        return PositionBounds(self.log.generations[partition], index, index if most is None else most)

    def _sent(self, connection: str, message: dict[str, Any]) -> None:
        durable = self.taking_part.get(connection)
        if durable is not None:
            durable.watch(connection, message)

    def _parked(self, letter: DeadLetter) -> None:
        for durable in self.durables.values():
            if durable.name == letter.subscription:
                durable.watch_letter(letter.stream, letter.sequence, letter.attempts, letter.errors)

    def _pushed(self, address: str, events: Sequence[tuple[str, int]]) -> None:
        self.targets[address].durable.watch_push(events)

    def _lost(self, subscription: str, message: dict[str, Any]) -> None:
        self.losses.append((subscription, message))
