from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.client import KafkaClient
from eventstore.adapters.kafka.journal import KafkaJournal
from eventstore.errors import NotSupported, SettingsError, StoreUnavailable
from tests.contract.journal import JournalContract, records
from tests.kafka_broker import KafkaBroker
from tests.kafka_front import login_in_front_of
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore.ports.journal import JournalRecord

_NAMES = count()
_SECRET = "hub:p@ss:word"  # noqa: S105 - an example
_KEPT = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


@pytest.fixture
def own_broker() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


Opens = Callable[..., KafkaJournal]
"""Opens a journal that is closed after the test: of a broker or a setting, with its own topic unless one is given."""


@pytest.fixture
def opens() -> Iterator[Opens]:
    with ExitStack() as stack:

        def opened(
            where: KafkaBroker | str, *, name: str = "", seconds: float = 10, partitions: int = 16, replicas: int = 1
        ) -> KafkaJournal:
            brokers = KafkaBrokers.parse(where if isinstance(where, str) else where.url)
            client = stack.enter_context(closing(KafkaClient(brokers, seconds=seconds)))
            name = name or f"test{next(_NAMES)}"
            return KafkaJournal(brokers, name=name, partitions=partitions, replicas=replicas, client=client)

        yield opened


@pytest.fixture
def admin(broker: KafkaBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.url, "log_level": 0})


def made(admin: AdminClient, name: str, *, partitions: int = 16, **config: str) -> None:
    """Make a topic as somebody else would."""
    topic = NewTopic(
        name, partitions, 1, config=_KEPT | {key.replace("_", "."): value for key, value in config.items()}
    )
    admin.create_topics([topic])[name].result(10)


class TestKafkaJournal(JournalContract):
    TestErasing = None  # Kafka does not remove single records.

    @pytest.fixture
    def journal(self, broker: KafkaBroker, opens: Opens) -> KafkaJournal:
        return opens(broker)


def test_erasing_is_refused_and_changes_nothing(broker: KafkaBroker, opens: Opens) -> None:
    journal = opens(broker)
    journal.append(0, b"1")
    with pytest.raises(NotSupported, match="the record 1 of partition 0 cannot be erased: Kafka does not"):
        journal.erase(0, 1)
    assert records(journal) == [(1, b"1")]


class TestFetching:
    def test_records_at_positions_are_returned_in_order(self, broker: KafkaBroker, opens: Opens) -> None:
        journal = opens(broker)
        for number in range(1, 1001):
            journal.append(3, b"%d" % number)
        for positions in ([1], [1000], [2, 3, 4], [1, 500, 999, 1000], list(range(1, 1001)), list(range(1, 1001, 300))):
            assert journal.fetch(3, positions) == [(position, b"%d" % position) for position in positions]


def test_threads_write_and_read_several_partitions_at_once(broker: KafkaBroker, opens: Opens) -> None:
    journal = opens(broker)

    def use(partition: int) -> list[JournalRecord]:
        for number in range(1, 51):
            assert journal.append(partition, b"%d-%d" % (partition, number)) == number
            assert journal.fetch(partition, [number]) == [(number, b"%d-%d" % (partition, number))]
        return records(journal, partition, count=20)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(use, range(8)))
    assert found == [[(n, b"%d-%d" % (partition, n)) for n in range(1, 51)] for partition in range(8)]


def test_a_topic_is_made_once_with_what_keeps_every_record(
    broker: KafkaBroker, admin: AdminClient, opens: Opens
) -> None:
    assert opens(broker, name="anew", partitions=3).append(2, b"1") == 1
    assert opens(broker, name="anew", partitions=3).append(2, b"2") == 2
    assert len(admin.list_topics("anew", 10).topics["anew"].partitions) == 3


@pytest.mark.parametrize(
    ("setting", "found", "needed"),
    [
        ("cleanup.policy", "compact", "'delete'"),
        ("cleanup.policy", "compact,delete", "'delete'"),
        ("retention.ms", "604800000", "'-1'"),
        ("retention.bytes", "1000000", "'-1'"),
        ("unclean.leader.election.enable", "true", "'false'"),
    ],
)
def test_a_topic_that_would_lose_records_is_refused_with_the_setting(
    broker: KafkaBroker, admin: AdminClient, opens: Opens, *, setting: str, found: str, needed: str
) -> None:
    name = f"old{next(_NAMES)}"
    made(admin, name, **{setting.replace(".", "_"): found})
    with pytest.raises(
        SettingsError, match=f"^the topic {name} of Kafka has {setting} '{found}'; the hub needs {needed}$"
    ):
        opens(broker, name=name).append(0, b"1")


def test_a_topic_with_another_number_of_partitions_is_refused(
    broker: KafkaBroker, admin: AdminClient, opens: Opens
) -> None:
    made(admin, "eight", partitions=8)
    with pytest.raises(SettingsError, match="the topic eight of Kafka has partitions 8; the hub needs 16"):
        opens(broker, name="eight").end(0)


def test_a_topic_with_fewer_replicas_is_refused(broker: KafkaBroker, admin: AdminClient, opens: Opens) -> None:
    made(admin, "few")
    with pytest.raises(SettingsError, match="the topic few of Kafka has replicas 1; the hub needs 3 or more"):
        opens(broker, name="few", replicas=3).end(0)


def test_more_replicas_than_there_are_brokers_are_refused(broker: KafkaBroker, opens: Opens) -> None:
    with pytest.raises(SettingsError, match="Kafka does not make the topic many: "):
        opens(broker, name="many", replicas=3).append(0, b"1")


def test_a_record_is_as_long_as_the_topic_allows(broker: KafkaBroker, admin: AdminClient, opens: Opens) -> None:
    made(admin, "short", max_message_bytes="5000")
    journal = opens(broker, name="short")
    assert journal.most_bytes == 5000 - 76
    assert journal.append(0, b"x" * journal.most_bytes) == 1


def test_records_longer_than_the_librarys_own_limit_are_stored(
    broker: KafkaBroker, admin: AdminClient, opens: Opens
) -> None:
    made(admin, "long", max_message_bytes="3000000")
    journal = opens(broker, name="long")
    content = b"x" * journal.most_bytes
    assert [journal.append(0, content) for _ in range(4)] == [1, 2, 3, 4]
    assert records(journal, count=100) == [(position, content) for position in range(1, 5)]


def test_a_topic_that_lost_its_first_records_is_refused(broker: KafkaBroker, admin: AdminClient, opens: Opens) -> None:
    journal = opens(broker, name="lost")
    for number in range(5):
        journal.append(0, b"%d" % number)
    [gone] = admin.delete_records([TopicPartition("lost", 0, 2)]).values()
    gone.result(10)
    for use in (lambda: journal.read(0, after=3, count=1), lambda: journal.end(0), lambda: journal.fetch(0, [5])):
        with pytest.raises(SettingsError, match="the topic lost of Kafka has lost the records before the offset 2 of"):
            use()


def test_no_record_goes_to_a_topic_that_a_broker_made_in_place_of_one_that_was_deleted(
    broker: KafkaBroker, admin: AdminClient, opens: Opens
) -> None:
    journal = opens(broker, name="deleted", seconds=1)
    assert journal.append(0, b"1") == 1
    admin.delete_topics(["deleted"])["deleted"].result(10)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            journal.append(0, b"2")
    assert "deleted" not in admin.list_topics(timeout=10).topics


def test_a_broker_that_is_away_is_tried_for_a_time_and_named(own_broker: KafkaBroker, opens: Opens) -> None:
    journal = opens(own_broker, seconds=0.5)
    assert journal.append(0, b"1") == 1
    own_broker.stop()
    for use in (
        lambda: journal.append(0, b"2"),
        lambda: journal.end(0),
        lambda: journal.read(0, after=0, count=1),
        lambda: opens(own_broker, seconds=0.5).end(0),
    ):
        with pytest.raises(StoreUnavailable, match="Kafka does not answer: ") as refused:
            use()
        assert "refused" in str(refused.value)
    own_broker.restart()
    patient = opens(own_broker, name="later", seconds=20)
    assert patient.append(0, b"1") == 1
    assert [record.content for record in records(patient)] == [b"1"]


def test_a_record_whose_answer_is_lost_is_sent_again_and_may_be_there_twice(broker: KafkaBroker, opens: Opens) -> None:
    with login_in_front_of(broker.port, lost=2) as port:
        journal = opens(f"127.0.0.1:{port}")
        assert journal.append(0, b"1") == 3
        assert journal.append(0, b"2") == 4
        assert [record.content for record in records(journal)] == [b"1", b"1", b"1", b"2"]


def test_a_call_goes_on_when_the_broker_is_back(own_broker: KafkaBroker, opens: Opens) -> None:
    journal = opens(own_broker, name="j", seconds=30)
    before = journal.end(0)
    for number in range(1, 4):
        assert journal.append(0, b"%d" % number) == number
        own_broker.stop()
        own_broker.restart()
    assert records(journal) == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert journal.end(0) == (before.identity, 3)


def test_another_broker_of_the_setting_is_asked_if_one_is_away(
    own_broker: KafkaBroker, broker: KafkaBroker, opens: Opens
) -> None:
    own_broker.stop()
    assert opens(f"{own_broker.url},{broker.url}").append(0, b"1") == 1


class TestBehindALogin:
    """The broker knows no users: a relay logs the hub in, by the same messages as Kafka's."""

    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    def test_a_user_with_a_password_may_append_and_others_are_refused(
        self, broker: KafkaBroker, opens: Opens, mechanism: str
    ) -> None:
        with login_in_front_of(broker.port, mechanism=mechanism, secret=_SECRET) as port:
            journal = opens(f"kafka://hub:p%40ss%3Aword@127.0.0.1:{port}?mechanism={mechanism}")
            assert journal.append(0, b"1") == 1
            assert records(journal) == [(1, b"1")]
            for who in ("hub:wrong", "nobody:p%40ss%3Aword"):
                with pytest.raises(SettingsError, match=r"Kafka refuses the hub: .*look at KAFKA_BROKERS") as refused:
                    opens(f"kafka://{who}@127.0.0.1:{port}?mechanism={mechanism}").append(0, b"2")
                assert "p@ss" not in str(refused.value)
                assert "hub:wrong" not in str(refused.value)

    def test_another_mechanism_than_the_brokers_is_refused(self, broker: KafkaBroker, opens: Opens) -> None:
        with (
            login_in_front_of(broker.port, mechanism="SCRAM-SHA-512", secret=_SECRET) as port,
            pytest.raises(SettingsError, match=r"Kafka refuses the hub: .*SCRAM-SHA-512"),
        ):
            opens(f"kafka://hub:p@127.0.0.1:{port}?mechanism=PLAIN").end(0)

    def test_a_token_is_shown_over_tls(self, broker: KafkaBroker, tmp_path: Path) -> None:
        authority = Authority.make(tmp_path / "tls")
        shown = {"mechanism": "OAUTHBEARER", "secret": "the-token"}
        with login_in_front_of(broker.port, tls=authority.server, **shown) as port:
            brokers = KafkaBrokers.parse(
                f"kafka://127.0.0.1:{port}?mechanism=AWS_MSK_IAM&tls_ca={authority.certificate}"
            )
            with closing(KafkaClient(brokers, token=lambda: ("the-token", time.time() + 900))) as client:
                journal = KafkaJournal(brokers, name="by-token", client=client)
                assert journal.append(0, b"1") == 1
                assert records(journal) == [(1, b"1")]
            with (
                closing(KafkaClient(brokers, token=lambda: ("another", time.time() + 900))) as client,
                pytest.raises(SettingsError, match="Kafka refuses the hub"),
            ):
                KafkaJournal(brokers, name="by-token", client=client).end(0)

    def test_clients_that_wait_for_their_first_token_are_made_together(
        self, broker: KafkaBroker, tmp_path: Path
    ) -> None:
        authority = Authority.make(tmp_path / "tls")
        together = threading.Barrier(3)

        def token() -> tuple[str, float]:
            together.wait(10)
            return "the-token", time.time() + 900

        shown = {"mechanism": "OAUTHBEARER", "secret": "the-token"}
        with login_in_front_of(broker.port, tls=authority.server, **shown) as port:
            brokers = KafkaBrokers.parse(
                f"kafka://127.0.0.1:{port}?mechanism=AWS_MSK_IAM&tls_ca={authority.certificate}"
            )
            with closing(KafkaClient(brokers, token=token)) as client:
                journal = KafkaJournal(brokers, name="together", client=client)
                assert journal.append(0, b"1") == 1
                assert records(journal) == [(1, b"1")]


class TestOverTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority.make(tmp_path / "tls")

    @pytest.fixture
    def port(self, broker: KafkaBroker, authority: Authority) -> Iterator[int]:
        with login_in_front_of(broker.port, tls=authority.server) as port:
            yield port

    def test_records_go_over_an_encrypted_connection(self, port: int, authority: Authority, opens: Opens) -> None:
        journal = opens(f"kafka://127.0.0.1:{port}?tls_ca={authority.certificate}")
        content = b"x" * 100_000
        assert [journal.append(0, content) for _ in range(3)] == [1, 2, 3]
        assert records(journal) == [(1, content), (2, content), (3, content)]

    def test_a_certificate_of_an_unknown_authority_is_refused(self, port: int, opens: Opens) -> None:
        with pytest.raises(SettingsError, match=r"Kafka refuses the hub: .*certificate"):
            opens(f"kafka://127.0.0.1:{port}?tls=true").end(0)

    def test_a_hub_without_tls_is_not_answered(self, port: int, opens: Opens) -> None:
        with pytest.raises(StoreUnavailable, match="Kafka does not answer"):
            opens(f"kafka://127.0.0.1:{port}", seconds=0.5).end(0)
