"""What the stack needs beside itself, asked for before it says that it is ready."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from eventstore.adapters.redis.connection import ANSWERING, connect
from eventstore.adapters.redis.keys import partition_keys
from eventstore.errors import EventstoreError
from eventstore_dev.stack import StackError

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

__all__ = ["require_endpoint", "require_port", "require_store"]

_SCHEMES = {"http": 80, "https": 443}
_CONNECT_SECONDS = 3.0


def require_port(port: int) -> None:
    """Finds a port that cannot be had before anything is started.

    Raises:
        StackError: Another program listens there, or nobody but root may.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise StackError.port_refused(port, error) from None
        except OSError:
            raise StackError.port_in_use(port) from None


def require_endpoint(url: str) -> None:
    """Finds an AWS_ENDPOINT_URL where nothing answers.

    Raises:
        StackError: It is no URL, or its host takes no connection.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _SCHEMES.get(parts.scheme)
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise StackError(f"AWS_ENDPOINT_URL is {url[:200]!r}; it must be a URL such as http://127.0.0.1:4566, or unset")
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise StackError(
            f"Nothing answers at AWS_ENDPOINT_URL, {host}:{port}: {error.strerror or error}. Start what serves it, or "
            "unset the variable to have the queues here"
        ) from None


def require_store(url: str, *, partitions: str, named: bool) -> None:
    """Asks the store for an answer, and for the number of its partitions.

    Args:
        url: Where it is; nothing of it but the host is quoted.
        partitions: How many it is to have; empty if any number will do.
        named: Whether REDIS_URL names it; else it is the stack's own.

    Raises:
        StackError: It does not answer, or has another number of partitions.
    """
    try:
        with ANSWERING, closing(connect(url)) as client:
            stored = _partitions(client)
    except (EventstoreError, RedisError, OSError, ValueError) as error:
        where = "The store at REDIS_URL" if named else "The Valkey of the stack"
        advice = ". Start it, correct REDIS_URL, or unset it to have a Valkey here" if named else ""
        raise StackError(f"{where} cannot be used: {_sentence(error)}{advice}") from None
    if partitions and stored is not None and int(partitions) != stored:
        raise StackError(
            f"PARTITIONS is {partitions}, but the store was made with {stored}. Set PARTITIONS={stored} or leave it "
            "unset; another number needs another store: FOLDER=… or REDIS_URL=…"
        )


def _partitions(client: Client) -> int | None:
    """The number of partitions that a store was made with; None of a new one."""
    client.ping()
    stored = client.hget(partition_keys(0).partition, "partitions")
    return None if stored is None else int(stored)


def _sentence(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__
