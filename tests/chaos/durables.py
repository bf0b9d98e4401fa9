"""Durable subscriptions: the events that each owes, the actions of its members, and the reasons for parking."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.chaos.interests import Account, Interest, all_of, any_of
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.chaos.log import Event
    from tests.chaos.members import Handled, Member, Part
    from tests.chaos.targets import PushTarget
    from tests.chaos.world import World

__all__ = ["Durable"]

EventPosition = tuple[str, int]
"""A stream and a sequence."""


class Durable:
    """A durable subscription, from its creation to its deletion.

    Attributes:
        interests: What it may go by, for it was changed since all was settled last: the first by then, the last now.
        account: What must be handled, and was, since it was made or moved last.
        deadline: In milliseconds.
        target: Where its events are pushed; None if members receive them.
        awaits_target: Whether an operator wants it to have a target, and no member is to join it until then.
        had_members: Whether any has joined since it was made, or since it had a target.
        silent_since: Per member's connection and partition, since when it has said nothing, in the cache's time.
    """

    def __init__(
        self, world: World, name: str, number: int, interest: Interest, *, deadline: int, attempts: int, in_flight: int
    ) -> None:
        self.world = world
        self.name = name
        self.about = f"{name}#{number}"
        self.interests = [interest]
        self.deadline = deadline
        self.attempts = attempts
        self.in_flight = in_flight
        self.account = Account()
        self.members: list[Member] = []
        self.target: PushTarget | None = None
        self.awaits_target = self.had_members = False
        self.is_deleted = False
        self._ever: dict[str, set[int]] = {}
        self._ordered_from: dict[str, int] = {}
        self._failed: Counter[EventPosition] = Counter()
        self._blamed: Counter[EventPosition] = Counter()
        self._park_asked: set[EventPosition] = set()
        self._sent: dict[EventPosition, tuple[str, int]] = {}
        self._times_sent: Counter[EventPosition] = Counter()
        self._with: dict[str, dict[EventPosition, int]] = {}
        """Per connection what it may have, and in which frame it came last."""
        self._left: set[str] = set()
        self._granted: dict[int, tuple[str, int]] = {}
        self._heard: dict[tuple[str, int], int] = {}
        self._frames: dict[int, int] = {}
        self._acknowledged: set[EventPosition] = set()
        self._dropping: set[str] = set()
        self._lowest: dict[str, int] = {}
        self._is_made = False
        self._is_one_of = [interest]
        """Its possible definitions: several, when a change was answered with an error."""
        self._moving: dict[int, bool] = {}
        """Partitions that have yet to be moved, and whether to the oldest event kept."""

    @property
    def may_get(self) -> Interest:
        """What its members may be sent: what was in flight ends under the definition that it was sent by."""
        return any_of(self.interests)

    @property
    def owes(self) -> Interest:
        """What its members must be sent, whichever partition goes by which definition."""
        return all_of(self.interests)

    @property
    def reach(self) -> Account:
        """What may have been reported to it; messages in transit may precede a replay."""
        return Account(owed=self._lowest)

    @property
    def body(self) -> dict[str, Any]:
        """What it is made of."""
        asked: dict[str, Any] = {
            "id": self.name,
            "filters": list(self.interests[-1].filters),
            "ack_deadline": self.deadline // 1000,
            "max_attempts": self.attempts,
            "max_in_flight": self.in_flight,
        }
        if self.target is not None:
            asked["target"] = self.target.members
        streams = self.interests[-1].streams
        return asked | ({"stream": list(streams)} if streams else {})

    # What the hub sends.

    def watch(self, connection: str, message: dict[str, Any]) -> None:
        """A message is sent to the connection of a member."""
        if message.get("type") not in {"events", "owned", "revoked", "truncated"}:
            return
        partition, frame = message["partition"], message["frame"]
        is_new = frame > self._frames.get(partition, -1)
        self._frames[partition] = max(frame, self._frames.get(partition, -1))
        if message["type"] == "owned" and is_new:
            self._granted[partition] = (connection, frame)
            self._heard[connection, partition] = self.world.hub.clocks.true
        for one in message.get("events", ()):
            place = (one["hubstream"], int(one["hubsequence"]))
            if place in self._acknowledged and is_new:
                text = f"{self.about}: {place[0]} {place[1]} goes to {connection} again, in frame {frame}"
                raise Violation("events acknowledged in time are not sent again", text, place[0], self.about)
            if is_new:
                self._times_sent[place] += 1
                self._sent[place] = (connection, frame)
                # The hub does not know yet that the member disconnected.
                self._blamed[place] += connection in self._left
            had = self._with.setdefault(connection, {})
            had[place] = max(frame, had.get(place, 0))

    def watch_push(self, events: Sequence[EventPosition]) -> None:
        """Events are on their way to its target."""
        self._times_sent.update(events)

    def watch_letter(self, stream: str, sequence: int, attempts: int, errors: Sequence[str]) -> None:
        """An event is parked, and its copy goes to the queue."""
        place = (stream, sequence)
        self.world.note(f"{self.about}: {stream} {sequence} is parked, tried {attempts} times: {errors}")
        if not attempts:
            return
        tries = self.tries_of(stream, sequence)
        if place not in self._park_asked and tries < self.attempts:
            text = (
                f"{self.about}: {stream} {sequence} after {tries} failures and silences, and not {self.attempts}; "
                f"the hub says: {list(errors)}"
            )
            raise Violation("parked events have failed", text, stream, self.about)

    # What its members do.

    def tries_of(self, stream: str, sequence: int) -> int:
        """How often an event failed, or its member was silent, disconnected or left."""
        return self._failed[stream, sequence] + self._blamed[stream, sequence]

    def times_sent(self, stream: str, sequence: int) -> int:
        """The number of frames in which it was sent."""
        return self._times_sent[stream, sequence]

    def fail(self, stream: str, sequence: int, *, park: bool) -> None:
        """A member is about to nack an event."""
        self._failed[stream, sequence] += 1
        if park:
            self._park_asked.add((stream, sequence))
        self._acknowledged = {one for one in self._acknowledged if one[0] != stream}

    def handle(self, who: str, event: Event, *, may_precede_report: bool = False) -> None:
        """A member or a target handles an event.

        Args:
            may_precede_report: Whether the events before it may have been removed, and no loss be reported yet: there
                is no order between what is pushed and what is logged.
        """
        name = event.stream
        if not self.may_get.wants(event):
            raise Violation("only matching events are sent", f"{who}: {event}", name, self.about)
        self.world.note(f"{who} of {self.about} handles {name} {event.sequence}")
        first, owes = self._ordered_from.get(name, 1), self.owes
        for earlier in self.world.log.stream(name).events[first - 1 : event.sequence - 1]:
            if not owes.wants(earlier) or earlier.sequence in self._ever.get(name, ()):
                continue
            if not self.account.is_settled(name, earlier.sequence):
                if may_precede_report and earlier.sequence < self.world.first_kept(name):
                    continue
                text = f"{who}: {name} {event.sequence} before {earlier.sequence}"
                raise Violation("a stream is handled in its order", text, name, self.about)
        self._ever.setdefault(name, set()).add(event.sequence)
        self.account.take(name, event.sequence)

    def acknowledged(self, member: Member, partition: int, owned: int, done: Sequence[Handled]) -> None:
        """A member received the answer to an acknowledgement of these events."""
        self._heard[member.socket.id, partition] = self.world.hub.clocks.true
        for one in done:
            place = (one.stream, one.sequence)
            had = self._with.get(member.socket.id, {})
            if had.get(place, 0) <= one.frame:
                # Otherwise the event was sent again, and that attempt was not acknowledged.
                had.pop(place, None)
            is_newest = self._sent.get(place) == (member.socket.id, one.frame)
            is_owner = self._granted.get(partition) == (member.socket.id, owned)
            # Events sent before a replay no longer count, though the owner may not know that yet.
            moving = partition in self._moving
            if is_newest and is_owner and not moving and partition not in self.world.dirty:
                self._acknowledged.add(place)

    def hear(self, member: Member) -> None:
        """A member has sent a keep-alive for all its partitions."""
        for partition, part in member.parts.items():
            if part.owned:
                self._heard[member.socket.id, partition] = self.world.hub.clocks.true

    def hear_of(self, member: Member, part: Part) -> None:
        """A member has sent a command about one partition."""
        for partition, one in member.parts.items():
            if one is part:
                self._heard[member.socket.id, partition] = self.world.hub.clocks.true

    def blame(self, connection: str) -> None:
        """A member disconnects: its events count as attempted, including those still sent to it."""
        self._left.add(connection)
        self._blamed.update(self._with.pop(connection, ()))

    def pass_time(self) -> None:
        """A member that was silent for the deadline may have failed its events."""
        now = self.world.hub.clocks.true
        for connection, places in self._with.items():
            by_partition: dict[int, list[EventPosition]] = {}
            for place in places:
                by_partition.setdefault(self.world.log.partition_of(place[0]), []).append(place)
            for partition, events in by_partition.items():
                heard = self._heard.setdefault((connection, partition), now)
                if now - heard >= self.deadline:
                    self._heard[connection, partition] = now
                    self._blamed.update(events)

    def step_clock(self) -> None:
        """The clock of the cache jumps ahead: events in flight may time out once."""
        for places in self._with.values():
            self._blamed.update(places)

    def check_over(self, member: Member, answer: dict[str, Any]) -> None:
        """A member was answered that it is no longer a member, which must be true."""
        if answer["code"] == "subscription-not-found" and not self.is_deleted and not member.is_over:
            raise Violation("commands of members are accepted", f"{member.name}: {answer}", member.name, self.about)

    # What operators do with it.

    def move(self, firsts: dict[str, int], *, allowed: dict[str, int], to_oldest: Collection[int]) -> None:
        """It is made, or replayed: from here on all behind these is owed, and nothing before them."""
        # What is still on its way may come behind what was missing, or dropped, before it was moved.
        for name, ranges in self.account.reported.items():
            for first, last in ranges:
                self._ever.setdefault(name, set()).update(range(first, last + 1))
        self.account = Account()
        self._acknowledged.clear()
        self._moving = {partition: partition in to_oldest for partition in range(len(self.world.log.ends))}
        self._is_made, made = True, self._is_made
        for stream in self.world.log.streams.values():
            name = stream.name
            owed = firsts[name]
            least = allowed[name]
            self.account.start(name, owed=owed, allowed=least)
            # Losses of a stream that was created later may start at its first event.
            self._lowest[name] = min(self._lowest.get(name, 1 if made else least), least)
            # Events between may be handled after later ones.
            self._ordered_from[name] = max(self._ordered_from.get(name, 1), owed)

    def change(self, rules: dict[str, int], interest: Interest | None, *, is_sure: bool) -> None:
        """It goes by another definition in one partition after the other: what the laxer of both allow is allowed.

        Args:
            rules: Those that were changed.
            interest: What it wants now, if that was changed.
            is_sure: Whether the answer said so; where it was an error, it may be so.
        """
        self.deadline = min(self.deadline, 1000 * rules.get("ack_deadline", self.deadline // 1000))
        self.attempts = min(self.attempts, rules.get("max_attempts", self.attempts))
        self.in_flight = max(self.in_flight, rules.get("max_in_flight", self.in_flight))
        if interest is not None:
            self.interests.append(interest)
            self._is_one_of = [*(() if is_sure else self._is_one_of), interest]

    def redrive(self, stream: str, sequence: int, how: str) -> None:
        """A parked stream is redriven: from its failed event, after it, or after all parked events."""
        if self.world.log.partition_of(stream) in self._moving:
            # The stream is no longer parked by then.
            return
        head = self.world.log.stream(stream).head
        self._acknowledged = {one for one in self._acknowledged if one[0] != stream}
        if how != "drop":
            first = sequence + (how == "skip")
            self.account.owed[stream] = min(self.account.owed.get(stream, 1), first)
        if how == "start":
            had = self.account.had.get(stream, set())
            self.account.had[stream] = {one for one in had if one < sequence}
        elif how == "skip":
            self.account.excuse(stream, sequence, sequence)
        else:
            self.account.excuse(stream, sequence, head)
            self._dropping.add(stream)

    def forget_acknowledged(self) -> None:
        """The epoch was renewed: acknowledgements of earlier events may have no effect."""
        self._acknowledged.clear()
        self._granted.clear()

    def published(self, event: Event) -> None:
        """An event was stored; while a parked stream is purged, the event may be purged with it."""
        if event.stream in self._dropping:
            self.account.excuse(event.stream, event.sequence, event.sequence)

    def served(self, partition: int) -> None:
        """The turns of the partition have applied every command."""
        self._dropping = {one for one in self._dropping if self.world.log.partition_of(one) != partition}
        if partition in self._moving:
            for place in [place for place in self._sent if self.world.log.partition_of(place[0]) == partition]:
                del self._sent[place]
        if self._moving.pop(partition, False):
            # The oldest stored event is the one at the time of the replay.
            firsts = self.world.firsts()
            for stream in self.world.log.of_partition(partition):
                self.account.excuse(stream.name, 1, firsts[stream.name] - 1)

    def calm_down(self, filters: list[dict[str, Any]]) -> None:
        """Everything is settled: no event is owed, and the current definition is the one that the hub shows."""
        self.interests = [one for one in self._is_one_of if list(one.filters) == filters][-1:]
        if not self.interests:
            asked = [list(one.filters) for one in self._is_one_of]
            text = f"{self.about} has the filters {filters}, and was asked to have one of {asked}"
            raise Violation("a subscription is as it was asked to be", text, self.about)
        self._is_one_of = list(self.interests)
        for stream in self.world.log.streams.values():
            self.account.settle(stream)
            self._ordered_from[stream.name] = stream.head + 1
        self._ever.clear()
