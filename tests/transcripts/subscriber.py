"""A recording subscriber, written from docs/protocol.md only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.transcripts.clock import Backoff
from tests.transcripts.lines import Ended, Unreachable
from tests.transcripts.orders import Act, Order
from tests.transcripts.outcomes import AGAIN, FAREWELLS, Refused
from tests.transcripts.transcript import BARE, Ending, Received, Session, Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.transcripts.clock import Clock
    from tests.transcripts.lines import Dial, Line
    from tests.transcripts.transcript import Json

__all__ = ["RecordingSubscriber"]

_PATIENCE = 10.0


class RecordingSubscriber:
    """Receives its subscription until it is ordered to leave, across successive sessions.

    A session that ends before `subscribed` came leaves nothing to resume from; what follows is recorded as another
    logical subscriber, whose name says so.

    Args:
        dial: Opens a line, each time.
        request: Members of the subscribe: `filters`, `stream`, `from`, and `subprotocol` if it is `cloudevents.json`.
        handle: Given each message of which the protocol's table says that it is to be handled, once.
    """

    def __init__(
        self,
        dial: Dial,
        request: Json,
        *,
        name: str,
        clock: Clock,
        random: Random,
        handle: Callable[[Json], object] = lambda _: None,
    ) -> None:
        self.name = name
        self.request = request
        self.recorded: list[Subscriber] = []
        self.subscribed = asyncio.Event()
        """Set when it has been answered; from then on it must receive every event."""
        self._dial = dial
        self._clock = clock
        self._handle = handle
        self._backoff = Backoff(random)
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._sessions: list[Session] = []
        self._base: str | None = None
        self._cursors: dict[int, str] = {}
        self._waiting: frozenset[int] | None = None
        self._state = "not begun"

    @property
    def live(self) -> bool:
        """Whether every partition became live since the last subscribe."""
        return self._waiting is not None and not self._waiting

    @property
    def state(self) -> str:
        """Its current activity, for error messages."""
        waiting = "" if not self._waiting else f", not live in partitions {sorted(self._waiting)}"
        return f"{self._state}, session {len(self._sessions) + 1}{waiting}"

    def enqueue(self, order: Order) -> None:
        """Enqueue an order, which is executed after the earlier ones."""
        self._orders.put_nowait(order)

    async def run(self) -> None:
        """Receive until ordered to leave.

        Raises:
            Refused: The hub refused the subscribe as wrong.
        """
        order = None
        while order is None or order.act is not Act.LEAVE:
            self._state = "connecting"
            try:
                line = await self._dial()
            except Unreachable:
                order = await self._away(self._backoff.pause())
                continue
            order = await _Session(self, line).run()
            self._waiting = None
            if order is None:
                order = await self._away(self._backoff.pause())
            elif order.act is not Act.LEAVE:
                order = await self._away(order.seconds)
        self._state = "gone"

    def finish(self, *, caught_up: bool) -> None:
        """Record the sessions so far."""
        if self._sessions:
            suffix = f".{len(self.recorded) + 1}" if self.recorded else ""
            self.recorded.append(
                Subscriber(name=f"{self.name}{suffix}", sessions=tuple(self._sessions), caught_up=caught_up)
            )
        self._sessions = []

    async def _away(self, seconds: float) -> Order | None:
        """Wait, unless it is ordered to leave; other orders need a connection."""
        self._state = "away"
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

    def _subscribe(self) -> dict[str, Any]:
        request = {"action": "subscribe", "id": f"s{len(self._sessions) + 1}", **self.request}
        if self._base is not None:
            request.pop("from", None)
            request["cursor"] = [self._base, *self._cursors.values()]
        return request

    def _answered(self, message: Json, fresh: frozenset[int]) -> None:
        """Keep what `subscribed` says; `fresh` are the partitions of which this session has brought a cursor."""
        for partition in message.get("renewed", ()):
            if partition not in fresh:
                self._cursors.pop(partition, None)
        self._base = message["cursor"]
        self.subscribed.set()
        self._backoff.worked()

    def _ended(self, session: Session) -> None:
        self._sessions.append(session)
        if self._base is None:
            self._cursors.clear()
            self.finish(caught_up=False)


class _Session:
    """A connection with its subscription."""

    def __init__(self, subscriber: RecordingSubscriber, line: Line) -> None:
        self._owner = subscriber
        self._line = line
        self._connected = subscriber._clock.now()
        self._request = subscriber._subscribe()
        self._received: list[Received] = []
        self._last: dict[int, int] = {}
        self._live: set[int] = set()
        self._partitions: frozenset[int] | None = None
        self._patience = self._connected + _PATIENCE

    async def run(self) -> Order | None:
        """Receive until the connection or an order ends it; return the order."""
        self._owner._state = "subscribing"
        sent = self._owner._clock.now()
        ending, order = Ending.DISCONNECTED, None
        try:
            await self._line.send(self._request)
            ending, order = await self._receiving()
        except Ended:
            pass
        finally:
            if ending is Ending.ABORTED:
                self._line.abort()
            ended = self._owner._clock.now()
            await self._line.close()
            self._owner._ended(
                Session(
                    connected=self._connected,
                    sent=sent,
                    subscribe=self._request,
                    received=tuple(self._received),
                    ended=ended,
                    ending=ending,
                )
            )
        return order

    async def _receiving(self) -> tuple[Ending, Order | None]:
        orders = asyncio.ensure_future(self._owner._orders.get())
        message = asyncio.ensure_future(self._line.receive())
        try:
            while True:
                # An unanswered subscriber cannot resume, even if it received frames.
                left = None if self._partitions is not None else max(0.0, self._patience - self._owner._clock.now())
                done, _ = await asyncio.wait((orders, message), return_when=asyncio.FIRST_COMPLETED, timeout=left)
                if not done:
                    return Ending.UNANSWERED, None
                if orders in done:
                    order = orders.result()
                    if order.act is Act.LAG:
                        self._owner._state = "lagging"
                        await asyncio.sleep(order.seconds)
                        orders = asyncio.ensure_future(self._owner._orders.get())
                        continue
                    return (Ending.ABORTED if order.act is Act.ABORT else Ending.CLOSED), order
                if ending := self._take(message.result()):
                    return ending, None
                message = asyncio.ensure_future(self._line.receive())
        finally:
            for task in (orders, message):
                task.cancel()
            await asyncio.gather(orders, message, return_exceptions=True)

    def _take(self, message: Json) -> Ending | None:
        """Record a message, and handle it by the table of the protocol; return whether the session must end."""
        now = self._owner._clock.now()
        due = True
        has_hole = False
        if message.get("type", "error") == "error":
            self._received.append(Received(now, message, handled=False))
            # API Gateway's message about a failed function has no type.
            code = message.get("code", "internal")
            if code in FAREWELLS:
                return Ending.DISCONNECTED
            if code in AGAIN:
                return Ending.REFUSED
            raise Refused(f"{self._owner.name} was refused: {message}; it asked {self._request}")
        if "frame" in message:
            last = self._last.get(message["partition"], 0)
            due, has_hole = message["frame"] == last + 1, message["frame"] > last + 1
        self._received.append(Received(now, message, due))
        if has_hole:
            return Ending.HOLE
        if due:
            self._handled(message)
        return None

    def _handled(self, message: Json) -> None:
        if message["type"] == "subscribed":
            self._partitions = frozenset(message["partitions"])
            self._owner._answered(message, frozenset(self._last))
            if self._request.get("subprotocol") == BARE:
                self._live = set(self._partitions)
        if "frame" in message:
            self._last[message["partition"]] = message["frame"]
            self._owner._cursors[message["partition"]] = message["cursor"]
            self._live |= {message["partition"]} if message["type"] == "live" else set()
        if self._partitions is not None:
            self._owner._waiting = self._partitions - self._live
            self._owner._state = "live" if self._owner.live else "catching up"
        self._owner._handle(message)
