"""Good transcripts of a durable subscription, generated from a seed: the members of a simulated group."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.transcripts.membership import Dropped, Group, Handling, Member, MemberSession, Parked, Redriven, SentCommand
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
    """The progress of the group in a partition: `acked` and `place` count the entries of its log."""

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
    sessions: list[MemberSession] = field(default_factory=list)
    connected: float = 0
    received: list[Received] = field(default_factory=list)
    handlings: list[Handling] = field(default_factory=list)
    said: list[SentCommand] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def join(self) -> None:
        self.connected = self.scenario.tick()
        self.received.append(Received(self.scenario.tick(), {"type": "subscribed", "id": "w", "partitions": [0]}))

    def receive(self, message: Json) -> None:
        self.received.append(Received(self.scenario.tick(), {"id": "w", **message}))

    def say(self, **message: object) -> None:
        self.said.append(SentCommand({"id": "w", **message}, self.scenario.tick(), self.scenario.tick()))

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
            MemberSession(
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

    def serve(self, partition: _Partition) -> None:
        """Send the next events to the owner, which handles, fails or drops each of them, unless it crashes."""
        owner = self._owner(partition)
        log = self.hub.logs[partition.number]
        start, partition.place = partition.place, min(len(log), partition.place + _AT_ONCE)
        entries = [place for place in log[start : partition.place] if place[0] not in partition.parked]
        events = [self.hub.event(*place) for place in entries]
        if not events:
            return
        attempt = {"attempt": 2} if start < partition.furthest else {}
        partition.furthest = max(partition.furthest, partition.place)
        cursor = f"{partition.number}-{partition.place}-{partition.frame}"
        self._send(partition, {"type": "events", **attempt, "events": events, "cursor": cursor})
        failed: dict[str, int] = {}
        for event in events:
            stream, sequence = event["hubstream"], int(event["hubsequence"])
            if stream in failed:
                dropped = Dropped(
                    at=self.tick(),
                    partition=partition.number,
                    frame=partition.frame,
                    stream=stream,
                    sequence=sequence,
                )
                owner.dropped.append(dropped)
                continue
            if not failed and self.random.random() < 0.02:
                self._crash(owner)
                return
            fails = not self.healed and self.random.random() < 0.15
            owner.handle(partition, event, failed=fails)
            if fails:
                failed[stream] = sequence
                owner.say(action="nack", stream=stream, sequence=sequence)
        owner.say(action="ack", cursor=cursor)
        partition.acked = partition.place
        for stream, sequence in failed.items():
            self._try_again(partition, owner, stream, sequence)

    def hand_over(self, partition: _Partition) -> None:
        if partition.owner is None:
            return
        self._send(partition, {"type": "revoked"})
        partition.owner.say(action="release", partition=partition.number)
        partition.owner, partition.place = None, partition.acked

    def finished(self) -> Transcript:
        self._all_served()
        self.healed = True
        for partition in self.partitions:
            for stream, (sequence, attempts) in sorted(partition.parked.items()):
                self._redrive(partition, stream, sequence, attempts)
        for instance in self.instances:
            instance.end(Ending.CLOSED)
        members = tuple(Member(name=instance.name, sessions=tuple(instance.sessions)) for instance in self.instances)
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
        for partition in self.partitions:
            while partition.place < len(self.hub.logs[partition.number]):
                self.serve(partition)

    def _owner(self, partition: _Partition) -> _Instance:
        if partition.owner is None:
            partition.owner = self.random.choice(self.instances)
            self._send(partition, {"type": "owned", "cursor": f"{partition.number}-{partition.place}"})
        return partition.owner

    def _send(self, partition: _Partition, message: Json) -> None:
        assert partition.owner is not None
        partition.frame += 1
        partition.owner.receive({**message, "partition": partition.number, "frame": partition.frame})

    def _crash(self, owner: _Instance) -> None:
        owner.end(Ending.ABORTED)
        owner.join()
        for partition in self.partitions:
            if partition.owner is owner:
                partition.owner, partition.place = None, partition.acked

    def _try_again(self, partition: _Partition, owner: _Instance, stream: str, sequence: int) -> None:
        event = self.hub.event(stream, sequence)
        for attempt in range(2, _MAX_ATTEMPTS + 1):
            self._send(partition, {"type": "events", "stream": stream, "attempt": attempt, "events": [event]})
            fails = not self.healed and self.random.random() < 0.5
            owner.handle(partition, event, failed=fails)
            if not fails:
                owner.say(action="ack", stream=stream, sequence=sequence)
                behind = [place for place in self.hub.logs[partition.number][: partition.place] if place[0] == stream]
                self._send_rest(partition, owner, stream, [later for _, later in behind if later > sequence])
                return
            owner.say(action="nack", stream=stream, sequence=sequence)
        partition.parked[stream] = sequence, _MAX_ATTEMPTS

    def _send_rest(self, partition: _Partition, owner: _Instance, stream: str, sequences: Sequence[int]) -> None:
        if not sequences:
            return
        events = [self.hub.event(stream, sequence) for sequence in sequences]
        self._send(partition, {"type": "events", "stream": stream, "attempt": 1, "events": events})
        for event in events:
            owner.handle(partition, event, failed=False)
        owner.say(action="ack", stream=stream, sequence=sequences[-1])

    def _redrive(self, partition: _Partition, stream: str, sequence: int, attempts: int) -> None:
        behind = [
            behind_sequence
            for name, behind_sequence in self.hub.logs[partition.number]
            if name == stream and behind_sequence >= sequence
        ]
        how = "skip" if self.random.random() < 0.3 else "start"
        parked = Parked(stream=stream, sequence=sequence, attempts=attempts, letters=len(behind))
        self.redriven.append(Redriven(at=self.tick(), how=how, parked=parked))
        self._send_rest(partition, self._owner(partition), stream, behind[how == "skip" :])


def group_transcript(seed: int, *, steps: int = 120) -> Transcript:
    """The transcript of a run of random steps without a violation."""
    scenario = _GroupScenario(seed)
    for _ in range(steps):
        partition = scenario.random.choice(scenario.partitions)
        match scenario.random.random():
            case chance if chance < 0.3:
                scenario.publish()
            case chance if chance < 0.93:
                scenario.serve(partition)
            case _:
                scenario.hand_over(partition)
    return scenario.finished()
