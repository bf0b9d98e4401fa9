"""`python -m eventstore_server`: one instance of the hub, with all doors."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError, SettingsError
from eventstore_hosting.kafka import KafkaBroker
from eventstore_hosting.keeper import Keeper
from eventstore_hosting.kept_server import FolderInUseError, ServerError
from eventstore_hosting.nats import NatsServer
from eventstore_hosting.program import end, report
from eventstore_hosting.valkey import ValkeyServer
from eventstore_server.limits import Limits
from eventstore_server.logs import configure_logs
from eventstore_server.options import read_options
from eventstore_server.service import Service, new_instance
from eventstore_server.telemetry import Telemetry
from eventstore_server.tracing import tracing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_hosting.kept_server import KeptServer
    from eventstore_server.options import Options

__all__ = ["main"]

_FAILED, _CANNOT_WORK, _SIGNALLED = 1, 2, 128
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_EVENTS = {"nats": ", events in NATS", "kafka": ", events in Kafka"}
_COLLECTED_AFTER = (50_000, 20, 50)
_SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others wait: the event loop must not wait for 5 ms."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Returns:
        0 after an orderly end, 1 if something failed, 2 if the options or the settings are not valid. After a second
        signal the process ends at once, with 128 and the number of the signal.
    """
    try:
        options = read_options(arguments, os.environ)
    except SettingsError as error:
        return _ended(_CANNOT_WORK, error)
    instance = new_instance()
    configure_logs(options.log_format, level=options.settings.log_level, instance=instance, output=sys.stderr)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        with ExitStack() as resources:
            options, embedded = _start_embedded(options, resources)
            for notice in filter(None, (server.notice for server in embedded)):
                print(notice, flush=True)
            service = Service(
                options,
                instance=instance,
                limits=Limits(notice_seconds=options.notice_seconds),
                telemetry=Telemetry.of(tracing_of(os.environ, instance=instance)),
            )
            asyncio.run(_serve(service, options, embedded))
    except SettingsError as error:
        return _ended(_CANNOT_WORK, error)
    except FolderInUseError as error:
        return _ended(_FAILED, f"{error}: DATA=…, or --data")
    except (EventstoreError, ServerError, OSError) as error:
        return _ended(_FAILED, error)
    except KeyboardInterrupt:
        return 0
    return 0


def _start_embedded(options: Options, resources: ExitStack) -> tuple[Options, Sequence[KeptServer]]:
    """Start the servers that the options do not name; return the options with their URLs, and the servers.

    Args:
        options: The options.
        resources: Ends the servers.
    """
    settings = options.settings
    embedded: list[KeptServer] = []
    if options.embeds_valkey:
        valkey = resources.enter_context(ValkeyServer.start(folder=options.data / "valkey", persistent=True))
        settings = replace(settings, redis_url=valkey.url)
        embedded.append(valkey)
    if options.embeds_nats:
        nats = resources.enter_context(NatsServer.start(folder=options.data / "nats"))
        settings = replace(settings, nats_url=nats.url)
        embedded.append(nats)
    if options.embeds_kafka:
        kafka = resources.enter_context(KafkaBroker.start(folder=options.data / "kafka"))
        settings = replace(settings, kafka_brokers=kafka.url)
        embedded.append(kafka)
    return replace(options, settings=settings), embedded


def _ended(code: int, error: Exception | str) -> int:
    report("eventstore-server", error)
    return code


async def _serve(service: Service, options: Options, embedded: Sequence[KeptServer]) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop(number: int) -> None:
        if stopping.is_set():
            # The second signal: whoever sends it does not want to wait for clients.
            os._exit(_SIGNALLED + number)
        stopping.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    keepers: list[asyncio.Task[None]] = []
    try:
        await service.start()
        _tune_collector()
        keepers += [asyncio.create_task(Keeper(server, terminal=_Terminal(server.name)).keep()) for server in embedded]
        print(_ready(service, options, embedded), flush=True)
        await stopping.wait()
    finally:
        for keeper in keepers:
            keeper.cancel()
        for keeper in keepers:
            with suppress(asyncio.CancelledError):
                await keeper
        await service.stop()


def _tune_collector() -> None:
    """Let the garbage collector look at what a turn creates less often, and at what is there by now never again.

    A turn creates thousands of tuples that die with it. By default, that starts a collection after each 700 of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def _ready(service: Service, options: Options, embedded: Sequence[KeptServer]) -> str:
    where = "localhost" if options.host in {"0.0.0.0", "::"} else options.host  # noqa: S104 - it is compared
    url = f"http://{where}:{service.port}"
    data = f", data in {options.data}" if embedded else ""
    events = _EVENTS.get(options.settings.backend, "")
    return (
        f"Ready: REST at {url}, WebSocket at ws://{where}:{service.port}/ws, gRPC at {where}:{service.grpc_port}, "
        f"documentation at {url}/api/v1/docs, console at {url}/console{data}{events}. Try: curl {url}/api/v1/events "
        "-H 'content-type: application/cloudevents+json' "
        """-d '{"specversion":"1.0","id":"1","source":"/me","type":"io.flunq.execution.started"}'"""
    )


class _Terminal:
    """Logs what becomes of an embedded server.

    Args:
        server: The name of the server.
    """

    def __init__(self, server: str) -> None:
        self._logger = logging.getLogger(server.lower())

    def say(self, text: str) -> None:
        self._logger.info("%s", text)

    def complain(self, text: str) -> None:
        self._logger.warning("%s", text)


if __name__ == "__main__":
    end(main())
