"""Good transcripts of a durable subscription, from a seed: members of a simulated group, one step after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.transcripts.membership import Attendance, Dropped, Group, Handling, Member, Parked, Redriven, Said
from tests.transcripts.transcript import Ending, Received
from tests.unit.transcripts.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.transcript import Json, Transcript

__all__ = ["group_transcript"]

_MAX_ATTEMPTS = 3
_AT_ONCE = 6
_MEMBERS = 3


@dataclass
class _Partition:
    """Where the group stands in a partition: `acked` and `place` count the entries of its log."""

    number: int
    place: int = 0
    acked: int = 0
    furthest: int = 0
    frame: int = 0
    owner: _Instance | None = None
    parked: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class _Instance:
    """A member, and what it does on its connection."""

    scenario: Scenario
    name: str
    sessions: list[Attendance] = field(default_factory=list)
    connected: float = 0
    received: list[Received] = field(default_factory=list)
    handlings: list[Handling] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def join(self) -> None:
        self.connected = self.scenario.tick()
        self.received.append(Received(self.scenario.tick(), {"type": "subscribed", "id": "w", "partitions": [0]}))

    def receive(self, message: Json) -> None:
        self.received.append(Received(self.scenario.tick(), {"id": "w", **message}))

    def say(self, **message: object) -> None:
        self.said.append(Said({"id": "w", **message}, self.scenario.tick(), self.scenario.tick()))

    def handle(self, partition: _Partition, event: Json, *, failed: bool) -> None:
        self.handlings.append(
            Handling(
                partition=partition.number,
                frame=partition.frame,
                stream=event["hubstream"],
                sequence=int(event["hubsequence"]),
                begun=self.scenario.tick(),
                ended=self.scenario.tick(),
                failed=failed,
            )
        )

    def end(self, ending: Ending) -> None:
        self.sessions.append(
            Attendance(
                connected=self.connected,
                sent=self.connected,
                subscribe={"action": "subscribe", "id": "w", "subscription": "workers"},
                received=tuple(self.received),
                handlings=tuple(self.handlings),
                said=tuple(self.said),
                dropped=tuple(self.dropped),
                ended=self.scenario.tick(),
                ending=ending,
            )
        )
        self.received, self.handlings, self.said, self.dropped = [], [], [], []


class _GroupScenario(Scenario):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.partitions = [_Partition(number) for number in range(self.hub.partitions)]
        self.instances = [_Instance(self, f"member-{number}") for number in range(_MEMBERS)]
        self.redriven: list[Redriven] = []
        self.healed = False
        for instance in self.instances:
            instance.join()

    def serve(self, at: _Partition) -> None:
        """The owner gets what comes next, and does something about all of it, unless it crashes."""
        owner = self._owner(at)
        log = self.hub.logs[at.number]
        start, at.place = at.place, min(len(log), at.place + _AT_ONCE)
        entries = [place for place in log[start : at.place] if place[0] not in at.parked]
        events = [self.hub.event(*place) for place in entries]
        if not events:
            return
        again = {"attempt": 2} if start < at.furthest else {}
        at.furthest = max(at.furthest, at.place)
        cursor = f"{at.number}-{at.place}-{at.frame}"
        self._send(at, {"type": "events", **again, "events": events, "cursor": cursor})
        failed: dict[str, int] = {}
        for event in events:
            stream, sequence = event["hubstream"], int(event["hubsequence"])
            if stream in failed:
                gone = Dropped(at=self.tick(), partition=at.number, frame=at.frame, stream=stream, sequence=sequence)
                owner.dropped.append(gone)
                continue
            if not failed and self.random.random() < 0.02:
                self._crash(owner)
                return
            fails = not self.healed and self.random.random() < 0.15
            owner.handle(at, event, failed=fails)
            if fails:
                failed[stream] = sequence
                owner.say(action="nack", stream=stream, sequence=sequence)
        owner.say(action="ack", cursor=cursor)
        at.acked = at.place
        for stream, sequence in failed.items():
            self._try_again(at, owner, stream, sequence)

    def hand_over(self, at: _Partition) -> None:
        if at.owner is None:
            return
        self._send(at, {"type": "revoked"})
        at.owner.say(action="release", partition=at.number)
        at.owner, at.place = None, at.acked

    def finished(self) -> Transcript:
        self._all_served()
        self.healed = True
        for at in self.partitions:
            for stream, (sequence, attempts) in sorted(at.parked.items()):
                self._redrive(at, stream, sequence, attempts)
        for instance in self.instances:
            instance.end(Ending.CLOSED)
        members = tuple(Member(name=one.name, sessions=tuple(one.sessions)) for one in self.instances)
        group = Group(
            name="workers",
            wanted={},
            ack_deadline=1_000_000,
            max_attempts=_MAX_ATTEMPTS,
            members=members,
            redriven=tuple(self.redriven),
        )
        return replace(super().finished(), groups=(group,))

    def _all_served(self) -> None:
        for at in self.partitions:
            while at.place < len(self.hub.logs[at.number]):
                self.serve(at)

    def _owner(self, at: _Partition) -> _Instance:
        if at.owner is None:
            at.owner = self.random.choice(self.instances)
            self._send(at, {"type": "owned", "cursor": f"{at.number}-{at.place}"})
        return at.owner

    def _send(self, at: _Partition, message: Json) -> None:
        assert at.owner is not None
        at.frame += 1
        at.owner.receive({**message, "partition": at.number, "frame": at.frame})

    def _crash(self, owner: _Instance) -> None:
        owner.end(Ending.ABORTED)
        owner.join()
        for at in self.partitions:
            if at.owner is owner:
                at.owner, at.place = None, at.acked

    def _try_again(self, at: _Partition, owner: _Instance, stream: str, sequence: int) -> None:
        event = self.hub.event(stream, sequence)
        for attempt in range(2, _MAX_ATTEMPTS + 1):
            self._send(at, {"type": "events", "stream": stream, "attempt": attempt, "events": [event]})
            fails = not self.healed and self.random.random() < 0.5
            owner.handle(at, event, failed=fails)
            if not fails:
                owner.say(action="ack", stream=stream, sequence=sequence)
                behind = [place for place in self.hub.logs[at.number][: at.place] if place[0] == stream]
                self._send_rest(at, owner, stream, [one for _, one in behind if one > sequence])
                return
            owner.say(action="nack", stream=stream, sequence=sequence)
        at.parked[stream] = sequence, _MAX_ATTEMPTS

    def _send_rest(self, at: _Partition, owner: _Instance, stream: str, sequences: Sequence[int]) -> None:
        if not sequences:
            return
        events = [self.hub.event(stream, sequence) for sequence in sequences]
        self._send(at, {"type": "events", "stream": stream, "attempt": 1, "events": events})
        for event in events:
            owner.handle(at, event, failed=False)
        owner.say(action="ack", stream=stream, sequence=sequences[-1])

    def _redrive(self, at: _Partition, stream: str, sequence: int, attempts: int) -> None:
        behind = [one for name, one in self.hub.logs[at.number] if name == stream and one >= sequence]
        how = "skip" if self.random.random() < 0.3 else "start"
        parked = Parked(stream=stream, sequence=sequence, attempts=attempts, letters=len(behind))
        self.redriven.append(Redriven(at=self.tick(), how=how, parked=parked))
        self._send_rest(at, self._owner(at), stream, behind[how == "skip" :])


def group_transcript(seed: int, *, steps: int = 120) -> Transcript:
    """A run of random steps that keeps every promise."""
    scenario = _GroupScenario(seed)
    for _ in range(steps):
        at = scenario.random.choice(scenario.partitions)
        match scenario.random.random():
            case chance if chance < 0.3:
                scenario.publish()
            case chance if chance < 0.93:
                scenario.serve(at)
            case _:
                scenario.hand_over(at)
    return scenario.finished()
