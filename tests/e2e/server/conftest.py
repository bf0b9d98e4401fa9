from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.servers import Instance, ServerHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    Start = Callable[..., AbstractContextManager[ServerHub]]


@pytest.fixture(scope="module")
def store() -> Iterator[ValkeyServer]:
    """A store of the module's own, which no other test empties."""
    with ValkeyServer.start() as valkey:
        yield valkey


@pytest.fixture(scope="module")
def start(store: ValkeyServer) -> Start:
    """Start an instance for a block, with variables of the environment."""

    @contextmanager
    def started(environment: Mapping[str, str] | None = None) -> Iterator[ServerHub]:
        instance = Instance.start(store.url, environment=environment)
        try:
            yield ServerHub.of(instance, store)
        finally:
            instance.kill()
            instance.errors.unlink(missing_ok=True)

    return started
