"""A hub that a test starts for itself on the chosen endpoint, on a cache of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_dev.running import running
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE
from tests.e2e.servers import instances_on

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["own_hub"]


@contextmanager
def own_hub(redis_url: str) -> Iterator[str]:
    """Run a hub during the block.

    Args:
        redis_url: Where its cache is.

    Yields:
        Where its REST API is; the WebSocket API is under `/ws`.
    """
    if chosen() == "server":
        with instances_on(redis_url, count=1) as [instance]:
            yield instance.url
    else:
        with running(TEMPLATE, parameters={"RedisUrl": redis_url}) as stack:
            yield stack.url
