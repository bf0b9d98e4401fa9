"""Sending events in batches while further ones are produced."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn

import pytest

from eventstore_client import Stored, Unavailable
from eventstore_client.batches import BatchPublisher

if TYPE_CHECKING:
    from collections.abc import Sequence


class Hub:
    """Stores events; a request waits until the test lets it go on."""

    def __init__(self, *, blocked: bool = False) -> None:
        self.requests: list[list[str]] = []
        self.arrived, self.may_answer = threading.Semaphore(0), threading.Semaphore(0)
        self.error: Exception | None = None
        self._blocked = blocked

    def send(self, texts: Sequence[str]) -> Sequence[Stored]:
        self.requests.append([*texts])
        self.arrived.release()
        if self._blocked:
            assert self.may_answer.acquire(timeout=20)
        if self.error:
            raise self.error
        return [Stored("s", number, text, duplicate=False) for number, text in enumerate(texts, 1)]


def put_for_ever(publisher: BatchPublisher) -> NoReturn:
    while True:
        publisher.put("1")


def put_and_raise(publisher: BatchPublisher, error: Exception) -> NoReturn:
    publisher.put("1")
    raise error


def test_all_events_are_sent_in_order_and_counted() -> None:
    hub = Hub()
    with BatchPublisher(hub.send, batch=7) as publisher:
        for number in range(100):
            publisher.put(str(number))

    assert [text for request in hub.requests for text in request] == [str(number) for number in range(100)]
    assert max(map(len, hub.requests)) <= 7
    assert publisher.stored == 100


def test_nothing_is_sent_without_events() -> None:
    hub = Hub()
    with BatchPublisher(hub.send, batch=7) as publisher:
        pass

    assert (hub.requests, publisher.stored) == ([], 0)


def test_events_that_arrive_during_a_request_are_sent_together() -> None:
    hub = Hub(blocked=True)
    with BatchPublisher(hub.send, batch=10) as publisher:
        publisher.put("1")
        assert hub.arrived.acquire(timeout=20)
        for text in "2345":
            publisher.put(text)
        hub.may_answer.release(2)

    assert hub.requests == [["1"], ["2", "3", "4", "5"]]


def test_a_request_is_limited_in_bytes() -> None:
    hub = Hub(blocked=True)
    large = "x" * 300_000
    with BatchPublisher(hub.send, batch=10) as publisher:
        publisher.put("1")
        assert hub.arrived.acquire(timeout=20)
        for text in (large, large, "2"):
            publisher.put(text)
        hub.may_answer.release(3)

    assert hub.requests == [["1"], [large], [large, "2"]]


def test_bytes_are_counted_not_characters() -> None:
    hub = Hub(blocked=True)
    large = "日" * 100_000
    with BatchPublisher(hub.send, batch=10) as publisher:
        publisher.put("1")
        assert hub.arrived.acquire(timeout=20)
        for text in (large, large, "2"):
            publisher.put(text)
        hub.may_answer.release(3)

    assert hub.requests == [["1"], [large], [large, "2"]]


def test_an_event_larger_than_a_request_is_sent_alone() -> None:
    hub, huge = Hub(), "x" * 600_000
    with BatchPublisher(hub.send, batch=10) as publisher:
        publisher.put(huge)

    assert hub.requests == [[huge]]


def test_a_request_waits_for_further_events_while_it_lingers() -> None:
    hub = Hub()
    with BatchPublisher(hub.send, batch=3, linger=3600) as publisher:
        for text in "1234":
            publisher.put(text)
        assert hub.arrived.acquire(timeout=20)
        assert hub.requests == [["1", "2", "3"]]

    assert hub.requests == [["1", "2", "3"], ["4"]]


def test_a_request_that_is_not_full_is_sent_after_the_linger_without_further_events() -> None:
    hub = Hub()
    with BatchPublisher(hub.send, batch=3, linger=0.01) as publisher:
        publisher.put("1")
        assert hub.arrived.acquire(timeout=20)
        assert hub.requests == [["1"]]


def test_producing_waits_while_the_hub_is_slow() -> None:
    hub = Hub(blocked=True)
    put = threading.Semaphore(0)

    def produce() -> None:
        with BatchPublisher(hub.send, batch=2) as publisher:
            for number in range(40):
                publisher.put(str(number))
                put.release()

    producer = threading.Thread(target=produce)
    producer.start()
    assert hub.arrived.acquire(timeout=20)
    for _ in range(8):
        assert put.acquire(timeout=20)
    assert not all(put.acquire(timeout=0.05) for _ in range(3))
    hub.may_answer.release(40)
    producer.join(20)

    assert sum(map(len, hub.requests)) == 40


def test_a_failed_request_is_raised_when_the_next_event_is_put() -> None:
    hub = Hub()
    hub.error = Unavailable(status=503, code="unavailable", detail="the store does not answer", problem={})

    with pytest.raises(Unavailable) as failed, BatchPublisher(hub.send, batch=1) as publisher:
        put_for_ever(publisher)

    assert failed.value.__notes__ == ["The request had events 1 to 1 of those passed to publish_all."]
    assert len(hub.requests) == 1


def test_a_failed_last_request_is_raised_at_the_end() -> None:
    hub = Hub(blocked=True)
    hub.error = Unavailable(status=503, code="unavailable", detail="the store does not answer", problem={})
    hub.may_answer.release()

    with pytest.raises(Unavailable), BatchPublisher(hub.send, batch=10, linger=3600) as publisher:
        publisher.put("1")


def test_events_before_an_error_of_the_producer_are_sent() -> None:
    hub = Hub()

    with pytest.raises(ValueError, match="no more"), BatchPublisher(hub.send, batch=10, linger=3600) as publisher:
        put_and_raise(publisher, ValueError("no more"))

    assert hub.requests == [["1"]]


def test_an_interrupt_ends_after_the_request_in_progress() -> None:
    hub = Hub(blocked=True)
    publisher = BatchPublisher(hub.send, batch=1)

    def answer_once_stopped() -> None:
        with publisher._changed:
            assert publisher._changed.wait_for(lambda: publisher._stopped, 20)
        hub.may_answer.release(2)

    def interrupted() -> NoReturn:
        publisher.put("1")
        assert hub.arrived.acquire(timeout=20)
        publisher.put("2")
        raise KeyboardInterrupt

    answering = threading.Thread(target=answer_once_stopped)
    answering.start()
    with pytest.raises(KeyboardInterrupt), publisher:
        interrupted()
    answering.join(20)

    assert (hub.requests, publisher.stored) == ([["1"]], 1)
