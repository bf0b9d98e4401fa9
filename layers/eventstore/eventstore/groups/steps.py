"""What moves a group: commands, time, and what it is sent. The caller reads the log and sends what is told here."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.groups.commands import LONGEST_REASON, Ack, AckStream, Join, Leave, Nack, Redrive, Release, Replay
from eventstore.groups.state import Held, Member, Parked
from eventstore.positions import WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.commands import Command
    from eventstore.groups.state import Group, Rules, Spot

__all__ = ["Step", "Told", "apply", "before", "due", "owner_of", "renew"]

_ERRORS = 5
_LAST = (1 << 63) - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 1000, 60_000


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a member is told, in a frame of its own: `owned` or `revoked`."""

    member: Member
    kind: str
    frame: int


@dataclass(frozen=True, slots=True)
class Step:
    """A group that is being moved, by which rules, in which partition, when, and what its members are to be told.

    Attributes:
        removals: How many removals of events the partition has seen (`Missing.serial`).
    """

    group: Group
    rules: Rules
    key: str
    partition: int
    now: int
    removals: int = 0
    told: list[Told] = field(default_factory=list)


def before(position: Position) -> Position:
    """The place right before an event's."""
    if position.index:
        return Position(position.time, position.order, position.index - 1)
    if position.order:
        return Position(position.time, position.order - 1, WHOLE)
    return Position(position.time - 1, _LAST, WHOLE)


def owner_of(members: Sequence[Member], key: str, partition: int) -> Member | None:
    """Who of the members is to have a partition: the one of highest weight (rendezvous hashing).

    Who joins takes about its share of partitions, from all the others; who leaves gives its own to all of them.
    """

    def weight(member: Member) -> bytes:
        return blake2b(f"{key}\0{partition}\0{member.connection}".encode(), digest_size=8).digest()

    return max(members, key=weight, default=None)


def apply(step: Step, command: Command) -> None:
    """Take a command in. One of a member that is not the owner, or of what is done already, changes nothing."""
    group = step.group
    match command:
        case Join(connection, own_id):
            if all(member.connection != connection for member in group.members):
                group.members.append(Member(connection, own_id))
        case Leave(connection):
            group.members = [member for member in group.members if member.connection != connection]
        case Release(connection) if _owns(group, connection) and group.revoked:
            group.owner = None
        case Ack(connection, position) if _owns(group, connection):
            group.heard = step.now
            _acknowledge_up_to(group, position)
        case AckStream(connection, stream, sequence) if _owns(group, connection):
            group.heard = step.now
            _acknowledge(step, stream, sequence)
        case Nack() if _owns(group, command.connection):
            group.heard = step.now
            _fail(step, command)
        case Redrive(stream, how) if stream in group.parked:
            _redrive(step, stream, how)
        case Replay():
            _replay(step, command)
        case _:
            pass


def renew(step: Step) -> None:
    """Let time do what it does: deadlines pass, and the partition goes to whom it belongs."""
    group, rules = step.group, step.rules
    if group.owner is not None and group.owner not in group.members:
        _lose_owner(step)
    chosen = owner_of(group.members, step.key, step.partition)
    if group.owner is not None and group.revoked:
        # What it does not finish comes again anyway. It may be chosen again meanwhile, and still has to let go.
        if step.now >= max(group.revoked, group.heard) + rules.ack_deadline:
            group.owner = None
    elif group.owner is not None:
        _pass_deadlines(step)
        if group.owner != chosen:
            group.revoked = step.now
            _tell(step, "revoked")
    if group.owner is None and chosen is not None:
        _grant(step, chosen)


def due(step: Step) -> int | None:
    """When the group needs a turn though nothing is published, in milliseconds since 1970."""
    group, deadline = step.group, step.rules.ack_deadline
    if group.owner is None:
        return None
    if group.revoked:
        return max(group.revoked, group.heard) + deadline
    times = [group.heard + deadline] if group.flight else []
    times += [held.sent_at + deadline for held in group.held.values() if held.sent]
    times += [held.due for held in group.held.values() if held.waits(group.place)]
    return min(times, default=None)


def _owns(group: Group, connection: str) -> bool:
    return group.owner is not None and group.owner.connection == connection


def _grant(step: Step, member: Member) -> None:
    group = step.group
    # Its frames go on in number: one of an earlier time that comes again is never taken for one of this.
    group.owner, group.revoked, group.heard = member, 0, step.now
    # What was in flight comes again, and what was sent of held streams.
    if group.flight:
        group.place, group.flight = before(group.flight[0].position), []
    for held in group.held.values():
        held.sent = []
    _tell(step, "owned")


def _tell(step: Step, kind: str) -> None:
    group = step.group
    assert group.owner is not None  # noqa: S101 - only owners are told
    group.frame += 1
    step.told.append(Told(group.owner, kind, group.frame))


def _pass_deadlines(step: Step) -> None:
    group, deadline = step.group, step.rules.ack_deadline
    reason = f"not acknowledged within {deadline / 1000:g} s"
    if group.flight and step.now >= group.heard + deadline:
        first = group.flight[0]
        _hold(step, first, reason, delay=None, park=False)
        group.heard = step.now
    for stream, held in list(group.held.items()):
        if held.sent and step.now >= held.sent_at + deadline:
            _retry(step, stream, held, held.sent[0], reason, delay=None, park=False)


def _acknowledge_up_to(group: Group, position: Position) -> None:
    left = [spot for spot in group.flight if spot.position > position]
    if len(left) < len(group.flight):
        group.careful, group.lost = max(group.careful - len(group.flight) + len(left), 0), 0
        group.flight = left


def _lose_owner(step: Step) -> None:
    """Let go of an owner that went away, perhaps of an event that it died of.

    Which one is known only of an event that was alone. So what it had is sent one at a time to the next owner, and an
    event that members go away with `max_attempts` times is parked.
    """
    group, reason = step.group, "its member went away"
    for stream, held in list(group.held.items()):
        if held.sent:
            _retry(step, stream, held, held.sent[0], reason, delay=None, park=False)
    flight = group.flight
    if group.careful and len(flight) == 1:
        group.lost += 1
        if group.lost >= step.rules.max_attempts:
            _hold(step, flight[0], reason, delay=None, park=True)
            group.parked[flight[0].stream].attempts = group.lost
            group.lost = 0
    group.careful = max(group.careful, len(flight))
    group.owner = None


def _acknowledge(step: Step, stream: str, sequence: int) -> None:
    held = step.group.held.get(stream)
    done = [spot for spot in held.sent if spot.sequence <= sequence] if held is not None else []
    if held is None or not done:
        return
    held.at, held.sent, held.sent_at = done[-1].position, held.sent[len(done) :], step.now
    held.attempt, held.errors, held.due = 0, [], step.now


def _fail(step: Step, nack: Nack) -> None:
    group = step.group
    held = group.held.get(nack.stream)
    spots = held.sent if held is not None else group.flight
    for spot in spots:
        if (spot.stream, spot.sequence) == (nack.stream, nack.sequence):
            if held is not None:
                _retry(step, nack.stream, held, spot, nack.reason, delay=nack.delay, park=nack.park)
            else:
                _hold(step, spot, nack.reason, delay=nack.delay, park=nack.park)
            return


def _hold(step: Step, spot: Spot, reason: str, *, delay: int | None, park: bool) -> None:
    """Take a stream out of the flight, at an event that failed for the first time; those before it are handled."""
    group = step.group
    group.flight = [one for one in group.flight if one.stream != spot.stream]
    group.held[spot.stream] = Held(before(spot.position), 0, step.now)
    _retry(step, spot.stream, group.held[spot.stream], spot, reason, delay=delay, park=park)


def _retry(step: Step, stream: str, held: Held, spot: Spot, reason: str, *, delay: int | None, park: bool) -> None:
    """Let the event of a held stream that failed once more come again, or park it; those before it are handled."""
    place = before(spot.position)
    if place != held.at:
        held.at, held.attempt, held.errors = place, 0, []
    held.attempt += 1
    held.errors = [*held.errors, reason[:LONGEST_REASON]][-_ERRORS:]
    held.sent = []
    if park or held.attempt >= step.rules.max_attempts:
        del step.group.held[stream]
        step.group.parked[stream] = Parked(spot.position, place, spot.sequence, held.attempt, held.errors, step.now)
    else:
        held.due = step.now + (_pause(step.key, stream, spot.sequence, held.attempt) if delay is None else delay)


def _pause(key: str, stream: str, sequence: int, attempt: int) -> int:
    """Twice as long each time, and up to a half more or less; drawn from what fails, so a second try draws the same."""
    pause = min(_FIRST_PAUSE << (attempt - 1), _LONGEST_PAUSE)
    drawn = blake2b(f"{key}\0{stream}\0{sequence}\0{attempt}".encode(), digest_size=2).digest()
    return pause // 2 + pause * int.from_bytes(drawn) // 0xFFFF


def _replay(step: Step, replay: Replay) -> None:
    group = step.group
    group.place = group.furthest = replay.position
    group.flight, group.held, group.parked = [], {}, {}
    group.careful = group.lost = 0
    # Behind a place that was given, it knows of no removal any more: members are told of those.
    group.removals = step.removals if replay.from_oldest else 0


def _redrive(step: Step, stream: str, how: str) -> None:
    parked = step.group.parked[stream]
    if parked.copied < parked.event:
        # No queue has it yet, so nobody can have seen it: what was asked was meant for what was parked before.
        return
    places = {"start": before(parked.event), "skip": parked.event, "drop": parked.copied}
    del step.group.parked[stream]
    step.group.held[stream] = Held(places[how], 0, step.now)
