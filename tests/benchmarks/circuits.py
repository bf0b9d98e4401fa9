"""What a rule to a dead URL costs others: from publishing until a live subscriber of the same events has them.

Blocks of events take turns on one hub, with such a rule and without it. The rule wants all events, and there is one
partition, so the rule is in each of the turns that serve the subscriber. A block begins when its circuit is open and a
first probe has failed: before that, the events that failed are still to be tried again, each at a time of its own.
"""

from __future__ import annotations

import socket
import time
from contextlib import closing, contextmanager
from statistics import median
from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Aim, Figure, Unit
from tests.benchmarks.receipts import ninety_ninth
from tests.benchmarks.rest import Rest
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["figures"]

_ROUNDS = 15
_EVENTS = 300
"""How many events a block has, one after the other."""
_WARM_UP = 300
_WHILE_OPENING = 10
_OPEN_WITHIN = 60.0
_TRIES = 2
"""The times of tries that are seen until a first one has failed."""

_AIM = Aim("<", 1.05)


def figures() -> Iterator[Figure]:
    """For each way to be dead, the p99 of the subscriber's receipts against the same without the rule."""
    with ValkeyServer.start() as server, running_hub(server.url, variables={"PARTITIONS": "1"}) as url:
        events = Events()
        stream = events.stream()
        with Subscribers.joined(url, 1, {"stream": stream}) as subscribers:
            side = _Side(Rest(url), subscribers, stream, events)
            side.block(_WARM_UP)
            for how, dead in _DEAD.items():
                with dead() as target:
                    with_rule, without = _blocks(side, target)
                yield from _figures(f"A rule to a URL that {how}", with_rule, without)


class _Side:
    """A hub and its subscriber.

    Args:
        rest: The API of the hub.
        subscribers: The subscriber.
        stream: Its stream.
        events: The events to publish.
    """

    def __init__(self, rest: Rest, subscribers: Subscribers, stream: str, events: Events) -> None:
        self._rest = rest
        self._subscribers = subscribers
        self._stream = stream
        self._events = events

    def block(self, events: int = _EVENTS) -> list[float]:
        """The seconds until the subscriber has each of some events, published one after the other."""
        return [
            seconds for _ in range(events) for seconds in self._subscribers.exchange(self._stream, self._events.take(1))
        ]

    @contextmanager
    def open_circuit(self, target: str) -> Iterator[None]:
        """A rule to a dead target, whose circuit has been open through a probe when the block begins."""
        self._rest.call("POST", "subscriptions", {"id": "dead", "ack_deadline": 1, "target": {"http": target}})
        try:
            deadline = time.monotonic() + _OPEN_WITHIN
            tries: set[str] = set()
            while len(tries) < _TRIES:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no probe of the circuit failed within {_OPEN_WITHIN:.0f} s")
                if not tries:
                    # Of another stream each, for those of one wait for each other.
                    [event] = self._events.take(1)
                    path = f"events?stream={self._events.stream()}"
                    self._rest.call("POST", path, event.body, media_type="application/cloudevents+json")
                # Nothing idles meanwhile, as nothing does before a block without the rule.
                self.block(_WHILE_OPENING)
                tries |= self._next_tries()
            yield
            if self._next_tries() - tries:
                raise AssertionError("a probe fell into the block")
        finally:
            self._rest.call("DELETE", "subscriptions/dead")

    def _next_tries(self) -> set[str]:
        """When the target will be tried, if the circuit is open."""
        circuits = [partition["circuit"] for partition in self._rest.call("GET", "subscriptions/dead")["partitions"]]
        return {circuit["next_try"] for circuit in circuits if circuit["state"] == "open" and "next_try" in circuit}


def _blocks(side: _Side, target: str) -> tuple[list[list[float]], list[list[float]]]:
    """The seconds of receipts, by rounds: with a rule to a target, and without."""
    with_rule: list[list[float]] = []
    without: list[list[float]] = []
    for number in range(_ROUNDS):
        # The one that goes first alternates.
        if number % 2:
            without.append(side.block())
        with side.open_circuit(target):
            with_rule.append(side.block())
        if not number % 2:
            without.append(side.block())
    return with_rule, without


def _figures(what: str, with_rule: list[list[float]], without: list[list[float]]) -> Iterator[Figure]:
    shares: list[tuple[str, Callable[[list[float]], float], Aim | None]] = [
        ("p99", ninety_ninth, _AIM),
        ("median", median, None),
    ]
    for name, share_of, aim in shares:
        late, usual = list(map(share_of, with_rule)), list(map(share_of, without))
        # By rounds, so that what disturbs the machine for a second counts once.
        ratio = median(one / other for one, other in zip(late, usual, strict=True))
        yield Figure(f"{what}: the {name} of a live subscriber, against no rule", ratio, Unit.RATIO, aim)
        yield Figure(f"{what}: the {name} of a live subscriber", median(late) * 1000, Unit.MILLISECONDS)
        yield Figure(f"{what}: the {name} without", median(usual) * 1000, Unit.MILLISECONDS)


@contextmanager
def _hanging() -> Iterator[str]:
    """The kernel accepts connections and requests, and nobody answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=1024)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@contextmanager
def _refusing() -> Iterator[str]:
    """The port is in use, and nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}/"


_DEAD = {"never answers": _hanging, "refuses connections": _refusing}
