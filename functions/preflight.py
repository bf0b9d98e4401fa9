"""What `make dev` asks of the store and of the journal before it serves anything (`check` in pyproject.toml).

It is not deployed.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.client import NatsClient
from eventstore.adapters.redis.connection import ANSWERING, connect
from eventstore.adapters.redis.keys import partition_keys
from eventstore.errors import EventstoreError, SettingsError
from eventstore.write.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eventstore.adapters.redis.connection import Client

__all__ = ["check_store"]

_URL, _PARTITIONS, _BACKEND = "RedisUrl", "Partitions", "Backend"
_JOURNAL_SECONDS = 3.0
_OTHER_STORE = "needs another store: FOLDER=… or REDIS_URL=…"


class _Stored(NamedTuple):
    """What a store says of itself.

    Attributes:
        partitions: The number of its partitions.
        is_index: Whether it is the index of a journal.
    """

    partitions: int
    is_index: bool


def check_store(parameters: Mapping[str, str], *, started: Collection[str]) -> str | None:
    """Ask the store for an answer, for the number of its partitions and for its backend, and the journal for an answer.

    Args:
        parameters: Of the template; of URLs nothing but the host is quoted.
        started: The parameters that name what the local stack has started itself.

    Returns:
        What is wrong: one does not answer, or the store has another number of partitions or another backend. None if
        nothing is.
    """
    if _URL not in parameters:
        return None
    try:
        with ANSWERING, closing(connect(parameters[_URL])) as client:
            stored = _stored(client)
    except (EventstoreError, OSError, ValueError) as error:
        where = "The Valkey of the stack" if _URL in started else "The store at REDIS_URL"
        advice = "" if _URL in started else ". Start it, correct REDIS_URL, or unset it to have a Valkey here"
        return f"{where} cannot be used: {_reason(error)}{advice}"
    return _mismatch(parameters, stored) or _journal_problem(parameters, started=started)


def _stored(client: Client) -> _Stored | None:
    """Return what a store says of itself; None of a new one."""
    client.ping()
    partitions, journal = client.hmget(partition_keys(0).partition, ("partitions", "journal"))
    return None if partitions is None else _Stored(int(partitions), journal is not None)


def _mismatch(parameters: Mapping[str, str], stored: _Stored | None) -> str | None:
    """Return the setting that the store was not made with."""
    if stored is None:
        return None
    backend = parameters.get(_BACKEND) or "redis"
    if stored.is_index != (backend != "redis"):
        made_with = "a journal" if stored.is_index else "BACKEND=redis"
        return f"BACKEND is {backend}, but the store was made with {made_with}. Another backend {_OTHER_STORE}"
    partitions = parameters.get(_PARTITIONS, "")
    if partitions and int(partitions) != stored.partitions:
        return (
            f"PARTITIONS is {partitions}, but the store was made with {stored.partitions}. Set PARTITIONS="
            f"{stored.partitions} or leave it unset; another number {_OTHER_STORE}"
        )
    return None


def _journal_problem(parameters: Mapping[str, str], *, started: Collection[str]) -> str | None:
    """Return why the journal cannot be used; nobody asks one that the local stack has started for an answer."""
    backend = parameters.get(_BACKEND)
    if backend not in _JOURNALS:
        return None
    journal = _JOURNALS[backend]
    address = "" if journal.parameter in started else parameters.get(journal.parameter, "")
    try:
        journal.check(address)
    except (EventstoreError, OSError, ValueError) as error:
        if not address:
            return _reason(error)
        advice = f"Start it, correct {journal.variable}, or unset it to have {journal.server} here"
        return f"The journal at {journal.variable} cannot be used: {_reason(error)}. {advice}"
    return None


def _check_nats(address: str) -> None:
    """Ask servers for an answer, and how large a message may be."""
    if address:
        with closing(NatsClient(NatsUrl.parse(address), seconds=_JOURNAL_SECONDS)) as client:
            Limits.of_records(client.most_bytes)


def _check_kafka(address: str) -> None:
    """Import the library, and ask brokers for an answer."""
    try:
        from eventstore.adapters.kafka.address import KafkaBrokers  # noqa: PLC0415 - it may not be installed
        from eventstore.adapters.kafka.client import KafkaClient  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            "BACKEND is kafka, which needs the package confluent-kafka: make dev installs it"
        ) from error
    if address:
        with closing(KafkaClient(KafkaBrokers.parse(address), seconds=_JOURNAL_SECONDS)) as client:
            client.run(
                lambda: client.administer(lambda admin: admin.describe_cluster(request_timeout=_JOURNAL_SECONDS))
            )


class _Journal(NamedTuple):
    """How the journal of a backend is checked.

    Attributes:
        parameter: The parameter of the template that has its address.
        variable: The variable that fills the parameter.
        server: What the local stack starts without one.
        check: Raises if what is at an address cannot be used; an empty address is that of a server that was started.
    """

    parameter: str
    variable: str
    server: str
    check: Callable[[str], None]


_JOURNALS = {
    "nats": _Journal("NatsUrl", "NATS_URL", "a NATS server", _check_nats),
    "kafka": _Journal("KafkaBrokers", "KAFKA_BROKERS", "a broker for trying out", _check_kafka),
}


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__
