from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.journal import KafkaJournal
from eventstore_hosting import kafka
from eventstore_hosting.kafka import KafkaBroker, KafkaError
from eventstore_hosting.kept_server import FolderInUseError, PortInUseError
from tests.e2e.dev.conftest import parent_that_is_killed, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = "It was killed when it last ran"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    with KafkaBroker.start(folder=tmp_path / "a folder") as running:
        yield running


def journal(broker: KafkaBroker) -> closing[KafkaJournal]:
    return closing(KafkaJournal(KafkaBrokers.parse(broker.url), name="kept", partitions=1))


def kept(broker: KafkaBroker) -> list[bytes]:
    with journal(broker) as own:
        return [record.content for record in own.read(0, after=0, count=9)]


def append(broker: KafkaBroker, content: bytes) -> None:
    with journal(broker) as own:
        own.append(0, content)


def has_saved(folder: Path, content: bytes) -> bool:
    """Whether the file of a broker has a record with some content; it has each byte as a number."""
    try:
        return ",".join(map(str, content)) in (folder / "data/kafka.json").read_text()
    except FileNotFoundError:
        return False


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def test_records_survive_a_stop(broker: KafkaBroker) -> None:
    append(broker, b"kept")
    broker.stop()
    broker.restart()
    assert kept(broker) == [b"kept"]
    assert KILLED not in broker.notice


def test_a_broker_that_was_killed_has_what_it_saved_and_reports_that_records_may_be_missing(
    broker: KafkaBroker,
) -> None:
    append(broker, b"saved before")
    wait_until(lambda: has_saved(broker.folder, b"saved before"), what="the broker to save the record")
    assert KILLED not in broker.notice
    broker.kill()
    broker.restart()
    assert kept(broker) == [b"saved before"]
    assert KILLED in broker.notice
    assert "\n" not in broker.notice


def test_a_folder_keeps_its_data_for_a_broker_on_another_port(tmp_path: Path) -> None:
    for position in (1, 2):
        with KafkaBroker.start(folder=tmp_path) as broker, journal(broker) as own:
            assert own.append(0, b"kept") == position


def test_a_broker_saves_its_records_when_its_parent_is_killed(tmp_path: Path) -> None:
    with (
        parent_that_is_killed("eventstore_hosting.kafka", "KafkaBroker", folder=tmp_path) as port,
        closing(KafkaJournal(KafkaBrokers.parse(f"127.0.0.1:{port}"), name="kept", partitions=1)) as own,
    ):
        own.append(0, b"kept")
    with KafkaBroker.start(folder=tmp_path) as broker:
        assert kept(broker) == [b"kept"]
        assert KILLED not in broker.notice


def test_a_broker_listens_on_the_loopback_only(broker: KafkaBroker) -> None:
    assert listens("127.0.0.1", broker.port)
    # All of 127.0.0.0/8 is this machine, so a server that listens on every address answers there too.
    assert not listens("127.0.0.2", broker.port)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with KafkaBroker.start() as other, pytest.raises(PortInUseError, match=f"Port {other.port} is in use"):
        KafkaBroker.start(port=other.port, folder=tmp_path)


def test_a_second_broker_on_a_folder_is_refused(broker: KafkaBroker) -> None:
    with pytest.raises(FolderInUseError, match="in use by another instance"):
        KafkaBroker.start(folder=broker.folder)


def test_data_that_cannot_be_read_is_reported_with_the_last_output_of_the_broker(broker: KafkaBroker) -> None:
    broker.stop()
    (broker.folder / "data/kafka.json").write_text("[1, ")
    with pytest.raises(KafkaError, match="failed to parse kafka snapshot"):
        broker.restart()


def test_a_missing_program_is_reported_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "find_spec", lambda _: None)
    with pytest.raises(KafkaError, match="pip install noida-db"):
        KafkaBroker.start()
