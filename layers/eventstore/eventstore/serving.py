"""A turn's work for durable subscriptions: what each group gets, and what is set aside."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.events import rfc3339
from eventstore.frames import Address
from eventstore.framing import Placed, missing_members
from eventstore.groups import Ack, Group, Spot, Step, apply, due, renew
from eventstore.ports import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from eventstore.framing import Outbox
    from eventstore.groups import Command, Held, Parked
    from eventstore.ports import Log, Turn
    from eventstore.positions import Position
    from eventstore.subscriptions import Durable

__all__ = ["Served", "serve"]

_AT_ONCE = 200
"""Events that a turn reads for one group."""

_BYTES = 2 * 1024 * 1024
"""Of new events that a turn sends to one group, and of those of held streams, give or take one event."""

_LETTERS = 50
"""Events that a turn copies to the dead letter queue for one group: some 10 ms each, for they are sent one by one."""

_HELD_AT_ONCE = 10
_STREAMS = 20
"""How many held and how many parked streams of a group a turn goes on with."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a turn did for a group.

    Attributes:
        state: Where the group stands now (`Group.encoded`).
        letters: What is to go to the dead letter queue before that is written down.
        due: When it needs a turn though nothing is published; None if it does not.
        more: Whether it could go on at once.
    """

    state: str
    letters: Sequence[DeadLetter]
    due: int | None
    more: bool


def serve(log: Log, turn: Turn, durable: Durable, commands: Sequence[Command], outbox: Outbox) -> Served:
    """Take in what was asked, and send what may be sent. It depends on the turn alone: a second try does the same."""
    group = Group.decoded(turn.groups[durable.key])
    step = Step(group, durable.rules, durable.key, turn.partition, turn.now, turn.removals)
    for command in commands:
        # A place in a history that was lost says nothing of this one: what stands there now was not handled.
        if not isinstance(command, Ack) or command.epoch in {"", turn.epoch}:
            apply(step, command)
    if group.leap != turn.leap:
        # Under the numbers that an earlier try may have sent something else would stand now: they go on far from there.
        group.frame += turn.leap - group.leap
        group.leap, group.owner = turn.leap, None
    renew(step)
    for told in step.told:
        place = group.flight[0].position if group.flight else group.place
        outbox.add_told(told.kind, place, Address(told.member.connection, told.member.id, told.frame, 0))
    work = _Work(log, turn, durable, step, outbox)
    letters: list[DeadLetter] = []
    was_full = group.full
    more = work.send_new()
    # What is set aside is the trouble of a few streams, for which the events of all others do not wait: it has the next
    # turn, and that one even if there is something new again.
    group.yielded = work.has_sent and work.has_aside and not group.yielded
    if not group.yielded:
        more = work.send_held() or more
        letters, left = work.park()
        more = more or left
    if was_full and not group.full:
        # What was not taken may be now.
        more = more or group.place < turn.goal
    return Served(group.encoded(), letters, due(step), more or group.yielded)


class _Work:
    def __init__(self, log: Log, turn: Turn, durable: Durable, step: Step, outbox: Outbox) -> None:
        self._log = log
        self._turn = turn
        self._durable = durable
        self._step = step
        self._group = step.group
        self._outbox = outbox
        self.has_sent = False
        """Whether `send_new` sent anything."""
        self._held_room = _BYTES

    @property
    def has_aside(self) -> bool:
        """Whether a stream that is held or parked could go on."""
        return bool(self._held_due() or self._to_copy())

    def send_new(self) -> bool:
        """Send what comes next in the log, as much as may be in flight; whether more could be sent at once."""
        group = self._group
        room = (1 if group.careful else self._durable.rules.max_in_flight) - len(group.flight)
        # One that is full sends again what was in flight, and what is held may be behind that.
        goal = min(self._turn.goal, group.end_of_old) if group.full else self._turn.goal
        if not self._may_send or room <= 0 or group.place >= goal:
            return False
        events, reached, at_end = self._read(group.place, goal, count=_AT_ONCE)
        # One more than there is room for says whether there is more.
        wanted = list(islice(filter(self._is_new, events), room + 1))
        taken = wanted[: min(room, _fitting(wanted, _BYTES))]
        if len(taken) < len(wanted):
            # Where no room is left, the rest has to wait for acknowledgements.
            reached, at_end = taken[-1].position, len(taken) == room
        if group.removals < self._turn.removals:
            self._tell_missing(group.place, reached)
            if reached >= self._turn.goal:
                group.removals = self._turn.removals
        self._pass_parked({placed.event.stream for placed in events}, reached)
        group.place = reached
        if taken:
            self.has_sent = True
            if not group.flight:
                group.heard = self._step.now
            group.flight += map(_spot, taken)
            resent = [placed for placed in taken if placed.position <= group.furthest]
            for some, again in ((resent, True), (taken[len(resent) :], False)):
                group.frame += self._outbox.add_to_member(some, self._address(), resent=again)
            group.furthest = max(group.furthest, taken[-1].position)
        return not at_end

    def send_held(self) -> bool:
        """Go on with streams of which an event failed; whether more could be done at once."""
        more, due_now = False, self._held_due()
        for stream, held in due_now[:_STREAMS]:
            if self._held_room <= 0:
                return True
            more = self._send_stream(stream, held) or more
        return more or len(due_now) > _STREAMS

    def park(self) -> tuple[list[DeadLetter], bool]:
        """What the dead letter queue has yet to be given; whether there is more than that."""
        letters: list[DeadLetter] = []
        waiting = self._to_copy()
        left = len(waiting) > _STREAMS
        room = _LETTERS
        for stream, parked in waiting[:_STREAMS]:
            if not room:
                return letters, True
            events, reached, at_end = self._read(parked.copied, self._group.place, count=room, stream=stream)
            room -= len(events)
            parked.copied = reached
            left = left or not at_end
            some = [self._letter(placed, stream, parked) for placed in events if self._wanted(placed)]
            parked.letters += len(some)
            letters += some
        return letters, left

    @property
    def _may_send(self) -> bool:
        return self._group.owner is not None and not self._group.revoked

    def _held_due(self) -> list[tuple[str, Held]]:
        if not self._may_send:
            return []
        now, place = self._step.now, self._group.place
        return [(stream, held) for stream, held in self._group.held.items() if held.due <= now and held.waits(place)]

    def _to_copy(self) -> list[tuple[str, Parked]]:
        return [(stream, one) for stream, one in self._group.parked.items() if one.copied < self._group.place]

    def _pass_parked(self, streams: AbstractSet[str], reached: Position) -> None:
        """What is parked and has nothing new needs no reading: others do not wait for it."""
        for stream, parked in self._group.parked.items():
            if parked.copied >= self._group.place and stream not in streams:
                parked.copied = reached

    def _send_stream(self, stream: str, held: Held) -> bool:
        events, reached, at_end = self._read(held.at, self._group.place, count=_HELD_AT_ONCE, stream=stream)
        wanted = [placed for placed in events if self._wanted(placed)]
        if not wanted:
            held.at = reached
            if at_end:
                # It has caught up: what comes now goes with all other streams. The owner drops what it gets of the
                # stream until it is told so, for that may have been sent before the stream was held.
                del self._group.held[stream]
                self._outbox.add_caught_up(stream, self._address())
                self._group.frame += 1
            return not at_end
        # One that failed before goes alone, so that others do not fail with it.
        sent = wanted[: 1 if held.attempt else _fitting(wanted, self._held_room)]
        self._held_room -= sum(len(placed.event.body) for placed in sent)
        held.sent, held.sent_at = list(map(_spot, sent)), self._step.now
        self._group.frame += self._outbox.add_again(sent, held.attempt + 1, self._address())
        return False

    def _tell_missing(self, after: Position, until: Position) -> None:
        """Tell of events that were removed before the group came to them."""
        partition, streams = self._turn.partition, self._durable.streams
        since = {partition: self._group.removals}
        missing = self._log.missing({partition: after}, since=since, until={partition: until}, streams=streams)[
            partition
        ]
        ranges = [found for found in missing.ranges if self._durable.concerns(found[0])]
        if ranges or not missing.complete:
            members = missing_members(ranges, complete=missing.complete)
            self._outbox.add_missing(members, after, self._address())
            self._group.frame += 1

    def _read(
        self, after: Position, until: Position, *, count: int, stream: str | None = None
    ) -> tuple[list[Placed], Position, bool]:
        if after >= until:
            return [], until, True
        partition = self._turn.partition
        streams = (stream,) if stream is not None else self._durable.streams
        tail = self._log.tail({partition: after}, count=count, until={partition: until}, streams=streams)[partition]
        return [Placed(at, event) for at, event in tail.events], until if tail.at_end else tail.position, tail.at_end

    def _is_new(self, placed: Placed) -> bool:
        """Whether an event is wanted, and its stream not set aside."""
        stream = placed.event.stream
        return self._wanted(placed) and stream not in self._group.held and stream not in self._group.parked

    def _wanted(self, placed: Placed) -> bool:
        return self._durable.matches(placed.event.stream, recorded_attributes(placed.event))

    def _address(self) -> Address:
        group = self._group
        assert group.owner is not None  # noqa: S101 - who has no owner is sent nothing
        return Address(group.owner.connection, group.owner.id, group.frame + 1, 0)

    def _letter(self, placed: Placed, stream: str, parked: Parked) -> DeadLetter:
        failed = placed.event.sequence == parked.sequence
        return DeadLetter(
            subscription=self._durable.name,
            key=self._durable.key,
            stream=stream,
            sequence=placed.event.sequence,
            event=placed.event.encoded().decode(),
            attempts=parked.attempts if failed else 0,
            errors=tuple(parked.errors) if failed else (f"behind {parked.sequence}, which was parked",),
            since=rfc3339(parked.since),
        )


def _fitting(events: Sequence[Placed], most: int) -> int:
    """How many events in the lead are no larger than that together; one in any case."""
    sizes = accumulate(len(placed.event.body) for placed in events)
    return max(1, sum(size <= most for size in sizes))


def _spot(placed: Placed) -> Spot:
    return Spot(placed.position, placed.event.stream, placed.event.sequence)
