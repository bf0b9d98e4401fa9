"""The gRPC door on a hub of this process, for clients of the SDK."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_server.grpc.door import GrpcDoor
from eventstore_server.grpc.options import GrpcOptions
from eventstore_server.worker_threads import WorkerThreads
from tests.functional.grpc.served import FakeSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.hub.hub import Hub

__all__ = ["grpc_door"]

_WITHIN = 20.0


@contextmanager
def grpc_door(hub: Hub) -> Iterator[str]:
    """The address of gRPC of a hub, during the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    threads = WorkerThreads(2, name="call")

    async def start() -> GrpcDoor:
        door = GrpcDoor(hub, FakeSessions(), threads=threads, options=GrpcOptions(port=0))  # type: ignore[arg-type]
        await door.start()
        return door

    door = asyncio.run_coroutine_threadsafe(start(), loop).result(_WITHIN)
    try:
        yield f"grpc://127.0.0.1:{door.port}"
    finally:
        asyncio.run_coroutine_threadsafe(door.drain(0), loop).result(_WITHIN)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_WITHIN)
        loop.close()
        threads.close()
