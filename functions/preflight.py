"""What `make dev` asks of the store before it serves anything (`check` in pyproject.toml); it is not deployed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING, connect
from eventstore.adapters.redis.keys import partition_keys
from eventstore.errors import EventstoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eventstore.adapters.redis.connection import Client

__all__ = ["check_store"]

_URL, _PARTITIONS = "RedisUrl", "Partitions"


def check_store(parameters: Mapping[str, str], *, started: Collection[str]) -> str | None:
    """Ask the store for an answer, and for the number of its partitions.

    Args:
        parameters: Of the template; of the store's URL nothing but the host is quoted.
        started: The parameters that name what the local stack has started itself.

    Returns:
        What is wrong: the store does not answer, or has another number of partitions. None if nothing is.
    """
    if _URL not in parameters:
        return None
    try:
        with ANSWERING, closing(connect(parameters[_URL])) as client:
            stored = _stored_partitions(client)
    except (EventstoreError, OSError, ValueError) as error:
        where = "The Valkey of the stack" if _URL in started else "The store at REDIS_URL"
        advice = "" if _URL in started else ". Start it, correct REDIS_URL, or unset it to have a Valkey here"
        reason = str(error).rstrip(". ") or type(error).__name__
        return f"{where} cannot be used: {reason}{advice}"
    partitions = parameters.get(_PARTITIONS, "")
    if partitions and stored is not None and int(partitions) != stored:
        return (
            f"PARTITIONS is {partitions}, but the store was made with {stored}. Set PARTITIONS={stored} or leave it "
            "unset; another number needs another store: FOLDER=… or REDIS_URL=…"
        )
    return None


def _stored_partitions(client: Client) -> int | None:
    """Return the number of partitions that a store was made with; None of a new one."""
    client.ping()
    stored = client.hget(partition_keys(0).partition, "partitions")
    return None if stored is None else int(stored)
