"""A template, running: its functions in processes, its APIs and the Lambda API on one port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from aiohttp import web

from eventstore_dev import reload
from eventstore_dev.addresses import Addresses
from eventstore_dev.aws_services import AwsServices
from eventstore_dev.configuration import Configuration
from eventstore_dev.doors import Doors
from eventstore_dev.invocation import Invocation, Limits, new_trace_id
from eventstore_dev.lambda_api import LambdaApi
from eventstore_dev.parameters import declared_parameters
from eventstore_dev.pool import Pool
from eventstore_dev.queues.broker import BrokerError
from eventstore_dev.queues.served import Queues
from eventstore_dev.rest import RestGateway
from eventstore_dev.schedules import Scheduler, WallTimer
from eventstore_dev.template import Template, TemplateError
from eventstore_dev.terminal import Terminal
from eventstore_dev.websocket.gateway import WebSocketGateway
from eventstore_hosting.lifeline import Lifeline
from eventstore_hosting.origins import Origins
from eventstore_hosting.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eventstore_dev.queues.served import Wrapping
    from eventstore_dev.schedules import Timer
    from eventstore_dev.websocket.clock import Clock

_HOST = "127.0.0.1"
_HIGHEST_PORT = 65_535


class StackError(Exception):
    """The stack cannot start; the message says what would be right."""

    @classmethod
    def port_in_use(cls, port: int) -> Self:
        """Another program listens on the port."""
        other = port + 1 if port < _HIGHEST_PORT else port - 1
        return cls(f"Port {port} is in use by another program. Stop it, or choose another port: PORT={other}")

    @classmethod
    def port_refused(cls, port: int, error: OSError) -> Self:
        """The machine does not let this user listen on the port."""
        return cls(f"Port {port} cannot be listened on: {error.strerror}. Choose another port: PORT=8081")

    @classmethod
    def no_queues(cls, endpoint: str, error: BrokerError) -> Self:
        """The template's queues cannot be created where they are to live."""
        return cls(
            f"The queues cannot be created at AWS_ENDPOINT_URL, {endpoint}: {error}. "
            "Start what serves it, or unset the variable to have the queues here"
        )


class Stack:
    """An asynchronous context in which the template is served; nothing of it is left afterwards.

    Args:
        template: The template's file.
        parameters: Values for its parameters, over their defaults.
        variables: Of the environment of every function, over those of the template.
        port: Where to listen; a free port when 0.
        limits: Quotas, for tests that cannot wait or send that much.
        terminal: Where access and log lines go.
        watching: Whether changes of sources are followed.
        clock: The time that WebSocket connections live by, for tests that cannot wait for hours.
        wrap_broker: Makes another broker of the one that event source mappings poll, for tests.
        timer: What schedules wait by.
        origins: Whose pages may call, besides those of this machine.
        configuration: What the project says of itself; by default what stands beside the template.
    """

    def __init__(
        self,
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
    ) -> None:
        origins = origins or Origins()
        self._configuration = configuration or Configuration.beside(template)
        # One setting for what pages may do: which origins the doors let in, and which the functions let read.
        taker = self._configuration.origins_parameter
        readers = {taker: origins.readers} if taker in declared_parameters(template) else {}
        self._parameters = {**readers, **(parameters or {})}
        self._variables = dict(variables or {})
        self.template = self._read(template)
        self._port = port
        self._limits = limits or Limits()
        self._terminal = terminal or Terminal()
        self._watching = watching
        self._pools: dict[str, Pool] = {}
        self._retired: list[Pool] = []
        self._watcher: asyncio.Task[None] | None = None
        self._gateway = RestGateway(self._pools, limits=self._limits, terminal=self._terminal)
        self._websockets = WebSocketGateway(self._pools, limits=self._limits, terminal=self._terminal, clock=clock)
        self._lambda_api = LambdaApi(self._pools, limits=self._limits, terminal=self._terminal)
        self._addresses = Addresses()
        self._queues = Queues(
            self._pools, addresses=self._addresses, limits=self._limits, terminal=self._terminal, wrap=wrap_broker
        )
        self._services = AwsServices(addresses=self._addresses, terminal=self._terminal)
        self._doors = Doors(
            rest=self._gateway,
            websockets=self._websockets,
            lambda_api=self._lambda_api,
            queues=self._queues,
            services=self._services,
            origins=origins,
            terminal=self._terminal,
        )
        self._scheduler = Scheduler(self._call_later, timer=timer or WallTimer())

    @property
    def url(self) -> str:
        """Where the APIs answer; also the endpoint for a Lambda client."""
        return f"http://{_HOST}:{self._port}"

    @property
    def websocket_urls(self) -> Mapping[str, str]:
        """Where each WebSocket API answers, by its name in the template."""
        sockets = self.url.replace("http", "ws", 1)
        return {name: f"{sockets}/{api.stage}" for name, api in self.template.websockets.items()}

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of all functions."""
        return tuple(pid for pool in self._pools.values() for pid in pool.pids)

    async def __aenter__(self) -> Self:
        self._lifeline = Lifeline()
        self._loop = asyncio.get_running_loop()
        try:
            self._follow_template()
            await self._listen()
            self._move_apis()
            await self._open_queues()
        except BaseException:
            self._lifeline.cut()
            raise
        for pool in self._pools.values():
            pool.warm()
        self._scheduler.follow(self.template.schedules)
        if self._watching:
            begun = asyncio.Event()
            self._watcher = self._watch(begun)
            await begun.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watcher is not None:
            await _cancel(self._watcher)
        await self._websockets.stop()
        await self._scheduler.stop()
        await self._queues.stop()
        self._services.stop()
        self._lambda_api.stop()
        # The processes first: requests under way end at once, as failures.
        self._lifeline.cut()
        for pool in (*self._pools.values(), *self._retired):
            await pool.stop()
        await self._runner.cleanup()

    def fire(self, schedule: str) -> None:
        """Calls the function of a schedule now, from any thread.

        Args:
            schedule: Its name, or the function's logical id.
        """
        named = [one for one in self.template.schedules if schedule in {one.name, one.function}]
        if not named:
            known = ", ".join(one.name for one in self.template.schedules) or "none"
            raise LookupError(f"The template has no schedule {schedule}; it has {known}")
        for one in named:
            self._loop.call_soon_threadsafe(self._scheduler.fire, one)

    def reload(self, changed: set[Path]) -> None:
        """Takes in what changed, the template or sources of functions. A template with a fault changes nothing."""
        before = self.template
        try:
            self.template = self._read(before.path)
        except TemplateError as error:
            self._terminal.complain(f"The template is not reloaded: {' '.join(str(error).split())}")
            return
        renewed = []
        for name, function in self.template.functions.items():
            touched = any(file.is_relative_to(source) for file in changed for source in function.sources)
            if name in self._pools and (touched or function != before.functions.get(name)):
                self._pools[name].renew(function)
                renewed.append(name)
        self._follow_template()
        self._move_apis()
        self._queues.follow(self.template.queues.values(), self.template.mappings)
        self._scheduler.follow(self.template.schedules)
        file = min(changed, default=before.path)
        what = file.relative_to(before.path.parent) if file.is_relative_to(before.path.parent) else file
        self._terminal.say(f"Reloaded {', '.join(renewed) or 'routes'}: {what} changed")
        if self._watcher is not None and self.template.functions != before.functions:
            self._watcher.cancel()
            self._watcher = self._watch(asyncio.Event())

    def _read(self, template: Path) -> Template:
        return Template.read(
            template,
            parameters=self._parameters,
            variables=self._variables,
            allowed=self._configuration.allow_unsupported,
        )

    def _follow_template(self) -> None:
        functions = self.template.functions
        self._retired += [self._pools.pop(name) for name in set(self._pools) - set(functions)]
        for name, function in functions.items():
            if name not in self._pools:
                self._pools[name] = Pool(
                    function,
                    limits=self._limits,
                    lifeline=self._lifeline,
                    terminal=self._terminal,
                    addresses=self._addresses,
                )
        self._gateway.route(self.template.apis.values())
        self._websockets.route(self.template.websockets.values())
        self._lambda_api.guard(self.template.guarded)

    def _move_apis(self) -> None:
        self._addresses.moved.update({api.aws_url: self.url for api in self.template.apis.values()})
        sockets = self.websocket_urls
        self._addresses.moved.update({api.aws_url: sockets[name] for name, api in self.template.websockets.items()})

    async def _listen(self) -> None:
        server = Server(self._doors.serve, terminal=self._terminal)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise StackError.port_in_use(self._port) from None
            raise StackError.port_refused(self._port, error) from None
        self._port = self._runner.addresses[0][1]
        self._addresses.stack = self.url

    async def _open_queues(self) -> None:
        try:
            await self._queues.open(self.template.queues.values(), self.template.mappings)
        except BrokerError as error:
            await self._queues.stop()
            await self._runner.cleanup()
            raise StackError.no_queues(self._addresses.elsewhere, error) from error

    def _call_later(self, function: str, event: bytes) -> None:
        self._lambda_api.call_later(self._pools[function], Invocation(event, trace_id=new_trace_id()))

    def _watch(self, begun: asyncio.Event) -> asyncio.Task[None]:
        folders = {source for function in self.template.functions.values() for source in function.sources}
        return asyncio.create_task(reload.watch(self.template.path, folders, self.reload, begun=begun))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
