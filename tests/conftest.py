from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.valkey import ValkeyCluster, ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer.start() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyCluster]:
    with ValkeyCluster.start() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def material() -> Path:
    """Real inputs written by others; a user's clone has none."""
    folder = Path(os.environ.get("EVENTSTORE_MATERIAL", Path(__file__).parents[2] / "shared" / "material"))
    if not folder.is_dir():
        pytest.skip(f"the material is not here: {folder.name} (set EVENTSTORE_MATERIAL)")
    return folder
