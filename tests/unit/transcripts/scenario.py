"""Good transcripts, generated from a seed: a few publishers and subscribers of the simulated hub."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from tests.transcripts.transcript import (
    Ending,
    Publish,
    Received,
    Result,
    Session,
    StoredStream,
    Subscriber,
    Transcript,
)
from tests.unit.transcripts.simulated_hub import SimulatedHub, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.transcripts.transcript import Json

__all__ = ["Scenario", "transcript"]

_STREAMS = [f"wf-{number}" for number in range(6)]
_TYPES = ["task.requested", "task.completed", "timer.fired"]
_REQUESTS: Sequence[dict[str, Any]] = (
    {"from": "start"},
    {"from": "start", "filters": [{"prefix": {"type": "task."}}]},
    {"from": "now"},
    {"from": "now", "filters": [{"any": [{"exact": {"type": "timer.fired"}}, {"suffix": {"type": ".completed"}}]}]},
    {"from": "start", "stream": _STREAMS[:2], "filters": [{"not": {"exact": {"subject": "a"}}}]},
)


class Scenario:
    """A run with its own clock, which advances by one with every step."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.hub = SimulatedHub()
        self.publishes: list[Publish] = []
        self.recreated: list[float] = []
        self.subscribers: list[Client] = []
        self._now = 0.0
        self._events = 0

    def tick(self) -> float:
        self._now += 1
        return self._now

    def publish(self, stream: str | None = None, count: int | None = None) -> None:
        stream = stream or self.random.choice(_STREAMS)
        events = [self._event() for _ in range(count or self.random.randint(1, 4))]
        if self.random.random() < 0.2:
            self._attempt(events, stream, answered=False, stored=self.random.random() < 0.5)
        self._attempt(events, stream, answered=True, stored=True)

    def subscriber(self, **request: object) -> Client:
        client = Client(self, f"subscriber-{len(self.subscribers) + 1}", request)
        self.subscribers.append(client)
        return client

    def remove(self, stream: str, *, before: int) -> None:
        self.tick()
        self.hub.remove(stream, before=before)

    def recreate(self) -> None:
        self.recreated.append(self.tick())
        self.hub.recreate()

    def finished(self) -> Transcript:
        for client in self.subscribers:
            client.catch_up()
            client.cut(Ending.CLOSED)
        return Transcript(
            publishes=tuple(self.publishes),
            streams=tuple(self._stored(name) for name in sorted(self.hub.streams)),
            subscribers=tuple(client.subscriber() for client in self.subscribers),
            seed=self.seed,
            recreated=tuple(self.recreated),
        )

    def _stored(self, name: str) -> StoredStream:
        first = self.hub.first[name]
        return StoredStream(stream=name, first=first, events=tuple(self.hub.streams[name][first - 1 :]))

    def _event(self) -> Json:
        self._events += 1
        return {
            "specversion": "1.0",
            "id": str(self._events),
            "source": self.random.choice(["/engine", "/shop"]),
            "type": self.random.choice(_TYPES),
            **({"subject": self.random.choice("ab")} if self.random.random() < 0.5 else {}),
            "data": {"number": self._events, "nested": [self.random.random(), None, True]},
        }

    def _attempt(self, events: list[Json], stream: str, *, answered: bool, stored: bool) -> None:
        begun = self.tick()
        results = self.hub.publish(events, stream) if stored else []
        moment = self.tick()
        self.publishes.append(
            Publish(
                publisher="publisher-1",
                begun=begun,
                answered=moment if answered else None,
                events=tuple(events),
                stream=stream,
                results=tuple(Result(**result) for result in results) if answered else (),
            )
        )


class Client:
    """A subscriber that follows the protocol."""

    def __init__(self, scenario: Scenario, name: str, request: dict[str, Any]) -> None:
        self.name = name
        self._scenario = scenario
        self._request = {"action": "subscribe", "id": "s1", **request}
        self._base: str | None = None
        self._cursors: dict[int, str] = {}
        self._sessions: list[Session] = []
        self._subscription: Subscription | None = None
        self._received: list[Received] = []
        self._connected = self._sent = 0.0
        self._subscribe: Json = {}

    def connect(self) -> None:
        if self._subscription:
            return
        self._connected, self._sent = self._scenario.tick(), self._scenario.tick()
        self._subscribe = self._request
        if self._base:
            kept = {name: value for name, value in self._request.items() if name != "from"}
            self._subscribe = {**kept, "cursor": [self._base, *self._cursors.values()]}
        self._subscription, answer = self._scenario.hub.subscribe(self._subscribe)
        if answer["recovery"] == "new-epoch":
            self._cursors.clear()
        self._base = answer["cursor"]
        self._received.append(Received(self._scenario.tick(), answer))

    def receive(self, partition: int | None = None, *, handle: bool = True) -> bool:
        """Receive a frame, if there is one; return whether there was."""
        self.connect()
        assert self._subscription
        choice = self._scenario.random.choice(self._subscription.partitions) if partition is None else partition
        message = self._subscription.turn(choice)
        if message:
            self._received.append(Received(self._scenario.tick(), message, handle))
            if handle:
                self._cursors[choice] = message["cursor"]
        return message is not None

    def catch_up(self) -> None:
        self.connect()
        assert self._subscription
        for partition in self._subscription.partitions:
            while self.receive(partition):
                pass

    def cut(self, ending: Ending = Ending.ABORTED) -> None:
        if self._subscription is None:
            return
        session = Session(
            connected=self._connected,
            sent=self._sent,
            subscribe=self._subscribe,
            received=tuple(self._received),
            ended=self._scenario.tick(),
            ending=ending,
        )
        self._sessions.append(session)
        self._subscription = None
        self._received = []

    def subscriber(self) -> Subscriber:
        return Subscriber(name=self.name, sessions=tuple(self._sessions), caught_up=True)


def transcript(seed: int, *, steps: int = 150, removals: bool = True) -> Transcript:
    """The transcript of a run of random steps without a violation."""
    scenario = Scenario(seed)
    random = scenario.random
    requests = list(_REQUESTS)
    for _ in range(steps):
        match random.random():
            case chance if chance < 0.3:
                scenario.publish()
            case chance if chance < 0.35 and requests:
                scenario.subscriber(**requests.pop()).connect()
            case chance if chance < 0.9 and scenario.subscribers:
                random.choice(scenario.subscribers).receive()
            case chance if chance < 0.96 and scenario.subscribers:
                client = random.choice(scenario.subscribers)
                if random.random() < 0.3:
                    client.receive(handle=False)
                client.cut()
            case _ if removals:
                scenario.remove(random.choice(_STREAMS), before=random.randint(1, 8))
    for request in requests:
        scenario.subscriber(**request)
    return scenario.finished()
