"""Connections to Redis, single or cluster, and what their failures mean to callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import Redis, RedisCluster
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, ClusterDownError, RedisClusterException, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from eventstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["ANSWERING", "SOCKET_SECONDS", "Client", "connect"]


class Client(Protocol):
    """What the adapters ask of redis-py; its own annotations leave open whether an answer is bytes, as ours all are."""

    def execute_command(self, *args: Any) -> Any: ...
    def pipeline(self, *, transaction: bool) -> Any: ...
    def close(self) -> None: ...
    def ping(self) -> Any: ...
    def hget(self, name: str, key: str | bytes) -> Any: ...
    def hmget(self, name: str, keys: Sequence[str]) -> Any: ...
    def xrange(self, name: str, *args: int, count: int) -> Any: ...
    def sscan_iter(self, name: str, *, count: int) -> Any: ...
    def xread(self, streams: dict[str, str], *, count: int, block: int) -> Any: ...


SOCKET_SECONDS = 5.0
"""How long an answer may take; blocking reads must ask for less."""

_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ClusterDownError,
    TryAgainError,
    RedisClusterException,
)


def connect(url: str) -> Client:
    """A client of the store at `redis://` or `rediss://`; `?cluster=true` makes it one of a cluster.

    It connects at its first command. A command whose answer is lost is sent again for about two seconds: what the
    hub sends may be sent twice, for an event is stored once.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    cluster = query.pop("cluster", "false").lower() == "true"
    bare = urlunsplit(parts._replace(query=urlencode(query)))
    options: dict[str, Any] = {
        "protocol": 3,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": 1.0,
        "socket_keepalive": True,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.5), retries=7),
        # Three round trips a connection that a cold start would wait for.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    client = _cluster(bare, options) if cluster else _with_plain_entries(Redis.from_url(bare, **options))
    return cast("Client", client)


def _cluster(url: str, options: dict[str, Any]) -> Any:
    cluster: Any = RedisCluster.from_url(url, **options)
    # Answers are read by a client for each node, and nodes come and go: all later ones are made by this.
    create = cluster.nodes_manager.create_redis_node
    cluster.nodes_manager.create_redis_node = lambda *args, **kwargs: _with_plain_entries(create(*args, **kwargs))
    for node in cluster.get_nodes():
        _with_plain_entries(cluster.get_redis_connection(node))
    return cluster


def _with_plain_entries(client: Redis) -> Redis:
    """A client that leaves a stream's entries as they are sent, `[id, [field, value]]`.

    By itself redis-py makes a dict of each, which takes a third of the time of a read.
    """
    for command in ("XRANGE", "XREVRANGE"):
        client.set_response_callback(command, _as_sent)
    return client


def _as_sent(answer: Any, **_: Any) -> Any:
    return answer


class _Answering:
    """Turns the failures that mean "not now" into `StoreUnavailable`. A class, for every append passes through it."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _AWAY):
            raise StoreUnavailable(f"the store does not answer ({type(error).__name__}); try again shortly") from error


ANSWERING = _Answering()
"""What every call of the store stands in."""
