"""What operators do with durable subscriptions, and who joins and leaves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.chaos.durables import Durable
from tests.chaos.interests import drawn_interest
from tests.chaos.members import Member
from tests.chaos.target_operators import TargetOperators
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.world import World

__all__ = ["Operators"]

_NAMES = ("workers", "billing", "audit")
_WITH_TARGET = 0.35
"""The share of the subscriptions that have a target from the start."""


class Operators:
    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = count(1)
        self._members = count(1)
        self.targets = TargetOperators(world)

    # Definitions.

    def create(self) -> None:
        """Make one under one of a few names; one that was deleted before may have had it."""
        world, rng = self.world, self.world.rng
        free = [name for name in _NAMES if name not in world.durables]
        if not free:
            return
        interest = drawn_interest(rng, world.log.streams)
        durable = Durable(
            world,
            rng.choice(free),
            next(self._numbers),
            interest,
            deadline=rng.choice([10_000, 20_000, 30_000]),
            attempts=rng.randint(2, 4),
            in_flight=rng.randint(1, 8),
        )
        if rng.random() < _WITH_TARGET:
            durable.target = self.targets.new(durable)
        place = self._place()
        places = self._places(place)
        reply = world.hub.json("POST", "/subscriptions", durable.body | place)
        world.note(f"create {durable.about} {_short(place)}: {reply.status}")
        if reply.status == 410 and interest.is_gone(world.log):
            return
        if reply.status == 503 and world.full:
            # Its name may stand and some of its groups not: it is asked for again once there is room.
            world.figures["subscriptions refused, for the store is full"] += 1
            self._await_room(durable, place)
        elif reply.status not in {200, 201}:
            raise Violation("a subscription is made", f"{durable.body}: {reply.status} {reply.body!r}", durable.about)
        world.durables[durable.name] = durable
        durable.move(places[0], allowed=places[1], to_oldest=self._to_oldest(place))

    def _await_room(self, durable: Durable, place: dict[str, Any]) -> None:
        self.world.hub.fill(full=False)
        self.world.full = 0
        reply = self.world.hub.json("POST", "/subscriptions", durable.body | place)
        if reply.status not in {200, 201}:
            raise Violation("a subscription is made", f"{durable.body}: {reply.status} {reply.body!r}", durable.about)

    def delete(self) -> None:
        durable = self._any()
        if durable is None:
            return
        world = self.world
        reply = world.hub.rest("DELETE", f"/subscriptions/{durable.name}")
        world.note(f"delete {durable.about}: {reply.status}")
        if reply.status not in {204, 404} and not self._may_fail(reply.status):
            raise Violation("a subscription is deleted", f"{durable.about}: {reply.status}", durable.about)
        if reply.status in {204, 404}:
            durable.is_deleted = True
            del world.durables[durable.name]
            world.ended = [*world.ended[-3:], durable]

    def replay(self) -> None:
        durable = self._any()
        if durable is None:
            return
        place = self._place(replaying=True)
        places = self._places(place)
        reply = self.world.hub.json("POST", f"/subscriptions/{durable.name}/replay", place)
        self.world.note(f"replay {durable.about} {_short(place)}: {reply.status}")
        if reply.status == 202:
            durable.move(places[0], allowed=places[1], to_oldest=self._to_oldest(place))
        elif not self._may_fail(reply.status):
            raise Violation("a subscription is replayed", f"{durable.about}: {reply.status} {reply.body!r}")

    def change(self) -> None:
        """Give one other rules or filters; it keeps its place, and goes by them from its next turns on."""
        durable = self._any()
        if durable is None:
            return
        world, rng = self.world, self.world.rng
        rules = {
            "ack_deadline": rng.choice([10, 20, 30]),
            "max_attempts": rng.randint(2, 4),
            "max_in_flight": rng.randint(1, 8),
        }
        chosen: dict[str, Any] = {name: rules[name] for name in rng.sample(sorted(rules), rng.randint(1, 3))}
        interest, asked = None, {**chosen}
        if rng.random() < 0.5:
            # Which streams it names stays.
            interest = replace(drawn_interest(rng, world.log.streams), streams=durable.may_get.streams)
            asked["filters"] = list(interest.filters)
        reply = world.hub.json("PATCH", f"/subscriptions/{durable.name}", asked)
        world.note(f"change {durable.about} {asked}: {reply.status}")
        durable.change(chosen, interest, is_sure=reply.status == 200)
        if reply.status != 200 and not self._may_fail(reply.status):
            raise Violation(
                "a subscription is changed", f"{durable.about}: {reply.status} {reply.body!r}", durable.about
            )

    def redrive(self, how: str) -> None:
        """All that is parked, or one stream; `drop` by a purge, too."""
        durable = self._any()
        if durable is None:
            return
        world, rng = self.world, self.world.rng
        parked = self.parked(durable)
        stream = rng.choice(sorted(parked)) if parked and rng.random() < 0.5 else None
        if how == "purge":
            query = f"?subscription={durable.name}" + (f"&stream={stream}" if stream else "")
            reply = world.hub.rest("DELETE", f"/dead-letters{query}")
        else:
            body = {"subscription": durable.name, "how": how} | ({"stream": stream} if stream else {})
            reply = world.hub.json("POST", "/dead-letters/redrive", body)
        moved = {stream: parked[stream]} if stream else parked
        world.note(f"redrive {durable.about} {how} {moved}: {reply.status}")
        if reply.status == 202:
            for name, sequence in moved.items():
                durable.redrive(name, sequence, "drop" if how == "purge" else how)
        elif not (reply.status == 404 and not parked) and not self._may_fail(reply.status):
            raise Violation("parked streams are redriven", f"{durable.about}: {reply.status} {reply.body!r}")

    def parked(self, durable: Durable) -> dict[str, int]:
        """Per stream that is parked the sequence of the event that failed."""
        reply = self.world.hub.rest("GET", f"/dead-letters?subscription={durable.name}&limit=1000")
        if reply.status != 200:
            raise Violation("reading goes on", f"GET /dead-letters: {reply.status} {reply.body!r}")
        return {one["stream"]: one["sequence"] for one in reply.json["dead_letters"]}

    def renew_epoch(self) -> None:
        world = self.world
        reply = world.hub.rest("POST", "/epoch")
        world.note(f"epoch: {reply.status}")
        if reply.status != 200:
            raise Violation("an epoch is renewed", f"{reply.status} {reply.body!r}")
        for one in reply.json["partitions"]:
            world.log.generations[one["partition"]] += 1
            world.epochs[one["partition"], one["epoch"]] = world.log.generations[one["partition"]]
        for durable in world.durables.values():
            durable.forget_acknowledged()

    def _may_fail(self, status: int) -> bool:
        return status == 503 and self.world.hub.outage.now

    def _place(self, *, replaying: bool = False) -> dict[str, Any]:
        """Where it is to start, as one of the ways to say it."""
        world, rng = self.world, self.world.rng
        drawn = rng.random()
        if drawn < 0.25:
            givers = [one.tokens for one in world.subscribers if one.tokens and not one.interest.streams]
            tokens = [[token] for token in world.page_tokens] + givers
            if tokens:
                return {"cursor": ".".join(rng.choice(tokens))}
        if replaying and drawn < 0.45 and any(world.log.times):
            time = rng.choice([times[-1] for times in world.log.times if times]) - rng.randint(0, 30_000)
            return {"since": datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")}
        return {"from": "start" if drawn < 0.75 else "now"}

    def _to_oldest(self, place: dict[str, Any]) -> set[int]:
        """The partitions in which that is the oldest event kept, whichever that will be."""
        generations = self.world.log.generations
        if "cursor" not in place:
            return set(range(len(generations))) if place.get("from") == "start" else set()
        places = self.world.cursors.merged(place["cursor"].split("."))
        return {
            partition
            for partition, generation in enumerate(generations)
            if partition not in places or places[partition].generation != generation
        }

    def _places(self, place: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
        """What that means per stream: the first sequence that is owed, and the first that may come."""
        log = self.world.log
        streams = log.streams.values()
        if "since" in place:
            time = round(datetime.fromisoformat(place["since"]).timestamp() * 1000)
            owed = {one.name: one.from_index(log.index_at(one.partition, time)) for one in streams}
            return owed, owed
        if "from" in place:
            owed = self.world.firsts() if place["from"] == "start" else {one.name: one.head + 1 for one in streams}
            return owed, owed
        tokens = place["cursor"].split(".")
        places = self.world.cursors.merged(tokens)
        firsts = self.world.firsts()
        owed, allowed = {}, {}
        for one in streams:
            at = places.get(one.partition)
            if at is None or at.generation != log.generations[one.partition]:
                owed[one.name] = allowed[one.name] = firsts[one.name]
            else:
                removed = self.world.cursors.removed(tokens, one.name)
                owed[one.name] = max(one.from_index(at.most), removed + 1)
                allowed[one.name] = one.from_index(at.least)
        return owed, allowed

    def _any(self) -> Durable | None:
        return self.world.rng.choice(list(self.world.durables.values())) if self.world.durables else None

    # Members.

    def join(self, kind: str) -> None:
        durable = self._any()
        if durable is None or durable.awaits_target or sum(not one.is_over for one in durable.members) >= 3:
            return
        self.join_to(durable, kind)

    def join_to(self, durable: Durable, kind: str) -> Member | None:
        """A member of a kind: `healthy`, `silent`, or `deaf`."""
        name = f"member-{next(self._members)}({kind}):"
        member = Member(self.world, durable, name, keeps_alive=kind == "healthy", reads=kind != "deaf")
        durable.members.append(member)
        if member.join():
            return member
        durable.members.remove(member)
        return None

    def leave(self) -> None:
        member = self._member(lambda _: True)
        if member is not None:
            member.leave(politely=self.world.rng.random() < 0.5)

    def read(self) -> None:
        member = self._member(lambda one: one.reads)
        if member is not None:
            member.read()

    def work(self, *, failing: float) -> None:
        now = self.world.hub.clocks.true
        member = self._member(lambda one: one.has_work and one.busy_until <= now)
        if member is not None:
            partitions = [p for p, part in member.parts.items() if part.queue or part.revoked]
            partition = self.world.rng.choice(partitions)
            for _ in range(self.world.rng.randint(1, 4)):
                if not member.is_over:
                    member.work(partition, failing=failing)

    def be_slow(self) -> None:
        """A handler takes up to the deadline and more, while the member keeps alive what it has."""
        member = self._member(lambda one: one.has_work and one.keeps_alive)
        if member is not None:
            now = self.world.hub.clocks.true
            length = int(self.world.rng.uniform(0.2, 1.2) * member.durable.deadline)
            member.busy_until = max(member.busy_until, now + length)
            self.world.note(f"{member.name} is busy for {length} ms")

    def acknowledge(self, *, again: bool = False, wild: bool = False) -> None:
        member = self._member(lambda one: bool(one.parts))
        if member is None:
            return
        partition = self.world.rng.choice(sorted(member.parts))
        if wild:
            member.nack_wildly(partition)
        elif again:
            member.acknowledge_again(partition)
        else:
            member.acknowledge(partition, all_of_it=self.world.rng.random() < 0.6)

    def _member(self, which: Any) -> Member | None:  # noqa: ANN401 - a predicate
        members = [
            one
            for durable in [*self.world.durables.values(), *self.world.ended]
            for one in durable.members
            if not one.is_over and which(one)
        ]
        return self.world.rng.choice(members) if members else None


def _short(place: dict[str, Any]) -> str:
    return str({name: str(value)[:30] for name, value in place.items()})
