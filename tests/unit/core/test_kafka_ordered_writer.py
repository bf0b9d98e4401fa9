"""A producer that has failed is of no use any more: what it still has must not be stored later."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from eventstore.adapters.kafka.event_records import EventRecord
from eventstore.adapters.kafka.ordered_writer import OrderedWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.kafka.client import KafkaClient

RECORDS = [EventRecord(0, b"wf", b"%d" % number) for number in range(3)]


@dataclass
class FakeProducer:
    """A producer whose brokers answer what `answer` says of each record; None is no answer yet."""

    answer: Callable[[bytes], KafkaError | bool | None] = lambda _: True
    written: list[bytes] = field(default_factory=list)
    purged: list[dict[str, bool]] = field(default_factory=list)
    polled: threading.Event = field(default_factory=threading.Event)
    _waiting: list[tuple[bytes, Any]] = field(default_factory=list)

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: object, **_: object) -> None:
        assert (topic, key) == ("t", b"wf")
        self._waiting.append((value, on_delivery))

    def poll(self, _: float) -> None:
        waiting, self._waiting = self._waiting, []
        for value, answered in waiting:
            answer = KafkaError(KafkaError._PURGE_QUEUE) if self.purged else self.answer(value)
            if answer is None:
                self._waiting.append((value, answered))
            elif answer is True:
                self.written.append(value)
                answered(None, None)
            else:
                answered(answer, None)
        self.polled.set()

    def purge(self, **which: bool) -> None:
        self.purged.append(which)


@dataclass
class FakeClient:
    """Makes the producers that it has, in order."""

    producers: list[FakeProducer]
    made: int = 0

    def ordered_producer(self) -> FakeProducer:
        self.made += 1
        return self.producers[self.made - 1]

    def listen(self, since: float) -> None:
        assert since > 0


def writer_of(*producers: FakeProducer) -> tuple[OrderedWriter, FakeClient]:
    client = FakeClient(list(producers))
    return OrderedWriter(cast("KafkaClient", client)), client


def test_all_that_succeeds_goes_through_one_producer() -> None:
    writer, client = writer_of(FakeProducer())
    for _ in range(3):
        writer.write("t", RECORDS, seconds=5)
    assert client.producers[0].written == [b"0", b"1", b"2"] * 3
    assert (client.made, client.producers[0].purged) == (1, [])


@pytest.mark.parametrize("answer", [KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), None])
def test_what_one_call_gives_up_is_dropped_before_another_call_writes(answer: KafkaError | None) -> None:
    writer, client = writer_of(FakeProducer(answer=lambda value: answer if value == b"1" else True), FakeProducer())
    with pytest.raises(KafkaException):
        writer.write("t", RECORDS, seconds=0.05)
    assert client.producers[0].purged == [{"in_queue": True, "in_flight": True}]
    writer.write("t", RECORDS, seconds=5)
    assert client.producers[1].written == [b"0", b"1", b"2"]
    assert client.made == 2


def test_a_thread_that_waits_for_a_producer_that_ends_fails_at_once() -> None:
    refusing = FakeProducer(answer=lambda value: KafkaError(KafkaError._FATAL) if value == b"bad" else None)
    writer, client = writer_of(refusing, FakeProducer())
    failures: list[KafkaException] = []

    def wait() -> None:
        try:
            writer.write("t", RECORDS, seconds=60)
        except KafkaException as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert refusing.polled.wait(10)
    with pytest.raises(KafkaException):
        writer.write("t", [EventRecord(1, b"wf", b"bad")], seconds=60)
    waiting.join(10)
    assert not waiting.is_alive()
    assert len(failures) == len(refusing.purged) == 1
    writer.write("t", RECORDS, seconds=5)
    assert client.producers[1].written == [b"0", b"1", b"2"]


def test_after_it_is_closed_nothing_is_written() -> None:
    writer, client = writer_of(FakeProducer())
    writer.write("t", RECORDS, seconds=5)
    writer.close()
    with pytest.raises(KafkaException):
        writer.write("t", RECORDS, seconds=5)
    assert client.producers[0].written == [b"0", b"1", b"2"]
    assert len(client.producers[0].purged) == 1


def test_nothing_is_sent_on_a_producer_that_another_thread_has_ended() -> None:
    steps: list[str] = []

    class Watched(FakeProducer):
        def produce(self, topic: str, value: bytes, key: bytes, **options: object) -> None:
            steps.append(value.decode())
            if value == RECORDS[0].value:
                ending.start()
                # It has to wait until all records are sent. If it did not, it would end the producer between two.
                ending.join(0.2)
            super().produce(topic, value, key, **options)  # type: ignore[arg-type] # as the writer gives them

        def purge(self, **which: bool) -> None:
            steps.append("purge")
            super().purge(**which)

    writer, _ = writer_of(Watched())
    ending = threading.Thread(target=writer.close)
    with suppress(KafkaException):
        writer.write("t", RECORDS, seconds=10)
    ending.join(10)
    assert steps == ["0", "1", "2", "purge"]
