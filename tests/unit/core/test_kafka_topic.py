"""What a topic must be, on clusters that the broker of the tests cannot be: with ids of topics, and several brokers."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from eventstore.adapters.kafka.topic import Topic
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.kafka.client import KafkaClient

KEPT = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
    "min.insync.replicas": "2",
    "max.message.bytes": "1048588",
}


@dataclass
class Cluster:
    """A cluster with one topic, as the library's client of administration describes it."""

    topic_id: str = "bm90IGEgcmVhbCBvbmUgaQ"
    replicas: int = 3
    settings: dict[str, str] = field(default_factory=lambda: dict(KEPT))
    looked: int = 0

    answer_seconds = 5.0

    def run(self, use: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the function returns
        return use()

    def administer(self, call: Callable[[Any], Future[Any]]) -> Any:  # noqa: ANN401 - what the call returns
        return call(self).result(0)

    def describe_cluster(self, *, request_timeout: float) -> Future[Any]:
        assert request_timeout == 5.0
        return _known(SimpleNamespace(cluster_id="the-cluster"))

    def describe_topics(self, _topics: object, *, request_timeout: float) -> dict[str, Future[Any]]:
        assert request_timeout == 5.0
        partition = SimpleNamespace(replicas=[object()] * self.replicas)
        return {"t": _known(SimpleNamespace(topic_id=self.topic_id, partitions=[partition] * 4))}

    def describe_configs(self, resources: list[Any], *, request_timeout: float) -> dict[Any, Future[Any]]:
        assert request_timeout == 5.0
        self.looked += 1
        entries = {name: SimpleNamespace(value=value) for name, value in self.settings.items()}
        return {resources[0]: _known(entries)}

    def topic(self, *, replicas: int = 3) -> Topic:
        return Topic(cast("KafkaClient", self), name="t", partitions=4, replicas=replicas)


def _known(value: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def test_the_identity_is_that_of_the_cluster_and_that_of_the_topic() -> None:
    cluster = Cluster()
    assert cluster.topic().identity() == f"the-cluster/{cluster.topic_id}"
    cluster.topic_id = "A" * 22
    assert cluster.topic().identity() == "the-cluster"


def test_a_topic_that_was_made_anew_is_checked_again() -> None:
    cluster = Cluster()
    topic = cluster.topic()
    assert [topic.identity() for _ in range(3)] == [f"the-cluster/{cluster.topic_id}"] * 3
    assert cluster.looked == 1
    assert topic.most_bytes == 1048588 - 76
    cluster.topic_id = "YW5vdGhlciBvbmUgb2YgMQ"
    cluster.settings["max.message.bytes"] = "2000000"
    assert topic.identity() == f"the-cluster/{cluster.topic_id}"
    assert topic.most_bytes == 2000000 - 76
    cluster.topic_id = "YSB0aGlyZCBvbmUgb2YgMQ"
    cluster.settings["retention.ms"] = "604800000"
    for use in (topic.identity, topic.identity, lambda: topic.name):
        with pytest.raises(
            SettingsError, match=r"the topic t of Kafka has retention\.ms '604800000'; the hub needs '-1'"
        ):
            use()


@pytest.mark.parametrize("replicas", [1, 3])
def test_of_three_replicas_two_must_have_a_record_before_it_is_acknowledged(replicas: int) -> None:
    cluster = Cluster(settings=KEPT | {"min.insync.replicas": "1"})
    with pytest.raises(SettingsError, match=r"has min\.insync\.replicas '1'; the hub needs 2 or more"):
        cluster.topic(replicas=replicas).identity()


@pytest.mark.parametrize(("replicas", "least"), [(1, "1"), (2, "1"), (3, "2"), (3, "3"), (5, "2")])
def test_enough_replicas_and_acknowledgements_are_accepted(replicas: int, least: str) -> None:
    cluster = Cluster(replicas=replicas, settings=KEPT | {"min.insync.replicas": least})
    assert cluster.topic(replicas=replicas).name == "t"


def test_a_setting_that_the_broker_does_not_report_is_refused() -> None:
    cluster = Cluster()
    del cluster.settings["unclean.leader.election.enable"]
    with pytest.raises(SettingsError, match=r"has unclean\.leader\.election\.enable None; the hub needs 'false'"):
        cluster.topic().identity()
