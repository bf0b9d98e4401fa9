"""The backend of the hub under test: BACKEND chooses, as for the hub itself; `redis` unless set.

`python -m tests.nats_server COMMAND…` runs a command beside a server of NATS, `tests.kafka_broker` beside a broker.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from secrets import token_hex
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["has_journal", "parameters", "variables"]

_JOURNAL = "tests:journal"
_PARAMETERS = {
    "BACKEND": "Backend",
    "NATS_URL": "NatsUrl",
    "NATS_REPLICAS": "NatsReplicas",
    "KAFKA_BROKERS": "KafkaBrokers",
    "KAFKA_REPLICAS": "KafkaReplicas",
    "JOURNAL": "Journal",
}


def has_journal() -> bool:
    """Whether the events of the hub under test are in a journal. Then emptying its store does not empty the hub."""
    return os.environ.get("BACKEND", "redis") != "redis"


def variables(redis_url: str) -> Mapping[str, str]:
    """Return variables for a hub on a store: all hubs on it have one journal, and hubs on another one have another.

    Args:
        redis_url: The store.
    """
    if not has_journal():
        return {}
    try:
        with Redis.from_url(redis_url) as client:
            client.set(_JOURNAL, f"e2e_{token_hex(6)}", nx=True)
            name: bytes = client.get(_JOURNAL)
    except RedisError:
        # The user of a hub may not have keys of its own.
        return {"JOURNAL": f"e2e_{blake2b(redis_url.encode(), digest_size=6).hexdigest()}"}
    return {"JOURNAL": name.decode()}


def parameters(redis_url: str) -> Mapping[str, str]:
    """Return parameters of the template for a hub on a store, as `variables` does for a process.

    Args:
        redis_url: The store.
    """
    if not has_journal():
        return {}
    set_variables = {**os.environ, **variables(redis_url)}
    return {name: set_variables[variable] for variable, name in _PARAMETERS.items() if set_variables.get(variable)}
