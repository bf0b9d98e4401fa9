"""Ephemeral subscribers, as docs/protocol.md has them, with cursors of every kind; and what they must receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.cursors import PositionBounds
from tests.chaos.interests import Account, Interest, drawn_interest
from tests.chaos.rules.content import check_event
from tests.chaos.rules.frames import Frames
from tests.chaos.rules.removals import check_ranges, ranges_of
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chaos.gateway import Socket
    from tests.chaos.log import Event
    from tests.chaos.world import World

__all__ = ["Subscriber", "Subscribers"]

_HUB = "io.flunq.hub."
_MOST = 9
"""Subscribers at a time."""


class Subscriber:
    """One client, over all the connections that it has one after the other.

    Attributes:
        tokens: The cursors that it keeps: that of `subscribed`, and the newest of each partition.
        older: What it kept at some earlier time.
    """

    def __init__(self, world: World, name: str, interest: Interest, *, bare: bool) -> None:
        self.world = world
        self.name = name
        self.interest = interest
        self.bare = bare
        self.account = Account()
        self.socket: Socket | None = None
        self.tokens: list[str] = []
        self.older: list[list[str]] = []
        self.is_lost = False
        self._first_token = ""
        self._newest: dict[int, str] = {}
        self._frames: dict[int, Frames] = {}
        self._behind: dict[int, PositionBounds] = {}
        self._in_order: dict[str, int] = {}
        self._live: set[int] = set()
        self._stored: dict[str, int] = {}

    # Starting and resuming.

    def start(self, *, oldest: bool) -> bool:
        """Subscribe from now, or from the oldest event; return whether it was accepted."""
        log = self.world.log
        ends = list(log.ends)
        firsts = self.world.firsts() if oldest else {}
        answer = self._subscribe({"from": "start" if oldest else "now"})
        if answer is None:
            return False
        for stream in log.streams.values():
            self.account.start(stream.name, owed=firsts.get(stream.name, 1) if oldest else stream.head + 1)
        places = {p: self.world.place_here(p, 0 if oldest else ends[p]) for p in self.interest.partitions(log)}
        self._begin(answer, places, removed={name: first - 1 for name, first in firsts.items()})
        if answer["recovery"] != "complete":
            raise Violation("a new subscription misses nothing", f"{self.name}: {answer}", self.name)
        return True

    def start_behind(self, tokens: list[str]) -> bool:
        """Subscribe from cursors of other readers; return whether it was accepted."""
        return self._resume(tokens, is_own=False)

    def resume(self, tokens: list[str] | None = None) -> bool:
        """Resume from the kept cursors on another connection; return whether that was accepted."""
        return self._resume(tokens or self.tokens, is_own=True)

    def _resume(self, tokens: list[str], *, is_own: bool) -> bool:
        log = self.world.log
        places = self.world.cursors.merged(tokens)
        answer = self._subscribe({"cursor": tokens})
        if answer is None:
            return False
        concerned = self.interest.partitions(log)
        renewed = [p for p in concerned if places[p].generation != log.generations[p]]
        if sorted(answer.get("renewed", [])) != renewed:
            raise Violation("a new epoch is reported", f"{self.name}: {answer}, renewed were {renewed}", self.name)
        firsts = self.world.firsts()
        for partition in concerned:
            for stream in log.of_partition(partition):
                if partition in renewed:
                    # It starts over there, so earlier removals are not reported.
                    self.account.allowed[stream.name] = 1
                    self.account.excuse(stream.name, 1, firsts[stream.name] - 1)
                    if not is_own:
                        self.account.owed[stream.name] = 1
                elif is_own:
                    least = stream.from_index(places[partition].least)
                    allowed = self.account.allowed.get(stream.name, self.account.owed.get(stream.name, 1))
                    self.account.allowed[stream.name] = min(allowed, least)
                else:
                    owed, least = (stream.from_index(n) for n in (places[partition].most, places[partition].least))
                    self.account.start(stream.name, owed=owed, allowed=least)
                    # Removals before the start of that reader are not reported to its successor.
                    self.account.excuse(stream.name, 1, self.world.cursors.removed(tokens, stream.name))
        now = {p: PositionBounds(log.generations[p], 0, 0) if p in renewed else places[p] for p in concerned}
        self._begin(answer, now, removed={name: first - 1 for name, first in firsts.items()})
        self._report(answer)
        return True

    def _subscribe(self, start: Mapping[str, Any]) -> dict[str, Any] | None:
        """Connect and subscribe; return the answer, or None if it was not accepted."""
        hub = self.world.hub
        self.leave()
        socket = hub.gateway.open(bare=self.bare)
        answer = self._subscribe_bare(socket, start) if self.bare else self._subscribe_framed(socket, start)
        self.world.note(f"{self.name} subscribes on {socket.id}: {_short(answer)}")
        if answer is None:
            hub.gateway.end(socket.id)
            return None
        self.socket, self.is_lost = socket, False
        return answer

    def _subscribe_framed(self, socket: Socket, start: Mapping[str, Any]) -> dict[str, Any] | None:
        hub = self.world.hub
        arm, hub.arm = hub.arm, None
        if hub.connect(socket.id, bare=False) != 200:
            return None
        hub.arm = arm
        message: dict[str, Any] = {"action": "subscribe", "id": "s", "filters": list(self.interest.filters), **start}
        if self.interest.streams:
            message["stream"] = list(self.interest.streams)
        answer = hub.message(socket.id, message, again=False)
        if answer["type"] == "subscribed":
            return answer
        if answer["code"] == "stream-gone" and self.interest.is_gone(self.world.log):
            self._see_end()
            return None
        if answer["code"] == "lost" or (answer["code"] == "store-full" and self.world.full):
            return None
        raise Violation("a subscription is accepted", f"{self.name}: {answer}", self.name)

    def _subscribe_bare(self, socket: Socket, start: Mapping[str, Any]) -> dict[str, Any] | None:
        query: dict[str, list[str]] = {**(self.interest.parameters or {})}
        if self.interest.streams:
            query["stream"] = list(self.interest.streams)
        for name, value in start.items():
            query[name] = value if isinstance(value, list) else [value]
        queue = self.world.hub.deliveries
        before = len(queue)
        status = self.world.hub.connect(socket.id, bare=True, query=query)
        if status != 200:
            if status == 410 and self.interest.is_gone(self.world.log):
                self._see_end()
                return None
            if status == 502 or self._may_fail:
                return None
            raise Violation("a subscription is accepted", f"{self.name}: {status}", self.name)
        # The first message of the hub is delivered like frames; the client waits for it.
        assert len(queue) > before
        for group in queue.groups.values():
            newest = group[-1]
            if f'"{socket.id}"' in newest.body and f"{_HUB}subscribed" in newest.body:
                return self._first_word(newest.body)
        raise Violation("a bare subscription receives its start", self.name)

    def _see_end(self) -> None:
        """A stream that it names is gone for good: it cannot go on, and stops."""
        self.world.figures["subscribers that end with their stream"] += 1
        if self in self.world.subscribers:
            self.world.subscribers.remove(self)

    def _first_word(self, body: str) -> dict[str, Any]:
        import json  # noqa: PLC0415 - only bare ones

        from eventstore.frames.frame import postings  # noqa: PLC0415 - as the queue carries it

        [first] = [json.loads(posting.message) for posting in postings(body)]
        return {"type": "subscribed", "cursor": first["hubcursor"], **first["data"]}

    @property
    def _may_fail(self) -> bool:
        return bool(self.world.full) or self.world.hub.outage.now

    def _begin(self, answer: dict[str, Any], places: dict[int, PositionBounds], *, removed: Mapping[str, int]) -> None:
        self._frames, self._behind, self._in_order, self._live = {}, dict(places), {}, set()
        self._stored = {stream.name: stream.head for stream in self.world.log.streams.values()}
        self.world.cursors.note(answer["cursor"], places, removed=removed)
        self._first_token, self._newest = answer["cursor"], {}
        self._keep()

    def leave(self) -> None:
        """Drop the connection."""
        if self.socket is not None:
            self.world.hub.gateway.end(self.socket.id)
            self.socket = None

    def unsubscribe(self) -> None:
        """End the subscription, and stay connected."""
        if self.socket is None or self.bare:
            self.leave()
            return
        answer = self.world.hub.message(self.socket.id, {"action": "unsubscribe", "id": "s"})
        fine = answer["type"] == "unsubscribed" or answer["code"] in {"subscription-not-found", "connection-not-found"}
        if not fine and not self._may_fail:
            raise Violation("who unsubscribes is let go", f"{self.name}: {answer}", self.name)
        self.leave()

    # Receiving.

    def read(self, *, most: int = 1000) -> bool:
        """Handle what was posted; whether anything had been."""
        if self.socket is None:
            return False
        if not self.socket.open:
            self.is_lost = True
        count = 0
        while self.socket.inbox and count < most and not self.is_lost:
            self._take(self.socket.inbox.popleft())
            count += 1
        return count > 0

    def _take(self, message: dict[str, Any]) -> None:
        if self.bare:
            if message.get("type") == f"{_HUB}subscribed":
                return
            message = _framed(message)
        elif message["type"] not in {"events", "live", "truncated"} or message["id"] != "s":
            raise Violation("frames are of known types", f"{self.name}: {message}", self.name)
        partition = message["partition"]
        frames = self._frames.setdefault(partition, Frames(f"{self.name} in {partition}"))
        state = frames.take(message)
        if state == "hole":
            self.is_lost = True
            self.world.figures["holes by which subscribers resume"] += 1
            return
        if state == "repeated":
            return
        self._report(message)
        for received in message.get("events", ()):
            self._receive(check_event(self.name, self.world.log, received), partition)
        self._follow(message, partition)

    def _receive(self, event: Event, partition: int) -> None:
        account, name = self.account, event.stream
        self.world.note(f"{self.name} receives {name} {event.sequence} of partition {partition}")
        if not self.interest.wants(event):
            raise Violation("only matching events are sent", f"{self.name}: {event}", name, self.name)
        if event.sequence < account.allowed.get(name, account.owed.get(name, 1)):
            raise Violation("no event before the start is sent", f"{self.name}: {event}", name, self.name)
        if event.sequence <= self._in_order.get(name, 0):
            text = f"{self.name}: {name} {event.sequence} after {self._in_order[name]}"
            raise Violation("a stream comes in its order", text, name, self.name)
        # Events between arrived before, or were reported missing.
        early = account.open_of(self.interest, self.world.log.stream(name), before=event.sequence)
        if early is not None:
            text = f"{self.name}: {name} {early.sequence} did not come before {event.sequence}"
            raise Violation("owed events arrive or are reported missing", text, name, self.name)
        self._in_order[name] = event.sequence
        account.take(name, event.sequence)

    def _report(self, message: dict[str, Any]) -> None:
        ranges = ranges_of(message)
        for stream, first, last in ranges:
            self.world.note(f"{self.name} learns that {stream} {first} to {last} is missing")
        check_ranges(
            self.name, ranges, self.world.log, self.interest, account=self.account, first_kept=self.world.first_kept
        )
        for stream, first, last in ranges:
            had = self._in_order.get(stream, 0)
            if message["type"] == "truncated" and last <= had:
                text = f"{self.name}: {stream} {first} to {last}, and had {had}"
                raise Violation("received events are not reported missing", text, stream, self.name)
            self.account.excuse(stream, first, last)
        if message.get("missing_more"):
            self._excuse_all(message)

    def _excuse_all(self, message: dict[str, Any]) -> None:
        """More is missing than a message can list: any removed event of the partitions."""
        partitions = [message["partition"]] if "partition" in message else message["partitions"]
        self.world.figures["losses that exceeded a message"] += 1
        firsts = self.world.firsts()
        for partition in partitions:
            for stream in self.world.log.of_partition(partition):
                self.account.excuse(stream.name, 1, firsts[stream.name] - 1)

    def _check_caught_up(self, partition: int) -> None:
        """A subscriber that receives `live` has received every event stored before the subscription."""
        for stream in self.world.log.of_partition(partition):
            early = self.account.open_of(self.interest, stream, before=self._stored.get(stream.name, 0) + 1)
            if early is not None:
                text = f"{self.name} in {partition}: {early.stream} {early.sequence} did not come before"
                raise Violation("live comes when all of before was sent", text, early.stream, self.name)

    def _follow(self, message: dict[str, Any], partition: int) -> None:
        log, kind = self.world.log, message["type"]
        before = self._behind[partition]
        end = log.ends[partition]
        if kind == "live":
            if partition in self._live:
                raise Violation("live is sent once", f"{self.name} in {partition}", self.name)
            self._live.add(partition)
            self._check_caught_up(partition)
        if kind == "events":
            last = message["events"][-1]
            event = log.find(last["hubstream"], int(last["hubsequence"]))
            assert event is not None
            place = PositionBounds(before.generation, event.at + 1, event.at + 1)
        else:
            place = PositionBounds(before.generation, before.least, end)
        # The place is the epoch's by which the frame was made, which may have been renewed since.
        place = self._epoch_of(message["cursor"], place, partition)
        self._behind[partition] = place
        if kind == "live":
            # Where all behind a start was removed, it names a place before that start; together with the cursor of
            # `subscribed` it stands for that.
            place = place._replace(least=0)
        self.world.cursors.note(message["cursor"], {partition: place})
        self._newest[partition] = message["cursor"]
        self._keep()

    def _epoch_of(self, token: str, place: PositionBounds, partition: int) -> PositionBounds:
        from eventstore.positions import Cursor  # noqa: PLC0415 - whether it is of this epoch, only the token knows

        epoch = Cursor.parse(token).places[partition][0]
        return place._replace(generation=self.world.epochs.setdefault((partition, epoch), place.generation))

    def _keep(self) -> None:
        if self.tokens and self.world.rng.random() < 0.1:
            self.older = [*self.older[-4:], self.tokens]
        self.tokens = [self._first_token, *self._newest.values()]


def _framed(event: dict[str, Any]) -> dict[str, Any]:
    """A bare event as the frame that it is."""
    head = {"partition": event["hubpartition"], "frame": event["hubframe"], "cursor": event["hubcursor"]}
    if event["type"] == f"{_HUB}truncated":
        return {"type": "truncated", **head, **event["data"]}
    return {"type": "events", **head, "events": [event]}


def _short(answer: dict[str, Any] | None) -> str:
    return str(answer and {name: value for name, value in answer.items() if name not in {"cursor", "type"}})


class Subscribers:
    """All of them, and what they do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._count = 0

    def _new(self) -> Subscriber:
        self._count += 1
        world = self.world
        if len(world.subscribers) >= _MOST:
            self.leave()
        interest = drawn_interest(world.rng, world.log.streams)
        bare = interest.parameters is not None and world.rng.random() < 0.3
        return Subscriber(world, f"subscriber-{self._count}:", interest, bare=bare)

    def subscribe(self) -> None:
        one = self._new()
        if one.start(oldest=self.world.rng.random() < 0.5):
            self.world.subscribers.append(one)

    def subscribe_behind_others(self) -> None:
        """With the cursors of another, or of two of them: those of all partitions."""
        world = self.world
        givers = [one for one in world.subscribers if one.tokens and not one.interest.streams]
        if not givers:
            return
        giver = world.rng.choice(givers)
        tokens = list(world.rng.choice([giver.tokens, *giver.older]))
        if world.rng.random() < 0.5:
            tokens += world.rng.choice(givers).tokens
        world.rng.shuffle(tokens)
        one = self._new()
        # Of two epochs the later token counts; they are mixed as they come.
        if one.start_behind(tokens):
            world.subscribers.append(one)

    def subscribe_behind_page(self) -> None:
        """With the cursor of a page of all streams."""
        world = self.world
        if world.page_tokens:
            one = self._new()
            if one.start_behind([world.rng.choice(world.page_tokens)]):
                world.subscribers.append(one)

    def resume(self) -> None:
        one = self._any()
        if one is not None:
            one.resume()

    def resume_from_older(self) -> None:
        one = self._any()
        if one is not None and one.older:
            one.resume(self.world.rng.choice(one.older))

    def leave(self) -> None:
        one = self._any()
        if one is not None:
            (one.unsubscribe if self.world.rng.random() < 0.5 else one.leave)()
            self.world.subscribers.remove(one)

    def read(self) -> None:
        one = self._any()
        if one is not None:
            one.read(most=self.world.rng.randint(1, 8))
            self.mend(one)

    def be_unreachable(self) -> None:
        """The connection accepts no message; the hub has to disconnect it."""
        one = self._any()
        if one is not None and one.socket is not None:
            one.socket.reachable = False

    def mend(self, one: Subscriber) -> None:
        """A subscriber that lost a frame or its connection resumes."""
        if one.is_lost or one.socket is None:
            one.resume()

    def _any(self) -> Subscriber | None:
        return self.world.rng.choice(self.world.subscribers) if self.world.subscribers else None
