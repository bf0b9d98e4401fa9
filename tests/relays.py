"""A relay that listens in front of a port of 127.0.0.1, and forwards its connections."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

__all__ = ["relaying"]

_LOCAL = "127.0.0.1"


class _Allowance:
    """How many bytes a connection still carries."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, data: bytes) -> bytes:
        """Return as much of the data as is left."""
        taken = data[: self._left]
        self._left -= len(taken)
        return taken


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowance: _Allowance | None) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            carried = data if allowance is None else allowance.take(data)
            writer.write(carried)
            await writer.drain()
            if len(carried) < len(data):
                # What was written before the cut arrives.
                writer.close()
                return
    writer.transport.abort()


@contextmanager
def relaying(
    port: int,
    *,
    host: str = _LOCAL,
    at: int = 0,
    tls: ssl.SSLContext | None = None,
    cut_after: Callable[[], int] | None = None,
) -> Iterator[int]:
    """Listen on a port that forwards to `port` of 127.0.0.1 during the block.

    Args:
        host: On which of this machine's addresses; never on all of them.
        at: The port, or 0 for a free one.
        tls: The TLS context for incoming connections.
        cut_after: Draws how many bytes a connection carries, in both directions together, before it is cut; None does
            not cut.

    Raises:
        OSError: The port cannot be had.
        ValueError: The host is no address, or stands for all addresses of this machine.
    """
    if ip_address(host).is_unspecified:
        raise ValueError(f"{host} is every address of this machine")
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    opened: Future[int] = Future()
    writers: set[asyncio.StreamWriter] = set()
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(_LOCAL, port)
            writers.add(far_writer)
            allowance = None if cut_after is None else _Allowance(cut_after())
            await asyncio.gather(_carry(reader, far_writer, allowance), _carry(far_reader, writer, allowance))
            writers.discard(far_writer)
        except OSError:
            writer.transport.abort()
        writers.discard(writer)
        serving.discard(asyncio.current_task())

    async def run() -> None:
        # A client that trusts another authority ends the handshake; tests do that on purpose.
        loop.set_exception_handler(lambda _loop, _about: None)
        try:
            server = await asyncio.start_server(serve, host, at, ssl=tls)
        except OSError as error:
            opened.set_exception(error)
            return
        opened.set_result(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(task for task in serving if task))
        # Transports close their sockets one iteration of the loop later.
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        yield opened.result(10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
