"""Commands of the hot path, on connections that their threads keep.

redis-py takes a connection from its pool for each command, checks it, and reports what it does: half of the processor
time of a small command. Here a command is one write and one read; connecting, authenticating, retrying and parsing are
those of redis-py.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from eventstore.adapters.redis.connection import SOCKET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.redis.connection import Client

__all__ = ["Command", "Direct"]

Command = Sequence[bytes | str | int]


class Direct(threading.local):
    """Sends commands to one server. Each thread has a connection of its own, from its first command on.

    Args:
        client: The client of the store, which is no cluster.
    """

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        self._connection: Any = None

    @classmethod
    def of(cls, client: Client) -> Direct | None:
        """Return one for a client; None for that of a cluster, where a key decides which server is asked."""
        # The protocol `Client` hides what it is.
        known: object = client
        return cls(client) if isinstance(known, Redis) else None

    def run(self, *commands: Command, arrived: Callable[[], None] | None = None) -> list[Any]:
        """Send commands in one write, and return their answers; an error of the server in place of an answer.

        Args:
            *commands: The commands, of which none blocks for `SOCKET_SECONDS`.
            arrived: Called when the first answer has arrived, before it is read.

        Raises:
            redis.exceptions.RedisError: The server is away, also after retries.
        """
        request = b"".join(map(_packed, commands))
        connection = self._connection
        if connection is None:
            connection = self._connection = self._client.connection_pool.get_connection()

        def send_and_read() -> list[Any]:
            connection.send_packed_command([request])
            if arrived is not None:
                if not connection.can_read(SOCKET_SECONDS):
                    raise RedisTimeoutError("the store did not answer in time")
                arrived()
            return [_read(connection) for _ in commands]

        # Not within what is retried: it retries by itself, so a store that is away would be tried for minutes.
        connection.connect()
        try:
            # Sent again if the answer was lost: all commands of the hub can be repeated.
            answers: list[Any] = connection.retry.call_with_retry(send_and_read, lambda _: connection.disconnect())
        except BaseException:
            # Answers that were not read would be taken for those of the next commands.
            connection.disconnect()
            raise
        return answers


def _read(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _packed(words: Command) -> bytes:
    """Return a command in the serialization protocol of Redis (RESP, "Sending commands to a Redis server")."""
    pieces = [b"*%d\r\n" % len(words)]
    for word in words:
        content = word if isinstance(word, bytes) else str(word).encode()
        pieces.append(b"$%d\r\n%b\r\n" % (len(content), content))
    return b"".join(pieces)
