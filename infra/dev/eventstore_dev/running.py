"""A stack in a thread of its own, for programs that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_dev.stack import Stack
from eventstore_dev.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eventstore_dev.configuration import Configuration
    from eventstore_dev.invocation import Limits
    from eventstore_dev.queues.served import Wrapping
    from eventstore_dev.schedules import Timer
    from eventstore_dev.websocket.clock import Clock
    from eventstore_hosting.origins import Origins

__all__ = ["running"]


@contextmanager
def running(
    template: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    port: int = 0,
    limits: Limits | None = None,
    terminal: Terminal | None = None,
    watching: bool = False,
    clock: Clock | None = None,
    wrap_broker: Wrapping | None = None,
    timer: Timer | None = None,
    origins: Origins | None = None,
    configuration: Configuration | None = None,
) -> Iterator[Stack]:
    """Serves a template on a port, a free one when 0, in a thread of its own, for as long as the block lasts.

    Raises:
        UnsupportedError: The template asks for what is not emulated, and the project does not let it through.
        TemplateError: The template cannot be used.
        StackError: The stack cannot start.
    """
    stack = Stack(
        template,
        parameters=parameters,
        variables=variables,
        port=port,
        limits=limits,
        terminal=terminal or Terminal(quiet=True),
        watching=watching,
        clock=clock,
        wrap_broker=wrap_broker,
        timer=timer,
        origins=origins,
        configuration=configuration,
    )
    loop = asyncio.new_event_loop()
    started: threading.Event = threading.Event()
    stop = asyncio.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        async with stack:
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="eventstore-dev")
    thread.start()
    started.wait()
    try:
        if failures:
            raise failures[0]
        yield stack
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if failures:
        raise failures[0]
