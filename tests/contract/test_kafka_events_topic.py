"""The topic for other programs as the target of a rule."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.client import KafkaClient
from eventstore.adapters.kafka.event_records import HEADERS
from eventstore.adapters.kafka.events_topic import EventsTopic
from eventstore.errors import SettingsError, StoreUnavailable
from eventstore.ports import TargetUnavailable
from eventstore.streams import StreamName, partition_of
from eventstore.subscriptions import Target
from tests.contract.targets import pushed
from tests.kafka_broker import KafkaBroker
from tests.kafka_front import login_in_front_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Message

    from eventstore.frames.pushes import PushedEvent

_NAMES = count()
_PARTITIONS = 4
_ORDERED = {"cleanup.policy": "delete", "unclean.leader.election.enable": "false"}


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


@pytest.fixture
def own_broker() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


@pytest.fixture
def name() -> str:
    return f"events{next(_NAMES)}"


Opens = Callable[..., EventsTopic]
"""Opens a topic, of four partitions unless another number is given, that is closed after the test."""


@pytest.fixture
def opens(name: str) -> Iterator[Opens]:
    with ExitStack() as stack:

        def opened(
            url: str, *, seconds: float = 10, partitions: int = _PARTITIONS, replicas: int = 1, topic: str = ""
        ) -> EventsTopic:
            client = KafkaClient(KafkaBrokers.parse(url), seconds=seconds)
            made = EventsTopic(client, name=topic or name, partitions=partitions, replicas=replicas)
            return stack.enter_context(closing(made))

        yield opened


@pytest.fixture
def admin(broker: KafkaBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.url, "log_level": 0})


def made(admin: AdminClient, name: str, *, partitions: int = _PARTITIONS, **settings: str) -> None:
    """Make a topic as its owner would."""
    config = _ORDERED | {key.replace("_", "."): value for key, value in settings.items()}
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(10)


def push(topic: EventsTopic, name: str, events: Sequence[PushedEvent], *, timeout_ms: int = 5000) -> None:
    target = Target("kafka", name, batch=100, concurrency=1)
    assert topic.push(target, events, attempt=1, timeout_ms=timeout_ms) == {}


def messages(broker: KafkaBroker, name: str) -> list[Message]:
    """All messages of a topic, partition by partition."""
    consumer = Consumer({"bootstrap.servers": broker.url, "group.id": "test", "log_level": 0})
    with closing(consumer):
        partitions = [TopicPartition(name, partition, 0) for partition in range(_PARTITIONS)]
        waiting = sum(consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)
        consumer.assign(partitions)
        found: list[Message] = []
        while len(found) < waiting:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            found.append(message)
    return sorted(found, key=lambda message: (message.partition(), message.offset()))


def texts(broker: KafkaBroker, name: str, stream: str) -> list[str]:
    """The events of a stream, in the order of the topic."""
    return [(message.value() or b"").decode() for message in messages(broker, name) if message.key() == stream.encode()]


def test_events_are_written_by_the_key_of_their_stream_in_its_partition_and_order(
    broker: KafkaBroker, opens: Opens, name: str
) -> None:
    topic = opens(broker.url)
    events = [pushed(f"wf-{stream}", sequence) for sequence in range(1, 26) for stream in range(8)]
    for start in range(0, len(events), 50):
        push(topic, name, events[start : start + 50])
    for stream in {event.stream for event in events}:
        assert texts(broker, name, stream) == [event.text for event in events if event.stream == stream]
    for message in messages(broker, name):
        assert message.partition() == partition_of(StreamName((message.key() or b"").decode()), _PARTITIONS)
        assert message.headers() == HEADERS


def test_partitions_are_written_side_by_side(broker: KafkaBroker, opens: Opens, name: str) -> None:
    topic = opens(broker.url)
    streams = {partition_of(StreamName(f"wf-{n}"), _PARTITIONS): f"wf-{n}" for n in range(50)}

    def write(stream: str) -> None:
        for first in range(1, 1001, 50):
            push(topic, name, [pushed(stream, sequence) for sequence in range(first, first + 50)])

    with ThreadPoolExecutor(len(streams)) as threads:
        list(threads.map(write, streams.values()))
    for stream in streams.values():
        assert texts(broker, name, stream) == [pushed(stream, sequence).text for sequence in range(1, 1001)]


def test_the_topic_is_made_with_the_settings_of_the_hub_and_the_retention_of_the_broker(
    broker: KafkaBroker, admin: AdminClient, opens: Opens, name: str
) -> None:
    opens(broker.url).check()
    description = admin.list_topics(name, 10).topics[name]
    assert len(description.partitions) == _PARTITIONS
    opens(broker.url).check()


@pytest.mark.parametrize(
    ("partitions", "settings", "message"),
    [
        (_PARTITIONS, {"cleanup_policy": "compact"}, "has cleanup.policy 'compact'; the hub needs 'delete'"),
        (_PARTITIONS, {"cleanup_policy": "compact,delete"}, "has cleanup.policy 'compact,delete'; the hub needs"),
        (_PARTITIONS, {"unclean_leader_election_enable": "true"}, "has unclean.leader.election.enable 'true'"),
        (3, {}, "has partitions 3; the hub needs 4"),
        (_PARTITIONS, {"max_message_bytes": "100000"}, "accepts records of 99924 bytes .*; the hub needs 589824"),
    ],
)
def test_a_topic_that_would_lose_or_refuse_events_is_refused_with_the_setting(
    broker: KafkaBroker,
    admin: AdminClient,
    opens: Opens,
    name: str,
    *,
    partitions: int,
    settings: dict[str, str],
    message: str,
) -> None:
    made(admin, name, partitions=partitions, **settings)
    topic = opens(broker.url)
    for _ in range(2):
        with pytest.raises(SettingsError, match=f"the topic {name} of Kafka {message}"):
            topic.check()
        with pytest.raises(TargetUnavailable, match=message):
            push(topic, name, [pushed("a", 1)])


def test_how_long_the_topic_keeps_events_is_not_the_hubs_business(
    broker: KafkaBroker, admin: AdminClient, opens: Opens, name: str
) -> None:
    made(admin, name, retention_ms="60000", retention_bytes="1000000")
    push(opens(broker.url), name, [pushed("a", 1)])
    assert texts(broker, name, "a") == [pushed("a", 1).text]


def test_fewer_replicas_than_the_hub_is_to_have_are_refused(
    broker: KafkaBroker, admin: AdminClient, opens: Opens, name: str
) -> None:
    made(admin, name)
    with pytest.raises(SettingsError, match="has replicas 1; the hub needs 3 or more"):
        opens(broker.url, replicas=3).check()


def test_another_topic_than_that_of_the_setting_is_not_written(
    broker: KafkaBroker, admin: AdminClient, opens: Opens
) -> None:
    with pytest.raises(TargetUnavailable, match="KAFKA_EVENTS_TOPIC does not name the topic old any more"):
        push(opens(broker.url), "old", [pushed("a", 1)])
    assert "old" not in admin.list_topics(timeout=10).topics


def test_a_topic_that_was_deleted_is_made_anew_and_has_the_events_from_there_on(
    broker: KafkaBroker, admin: AdminClient, opens: Opens, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "eventstore")
    topic = opens(broker.url)
    push(topic, name, [pushed("a", 1)])
    admin.delete_topics([name])[name].result(10)
    with pytest.raises(TargetUnavailable, match="Kafka does not store the events: "):
        push(topic, name, [pushed("a", 2)])
    push(topic, name, [pushed("a", 2), pushed("a", 3)])
    push(topic, name, [pushed("a", 4)])
    assert texts(broker, name, "a") == [pushed("a", sequence).text for sequence in (2, 3, 4)]
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith(f"the topic {name} of Kafka takes no events: ")
    assert said[1] == f"the topic {name} of Kafka takes events again"


def test_a_broker_that_is_away_makes_the_target_unavailable_until_it_is_back(
    own_broker: KafkaBroker, opens: Opens, name: str
) -> None:
    topic = opens(own_broker.url, seconds=0.5)
    push(topic, name, [pushed("a", 1)])
    own_broker.stop()
    # The producer gives up first, then the check that follows finds no broker.
    for reason in ("Kafka does not store the events: ", "Kafka does not answer: "):
        with pytest.raises(TargetUnavailable, match=reason):
            push(topic, name, [pushed("a", 2), pushed("a", 3)], timeout_ms=500)
    with pytest.raises(StoreUnavailable, match="Kafka does not answer"):
        topic.check()
    own_broker.restart()
    patient = opens(own_broker.url, seconds=20)
    push(patient, name, [pushed("a", 2)])
    push(patient, name, [pushed("a", 3)])
    assert texts(own_broker, name, "a")[-2:] == [pushed("a", 2).text, pushed("a", 3).text]


def test_what_was_given_up_is_not_stored_behind_what_is_written_later(
    broker: KafkaBroker, opens: Opens, name: str
) -> None:
    with login_in_front_of(broker.port, lost=1_000) as port:
        topic = opens(f"127.0.0.1:{port}")
        with pytest.raises(TargetUnavailable):
            push(topic, name, [pushed("a", 1)], timeout_ms=1)
        with pytest.raises(TargetUnavailable):
            push(topic, name, [pushed("a", sequence) for sequence in range(1, 4)], timeout_ms=1500)
    again = opens(broker.url)
    push(again, name, [pushed("a", sequence) for sequence in range(1, 6)])
    found = texts(broker, name, "a")
    assert list(dict.fromkeys(found)) == [pushed("a", sequence).text for sequence in range(1, 6)]


def test_an_event_whose_answer_was_lost_is_stored_once(broker: KafkaBroker, opens: Opens, name: str) -> None:
    with login_in_front_of(broker.port, lost=2) as port:
        topic = opens(f"127.0.0.1:{port}")
        push(topic, name, [pushed("a", sequence) for sequence in range(1, 11)], timeout_ms=20_000)
        push(topic, name, [pushed("a", sequence) for sequence in range(11, 21)], timeout_ms=20_000)
    assert texts(broker, name, "a") == [pushed("a", sequence).text for sequence in range(1, 21)]


def test_the_largest_push_fits(broker: KafkaBroker, admin: AdminClient, opens: Opens, name: str) -> None:
    made(admin, name, max_message_bytes=str(576 * 1024 + 76))
    topic = opens(broker.url)
    big = [pushed("a", sequence, data=f'"{"x" * 260_000}"') for sequence in (1, 2)]
    push(topic, name, big)
    assert texts(broker, name, "a") == [event.text for event in big]


def test_a_topic_that_is_closed_writes_nothing(broker: KafkaBroker, opens: Opens, name: str) -> None:
    topic = opens(broker.url)
    push(topic, name, [pushed("a", 1)])
    topic.close()
    with pytest.raises(TargetUnavailable):
        push(topic, name, [pushed("a", 2)])
    assert texts(broker, name, "a") == [pushed("a", 1).text]
