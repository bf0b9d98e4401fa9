"""A recording member of a durable subscription, written from docs/protocol.md only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.transcripts.clock import Backoff
from tests.transcripts.lines import Ended, Unreachable
from tests.transcripts.membership import Dropped, Handling, Member, MemberSession
from tests.transcripts.orders import Act, Order
from tests.transcripts.outcomes import AGAIN, FAREWELLS, Refused
from tests.transcripts.ownership import Ownership
from tests.transcripts.requests import Requests
from tests.transcripts.transcript import Ending, Received

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.transcripts.clock import Clock
    from tests.transcripts.lines import Dial, Line
    from tests.transcripts.transcript import Json

__all__ = ["RecordingMember"]

_PATIENCE = 10.0
_OWN_ID = "w"


class RecordingMember:
    """A member of a durable subscription until it is ordered to leave, on successive connections.

    Args:
        dial: Opens a line, each time.
        fails: Returns whether a try of an event fails.
        handle: Given each event that was handled.
        seconds: How long a try of an event takes; while one takes long, none of another partition is made.
        alive_every: Seconds between saying, of all that it owns, that it is at work.
    """

    def __init__(
        self,
        dial: Dial,
        subscription: str,
        *,
        name: str,
        clock: Clock,
        random: Random,
        fails: Callable[[Json], bool],
        handle: Callable[[Json], object] = lambda _: None,
        seconds: Callable[[Json], float] = lambda _: 0.0,
        alive_every: float = 5.0,
    ) -> None:
        self.name = name
        self.sessions: list[MemberSession] = []
        self.subscribed = asyncio.Event()
        """Set when it has joined."""
        self.state = "not begun"
        """Its current activity, for error messages."""
        self.clock = clock
        self.random = random
        self.fails = fails
        self.handle = handle
        self.seconds = seconds
        self.alive_every = alive_every
        self.hands = asyncio.Lock()
        """Held by the current attempt."""
        self._dial = dial
        self._subscription = subscription
        self._backoff = Backoff(random)
        self._orders: asyncio.Queue[Order] = asyncio.Queue()

    @property
    def recorded(self) -> Member:
        """The recorded sessions, without the current connection."""
        return Member(name=self.name, sessions=tuple(self.sessions))

    def enqueue(self, order: Order) -> None:
        """Enqueue an order, which is executed after the earlier ones."""
        self._orders.put_nowait(order)

    async def run(self) -> None:
        """Be a member until ordered to leave.

        Raises:
            Refused: The hub refused a request as wrong.
        """
        order = None
        while order is None or order.act is not Act.LEAVE:
            self.state = "connecting"
            try:
                line = await self._dial()
            except Unreachable:
                order = await self._away(self._backoff.pause())
                continue
            session = _Session(self, line, self._subscription)
            order = await session.run(self._orders)
            if session.subscribed:
                self._backoff.worked()
            if order is None or order.act is not Act.LEAVE:
                order = await self._away(order.seconds if order else self._backoff.pause())
        self.state = "gone"

    async def _away(self, seconds: float) -> Order | None:
        """Wait, unless it is ordered to leave; other orders need a connection."""
        self.state = "away"
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    order = await self._orders.get()
            except TimeoutError:
                return None
            if order.act is Act.LEAVE:
                return order
        return None


class _Session:
    """A connection of a member, and the work on its partitions."""

    def __init__(self, member: RecordingMember, line: Line, subscription: str) -> None:
        self.subscribed = False
        self._member = member
        self._line = line
        self._connected = member.clock.now()
        self._request = {"action": "subscribe", "id": _OWN_ID, "subscription": subscription}
        self._requests = Requests(line, member.clock)
        self._received: list[Received] = []
        self._handlings: list[Handling] = []
        self._dropped: list[Dropped] = []
        self._last: dict[int, int] = {}
        self._owned: dict[int, Ownership] = {}
        self._leaving = False

    async def run(self, orders: asyncio.Queue[Order]) -> Order | None:
        """Be a member until the connection or an order ends it; return the order."""
        self._member.state = "subscribing"
        sent = self._member.clock.now()
        order: Order | None = None
        ending = Ending.DISCONNECTED
        receiving = asyncio.ensure_future(self._receiving())
        joining = asyncio.ensure_future(self._requests.ask(self._request))
        ordered = asyncio.ensure_future(orders.get())
        living = asyncio.ensure_future(self._living())
        try:
            done, _ = await asyncio.wait(
                (receiving, joining, ordered), return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE
            )
            if joining in done and not ordered.done():
                self.subscribed = True
                self._member.state = "taking part"
                self._member.subscribed.set()
                done, _ = await asyncio.wait((receiving, ordered), return_when=asyncio.FIRST_COMPLETED)
            if ordered in done:
                order = ordered.result()
                ending = Ending.ABORTED if order.act is Act.ABORT else Ending.CLOSED
            elif receiving in done:
                ending = receiving.result()
            else:
                ending = Ending.UNANSWERED
            if order is not None and order.act is Act.UNSUBSCRIBE and self.subscribed:
                await self._leave()
        finally:
            if ending is Ending.ABORTED:
                self._line.abort()
            try:
                await _cancelled(
                    *(ownership.task for ownership in self._owned.values()), receiving, joining, ordered, living
                )
            finally:
                ended = self._member.clock.now()
                await self._line.close()
                self._member.sessions.append(self._attendance(sent, ended, ending))
        return order

    async def _living(self) -> None:
        """Send keep-alives for the owned partitions."""
        while not self._leaving:
            await asyncio.sleep(self._member.alive_every)
            cursors = [ownership.cursor for ownership in self._owned.values() if not ownership.task.done()]
            if cursors and not self._leaving:
                await self._requests.ask({"action": "ack", "id": _OWN_ID, "cursor": cursors}, record=True)

    async def _leave(self) -> None:
        # Commands in transit may still arrive, when another member owns the partition.
        self._leaving = True
        await _cancelled(*(ownership.task for ownership in self._owned.values()))
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._requests.ask({"action": "unsubscribe", "id": _OWN_ID}, record=True)
        except (Ended, TimeoutError):
            pass  # the end of the connection has the same effect

    async def _receiving(self) -> Ending:
        while True:
            try:
                message = await self._line.receive()
            except Ended:
                return Ending.DISCONNECTED
            if ending := self._take(message):
                return ending

    def _take(self, message: Json) -> Ending | None:
        """Record a message, and handle it by the protocol; return whether the connection must end."""
        now = self._member.clock.now()
        if "frame" not in message:
            self._received.append(Received(now, message))
            is_answer = self._requests.answered(message)
            if message.get("code") in FAREWELLS:
                # Also as an answer: a hub whose store was lost keeps the connection, and does not know it any more.
                return Ending.DISCONNECTED
            if is_answer or message.get("type") == "changed":
                return None
            # API Gateway's message about a failed function has no type and no request.
            return self._take_error(message.get("code", "internal"), message)
        partition, number, kind = message["partition"], message["frame"], message["type"]
        last, owned = self._last.get(partition, 0), self._owned.get(partition)
        new = number > last
        due = new and (kind == "owned" or number == last + 1)
        self._received.append(Received(now, message, due))
        if new and not due:
            return Ending.HOLE
        if due:
            self._last[partition] = number
        if due and not self._leaving:
            if kind == "owned":
                if owned is not None:
                    owned.task.cancel()
                self._owned[partition] = Ownership(
                    partition,
                    self._requests,
                    self._member,
                    self._handlings,
                    self._dropped,
                    own_id=_OWN_ID,
                    cursor=message["cursor"],
                )
            elif owned is not None:
                owned.take(message)
        return None

    def _take_error(self, code: str, message: Json) -> Ending | None:
        if code in AGAIN:
            self._requests.repeat()
            return None
        raise Refused(f"{self._member.name} was refused: {message}")

    def _attendance(self, sent: float, ended: float, ending: Ending) -> MemberSession:
        return MemberSession(
            connected=self._connected,
            sent=sent,
            subscribe=self._request,
            received=tuple(self._received),
            handlings=tuple(self._handlings),
            said=tuple(self._requests.recorded),
            dropped=tuple(self._dropped),
            ended=ended,
            ending=ending,
        )


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, (Ended, OSError)):
            raise result
