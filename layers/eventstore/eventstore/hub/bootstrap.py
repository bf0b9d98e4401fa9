"""The one place that picks adapters, lazily: a function that never asks for the store never imports redis."""

from __future__ import annotations

import logging
import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError
from eventstore.hub.settings import Settings

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

    from eventstore.adapters.redis.connection import Client
    from eventstore.durable.admin import DurableSubscriptions
    from eventstore.durable.deletion import Endings
    from eventstore.durable.membership import Members
    from eventstore.live.deliver import Deliverer
    from eventstore.live.dispatch import Dispatcher
    from eventstore.live.subscribe import Subscriptions
    from eventstore.live.sweep import Sweeper
    from eventstore.ports import Bells, Clock, DeadLetters, Deliveries, Durables, Log, Registry, Turns
    from eventstore.publish import Store

__all__ = [
    "DELIVERER",
    "DISPATCHER",
    "POST_MILLISECONDS",
    "QUEUES",
    "STORE",
    "SUBSCRIPTIONS",
    "bells",
    "clock",
    "deliverer",
    "deliveries",
    "dispatcher",
    "durable_subscriptions",
    "durables",
    "endings",
    "letters",
    "log",
    "members",
    "new_id",
    "preload",
    "registry",
    "settings",
    "store",
    "subscriptions",
    "sweeper",
    "turns",
]

# ruff: noqa: PLC0415 - each function imports what only those need who call it


@cache
def settings() -> Settings:
    """The settings of this process. Reading them sets the level of its logging, and what its jitter begins with.

    The first request asks for them, before anything else here: after a restore from a snapshot, thus, of which all
    environments would draw the same numbers (Lambda Developer Guide, "Handling uniqueness with Lambda SnapStart").
    """
    import random

    # Not only for our own: redis-py and botocore wait by it too before they try again.
    random.seed()
    found = Settings.from_environment(os.environ)
    logging.getLogger().setLevel(found.log_level)
    # It tells at every start where it found credentials and endpoints, and at DEBUG what it signs.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return found


@cache
def clock() -> Clock:
    """The clock of this process."""
    from eventstore.adapters.clock import SystemClock

    return SystemClock()


def new_id() -> str:
    """96 random bits that no other id is likely to have, in hexadecimal."""
    import secrets

    return secrets.token_hex(12)


@cache
def log() -> Log:
    """The log of this process. Connects at its first use, and again after the connection broke."""
    from eventstore.adapters.redis.log import RedisLog

    return RedisLog(_redis(), partitions=settings().partitions)


@cache
def registry() -> Registry:
    """The registry of connections and subscriptions."""
    from eventstore.adapters.redis.registry import RedisRegistry

    return RedisRegistry(_redis(), partitions=settings().partitions)


@cache
def bells() -> Bells | None:
    """What tells `dispatch` of news; None in a deployment that delivers nothing live."""
    if not settings().bells_url:
        return None
    from eventstore.adapters.aws.sqs import SqsBells

    return SqsBells(_sqs(), settings().bells_url, new_id=new_id, alarms_url=settings().alarms_url)


@cache
def deliveries() -> Deliveries:
    """What hands `deliver` its work."""
    from eventstore.adapters.aws.sqs import SqsDeliveries

    return SqsDeliveries(_sqs(), _needed(settings().deliveries_url, "DELIVERIES_QUEUE_URL"), new_id=new_id)


@cache
def letters() -> DeadLetters:
    """What keeps events that could not be handled."""
    from eventstore.adapters.aws.sqs import SqsLetters

    return SqsLetters(_sqs(), _needed(settings().letters_url, "DEAD_LETTERS_QUEUE_URL"))


@cache
def durables() -> Durables:
    """The durable subscriptions."""
    from eventstore.adapters.redis.durables import RedisDurables

    return RedisDurables(_redis(), partitions=settings().partitions)


@cache
def durable_subscriptions() -> DurableSubscriptions:
    """What makes, moves and ends durable subscriptions."""
    from eventstore.durable.admin import DurableSubscriptions

    return DurableSubscriptions(log(), durables(), bells=bells, letters=letters)


@cache
def turns() -> Turns:
    """The turns of partitions."""
    from eventstore.adapters.redis.turns import RedisTurns

    return RedisTurns(_redis(), partitions=settings().partitions)


@cache
def members() -> Members:
    """What connections do with durable subscriptions."""
    from eventstore.durable.membership import Members

    return Members(durables(), registry(), _bells())


@cache
def endings() -> Endings:
    """What tells members that their durable subscription was deleted."""
    from eventstore.durable.deletion import Endings

    return Endings(members(), registry(), deliveries())


@cache
def store() -> Store:
    """The store of this process."""
    from eventstore.publish import Store

    return Store(log(), bells(), clock=clock())


@cache
def subscriptions() -> Subscriptions:
    """What starts subscriptions."""
    from eventstore.live.subscribe import Subscriptions

    return Subscriptions(log(), registry(), _bells())


@cache
def dispatcher() -> Dispatcher:
    """What serves partitions."""
    from eventstore.live.catch_up import TurnLimits
    from eventstore.live.dispatch import Dispatcher

    limits = TurnLimits(events_url=f"{settings().rest_url}/api/v1/events")
    return Dispatcher(
        log(),
        turns(),
        deliveries(),
        durables=durables(),
        registry=registry(),
        bells=_bells(),
        letters=letters(),
        clock=clock(),
        limits=limits,
    )


@cache
def deliverer() -> Deliverer:
    """What posts to clients."""
    import random

    import boto3
    from botocore.config import Config

    from eventstore.adapters.aws.apigateway import ApiGatewayConnections
    from eventstore.live.deliver import Deliverer

    # One try each: how often is the deliverer's to say. botocore's own variable for the endpoint counts first, for a
    # stack that runs elsewhere than its template says.
    elsewhere = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" in os.environ
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=None if elsewhere else _needed(settings().connections_url, "CONNECTIONS_URL"),
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_POST_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=_POSTS_AT_ONCE,
            parameter_validation=False,
        ),
    )
    connections = ApiGatewayConnections(client)
    return Deliverer(connections, _bells(), clock=clock(), jitter=random.random, workers=_POSTS_AT_ONCE)


@cache
def sweeper() -> Sweeper:
    """What mends, every minute."""
    from eventstore.live.sweep import Sweeper

    return Sweeper(
        log(), registry(), turns(), _bells(), members(), clock=clock(), subscriptions=durable_subscriptions()
    )


def preload(*names: str) -> None:
    """Import modules ahead of the first request: Lambda gives a function's start more processor than its requests.

    Only imports; what the environment says is read when something is asked for.
    """
    for name in names:
        import_module(name)


STORE = ("eventstore.adapters.redis.log", "eventstore.publish")
"""What `store` imports."""

SUBSCRIPTIONS = (
    *STORE,
    "eventstore.adapters.redis.registry",
    "eventstore.durable.membership",
    "eventstore.live.subscribe",
)
"""What `subscriptions` and `registry` import, apart from `QUEUES`."""

DISPATCHER = (
    "eventstore.adapters.redis.durables",
    "eventstore.adapters.redis.log",
    "eventstore.adapters.redis.registry",
    "eventstore.adapters.redis.turns",
    "eventstore.live.dispatch",
)
"""What `dispatcher` imports, apart from `QUEUES`."""

DELIVERER = ("eventstore.adapters.aws.apigateway", "eventstore.live.deliver")
"""What `deliverer` imports, apart from `QUEUES`."""

QUEUES = ("boto3.session", "botocore.client", "botocore.session", "eventstore.adapters.aws.sqs")
"""What `bells` and `deliveries` import."""

_POSTS_AT_ONCE = 16
_CONNECT_SECONDS, _POST_SECONDS = 1, 2

POST_MILLISECONDS = 1000 * (_CONNECT_SECONDS + _POST_SECONDS)
"""The longest that one post, or the end of a connection, takes."""


@cache
def _redis() -> Client:
    from eventstore.adapters.redis.connection import connect

    return connect(settings().redis_url)


@cache
def _sqs() -> SQSClient:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
        parameter_validation=False,
    )
    client: SQSClient = boto3.client("sqs", config=config)
    return client


def _bells() -> Bells:
    found = bells()
    if found is None:
        raise SettingsError("BELLS_QUEUE_URL is unset; it names the queue of bells")
    return found


def _needed(value: str, name: str) -> str:
    if not value:
        raise SettingsError(f"{name} is unset; the template sets it")
    return value
