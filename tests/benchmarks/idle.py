"""What idle connections cost a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.counted import connected

if TYPE_CHECKING:
    from tests.e2e.servers import Instance

__all__ = ["idle_memory"]

_PAGE_BYTES = 4096


def idle_memory(instance: Instance, *, connections: int) -> float:
    """Return the megabytes of an instance with so many connections, each with a live subscription to its own stream."""

    async def connect() -> float:
        clients = await connected(instance.url, [f"wf-{number}" for number in range(connections)])
        try:
            return _resident(instance.process.pid)
        finally:
            for client in clients:
                client.transport.abort()

    return asyncio.run(connect())


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 1e6
