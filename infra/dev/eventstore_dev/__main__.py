"""`python -m eventstore_dev`: the whole project on this machine, from template.yaml."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from eventstore_dev.addresses import Addresses
from eventstore_dev.configuration import ServerParameter
from eventstore_dev.folders import FolderError, private
from eventstore_dev.options import OptionsError, read_options
from eventstore_dev.parameters import declared_parameters
from eventstore_dev.preflight import require_check, require_endpoint, require_port
from eventstore_dev.stack import Stack, StackError
from eventstore_dev.template_file import TemplateError
from eventstore_dev.terminal import Terminal
from eventstore_hosting.kafka import KafkaBroker
from eventstore_hosting.keeper import Keeper
from eventstore_hosting.kept_server import FolderInUseError, ServerError
from eventstore_hosting.nats import NatsServer
from eventstore_hosting.program import end, report
from eventstore_hosting.valkey import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from eventstore_dev.configuration import Configuration
    from eventstore_dev.options import Options
    from eventstore_hosting.kept_server import KeptServer

_FAILED, _CANNOT_WORK = 1, 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STARTS: Mapping[str, Callable[[Path], KeptServer]] = {
    "valkey": lambda folder: ValkeyServer.start(folder=folder, persistent=True),
    "nats": lambda folder: NatsServer.start(folder=folder),
    "kafka": lambda folder: KafkaBroker.start(folder=folder),
}
"""How a server of each kind is started in its folder."""


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
    configuration = options.configuration
    started = _start_servers(options, resources, declared=declared)
    parameters = {**options.parameters, **{name: server.url for name, server in started.items()}}
    require_check(configuration.check, parameters, started=started.keys(), project=options.template.parent)
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
    asyncio.run(_serve(stack, [*started.values()], terminal, options))


def _start_servers(
    options: Options, resources: ExitStack, *, declared: Mapping[str, str | None]
) -> dict[str, KeptServer]:
    """Start the servers whose URLs nothing else gives.

    Args:
        options: What was asked for.
        resources: Ends the servers.
        declared: The parameters of the template, with their defaults.

    Returns:
        The servers, by the parameter that takes the URL.
    """
    configuration, given = options.configuration, options.parameters
    takers = {"valkey": ServerParameter(configuration.valkey_parameter)} | {
        kind: taker for kind, taker in (("nats", configuration.nats), ("kafka", configuration.kafka)) if taker
    }
    needed = {
        kind: taker.parameter
        for kind, taker in takers.items()
        if taker.parameter in declared and taker.parameter not in given and taker.applies({**declared, **given})
    }
    if needed:
        private(options.folder, servers=needed)
    return {
        parameter: resources.enter_context(_STARTS[kind](options.folder / kind)) for kind, parameter in needed.items()
    }


async def _serve(stack: Stack, servers: Sequence[KeptServer], terminal: Terminal, options: Options) -> None:
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
        await _keep_up(stack, servers, terminal, options, until=stop)
    finally:
        await stack.__aexit__()


async def _keep_up(
    stack: Stack,
    servers: Sequence[KeptServer],
    terminal: Terminal,
    options: Options,
    *,
    until: asyncio.Event,
) -> None:
    for line in stack.template.passed_over.lines(verbose=options.verbose):
        terminal.say(line)
    for unsupported in stack.template.unsupported:
        terminal.say(f"Let through: {unsupported}")
    for server in servers:
        if server.notice:
            terminal.say(server.notice)
    data = "".join(f", data {place}" for place in _places(options, servers))
    terminal.say(
        f"Ready: {_doors(stack, options.configuration)}{data}. Try: {_first_call(stack, options.configuration)}"
    )
    keepers = [asyncio.create_task(Keeper(server, terminal=terminal).keep()) for server in servers]
    await until.wait()
    terminal.say("Stopping")
    for keeper in keepers:
        keeper.cancel()
    for keeper in keepers:
        with suppress(asyncio.CancelledError):
            await keeper


def _places(options: Options, servers: Sequence[KeptServer]) -> list[str]:
    """Return where the data is: in the folder, and where variables of the developer name servers."""
    configuration = options.configuration
    journals = (taker.parameter for taker in (configuration.nats, configuration.kafka) if taker)
    variables = [configuration.variable_of(name) for name in (configuration.valkey_parameter, *journals) if name]
    names = " and ".join(server.name for server in servers)
    return [
        *([f"in {options.folder} ({names})"] if servers else []),
        *(f"at {variable}" for variable in variables if variable and os.environ.get(variable)),
    ]


def _doors(stack: Stack, configuration: Configuration) -> str:
    """What answers, and where."""
    doors = ["REST", "Lambda", *(["SQS"] if stack.template.queues else [])]
    sockets = stack.websocket_urls.values()
    pages = {"documentation": configuration.documentation, "console": configuration.console}
    return ", ".join(
        [
            f"{', '.join(doors[:-1])} and {doors[-1]} at {stack.url}",
            *([f"WebSocket at {', '.join(sockets)}"] if sockets else []),
            *(f"{name} at {stack.url}{path}" for name, path in pages.items() if path),
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
