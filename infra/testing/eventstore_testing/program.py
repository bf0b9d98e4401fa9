"""The program of the process: a Valkey, the server, and the ports in front of it."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import TYPE_CHECKING, TextIO

from eventstore_hosting.program import end
from eventstore_hosting.valkey import ValkeyServer

if TYPE_CHECKING:
    from eventstore_testing.served_hub import ServedHub

__all__ = ["main"]

_COMMANDS = {name: attrgetter(name) for name in ("advance", "cut", "reset", "start", "stop")}
"""The methods of `ServedHub` that can be asked for."""

_SWITCH_SECONDS = 0.0005
"""As `eventstore_server` has it."""


def main() -> None:
    """Run a hub, answer commands, and end with standard input. The process ends too."""
    # Whatever else prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Importing the server takes most of the start. What it creates stays.
    gc.disable()
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(ValkeyServer.start)
        from eventstore_testing.served_hub import ServedHub  # noqa: PLC0415 - Valkey starts meanwhile
    gc.freeze()
    gc.enable()
    with starting.result() as valkey:
        asyncio.run(_serve(ServedHub(valkey.url), answers))
    end(0)


async def _serve(hub: ServedHub, answers: TextIO) -> None:
    await hub.open()
    try:
        _say(answers, done=[hub.http.port, hub.grpc.port])
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, *arguments = json.loads(line)
            try:
                _say(answers, done=await _COMMANDS[name](hub)(*arguments))
            except Exception as error:  # noqa: BLE001 - whoever asked reports it
                _say(answers, failed=f"{name}: {error!r}")
    finally:
        await hub.close()


def _say(answers: TextIO, **answer: object) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
