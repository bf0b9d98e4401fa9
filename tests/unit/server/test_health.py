from __future__ import annotations

import pytest

from eventstore.errors import StoreUnavailable
from eventstore_server.health import Health


class Instance:
    """A store, parts and a clock that the test sets."""

    def __init__(self) -> None:
        self.answers, self.works, self.time = True, True, 100.0
        # The test checks the store, not the thread.
        self.health = Health(
            self.ping, alive={"live-feed": lambda: self.works}, now=lambda: self.time, every_seconds=3600
        )

    def ping(self) -> None:
        if not self.answers:
            raise StoreUnavailable("away")


@pytest.fixture
def instance() -> Instance:
    return Instance()


def test_an_instance_that_starts_is_not_ready(instance: Instance) -> None:
    assert instance.health.unready_because() == "starting"


def test_an_instance_that_has_started_is_ready(instance: Instance) -> None:
    instance.health.start()
    assert instance.health.is_ready
    instance.health.drain()


def test_an_instance_that_drains_is_not_ready_and_is_alive(instance: Instance) -> None:
    instance.health.start()
    instance.health.drain()
    instance.works = False
    assert instance.health.unready_because() == "draining"
    assert instance.health.dead_parts() == ()


def test_an_instance_is_not_ready_once_the_store_has_not_answered_for_some_seconds(instance: Instance) -> None:
    instance.health.start()
    instance.answers = False
    instance.time += 3
    instance.health.check()
    assert instance.health.is_ready
    instance.time += 3
    instance.health.check()
    assert instance.health.unready_because() == "store-unavailable"
    assert not instance.health.dead_parts()
    instance.health.drain()


def test_an_instance_is_not_ready_while_the_check_itself_hangs(instance: Instance) -> None:
    instance.health.start()
    instance.time += 6
    assert instance.health.unready_because() == "store-unavailable"
    instance.health.drain()


def test_an_instance_is_ready_again_once_the_store_answers(instance: Instance) -> None:
    instance.health.start()
    instance.time += 60
    instance.health.check()
    assert instance.health.is_ready
    instance.health.drain()


def test_an_instance_without_one_of_its_threads_is_not_alive(instance: Instance) -> None:
    instance.health.start()
    assert instance.health.dead_parts() == []
    instance.works = False
    assert instance.health.dead_parts() == ["live-feed"]
    instance.health.drain()


def test_a_check_that_fails_otherwise_counts_as_no_answer_and_ends_no_thread(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.health.start()
    monkeypatch.setattr(instance.health, "_ping", lambda: 1 / 0)
    instance.time += 6
    instance.health.check()
    assert not instance.health.is_ready
    instance.health.drain()
