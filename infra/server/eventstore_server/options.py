"""The options of the command, and the variables of the environment that they stand for."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError
from eventstore.hub.settings import Settings
from eventstore_hosting.origins import SETTING, Origins, OriginsError
from eventstore_server.grpc.options import GrpcOptions
from eventstore_server.logs import log_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Options", "read_options"]

_ENVIRONMENT = """\
environment:
  HOST, PORT, GRPC_PORT, DATA   as the options above
  REDIS_URL        the store, redis:// or rediss:// (docs/operations.md); unset: a Valkey in DATA
  BACKEND          redis | nats | kafka: where events are kept, in the store or in a journal (docs/backends.md)
  NATS_URL         with BACKEND=nats, the servers of the journal, nats:// or tls://; unset: a NATS server in DATA
  KAFKA_BROKERS    with BACKEND=kafka, the brokers of the journal; unset: a broker for trying out in DATA
  NATS_REPLICAS, KAFKA_REPLICAS   on how many servers or brokers each record is kept (1)
  KAFKA_EVENTS_TOPIC   with BACKEND=kafka, a topic that has the events for other programs; unset: there is none
  JOURNAL          the name of the journal (eventstore)
  PARTITIONS       the number of partitions of a new store (16)
  SHARDS           the number of shards of connections of a new store, for functions of Lambda on the same store (16)
  AUTH             none | jwt | key (docs/security.md), with JWT_ISSUER and JWT_AUDIENCE, or API_KEYS_FILE
  ALLOWED_ORIGINS  the pages that may call from a browser
  REST_URL         the URL before /api/v1 that clients use, for references to large events
  BELLS_QUEUE_URL, DELIVERIES_QUEUE_URL, DEAD_LETTERS_QUEUE_URL, PUSHES_QUEUE_URL
                   the queues in SQS of a serverless hub on the same store (docs/operations.md); unset: there is none
  DISPATCH         server | lambda: who takes the turns of partitions
  TARGETS          the targets that rules may have (docs/rules.md)
  ARCHIVE_URL      where events are archived, s3://bucket/prefix or file:///folder (docs/archive.md); unset: nowhere
  HOT_WINDOW       seconds that events stay in memory, older ones being in the archive alone; unset: all stay
  LOG_LEVEL        DEBUG | INFO | WARNING | ERROR
  GRPC_TLS_CERT, GRPC_TLS_KEY   files in PEM; unset: gRPC without TLS
  GRPC_TLS_CLIENT_CA   a file in PEM: certificates of clients are required
  LOG_FORMAT       plain | json (plain on a terminal, else json)
  NOTICE_SECONDS   after SIGTERM, for how long connections are still accepted while /health/ready is 503 (0)
  OTEL_*           traces by OTLP, with the extra otel (docs/operations/server.md)

first calls:
  curl http://127.0.0.1:8081/api/v1/events -H 'content-type: application/cloudevents+json' \\
    -d '{"specversion":"1.0","id":"1","source":"/me","type":"io.flunq.execution.started"}'
  websocat --protocol cloudevents.json ws://127.0.0.1:8081/ws
  grpcurl -plaintext -d '{"format":"EVENT_FORMAT_PROTOBUF"}' 127.0.0.1:9001 \\
    flunq.eventstore.v1.EventStoreService/Subscribe
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How an instance runs.

    Attributes:
        host: The address that it listens on.
        port: The port of REST and WebSocket; 0 is any free one.
        grpc_port: The port of gRPC; 0 is any free one.
        grpc: The other options of gRPC.
        data: Where the embedded servers keep their data.
        embeds_valkey: Whether the store is an embedded Valkey.
        embeds_nats: Whether the journal is on an embedded NATS server.
        embeds_kafka: Whether the journal is on an embedded Kafka broker.
        settings: The settings of the hub.
        origins: The pages that may call; None if a credential decides.
        dispatches: Whether instances of the server take the turns of partitions, and not functions (`DISPATCH`).
        log_format: How to log, `plain` or `json`.
        notice_seconds: For how long an instance that stops still accepts connections.
    """

    host: str
    port: int
    grpc_port: int
    grpc: GrpcOptions
    data: Path
    settings: Settings
    origins: Origins | None
    dispatches: bool = True
    log_format: str = "plain"
    notice_seconds: float = 0.0
    embeds_valkey: bool = False
    embeds_nats: bool = False
    embeds_kafka: bool = False


def read_options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """Read the command line and the environment.

    Args:
        arguments: Those of the command line; None is those of the process.
        environment: The variables.

    Raises:
        SettingsError: An option or a variable is not valid.
    """
    parser = argparse.ArgumentParser(
        prog="eventstore-server",
        description="Serve the hub: REST and WebSocket on one port, gRPC on another. Ctrl-C and SIGTERM stop it.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default=environment.get("HOST") or "127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", default=environment.get("PORT") or "8081", help="REST and WebSocket (8081)")
    parser.add_argument("--grpc-port", default=environment.get("GRPC_PORT") or "9001", help="gRPC (9001)")
    parser.add_argument(
        "--data",
        default=environment.get("DATA") or ".eventstore",
        help="the folder of the embedded servers: Valkey, NATS, Kafka (.eventstore)",
    )
    told = parser.parse_args(arguments)
    settings = Settings.from_environment(environment)
    dispatches = _dispatches(environment, settings)
    _check_events_topic(settings, dispatches=dispatches)
    if settings.auth == "iam":
        # API Gateway checks signatures before a function is called. Here, nobody would.
        raise SettingsError("AUTH is 'iam', which takes API Gateway; the server has none, jwt and key")
    try:
        origins = None if settings.authorizes else Origins.parse(environment.get(SETTING, ""))
    except OriginsError as error:
        raise SettingsError(str(error)) from error
    if origins is not None and not _is_loopback(told.host):
        origins = replace(origins, any_host=True)
    return Options(
        host=told.host,
        port=_port(told.port, "--port"),
        grpc_port=_port(told.grpc_port, "--grpc-port"),
        grpc=GrpcOptions.from_environment(environment),
        data=Path(told.data),
        settings=settings,
        origins=origins,
        dispatches=dispatches,
        log_format=log_format(environment, output=sys.stderr),
        notice_seconds=_notice(environment.get("NOTICE_SECONDS") or "0"),
        embeds_valkey=not environment.get("REDIS_URL"),
        embeds_nats=settings.backend == "nats" and not environment.get("NATS_URL"),
        embeds_kafka=settings.backend == "kafka" and not environment.get("KAFKA_BROKERS"),
    )


def _dispatches(environment: Mapping[str, str], settings: Settings) -> bool:
    if bool(settings.bells_url) != bool(settings.deliveries_url):
        raise SettingsError("BELLS_QUEUE_URL and DELIVERIES_QUEUE_URL belong together; set both, or neither")
    dispatch = environment.get("DISPATCH") or _DISPATCH[0]
    if dispatch not in _DISPATCH:
        raise SettingsError(f"DISPATCH is {dispatch!r}; it is one of {', '.join(_DISPATCH)}")
    if dispatch == "lambda" and not settings.bells_url:
        raise SettingsError("DISPATCH is lambda, which needs BELLS_QUEUE_URL: the queue of the function dispatch")
    return dispatch == "server"


def _check_events_topic(settings: Settings, *, dispatches: bool) -> None:
    """Raise `SettingsError` if functions would have to write the topic for other programs, which they cannot."""
    if not settings.kafka_events_topic:
        return
    if not dispatches:
        raise SettingsError("KAFKA_EVENTS_TOPIC is set, which takes turns of the server; DISPATCH is lambda: unset one")
    if settings.pushes_url:
        raise SettingsError(
            "KAFKA_EVENTS_TOPIC is set, which takes pushes of the server; PUSHES_QUEUE_URL leaves them to the function "
            "push: unset one"
        )


def _port(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) > _GREATEST_PORT:
        raise SettingsError(f"{name} is {text!r}; it is a number from 0 to {_GREATEST_PORT}")
    return int(text)


def _notice(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_NOTICE:
        raise SettingsError(f"NOTICE_SECONDS is {text!r}; it is a number from 0 to {_LONGEST_NOTICE}")
    return seconds


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_DISPATCH = ("server", "lambda")
_GREATEST_PORT = 65_535
_LONGEST_NOTICE = 5
"""Seconds: what is left of the time for stopping is for connections and leases."""
