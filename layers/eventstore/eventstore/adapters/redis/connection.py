"""Connections to Redis, single or cluster, and the translation of their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from redis import Redis, RedisCluster
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import OutOfMemoryError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.redis.failures import is_away, is_lasting, reason_of
from eventstore.adapters.redis.url import RedisUrl
from eventstore.errors import StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from redis.credentials import CredentialProvider

    from eventstore.adapters.redis.url import IamUser

__all__ = ["ANSWERING", "SOCKET_SECONDS", "Client", "connect"]


class Client(Protocol):
    """The part of redis-py that the adapters use. Its own annotations do not say that all our answers are bytes."""

    def execute_command(self, *args: Any) -> Any: ...
    def pipeline(self, *, transaction: bool) -> Any: ...
    def close(self) -> None: ...
    def ping(self) -> Any: ...
    def hget(self, name: str, key: str | bytes) -> Any: ...
    def hmget(self, name: str, keys: Sequence[str]) -> Any: ...
    def xrange(self, name: str, *args: int, count: int) -> Any: ...
    def xrevrange(self, name: str, *args: int, count: int) -> Any: ...
    def sscan_iter(self, name: str, *, count: int) -> Any: ...
    def xread(self, streams: dict[str, str], *, count: int, block: int | None = None) -> Any: ...


SOCKET_SECONDS = 5.0
"""The maximum time for an answer; blocking reads must block for less."""

_MOST_CONNECTIONS = 10_000


class _Retry(Retry):
    """Retries unless the error is lasting."""

    def call_with_retry(
        self,
        do: Any,
        fail: Any,
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,  # noqa: FBT001, FBT002 - redis-py's signature
    ) -> Any:
        def is_worth_retrying(error: Exception) -> bool:
            return not is_lasting(error) and (is_retryable is None or is_retryable(error))

        return super().call_with_retry(do, fail, is_worth_retrying, with_failure_count)


def connect(url: str, *, connected: Callable[[], None] | None = None) -> Client:
    """Create a client of the store of a `REDIS_URL`; docs/operations.md describes its options.

    The client connects at its first command; that of a cluster connects here. A command whose answer was lost is
    repeated for about two seconds, because all commands of the hub can be repeated: an event is stored once.

    Args:
        url: The URL.
        connected: Called whenever the client has connected, before it sends a command on the connection.

    Raises:
        SettingsError: The URL is invalid.
        StoreUnavailable: A cluster does not answer.
    """
    parsed = RedisUrl.parse(url)
    options: dict[str, Any] = {
        "protocol": 3,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": 1.0,
        "socket_keepalive": True,
        # The threads of a process bound their number, and each may keep one (`direct`). redis-py refuses the 101st.
        "max_connections": _MOST_CONNECTIONS,
        "retry": _Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.5), retries=7),
        # Each would add round trips to every connection, for which a cold start would wait.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if parsed.iam:
        options["credential_provider"] = _tokens(parsed.iam)
    if connected is not None:
        options["redis_connect_func"] = _connecting(connected, is_cluster=parsed.cluster)
    if not parsed.cluster:
        return cast("Client", _with_plain_entries(Redis.from_url(parsed.address, **options)))
    with ANSWERING:
        return cast("Client", _cluster(parsed.address, options))


def _connecting(connected: Callable[[], None], *, is_cluster: bool) -> Callable[[Any], None]:
    def connecting(connection: Any) -> None:
        # It takes the place of what redis-py does on a new connection, but not in a cluster.
        if not is_cluster:
            connection.on_connect()
        connected()

    return connecting


def _tokens(user: IamUser) -> CredentialProvider:
    # Imported here because it imports botocore.
    from eventstore.adapters.redis.elasticache_iam import IamTokens  # noqa: PLC0415 - see above

    return IamTokens.of_session(user, clock=SystemClock())


def _cluster(url: str, options: dict[str, Any]) -> Any:
    cluster: Any = RedisCluster.from_url(url, **options)
    # Each node has a client that parses answers, and nodes come and go: this creates all later clients.
    create = cluster.nodes_manager.create_redis_node
    cluster.nodes_manager.create_redis_node = lambda *args, **kwargs: _with_plain_entries(create(*args, **kwargs))
    for node in cluster.get_nodes():
        _with_plain_entries(cluster.get_redis_connection(node))
    return cluster


def _with_plain_entries(client: Redis) -> Redis:
    """Make a client return the entries of streams as the server sends them: `[id, [field, value]]`.

    By default redis-py converts each entry into a dict, which takes a third of the time of a read.
    """
    for command in ("XRANGE", "XREVRANGE"):
        client.set_response_callback(command, _as_sent)
    return client


def _as_sent(answer: Any, **_: Any) -> Any:
    return answer


class _Answering:
    """Translates errors of redis-py into `StoreUnavailable` and `StoreFull`. A class, because it is faster."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OutOfMemoryError):
            raise StoreFull from error
        if error is not None and is_away(error):
            raise StoreUnavailable(reason_of(error)) from error


ANSWERING = _Answering()
"""The context of every call of the store."""
