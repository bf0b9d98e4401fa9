"""Members of durable subscriptions, from docs/protocol.md only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.rules.content import check_event
from tests.chaos.rules.frames import Frames
from tests.chaos.rules.removals import check_ranges, ranges_of
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.durables import Durable
    from tests.chaos.gateway import Socket
    from tests.chaos.world import World

__all__ = ["Member", "Part"]

OWN_ID = "w"


class Handled(NamedTuple):
    """An event that a member has handled, in which frame, and not acknowledged yet."""

    stream: str
    sequence: int
    frame: int


@dataclass
class Part:
    """A partition as a member knows it.

    Attributes:
        owned: The number of the frame that said so; 0 if it is not the member's.
        revoked: The number of the frame that asked for it back; 0 if none did.
        cursor: The newest place that is acknowledged, or that of `owned`: to acknowledge it again keeps it alive.
        queue: Frames that have come and are yet to be done.
        dropping: Streams of which an event failed, and of which nothing is handled until a frame names them.
        places: Cursors of frames that are done, in their order, and the numbers of these frames.
        done: What was handled since, and is not acknowledged.
        again: The newest sequence to acknowledge, of each stream that was tried again.
        spoke: When the member last said something of the partition, in milliseconds.
        old: Cursors that were acknowledged before.
        unsure: Streams of which it failed something that it may not have had: what it acknowledges may not count.
    """

    frames: Frames
    owned: int = 0
    revoked: int = 0
    cursor: str = ""
    queue: deque[dict[str, Any]] = field(default_factory=deque)
    dropping: set[str] = field(default_factory=set)
    places: list[tuple[int, str]] = field(default_factory=list)
    done: list[Handled] = field(default_factory=list)
    again: dict[str, tuple[int, int]] = field(default_factory=dict)
    spoke: int = 0
    old: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)


class Member:
    """A connection of a member.

    Attributes:
        keeps_alive: Whether it says in time that it is at work; one that does not is silent.
        reads: Whether it reads what is posted.
        busy_until: While a handler runs, in milliseconds; nothing else is handled then.
        is_over: Whether it takes part no more, as far as it knows.
    """

    def __init__(self, world: World, durable: Durable, name: str, *, keeps_alive: bool, reads: bool) -> None:
        self.world = world
        self.durable = durable
        self.name = name
        self.keeps_alive = keeps_alive
        self.reads = reads
        self.busy_until = 0
        self.is_over = False
        self.socket: Socket = world.hub.gateway.open(bare=False)
        self.parts: dict[int, Part] = {}
        world.taking_part[self.socket.id] = durable

    @property
    def has_work(self) -> bool:
        return any(part.queue or part.revoked for part in self.parts.values())

    def join(self) -> bool:
        """Connect and join; return whether that was accepted."""
        hub = self.world.hub
        arm, hub.arm = hub.arm, None
        if hub.connect(self.socket.id, bare=False) != 200:
            hub.gateway.end(self.socket.id)
            return False
        hub.arm = arm
        answer = self._ask({"action": "subscribe", "subscription": self.durable.name})
        self.world.note(f"{self.name} joins {self.durable.about} on {self.socket.id}: {answer}")
        if answer["type"] == "subscribed":
            if self.durable.target is not None:
                raise Violation("a subscription with a target has no members", f"{self.name}: {answer}", self.name)
            self.durable.had_members = True
            return True
        if self.durable.target is not None and answer["code"] == "subscription-has-target":
            self.world.figures["members refused, for there is a target"] += 1
            hub.gateway.end(self.socket.id)
            return False
        if answer["code"] in {"store-full", "subscription-not-found"}:
            hub.gateway.end(self.socket.id)
            return False
        raise Violation("a member is accepted", f"{self.name}: {answer}", self.name)

    # Receiving.

    def read(self) -> bool:
        """Process posted messages; return whether there were any."""
        if not self.socket.open:
            self.is_over = True
        had = bool(self.socket.inbox)
        while self.socket.inbox:
            self._take(self.socket.inbox.popleft())
        return had

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "error":
            if message["code"] != "subscription-not-found":
                raise Violation("members receive known messages", f"{self.name}: {message}", self.name)
            self.world.note(f"{self.name} learns that it is over")
            self.end()
            return
        if message["type"] == "changed":
            # It has no number. Keep-alives follow the shortest deadline so far.
            return
        partition = message["partition"]
        part = self.parts.setdefault(partition, Part(Frames(f"{self.name} in {partition}", last=None)))
        if part.frames.last is None and kind != "owned":
            raise Violation("owning comes first", f"{self.name}: {message}", self.name)
        state = part.frames.take(message, starts=kind == "owned")
        if state == "hole":
            raise Violation("frames have no hole", f"{self.name}: {message}", self.name)
        if state == "repeated":
            return
        self.world.note(f"{self.name} gets {kind} {message['frame']} of {partition} {_events(message)}")
        if kind == "owned":
            self._own(part, message)
        elif kind == "revoked":
            part.revoked = message["frame"]
        elif kind in {"events", "truncated"}:
            part.queue.append(message)
        else:
            raise Violation("frames are of known types", f"{self.name}: {message}", self.name)

    def _own(self, part: Part, message: dict[str, Any]) -> None:
        # What is left of an earlier time is dropped: all that was not acknowledged comes again.
        part.owned, part.cursor, part.revoked = message["frame"], message["cursor"], 0
        part.queue.clear()
        part.dropping.clear()
        part.unsure.clear()
        part.places, part.done, part.again = [], [], {}
        part.spoke = self.world.hub.clocks.true

    # Working.

    def work(self, partition: int, *, failing: float) -> None:
        """Do the next frame of a partition; how likely each of its events fails."""
        part = self.parts[partition]
        if not part.queue:
            if part.revoked:
                self._release(partition, part)
            return
        message = part.queue.popleft()
        if message["type"] == "truncated":
            self._hear_of_losses(partition, part, message)
            return
        again = message.get("stream")
        self._check_attempt(message)
        if again is not None:
            part.dropping.discard(again)
        for received in message["events"]:
            event = check_event(self.name, self.world.log, received)
            if event.stream in part.dropping:
                continue
            if self.world.rng.random() < failing and self._nack(part, event.stream, event.sequence, message["frame"]):
                continue
            self.durable.handle(self.name, event)
            part.done.append(Handled(event.stream, event.sequence, message["frame"]))
            if again is not None:
                part.again[event.stream] = (event.sequence, message["frame"])
        if "cursor" in message:
            part.places.append((message["frame"], message["cursor"]))

    def _hear_of_losses(self, partition: int, part: Part, message: dict[str, Any]) -> None:
        durable, ranges = self.durable, ranges_of(message)
        check_ranges(
            self.name,
            ranges,
            self.world.log,
            durable.may_get,
            account=durable.reach,
            first_kept=self.world.first_kept,
        )
        for stream, first, last in ranges:
            self.world.note(f"{self.name} of {durable.about} learns that {stream} {first} to {last} is missing")
            durable.account.excuse(stream, first, last)
        if message.get("missing_more"):
            firsts = self.world.firsts()
            for one in self.world.log.of_partition(partition):
                durable.account.excuse(one.name, 1, firsts[one.name] - 1)
        part.places.append((message["frame"], message["cursor"]))

    def _check_attempt(self, message: dict[str, Any]) -> None:
        attempt = message.get("attempt", 1)
        if attempt == 1 or not message["events"]:
            return
        events = [(one["hubstream"], int(one["hubsequence"])) for one in message["events"]]
        if "stream" not in message:
            # They may have been lost with a member that went away, or with a turn: sent they were.
            # So may others, among which they stand, if they are wanted only now.
            for stream, sequence in events if len(self.durable.interests) == 1 else ():
                if self.durable.times_sent(stream, sequence) < attempt:
                    text = f"{self.name}: {stream} {sequence} comes as attempt {attempt}, and was never sent before"
                    raise Violation("attempts count per event", text, stream, self.durable.about)
            return
        stream, sequence = events[0]
        tries = self.durable.tries_of(stream, sequence)
        if attempt > 1 + tries:
            text = f"{self.name}: {stream} {sequence} comes as attempt {attempt}, and was tried {tries} times"
            raise Violation("attempts count per event", text, stream, self.durable.about)

    def _nack(self, part: Part, stream: str, sequence: int, frame: int) -> bool:
        rng = self.world.rng
        message: dict[str, Any] = {
            "action": "nack", "stream": stream, "sequence": sequence, "reason": "no", "frame": frame,
        }  # fmt: skip
        if rng.random() < 0.5:
            message["delay"] = rng.randint(0, 20)
        if rng.random() < 0.1:
            message["park"] = True
        self.durable.fail(stream, sequence, park="park" in message)
        answer = self._say(part, message)
        self.world.note(f"{self.name} nacks {stream} {sequence} {message.get('park', '')}: {answer['type']}")
        part.dropping.add(stream)
        part.again.pop(stream, None)
        # Those before it are handled by that; what comes behind is handled again.
        part.done = [one for one in part.done if one.stream != stream]
        return True

    # Acknowledging.

    def acknowledge(self, partition: int, *, all_of_it: bool) -> None:
        """Acknowledge some of what is done, or all."""
        part, rng = self.parts[partition], self.world.rng
        for stream, (sequence, frame) in list(part.again.items()):
            if all_of_it or rng.random() < 0.7:
                answer = self._say(part, {"action": "ack", "stream": stream, "sequence": sequence, "frame": frame})
                self.world.note(f"{self.name} acks {stream} {sequence}: {answer['type']}")
                part.again.pop(stream, None)
                if answer["type"] == "acknowledged":
                    done = [h for h in part.done if h.stream == stream and h.sequence <= sequence and h.frame <= frame]
                    self._acknowledged(partition, part, done)
        if part.places:
            number = len(part.places) - 1 if all_of_it else rng.randrange(len(part.places))
            frame, cursor = part.places[number]
            answer = self._say(part, {"action": "ack", "cursor": cursor})
            self.world.note(f"{self.name} acks {partition} up to frame {frame}: {answer['type']}")
            if answer["type"] == "acknowledged":
                part.cursor = cursor
                part.old = [*part.old[-5:], cursor]
                del part.places[: number + 1]
                done = [h for h in part.done if h.frame <= frame and h.stream not in part.again]
                self._acknowledged(partition, part, done)

    def acknowledge_again(self, partition: int) -> None:
        """Something that was acknowledged before, perhaps long ago, or never sent."""
        part, rng = self.parts[partition], self.world.rng
        if part.old and rng.random() < 0.6:
            self._say(part, {"action": "ack", "cursor": rng.choice(part.old)})
        else:
            self.keep_alive()

    def nack_wildly(self, partition: int) -> None:
        """An event that it was not sent yet, or that it failed before, or had acknowledged."""
        part, rng = self.parts[partition], self.world.rng
        streams = [one.name for one in self.world.log.of_partition(partition) if one.head]
        if not streams or not part.owned:
            return
        stream = rng.choice(sorted(part.dropping) or streams) if rng.random() < 0.5 else rng.choice(streams)
        sequence = rng.randint(1, self.world.log.stream(stream).head + 2)
        self.durable.fail(stream, sequence, park=False)
        answer = self._say(part, {"action": "nack", "stream": stream, "sequence": sequence, "reason": "wild"})
        self.world.note(f"{self.name} nacks {stream} {sequence} wildly: {answer['type']}")
        # It may have been sent and wait to be read: then all before it counts as handled.
        self.durable.account.excuse(stream, 1, sequence - 1)
        part.unsure.add(stream)

    def keep_alive(self) -> None:
        """Say of every partition that is owned that it is at work."""
        owned = [part for part in self.parts.values() if part.owned]
        if owned and not self.is_over:
            answer = self._ask({"action": "ack", "cursor": [part.cursor for part in owned]})
            if answer["type"] == "acknowledged":
                for part in owned:
                    part.spoke = self.world.hub.clocks.true
                self.durable.hear(self)

    def _acknowledged(self, partition: int, part: Part, done: list[Handled]) -> None:
        part.done = [one for one in part.done if one not in done]
        self.durable.acknowledged(self, partition, part.owned, [one for one in done if one.stream not in part.unsure])

    def _release(self, partition: int, part: Part) -> None:
        if part.again or part.places:
            self.acknowledge(partition, all_of_it=True)
        answer = self._ask({"action": "release", "partition": partition, "frame": part.revoked})
        self.world.note(f"{self.name} releases {partition}: {answer['type']}")
        if answer["type"] == "released":
            part.owned = part.revoked = 0
            part.queue.clear()

    # Leaving.

    def leave(self, *, politely: bool) -> None:
        """Leave the group, or just vanish."""
        self.world.note(f"{self.name} leaves {self.durable.about} {'politely' if politely else ''}")
        self.durable.blame(self.socket.id)
        if politely:
            # A crashed function may have done it before the one that answers.
            self.is_over = True
            self._ask({"action": "unsubscribe"})
        self.end()

    def end(self) -> None:
        self.is_over = True
        self.world.hub.gateway.end(self.socket.id)

    def _say(self, part: Part, message: dict[str, Any]) -> dict[str, Any]:
        answer = self._ask(message)
        if answer["type"] == "acknowledged":
            part.spoke = self.world.hub.clocks.true
            self.durable.hear_of(self, part)
        return answer

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        answer = self.world.hub.message(self.socket.id, {**message, "id": OWN_ID, "request": "r"})
        if answer["type"] == "error":
            # One of the same name that was made since may concern other partitions.
            strange = self.durable.is_deleted and answer["code"] in {"invalid-cursor", "invalid-request"}
            if strange or answer["code"] in {"subscription-not-found", "connection-not-found"}:
                self.durable.check_over(self, answer)
                self.end()
            elif message["action"] != "subscribe" or answer["code"] not in {"store-full", "subscription-has-target"}:
                raise Violation("commands of members are accepted", f"{self.name}: {message}: {answer}", self.name)
        return answer


def _events(message: dict[str, Any]) -> str:
    return " ".join(f"{one['hubstream']}/{one['hubsequence']}" for one in message.get("events", ()))
