"""The hub of a soak as a service: three instances on one cache, and the faults that strike them."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.servers import Instance, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["INSTANCES", "StruckServers", "end", "struck_servers"]

INSTANCES = ("instance-1", "instance-2", "instance-3")
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 9.0
"""Seconds. An instance is dead after 5 seconds without a heartbeat, and its leases last 6: some pauses outlast both."""

_ORDERLY = 0.25
"""The share of ends that are in order: the instance is asked to end, and drains."""


@dataclass
class StruckServers:
    """See `tests.transcripts.controls.HubControls`.

    Attributes:
        kills: The number of instances that were ended, by a fault or in order.
        pauses: The number of instances that hung for a while.
    """

    valkey: ValkeyServer
    instances: dict[str, Instance]
    environment: Mapping[str, str]
    random: Random
    kills: int = 0
    pauses: int = 0
    _killing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One at a time: a call and a planned fault may want the same instance."""
    _resuming: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rest, self._sockets = cycle(INSTANCES), cycle(INSTANCES)

    @property
    def rest_url(self) -> str:
        return self.instances[next(self._rest)].url

    @property
    def ws_url(self) -> str:
        return self.instances[next(self._sockets)].websocket_url

    async def kill(self, process: str) -> None:
        async with self._killing:
            await self._kill(process)

    async def _kill(self, process: str) -> None:
        self.kills += 1
        if self.random.random() < _ORDERLY:
            await asyncio.to_thread(self.instances[process].stop)
        else:
            self.instances[process].kill()
        await asyncio.to_thread(self.start, process)

    async def pause(self, process: str) -> None:
        self.pauses += 1
        instance = self.instances[process]
        instance.pause()
        seconds = self.random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE)
        self._resuming.append(asyncio.create_task(_resumed(instance, seconds)))

    async def kill_caller(self, port: int) -> None:
        async with self._killing:
            for name, instance in list(self.instances.items()):
                if _has_port(instance.process.pid, port):
                    await self._kill(name)

    async def restart_cache(self) -> None:
        self.valkey.kill()
        await asyncio.to_thread(self.valkey.restart)

    async def fire_sweep(self) -> None:
        await asyncio.to_thread(sweep, self.valkey.url)

    def start(self, name: str) -> None:
        """Start an instance in place of the one that ended, with the same ports."""
        ended = self.instances[name]
        self.instances[name] = ended.restarted(environment=self.environment)


async def _resumed(instance: Instance, seconds: float) -> None:
    await asyncio.sleep(seconds)
    instance.resume()


def _has_port(pid: int, port: int) -> bool:
    """Whether a process has a connection with this port on its own side."""
    own = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(own)}
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False


S = TypeVar("S", bound=StruckServers)


@contextmanager
def struck_servers(
    seed: int, folder: Path, kind: type[S], *, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[S]:
    """Run the instances during the block, on a durable Valkey server."""
    with ExitStack() as stack:
        valkey = stack.enter_context(ValkeyServer.start(folder=folder, persistent=True))
        hub = kind(valkey, {}, environment, Random(f"{seed} faults"))
        stack.callback(end, hub)
        for name in INSTANCES:
            hub.instances[name] = Instance.start(valkey.url, environment=environment, logs=folder.parent)
        yield hub


def end(hub: StruckServers) -> None:
    """End all instances that run."""
    # One that does not end in time must not keep the others running.
    with ExitStack() as stack:
        for instance in hub.instances.values():
            if instance.process.poll() is None:
                stack.callback(instance.stop)
