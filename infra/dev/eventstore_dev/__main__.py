"""`python -m eventstore_dev`: the whole project on this machine, from template.yaml."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from eventstore_dev.addresses import Addresses
from eventstore_dev.folders import FolderError, private
from eventstore_dev.options import OptionsError, read_options
from eventstore_dev.parameters import declared_parameters
from eventstore_dev.preflight import require_check, require_endpoint, require_port
from eventstore_dev.stack import Stack, StackError
from eventstore_dev.template_file import TemplateError
from eventstore_dev.terminal import Terminal
from eventstore_hosting.keeper import Keeper
from eventstore_hosting.kept_server import FolderInUseError, ServerError
from eventstore_hosting.program import end, report
from eventstore_hosting.valkey import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_dev.configuration import Configuration
    from eventstore_dev.options import Options

_FAILED, _CANNOT_WORK = 1, 2
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
    except FolderInUseError as error:
        return _ended(_CANNOT_WORK, f"{error}: FOLDER=…, or --folder")
    except (FolderError, OptionsError, StackError, TemplateError) as error:
        return _ended(_CANNOT_WORK, error)
    except ServerError as error:
        return _ended(_FAILED, error)
    except KeyboardInterrupt:
        # Before the loop took over the signals, or the second one.
        return 0
    return 0


def _ended(code: int, error: Exception | str) -> int:
    report("eventstore-dev", error)
    return code


def _run(options: Options, resources: ExitStack) -> None:
    declared = declared_parameters(options.template)
    require_port(options.port)
    configuration, parameters, valkey = options.configuration, dict(options.parameters), None
    store = configuration.valkey_parameter
    if store in declared and store not in parameters:
        private(options.folder)
        valkey = resources.enter_context(ValkeyServer.start(folder=options.folder / "valkey", persistent=True))
        parameters[store] = valkey.url
    started = {store} if valkey is not None else set()
    require_check(configuration.check, parameters, started=started, project=options.template.parent)
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
        configuration=configuration,
    )
    elsewhere = Addresses(stack=f"http://127.0.0.1:{options.port}").elsewhere
    if stack.template.queues and elsewhere:
        require_endpoint(elsewhere)
    asyncio.run(_serve(stack, valkey, terminal, options))


async def _serve(stack: Stack, valkey: ValkeyServer | None, terminal: Terminal, options: Options) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    starting = asyncio.create_task(stack.__aenter__())

    def stop_all() -> None:
        # A second signal finds the usual handlers, and ends at once whatever holds up the first one.
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        starting.cancel()
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop_all)
    try:
        await starting
    except asyncio.CancelledError:
        return
    try:
        await _keep_up(stack, valkey, terminal, options, until=stop)
    finally:
        await stack.__aexit__()


async def _keep_up(
    stack: Stack, valkey: ValkeyServer | None, terminal: Terminal, options: Options, *, until: asyncio.Event
) -> None:
    for line in stack.template.passed_over.lines(verbose=options.verbose):
        terminal.say(line)
    for unsupported in stack.template.unsupported:
        terminal.say(f"Let through: {unsupported}")
    kept = f", data in {options.folder}" if valkey is not None else _elsewhere(options.configuration)
    terminal.say(
        f"Ready: {_doors(stack, options.configuration)}{kept}. Try: {_first_call(stack, options.configuration)}"
    )
    keeper = asyncio.create_task(Keeper(valkey, terminal=terminal).keep()) if valkey is not None else None
    await until.wait()
    terminal.say("Stopping")
    if keeper is not None:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


def _elsewhere(configuration: Configuration) -> str:
    """Where the developer has the data, if a variable says so."""
    variable = configuration.variable_of(configuration.valkey_parameter) if configuration.valkey_parameter else ""
    return f", data at {variable}" if variable and os.environ.get(variable) else ""


def _doors(stack: Stack, configuration: Configuration) -> str:
    """What answers, and where."""
    doors = ["REST", "Lambda", *(["SQS"] if stack.template.queues else [])]
    sockets = [f"{stack.url.replace('http', 'ws', 1)}/{api.stage}" for api in stack.template.websockets.values()]
    documentation = configuration.documentation
    return ", ".join(
        [
            f"{', '.join(doors[:-1])} and {doors[-1]} at {stack.url}",
            *([f"WebSocket at {', '.join(sockets)}"] if sockets else []),
            *([f"documentation at {stack.url}{documentation}"] if documentation else []),
        ]
    )


def _first_call(stack: Stack, configuration: Configuration) -> str:
    """A command for any shell of POSIX: the project's own, else one that calls a route without parameters."""
    if configuration.first_call:
        guarded = any(api.authorizer for api in stack.template.apis.values())
        credential = configuration.credential if guarded else ""
        return configuration.first_call.replace("{url}", stack.url).replace("{credential}", credential)
    routes = [route for api in stack.template.apis.values() for route in api.routes]
    plain = next((route.path for route in routes if route.method in {"GET", "ANY"} and "{" not in route.path), "/")
    return f"curl {stack.url}{plain}"


if __name__ == "__main__":
    end(main())
