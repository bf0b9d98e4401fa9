from __future__ import annotations

import logging
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff, ClientError, ConnectFailed, NotFound
from eventstore_client.backoff import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Time:
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def backoff(self, *, patience: float = 100.0, random: float = 1.0) -> Backoff:
        return Backoff(
            patience=patience, first=1.0, longest=8.0, sleep=self.sleep, random=lambda: random, clock=self.clock
        )


def failing(times: int, error: ClientError) -> Callable[[], str]:
    left = [error] * times

    def action() -> str:
        if left:
            raise left.pop()
        return "done"

    return action


def test_a_transient_failure_is_retried_until_it_succeeds() -> None:
    assert Time().backoff().call(failing(5, ConnectFailed("away"))) == "done"


def test_pauses_double_up_to_the_longest() -> None:
    time = Time()

    time.backoff().call(failing(6, ConnectFailed("away")))

    assert time.pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_pauses_are_drawn_below_their_bound() -> None:
    time = Time()

    time.backoff(random=0.25).call(failing(3, ConnectFailed("away")))

    assert time.pauses == [0.25, 0.5, 1.0]


def test_no_attempt_starts_after_patience_has_ended() -> None:
    time = Time()

    with pytest.raises(ConnectFailed):
        time.backoff(patience=6.0).call(failing(9, ConnectFailed("away")))

    assert time.pauses == [1.0, 2.0]


def test_without_patience_there_is_one_attempt() -> None:
    time = Time()

    with pytest.raises(ConnectFailed):
        time.backoff(patience=0).call(failing(1, ConnectFailed("away")))

    assert time.pauses == []


def test_a_permanent_failure_is_not_retried() -> None:
    time = Time()
    refusal = NotFound(status=404, code="stream-not-found", detail="no", problem={})

    with pytest.raises(NotFound):
        time.backoff().call(failing(1, refusal))

    assert time.pauses == []


def test_a_sleep_that_raises_ends_the_retries() -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Backoff(sleep=interrupted).call(failing(9, ConnectFailed("away")))


def test_each_failure_that_is_retried_is_reported() -> None:
    noticed: list[ClientError] = []

    Backoff(sleep=lambda _: None, notice=noticed.append).call(failing(2, ConnectFailed("away")))

    assert [str(error) for error in noticed] == ["away", "away"]


def test_a_success_resets_pauses_and_patience() -> None:
    time = Time()
    attempts = Attempts(time.backoff(patience=6.0))
    attempts.failed(ConnectFailed("away"))
    attempts.failed(ConnectFailed("away"))
    time.now += 1000

    attempts.succeeded()
    attempts.failed(ConnectFailed("away"))

    assert time.pauses == [1.0, 2.0, 1.0]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_continuing_failure_is_logged_at_once_and_then_less_often(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    attempts = Attempts(time.backoff(patience=inf), "the subscription", quiet=0.0)

    for _ in range(500):
        attempts.failed(ConnectFailed("nobody answers"))

    first, second, *more = warnings(caplog)
    assert first == "the subscription: nobody answers; retrying"
    assert second == "the subscription: nobody answers; still retrying after 15 s"
    assert (time.now > 3600, len(more)) == (True, 10)


def test_the_recovery_is_logged_when_the_failure_was(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "eventstore_client")
    attempts = Attempts(Time().backoff(), "the subscription", quiet=0.0)

    attempts.failed(ConnectFailed("away"))
    attempts.succeeded()
    attempts.succeeded()

    assert caplog.messages[1:] == ["the subscription: the hub is available again after 1 s"]


def test_a_short_failure_logs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "eventstore_client")

    Time().backoff().call(failing(2, ConnectFailed("away")))
    assert caplog.messages == []

    Time().backoff().call(failing(4, ConnectFailed("away")))
    assert caplog.messages == [
        "a request: away; still retrying after 7 s",
        "a request: the hub is available again after 15 s",
    ]
