"""`python -m eventstore_dev`: the whole project on this machine, from template.yaml."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from eventstore_dev.addresses import Addresses
from eventstore_dev.cloudformation import TemplateError, declared_parameters
from eventstore_dev.folders import FolderError, private
from eventstore_dev.options import OptionsError, read_options
from eventstore_dev.preflight import require_endpoint, require_port, require_store
from eventstore_dev.stack import Stack, StackError
from eventstore_dev.terminal import Terminal
from eventstore_dev.valkey import Keeper, ValkeyError, ValkeyServer
from eventstore_dev.valkey.server import FolderInUseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eventstore_dev.options import Options

_FAILED, _CANNOT_WORK = 1, 2
_GREEDY = "/{proxy+}"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C or SIGTERM.

    Returns:
        0 after an orderly end, 1 if something failed, 2 if what was asked for cannot work.
    """
    try:
        options = read_options(arguments, os.environ)
        with ExitStack() as resources:
            _run(options, resources)
    except (FolderError, FolderInUseError, OptionsError, StackError, TemplateError) as error:
        return _ended(_CANNOT_WORK, error)
    except ValkeyError as error:
        return _ended(_FAILED, error)
    except KeyboardInterrupt:
        # Before the loop took over the signals, or the second one.
        return 0
    return 0


def _ended(code: int, error: Exception) -> int:
    # A standard error that is closed makes no other failure of it.
    with suppress(OSError):
        print(f"eventstore-dev: {error}", file=sys.stderr)
    return code


def _run(options: Options, resources: ExitStack) -> None:
    declared = declared_parameters(options.template)
    require_port(options.port)
    parameters, valkey = dict(options.parameters), None
    if "RedisUrl" in declared:
        named = "RedisUrl" in parameters
        if not named:
            private(options.folder)
            valkey = resources.enter_context(ValkeyServer.start(folder=options.folder / "valkey", persistent=True))
            parameters["RedisUrl"] = valkey.url
        require_store(parameters["RedisUrl"], partitions=parameters.get("Partitions", ""), named=named)
    terminal = Terminal(verbose=options.verbose)
    resources.callback(terminal.close)
    stack = Stack(
        options.template,
        parameters=parameters,
        variables=options.variables,
        port=options.port,
        terminal=terminal,
        watching=True,
        origins=options.origins,
    )
    elsewhere = Addresses(stack=f"http://127.0.0.1:{options.port}").elsewhere
    if stack.template.queues and elsewhere:
        require_endpoint(elsewhere)
    asyncio.run(_serve(stack, valkey, terminal, folder=options.folder))


async def _serve(stack: Stack, valkey: ValkeyServer | None, terminal: Terminal, *, folder: Path) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    starting = asyncio.create_task(stack.__aenter__())

    def end() -> None:
        # A second signal finds the usual handlers, and ends at once whatever holds up the first one.
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        starting.cancel()
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        await starting
    except asyncio.CancelledError:
        return
    try:
        await _keep_up(stack, valkey, terminal, folder=folder, until=stop)
    finally:
        await stack.__aexit__()


async def _keep_up(
    stack: Stack, valkey: ValkeyServer | None, terminal: Terminal, *, folder: Path, until: asyncio.Event
) -> None:
    kept = f", data in {folder}" if valkey is not None else ", data at REDIS_URL" if os.environ.get("REDIS_URL") else ""
    terminal.say(f"Ready: {_doors(stack)}{kept}. Try: {_first_call(stack)}")
    keeper = asyncio.create_task(Keeper(valkey, terminal=terminal).keep()) if valkey is not None else None
    await until.wait()
    terminal.say("Stopping")
    if keeper is not None:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


def _doors(stack: Stack) -> str:
    """What answers, and where."""
    doors = ["REST", "Lambda", *(["SQS"] if stack.template.queues else [])]
    sockets = [f"{stack.url.replace('http', 'ws', 1)}/{api.stage}" for api in stack.template.websockets.values()]
    return ", ".join(
        [
            f"{', '.join(doors[:-1])} and {doors[-1]} at {stack.url}",
            *([f"WebSocket at {', '.join(sockets)}"] if sockets else []),
            *([f"documentation at {stack.url}/api/v1/docs"] if _is_hub(stack) else []),
        ]
    )


def _first_call(stack: Stack) -> str:
    """A command for any shell of POSIX: what a shell would expand stands in single quotes."""
    if _is_hub(stack):
        event = '{"specversion":"1.0","id":"1","source":"/me","type":"io.flunq.execution.started"}'
        guarded = any(api.authorizer for api in stack.template.apis.values())
        credential = " -H 'authorization: Bearer …'" if guarded else ""
        kind = "-H 'content-type: application/cloudevents+json'"
        return f"curl {stack.url}/api/v1/events{credential} {kind} -d '{event}'"
    routes = [route for api in stack.template.apis.values() for route in api.routes]
    plain = next((route.path for route in routes if route.method in {"GET", "ANY"} and "{" not in route.path), "/")
    return f"curl {stack.url}{plain}"


def _is_hub(stack: Stack) -> bool:
    # Which paths there are below a greedy one is the function's to know; this project's is the hub.
    return any(route.path == _GREEDY for api in stack.template.apis.values() for route in api.routes)


if __name__ == "__main__":
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            stream.flush()
    # All is closed by now. A thread that waits for a server elsewhere cannot be called off, and exit would join it.
    os._exit(status)
