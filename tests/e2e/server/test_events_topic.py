"""The topic of Kafka for other programs: complete, in order per key, whatever happens to hub, store and topic."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from eventstore_client.backoff import Backoff
from tests.e2e.live import SECONDS, Client, event, feed, publish
from tests.e2e.server.workers import STREAMS
from tests.e2e.servers import Instance, ServerHub
from tests.e2e.test_durable import Rest
from tests.kafka_broker import KafkaBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore_hosting.valkey import ValkeyServer

pytestmark = pytest.mark.needs("instances")

_PAGE = Path(__file__).parents[3] / "docs" / "backends.md"
_PARTITIONS = 16
_NAMES = count()


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


class Hubs:
    """Instances of a hub that writes a topic of its own.

    Attributes:
        topic: The name of the topic.
        broker: Where it is.
        running: The instances.
    """

    def __init__(self, broker: KafkaBroker, valkey: ValkeyServer) -> None:
        number = next(_NAMES)
        self.topic = f"orders{number}"
        self.broker = broker
        self.running: list[ServerHub] = []
        self.admin = AdminClient({"bootstrap.servers": broker.url, "log_level": 0})
        self._valkey = valkey
        self._environment = {
            "BACKEND": "kafka",
            "KAFKA_BROKERS": broker.url,
            "JOURNAL": f"journal{number}",
            "KAFKA_EVENTS_TOPIC": self.topic,
            "LOG_LEVEL": "INFO",
        }

    def start(self, **environment: str) -> ServerHub:
        """Start one more instance, with variables of its own."""
        instance = Instance.start(self._valkey.url, environment=self._environment | environment)
        hub = ServerHub.of(instance, self._valkey)
        self.running.append(hub)
        return hub

    def kill(self, hub: ServerHub) -> None:
        """Kill an instance."""
        self.running.remove(hub)
        hub.instance.kill()
        hub.instance.errors.unlink()

    def empty_store(self) -> None:
        """Have Redis lose all that it has."""
        with Redis.from_url(self._valkey.url) as redis:
            redis.flushall()

    def end(self) -> None:
        for hub in self.running:
            hub.instance.end()
        self.running.clear()


@pytest.fixture
def hubs(broker: KafkaBroker, own_store: ValkeyServer) -> Iterator[Hubs]:
    hubs = Hubs(broker, own_store)
    try:
        yield hubs
    finally:
        hubs.end()


class Reading:
    """What another program has read of a topic.

    Attributes:
        events: The events, those of a partition in their order.
    """

    def __init__(self, consumer: Consumer) -> None:
        self.events: list[dict[str, str]] = []
        self._consumer = consumer

    def until(self, done: Callable[[], object]) -> None:
        """Read on until a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline, f"{len(self.events)} events, {self.events[-3:]}"
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            if error := message.error():
                # A topic that was deleted, until it is there again.
                assert error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}, error
                continue
            read = json.loads(message.value() or b"")
            assert message.key() == read["hubstream"].encode()
            self.events.append(read)

    def sequences(self, stream: str) -> list[int]:
        """The sequences of a stream, in order."""
        return [int(read["hubsequence"]) for read in self.events if read["hubstream"] == stream]

    def first_times(self, stream: str) -> list[int]:
        """The sequences of a stream in the order in which each was read for the first time."""
        return list(dict.fromkeys(self.sequences(stream)))


@contextmanager
def reading(hubs: Hubs) -> Iterator[Reading]:
    """Read the topic from its beginning."""
    settings = {
        "bootstrap.servers": hubs.broker.url,
        "group.id": "test",
        "log_level": 0,
        "reconnect.backoff.max.ms": 500,
    }
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(hubs.topic, partition, 0) for partition in range(_PARTITIONS)])
        yield Reading(consumer)


def batches(first: int, last: int, *, streams: Sequence[str] = STREAMS) -> list[dict[str, object]]:
    """Events of each stream, with these numbers."""
    return [event(f"{stream}-{n}", stream=stream) for n in range(first, last + 1) for stream in streams]


def subscription(hubs: Hubs, hub: ServerHub, done: Callable[[dict[str, object]], object]) -> None:
    """Wait for a state of the subscription that writes the topic."""
    Rest(hub).until(f"subscriptions/kafka-{hubs.topic}", done)


def test_the_example_of_the_page_reads_what_is_published(hubs: Hubs, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    hub = hubs.start()
    publish(hub, event(1, data={"amount": 12.5}), event(2, data={"amount": 7}))
    shown = tmp_path / "example.py"
    shown.write_text(example.replace("127.0.0.1:9092", hubs.broker.url).replace('"orders"', f'"{hubs.topic}"'))
    with subprocess.Popen([sys.executable, shown], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            printed = [program.stdout.readline() for _ in range(2)]
        finally:
            program.kill()
    assert printed == ["wf-1 1 t {'amount': 12.5}\n", "wf-1 2 t {'amount': 7}\n"]


def test_events_that_were_there_before_the_setting_are_written_first(hubs: Hubs) -> None:
    before = hubs.start(KAFKA_EVENTS_TOPIC="")
    publish(before, *batches(1, 3))
    hubs.end()
    publish(hubs.start(), *batches(4, 6))
    with reading(hubs) as topic:
        topic.until(lambda: len(topic.events) >= 6 * len(STREAMS))
    assert {stream: topic.sequences(stream) for stream in STREAMS} == {s: [1, 2, 3, 4, 5, 6] for s in STREAMS}


def test_the_hub_says_that_other_programs_can_read_its_events_if_there_is_a_topic(hubs: Hubs) -> None:
    for name, shared in (("", False), (hubs.topic, True)):
        _, stats = Rest(hubs.start(KAFKA_EVENTS_TOPIC=name)).call("GET", "stats")
        assert stats["backend"]["capabilities"]["shared"] is shared
        hubs.end()


def test_another_start_continues_and_repeats_nothing(hubs: Hubs) -> None:
    for first in (1, 11, 21):
        hub = hubs.start()
        publish(hub, *batches(first, first + 9, streams=STREAMS[:3]))
        subscription(hubs, hub, lambda body: body["lag"] == 0 and body["in_flight"] == 0)
        hubs.end()
    with reading(hubs) as topic:
        topic.until(lambda: len(topic.events) >= 90)
    assert {stream: topic.sequences(stream) for stream in STREAMS[:3]} == {
        stream: list(range(1, 31)) for stream in STREAMS[:3]
    }


def test_instances_that_are_killed_leave_no_gap(hubs: Hubs) -> None:
    entry, *_ = (hubs.start() for _ in range(3))
    events = batches(1, 100)
    with (
        reading(hubs) as topic,
        entry.client(backoff=Backoff(patience=60)) as store,
        feed(store, events, at_once=20),
    ):
        for part in (1, 2, 3):
            topic.until(lambda: len(topic.events) >= part * len(events) // 4)  # noqa: B023 - it is called here
            hubs.kill(hubs.running[-1])
            hubs.start()
        topic.until(lambda: len({(read["hubstream"], read["hubsequence"]) for read in topic.events}) == len(events))
    for stream in STREAMS:
        assert topic.first_times(stream) == list(range(1, 101))


def test_a_store_that_loses_all_leaves_no_gap(hubs: Hubs) -> None:
    hub = hubs.start()
    with reading(hubs) as topic:
        for first in (1, 11, 21):
            publish(hub, *batches(first, first + 9))
            topic.until(lambda: len(topic.events) >= len(STREAMS) * (first + 4))  # noqa: B023 - it is called here
            hubs.empty_store()
        publish(hub, *batches(31, 40))
        topic.until(
            lambda: len({(read["hubstream"], read["hubsequence"]) for read in topic.events}) == 40 * len(STREAMS)
        )
    for stream in STREAMS:
        assert topic.first_times(stream) == list(range(1, 41))


def test_a_store_that_is_empty_at_the_next_start_has_nothing_written_again(hubs: Hubs) -> None:
    hub = hubs.start()
    publish(hub, *batches(1, 10))
    subscription(hubs, hub, lambda body: body["lag"] == 0 and body["in_flight"] == 0)
    hubs.end()
    hubs.empty_store()
    publish(hubs.start(), *batches(11, 20))
    with reading(hubs) as topic:
        topic.until(lambda: len(topic.events) >= 20 * len(STREAMS))
    assert {stream: topic.sequences(stream) for stream in STREAMS} == {s: list(range(1, 21)) for s in STREAMS}


def test_a_topic_that_takes_no_events_delays_no_subscriber_and_gets_them_later(hubs: Hubs) -> None:
    hub = hubs.start()
    with reading(hubs) as topic, Client(hub) as client:
        client.subscribe(**{"from": "start"})
        publish(hub, *batches(1, 5))
        topic.until(lambda: len(topic.events) >= 5 * len(STREAMS))
        subscription(hubs, hub, lambda body: body["lag"] == 0 and body["in_flight"] == 0)
        hubs.admin.delete_topics([hubs.topic])[hubs.topic].result(10)
        hubs.admin.create_topics([NewTopic(hubs.topic, 1, 1)])[hubs.topic].result(10)
        for first in (6, 11, 16):
            publish(hub, *batches(first, first + 4))
            began = time.monotonic()
            client.until_events((first + 4) * len(STREAMS))
            assert time.monotonic() - began < 2
        subscription(
            hubs,
            hub,
            lambda body: any("has partitions 1; the hub needs 16" in str(part) for part in body["partitions"]),
        )
        _, stats = Rest(hub).call("GET", "stats")
        assert stats["subscriptions"][0]["open_circuits"] > 0
        metrics = hub.call("GET", "/metrics").data.decode()
        assert 'eventstore_pushes_total{target="kafka",outcome="unavailable"}' in metrics
        hubs.admin.delete_topics([hubs.topic])[hubs.topic].result(10)
    with reading(hubs) as later:
        later.until(
            lambda: len({(read["hubstream"], read["hubsequence"]) for read in later.events}) == 15 * len(STREAMS)
        )
    for stream in STREAMS:
        assert later.first_times(stream) == list(range(6, 21))
    log = hub.instance.errors.read_text()
    assert f"the topic {hubs.topic} of Kafka takes no events: " in log
    assert f"the topic {hubs.topic} of Kafka takes events again" in log


def test_a_topic_that_does_not_fit_is_said_at_the_start(hubs: Hubs) -> None:
    hubs.admin.create_topics([NewTopic(hubs.topic, 16, 1, config={"cleanup.policy": "compact"})])[hubs.topic].result(10)
    with pytest.raises(RuntimeError, match=f"the topic {hubs.topic} of Kafka has cleanup.policy 'compact'; the hub"):
        hubs.start()


def test_a_subscription_of_the_same_name_that_is_another_is_said_at_the_start(hubs: Hubs) -> None:
    before = hubs.start(KAFKA_EVENTS_TOPIC="")
    assert Rest(before).call("POST", "subscriptions", id=f"kafka-{hubs.topic}")[0] == 201
    hubs.end()
    with pytest.raises(RuntimeError, match="exists with another target: delete it, or name another topic"):
        hubs.start()


def test_the_setting_is_refused_with_another_backend(own_store: ValkeyServer) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "REDIS_URL": own_store.url}
    environment |= {"BACKEND": "redis", "KAFKA_EVENTS_TOPIC": "orders", "AUTH": "none"}
    done = subprocess.run(
        [sys.executable, "-m", "eventstore_server", "--port", "0", "--grpc-port", "0"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "only a hub with BACKEND=kafka writes such a topic; unset KAFKA_EVENTS_TOPIC" in done.stderr
