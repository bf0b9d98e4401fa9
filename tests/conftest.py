from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from eventstore_dev.valkey import ValkeyCluster, ValkeyServer
from tests.material import MATERIAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A shell that runs the tests in the background lets them ignore Ctrl-C, and so would the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails on a time.
settings.register_profile("hub", deadline=None)
settings.load_profile("hub")


def pytest_runtest_teardown() -> None:
    # The authorizer leaves it at 0 behind a refusal, for a process of its own; here it would hide where others fail.
    sys.__dict__.pop("tracebacklimit", None)


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
    if not MATERIAL.is_dir():
        pytest.skip(f"the material is not here: {MATERIAL.name} (set EVENTSTORE_MATERIAL)")
    return MATERIAL
