"""A hub that moves to another backend, with clients that stay: a publisher, a subscriber and a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from eventstore_client import ClientError
from eventstore_client.backoff import Backoff
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.live import SECONDS, event
from tests.e2e.servers import Instance, ServerHub
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eventstore_client import Recorded

pytestmark = pytest.mark.needs("instances")

_STREAMS = ("wf-1", "wf-2", "wf-3")
_BEFORE, _ALL = 30, 200
"""How many events of each stream are published before the hub moves, and in all."""


@dataclass
class _Received:
    """The sequences that a client received of each stream, in order."""

    sequences: dict[str, list[int]] = field(default_factory=lambda: {stream: [] for stream in _STREAMS})
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, recorded: Recorded) -> None:
        with self.changed:
            self.sequences[recorded.stream].append(recorded.sequence)
            self.changed.notify_all()

    def wait(self, count: int) -> None:
        """Wait until the first events of all streams were received."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: all(len(set(numbers)) >= count for numbers in self.sequences.values()), SECONDS
            ), {stream: len(numbers) for stream, numbers in self.sequences.items()}


def _environment(valkey: ValkeyServer, nats: NatsServer | None) -> Mapping[str, str]:
    journal = {} if nats is None else {"NATS_URL": nats.url, "JOURNAL": "moved"}
    return {"BACKEND": "redis" if nats is None else "nats", "REDIS_URL": valkey.url, **journal}


def _migrate(source: Mapping[str, str], target: Mapping[str, str], *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in {"BACKEND", "NATS_URL", "JOURNAL"}}
    variables = {**kept, "PYTHONPATH": os.pathsep.join(sys.path), **source}
    variables |= {f"TO_{name}": value for name, value in target.items()}
    done = subprocess.run(
        [sys.executable, "-m", "eventstore_server.migrate", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


@pytest.mark.parametrize("to_nats", [True, False], ids=["redis to nats", "nats to redis"])
def test_clients_go_on_and_miss_nothing(tmp_path: Path, nats: NatsServer, *, to_nats: bool) -> None:
    with ExitStack() as stack:
        old, new = (stack.enter_context(ValkeyServer.start(folder=tmp_path / name)) for name in ("old", "new"))
        source = _environment(old, None if to_nats else nats)
        target = _environment(new, nats if to_nats else None)
        instance = Instance.start(old.url, environment=source, logs=tmp_path)
        instances = [instance]
        stack.callback(lambda: instances[-1].end())  # noqa: PLW0108 - another one may come
        hub = ServerHub.of(instance, old)
        body, headers = b'{"id":"workers","from":"start"}', {"Content-Type": "application/json"}
        assert hub.call("POST", "/api/v1/subscriptions", body=body, headers=headers).status == 201
        subscribed, worked, moved = _Received(), _Received(), threading.Event()

        def publish() -> None:
            with hub.client(backoff=Backoff(patience=SECONDS)) as store:
                for number in range(1, _ALL + 1):
                    store.publish([event(f"{stream}-{number}", stream=stream) for stream in _STREAMS])
                    if number == _ALL - _BEFORE:
                        # The last of them are published to the new store in any case.
                        assert moved.wait(SECONDS)

        def subscribe() -> None:
            with hub.client() as store, store.subscribe(start="start", patience=SECONDS) as subscription:
                stack.callback(subscription.close)
                ready.wait()
                with suppress(ClientError):
                    for recorded in subscription:
                        subscribed.add(recorded)

        def work() -> None:
            with hub.client() as store, store.work("workers", patience=SECONDS) as worker:
                stack.callback(worker.close)
                ready.wait()
                with suppress(ClientError):
                    worker.run(worked.add)

        ready = threading.Barrier(3)
        threads = [threading.Thread(target=task) for task in (publish, subscribe, work)]
        for thread in threads:
            thread.start()
        ready.wait(SECONDS)
        try:
            worked.wait(_BEFORE)
            _migrate(source, target, "--rehearse")
            assert "nothing could be published for" in _migrate(source, target)
            instance.stop()
            ports = {"port": urlsplit(hub.url).port or 0, "grpc_port": int(instance.grpc.rpartition(":")[2])}
            instances.append(Instance.start(new.url, environment=target, logs=tmp_path, **ports))
            moved.set()
            subscribed.wait(_ALL)
            worked.wait(_ALL)
        finally:
            moved.set()
            stack.close()
            for thread in threads:
                thread.join(SECONDS)
    for stream in _STREAMS:
        assert subscribed.sequences[stream] == list(range(1, _ALL + 1))
        assert list(dict.fromkeys(worked.sequences[stream])) == list(range(1, _ALL + 1))
