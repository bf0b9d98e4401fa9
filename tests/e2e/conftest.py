from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import has_journal
from tests.e2e.browser import find_chromium
from tests.e2e.deployed import DeployedHub, deployed_hub
from tests.e2e.dev.conftest import wait_until
from tests.e2e.endpoints import chosen, lacking
from tests.e2e.hubs import Hub, local_hub
from tests.e2e.live import Client
from tests.e2e.servers import ServerHub, instances_on, server_hub
from tests.e2e.struck import setting
from tests.policies.judging import judged, unjudged
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT = Path(__file__).parents[2]
_DEPLOYED = pytest.StashKey[DeployedHub]()
_UNJUDGED = pytest.StashKey[str | None]()
_SKIPPED = pytest.StashKey[dict[str, set[str]]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for need in mark.args:
            if why := lacking(need):
                name, _, _ = item.name.partition("[")
                item.config.stash.setdefault(_SKIPPED, {}).setdefault(why, set()).add(f"{item.path.name}::{name}")
                pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report what was not tested: roles, changes to the template, and tests that the endpoint does not support."""
    if chosen() == "eventstore_dev":
        if why := config.stash.get(_UNJUDGED, None):
            terminalreporter.section("not shown")
            terminalreporter.line(why)
        return
    if _DEPLOYED in config.stash:
        terminalreporter.section("the built template was deployed, but for this")
        for line in config.stash[_DEPLOYED].unshown:
            terminalreporter.line(line)
    terminalreporter.section("skipped, in full or in part")
    for why, names in sorted(config.stash.get(_SKIPPED, {}).items()):
        terminalreporter.line(why)
        for name in sorted(names):
            terminalreporter.line(f"    {name}")


@pytest.fixture(scope="module")
def listed_port() -> Iterator[int]:
    """The port of an origin that is configured before its page is served."""
    with ReservedPort() as port:
        yield port.number


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser."""
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not here: install the package chromium")
    return program


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    if chosen() == "eventstore_dev":
        # The roles of functions must allow, on AWS, every call that the tests cause.
        pytestconfig.stash[_UNJUDGED] = unjudged()
        with judged(folder / "calls.jsonl"), local_hub(folder) as hub:
            yield hub
        return
    if chosen() == "server":
        with server_hub(folder) as hub:
            yield hub
        return
    places = {
        "built": Path(
            os.environ.get("EVENTSTORE_BUILT") or _ROOT / ".aws-sam" / "endpoint" / "build" / "template.yaml"
        ),
        "sam": Path(os.environ.get("SAM") or _ROOT / ".venv-sam" / "bin" / "sam"),
        "program": Path(os.environ.get("MINISTACK") or _ROOT / ".venv-ministack" / "bin" / "ministack"),
    }
    with deployed_hub(folder, **places) as deployed:
        pytestconfig.stash[_DEPLOYED] = deployed
        yield deployed


@pytest.fixture
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    if has_journal():
        started = server_hub if chosen() == "server" else local_hub
        with started(tmp_path / "hub") as own:
            yield own
        return
    running_hub: Hub = request.getfixturevalue("running_hub")
    # A turn of a flushed store could commit in the next one, because both number turns from 1.
    wait_until(lambda: not running_hub.waiting("BellsQueue"), what="the turns of the test before", seconds=30)
    with Redis.from_url(running_hub.valkey.url) as client:
        client.flushall()
    yield running_hub


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[ValkeyServer]:
    """The store of several instances, which keeps what it answered."""
    with ValkeyServer.start(folder=tmp_path / "valkey", persistent=True) as own_store:
        yield own_store


@pytest.fixture
def hubs(own_store: ValkeyServer) -> Iterator[Sequence[ServerHub]]:
    """Three instances of the server on one store."""
    with instances_on(own_store.url, count=3) as instances:
        yield [ServerHub.of(instance, own_store) for instance in instances]


@pytest.fixture
def client(hub: Hub) -> Iterator[Client]:
    """A client of `eventstore.v1`, connected."""
    with Client(hub) as client:
        yield client


@pytest.fixture(params=[setting("SOAK_SEED", random.SystemRandom().randrange(10**6))], ids=lambda seed: f"seed-{seed}")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of a soak: random, unless it is given."""
    drawn: int = request.param
    return drawn


@pytest.fixture
def lambda_port() -> Iterator[ReservedPort]:
    """Where the hub finds the API of Lambda."""
    with ReservedPort() as port:
        yield port


@pytest.fixture
def http_port() -> Iterator[ReservedPort]:
    """Where the hub finds a URL."""
    with ReservedPort() as port:
        yield port
