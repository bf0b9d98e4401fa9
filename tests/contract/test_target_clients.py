from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from eventstore.adapters.aws.clients import TargetClients

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def clients() -> TargetClients:
    return TargetClients("lambda", most_ms=60_000)


@pytest.mark.parametrize(
    ("timeout_ms", "seconds"),
    [(0, 1), (999, 1), (1000, 1), (1999, 1), (2000, 2), (29_999, 29), (60_000, 60), (900_000, 60)],
)
def test_connecting_and_reading_take_no_longer_than_the_call_may(
    clients: TargetClients, timeout_ms: int, seconds: int
) -> None:
    config = clients.within(timeout_ms).meta.config
    assert config.connect_timeout + config.read_timeout == seconds
    assert min(config.connect_timeout, config.read_timeout) >= 0.5


def test_a_call_is_tried_once(clients: TargetClients) -> None:
    assert clients.within(5000).meta.config.retries["total_max_attempts"] == 1


def test_calls_that_may_take_equally_long_have_one_client(clients: TargetClients) -> None:
    assert clients.within(5000) is clients.within(5900)
    assert clients.within(5000) is not clients.within(6000)


def test_the_clients_that_were_used_last_are_kept(clients: TargetClients) -> None:
    first = clients.within(1000)
    for seconds in range(2, 9):
        clients.within(1000 * seconds)
    assert clients.within(1000) is first
    second = clients.within(2000)
    for seconds in range(10, 18):
        clients.within(1000 * seconds)
    assert clients.within(2000) is not second


def test_threads_share_a_client(clients: TargetClients) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(clients.within, [5000] * 32)))) == 1
