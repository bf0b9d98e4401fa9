"""`python -m eventstore_dev`: the whole project on this machine, from template.yaml."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_dev.cloudformation import declared_parameters
from eventstore_dev.folders import FolderError, private
from eventstore_dev.origins import SETTING, Origins, OriginsError
from eventstore_dev.stack import Stack, StackError
from eventstore_dev.template import TemplateError
from eventstore_dev.terminal import Terminal
from eventstore_dev.valkey import Keeper, ValkeyError, ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Which parameter of the template takes which variable of the environment.
_FROM_ENVIRONMENT = {"RedisUrl": "REDIS_URL", "Partitions": "PARTITIONS", "LogLevel": "LOG_LEVEL", "Auth": "AUTH"}

# Without it nobody is asked for a credential, as with the value iam, which is for AWS to check.
_OPEN = "none"
# What the authorizer needs with each AUTH, and what it may have beside it. They go to functions as they are: a template
# for AWS takes neither an issuer on this machine nor a file.
_CREDENTIALS = {"jwt": ("JWT_ISSUER", "JWT_AUDIENCE"), "key": ("API_KEYS_FILE",)}
_OPTIONAL = ("JWT_JWKS_URL",)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; an argument counts before a variable of the environment."""

    template: Path
    port: int
    folder: Path
    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    verbose: bool
    origins: Origins


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C or SIGTERM.

    Returns:
        0 after an orderly end, 1 if it could not start.
    """
    try:
        options = _options(arguments, os.environ)
        with ExitStack() as resources:
            _require_free(options.port)
            valkey = None
            parameters = dict(options.parameters)
            if "RedisUrl" not in parameters and "RedisUrl" in declared_parameters(options.template):
                private(options.folder)
                valkey = resources.enter_context(ValkeyServer.start(folder=options.folder / "valkey", persistent=True))
                parameters["RedisUrl"] = valkey.url
            terminal = Terminal(verbose=options.verbose)
            stack = Stack(
                options.template,
                parameters=parameters,
                variables=options.variables,
                port=options.port,
                terminal=terminal,
                watching=True,
                origins=options.origins,
            )
            asyncio.run(_serve(stack, valkey, terminal, folder=options.folder))
    except (FolderError, StackError, TemplateError, ValkeyError) as error:
        print(f"eventstore-dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Before the loop took over the signals.
        return 0
    return 0


async def _serve(stack: Stack, valkey: ValkeyServer | None, terminal: Terminal, *, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with stack:
        kept = f"data in {folder}" if valkey is not None else "data at REDIS_URL"
        terminal.say(f"Ready: {_doors(stack)}, {kept}. Try: {_first_call(stack)}")
        keeper = asyncio.create_task(Keeper(valkey, terminal=terminal).keep()) if valkey is not None else None
        await stop.wait()
        terminal.say("Stopping")
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper


def _doors(stack: Stack) -> str:
    """What answers, and where."""
    doors = ["REST", "Lambda", *(["SQS"] if stack.template.queues else [])]
    sockets = [f"{stack.url.replace('http', 'ws', 1)}/{api.stage}" for api in stack.template.websockets.values()]
    told = f"{', '.join(doors[:-1])} and {doors[-1]} at {stack.url}"
    return f"{told}, WebSocket at {', '.join(sockets)}" if sockets else told


def _first_call(stack: Stack) -> str:
    routes = [route for api in stack.template.apis.values() for route in api.routes]
    if any(route.path == "/{proxy+}" for route in routes):
        # Which paths there are is the function's to know; this is the hub's first.
        event = '{"specversion":"1.0","id":"1","source":"/me","type":"io.flunq.execution.started"}'
        guarded = any(api.authorizer for api in stack.template.apis.values())
        credential = " -H 'authorization: Bearer …'" if guarded else ""
        kind = "-H 'content-type: application/cloudevents+json'"
        return f"curl {stack.url}/api/v1/events{credential} {kind} -d '{event}'"
    plain = next((route.path for route in routes if route.method in {"GET", "ANY"} and "{" not in route.path), "/")
    return f"curl {stack.url}{plain}"


def _options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="eventstore-dev",
        description="Runs the project's template on this machine: its APIs, queues and functions, and a Valkey.",
        epilog="Environment: PORT, REDIS_URL, PARTITIONS, LOG_LEVEL, NO_COLOR; AWS_ENDPOINT_URL for queues elsewhere; "
        f"{SETTING} for pages of other origins; "
        "AUTH=jwt with JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL, or AUTH=key with API_KEYS_FILE.",
    )
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="the SAM template (%(default)s)")
    parser.add_argument("--port", type=int, help="where to listen on 127.0.0.1 (8081)")
    parser.add_argument("--folder", type=Path, default=Path(".eventstore"), help="where data is kept (%(default)s)")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template; may repeat"
    )
    parser.add_argument("--verbose", action="store_true", help="show Lambda's START, END and REPORT lines")
    told = parser.parse_args(arguments)
    declared = declared_parameters(told.template)
    parameters = {
        name: environment[variable]
        for name, variable in _FROM_ENVIRONMENT.items()
        if name in declared and environment.get(variable, _OPEN) not in {"", _OPEN}
    }
    for pair in told.parameter:
        name, equals, value = pair.partition("=")
        if not equals:
            parser.error(f"--parameter {pair}: it must be NAME=VALUE")
        parameters[name] = value
    variables = _variables(parser, parameters.get("Auth", _OPEN), environment)
    port = environment.get("PORT") or "8081"
    if told.port is None and not port.isdecimal():
        parser.error(f"PORT is {port!r}; it must be a number")
    return Options(
        template=told.template.resolve(),
        port=int(port) if told.port is None else told.port,
        folder=told.folder.resolve(),
        parameters=parameters,
        variables=variables,
        verbose=told.verbose,
        origins=_origins(parser, environment),
    )


def _origins(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> Origins:
    try:
        return Origins.parse(environment.get(SETTING, ""))
    except OriginsError as error:
        parser.error(str(error))


def _variables(parser: argparse.ArgumentParser, auth: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """What functions get of the developer's environment: where credentials are checked."""
    needed = _CREDENTIALS.get(auth, ())
    for name in needed:
        if not environment.get(name):
            parser.error(f"AUTH={auth} needs {' and '.join(needed)} (docs/security.md); {name} is unset")
    variables = {name: environment[name] for name in (*needed, *_OPTIONAL) if needed and environment.get(name)}
    if "API_KEYS_FILE" in variables:
        # Functions run in a folder of their own.
        variables["API_KEYS_FILE"] = str(Path(variables["API_KEYS_FILE"]).resolve())
    return variables


def _require_free(port: int) -> None:
    """Finds a taken port before anything is started.

    Raises:
        StackError: Another program listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError.port_in_use(port) from None


if __name__ == "__main__":
    sys.exit(main())
