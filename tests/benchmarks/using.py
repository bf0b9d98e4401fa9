"""The client's SDK against bare libraries that do the same: publishing in batches, and following a subscription."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import urllib3
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from eventstore_client import EventStore
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.e2e.servers import instances_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["figures"]

_ROUNDS = 15
_BATCH, _BATCHES = 100, 20
_FOLLOWED = 20_000
_AIM = Aim("≥", 0.8)
_SUBPROTOCOL = Subprotocol("eventstore.v1")


def figures() -> Iterator[Figure]:
    """Both sides ask the same instance, in turn."""
    events = Events()
    with ValkeyServer.start() as valkey, instances_on(valkey.url, count=1) as [instance]:
        url = instance.url
        with EventStore(url) as store, EventStore(f"grpc://{instance.grpc}") as over_grpc:
            yield from _publishing(store, url, events)
            yield from _following(store, url, events)
            yield from _over_grpc(over_grpc, store, events)


def _publishing(store: EventStore, url: str, events: Events) -> Iterator[Figure]:
    pool = urllib3.PoolManager()

    def prepare(_: int) -> tuple[Callable[[], object], Callable[[], object]]:
        ours, theirs = ([_texts(events, _BATCH) for _ in range(_BATCHES)] for _ in range(2))
        mappings = [[json.loads(text) for text in batch] for batch in ours]
        bodies = [f"[{','.join(batch)}]".encode() for batch in theirs]
        own, other = events.stream(), events.stream()

        def publish() -> None:
            for batch in mappings:
                store.publish(batch, stream=own)

        def post() -> None:
            for body in bodies:
                headers = {"Content-Type": "application/cloudevents-batch+json"}
                answer = pool.request("POST", f"{url}/api/v1/events?stream={other}", body=body, headers=headers)
                assert len(json.loads(answer.data)["results"]) == _BATCH

        return publish, post

    rounds = in_turn(prepare, rounds=_ROUNDS)
    what = f"Publishing batches of {_BATCH} mappings, against urllib3 with bodies that are already JSON"
    yield Figure(what, rounds.speed, Unit.RATIO, _AIM)
    yield Figure("Publishing batches", _BATCH * _BATCHES / min(rounds.ours), Unit.RATE)


def _following(store: EventStore, url: str, events: Events) -> Iterator[Figure]:
    stream = events.stream()
    store.publish_all(_texts(events, _FOLLOWED), stream=stream)

    def follow() -> None:
        with store.subscribe(stream=stream, start="start") as subscription:
            for event in subscription:
                if event.sequence == _FOLLOWED:
                    return

    def receive() -> None:
        with connect(f"ws{url.removeprefix('http')}/ws", subprotocols=[_SUBPROTOCOL], compression=None) as socket:
            socket.send(json.dumps({"action": "subscribe", "id": "b", "stream": stream, "from": "start"}))
            while True:
                for event in json.loads(socket.recv()).get("events", ()):
                    if event["hubsequence"] == str(_FOLLOWED):
                        return

    rounds = in_turn(lambda _: (follow, receive), rounds=_ROUNDS)
    what = f"Following {_FOLLOWED:,} stored events, against websockets and json.loads"
    yield Figure(what, rounds.speed, Unit.RATIO, _AIM)
    yield Figure("Following stored events", _FOLLOWED / min(rounds.ours), Unit.RATE)


def _over_grpc(over_grpc: EventStore, store: EventStore, events: Events) -> Iterator[Figure]:
    """The same calls over gRPC, against HTTP and WebSocket."""
    followed = events.stream()
    store.publish_all(_texts(events, _FOLLOWED), stream=followed)

    def publishing(of: EventStore, size: int) -> Callable[[], object]:
        batches = [[json.loads(text) for text in _texts(events, size)] for _ in range(_BATCHES)]
        stream = events.stream()

        def publish() -> None:
            for batch in batches:
                of.publish(batch, stream=stream)

        return publish

    def following(of: EventStore) -> Callable[[], object]:
        def follow() -> None:
            with of.subscribe(stream=followed, start="start") as subscription:
                for event in subscription:
                    if event.sequence == _FOLLOWED:
                        return

        return follow

    def pair(size: int) -> Callable[[int], tuple[Callable[[], object], Callable[[], object]]]:
        return lambda _: (publishing(over_grpc, size), publishing(store, size))

    for size in (1, _BATCH):
        rounds = in_turn(pair(size), rounds=_ROUNDS)
        what = "single events" if size == 1 else f"batches of {size} mappings"
        yield Figure(f"Publishing {what} over gRPC, against HTTP", rounds.speed, Unit.RATIO)
    rounds = in_turn(lambda _: (following(over_grpc), following(store)), rounds=_ROUNDS)
    yield Figure(f"Following {_FOLLOWED:,} stored events over gRPC, against WebSocket", rounds.speed, Unit.RATIO)
    yield Figure("Following stored events over gRPC", _FOLLOWED / min(rounds.ours), Unit.RATE)


def _texts(events: Events, number: int) -> Sequence[str]:
    return [event.body.decode() for event in events.take(number)]
