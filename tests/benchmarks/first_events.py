"""The first event that a new process of the REST function stores, on each backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from eventstore_hosting.kafka import KafkaBroker
from eventstore_hosting.nats import NatsServer
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.measure import Figure, Unit
from tests.invocations import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["figures"]

_ROOT = Path(__file__).parents[2]
_ROUNDS = 12
_NAMES = {"redis": "in Redis", "nats": "in a journal on NATS", "kafka": "in a journal on Kafka"}
_PROGRAM = """
import json, sys, time
from types import SimpleNamespace
event, began = json.load(sys.stdin), time.perf_counter()
from functions.rest import app
imported = time.perf_counter()
answer = app.handler(event, SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 29_000))
assert answer["statusCode"] == 201, answer
print(imported - began, time.perf_counter() - began)
"""


def figures() -> Iterator[Figure]:
    """Import the function and store an event, in processes that take turns; the partition is there."""
    taken: dict[str, list[tuple[float, float]]] = {backend: [] for backend in _NAMES}
    with ExitStack() as servers:
        environments = {backend: _environment(backend, servers) for backend in _NAMES}
        for number in range(_ROUNDS + 1):
            for backend, environment in environments.items():
                start = _start(environment, number)
                if number:
                    taken[backend].append(start)
    for backend, starts in taken.items():
        what = f"Importing the REST function, and storing its first event {_NAMES[backend]}"
        yield Figure(what, median(whole for _, whole in starts) * 1000, Unit.MILLISECONDS)
        own = median(whole - imported for imported, whole in starts)
        yield Figure(f"Of that, the event {_NAMES[backend]}", own * 1000, Unit.MILLISECONDS)


def _environment(backend: str, servers: ExitStack) -> Mapping[str, str]:
    """Start the servers of a backend; return the variables of the function."""
    environment = {"BACKEND": backend, "REDIS_URL": servers.enter_context(ValkeyServer.start(persistent=True)).url}
    if backend == "nats":
        environment["NATS_URL"] = servers.enter_context(NatsServer.start()).url
    if backend == "kafka":
        environment["KAFKA_BROKERS"] = servers.enter_context(KafkaBroker.start()).url
    return environment


def _start(environment: Mapping[str, str], number: int) -> tuple[float, float]:
    """Return how many seconds a new process took for its imports, and until it had stored an event."""
    event = json.loads((EVENTS / "rest/publish.json").read_text())
    event["isBase64Encoded"], event["body"] = (
        False,
        json.dumps({"specversion": "1.0", "id": str(number), "source": "/benchmark", "type": "t"}),
    )
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        input=json.dumps(event),
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    imported, whole = map(float, done.stdout.splitlines()[-1].split())
    return imported, whole
