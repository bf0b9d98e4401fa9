from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.servers import ServerHub, instances_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """The store of the instances, which keeps what it answered."""
    with ValkeyServer.start(folder=tmp_path / "valkey", persistent=True) as valkey:
        yield valkey


@pytest.fixture
def hubs(valkey: ValkeyServer) -> Iterator[Sequence[ServerHub]]:
    """Three instances of the server."""
    with instances_on(valkey.url, count=3) as instances:
        yield [ServerHub.of(instance, valkey) for instance in instances]
