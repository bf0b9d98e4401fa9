from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer
from tests.material import MATERIAL
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# As the entry point of an installed hub does.
pytest_plugins = ["eventstore_testing.plugin"]

# A shell makes background jobs ignore Ctrl-C, and the programs that they start inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails because of its duration.
settings.register_profile("hub", deadline=None)
settings.load_profile("hub")


def pytest_runtest_teardown() -> None:
    # The authorizer sets it to 0 after a refusal, in its own process; here it would hide tracebacks of other failures.
    sys.__dict__.pop("tracebacklimit", None)


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer.start() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyCluster]:
    with ValkeyCluster.start() as cluster:
        yield cluster


@pytest.fixture
def reserved_port() -> Iterator[ReservedPort]:
    """A port for a program of the test's own, or one that refuses connections."""
    with ReservedPort() as port:
        yield port


@pytest.fixture(scope="session")
def material() -> Path:
    """Real input from other projects, which is not part of a clone."""
    if not MATERIAL.is_dir():
        pytest.skip(f"the material is not here: {MATERIAL.name} (set EVENTSTORE_MATERIAL)")
    return MATERIAL
