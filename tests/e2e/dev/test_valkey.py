from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest
import redis

from eventstore_hosting.valkey import FolderInUseError, PortInUseError, ValkeyCluster, ValkeyError, ValkeyServer
from eventstore_hosting.valkey.server import connect
from tests.e2e.dev.conftest import parent_that_is_killed, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer.start() as running:
        yield running


def answers(port: int) -> bool:
    with connect(port) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def test_a_server_answers_as_soon_as_it_is_started(server: ValkeyServer) -> None:
    with connect(server.port) as client:
        assert client.ping()


def test_a_server_listens_on_the_loopback_only(server: ValkeyServer) -> None:
    with connect(server.port) as client:
        assert client.config_get("bind")["bind"] == "127.0.0.1"


def test_acknowledged_writes_survive_a_kill() -> None:
    with ValkeyServer.start(persistent=True) as server:
        with connect(server.port) as client:
            client.set("kept", "yes")
        server.kill()
        server.restart()
        with connect(server.port) as client:
            assert client.get("kept") == "yes"


def test_a_restart_keeps_the_port_and_the_folder() -> None:
    with ValkeyServer.start(persistent=True) as server:
        before = server.url, server.folder, server.pid
        server.restart()
        assert (server.url, server.folder) == before[:2]
        assert server.pid != before[2]


def test_a_server_that_is_not_persistent_forgets() -> None:
    with ValkeyServer.start() as server:
        with connect(server.port) as client:
            client.set("kept", "no")
        server.restart()
        with connect(server.port) as client:
            assert client.get("kept") is None


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"Port {port} is in use"):
            ValkeyServer.start(port=port, folder=tmp_path)


def test_a_second_server_on_a_folder_is_refused(tmp_path: Path) -> None:
    with ValkeyServer.start(folder=tmp_path), pytest.raises(FolderInUseError, match="in use by another instance"):
        ValkeyServer.start(folder=tmp_path)


def test_an_invalid_directive_is_reported_with_the_last_output_of_the_server() -> None:
    with pytest.raises(ValkeyError, match="Bad directive"):
        ValkeyServer.start(options={"no-such-directive": "1"})


def test_a_stopped_server_has_no_process_id() -> None:
    server = ValkeyServer.start()
    server.stop()
    with pytest.raises(ValkeyError, match="is stopped"):
        _ = server.pid


def test_a_temporary_folder_is_removed_with_its_server() -> None:
    with ValkeyServer.start() as server:
        folder = server.folder
        assert folder.exists()
    assert not folder.exists()


def test_a_server_ends_with_a_parent_that_was_killed() -> None:
    with parent_that_is_killed("eventstore_hosting.valkey", "ValkeyServer") as port:
        assert answers(port)
    wait_until(lambda: not answers(port), what="the server to end")


def test_a_cluster_refuses_keys_of_two_slots_in_one_script() -> None:
    # Not with the cluster client, which would refuse the script itself.
    with (
        ValkeyCluster.start() as cluster,
        connect(cluster.servers[0].port) as client,
        pytest.raises(redis.ResponseError, match="don't hash to the same slot"),
    ):
        client.eval("return 1", 2, "{a}1", "{b}1")


def test_a_cluster_heals_when_a_killed_node_comes_back() -> None:
    with ValkeyCluster.start(persistent=True) as cluster:
        cluster.servers[1].kill()
        cluster.servers[1].restart()
        cluster.await_ok()


def test_a_start_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ValkeyServer.start(folder=folder, persistent=True) as server:
        with connect(server.port) as client:
            client.set("kept", "yes")
        server.kill()
        # A folder with the name of the log makes the start fail after the data is locked.
        log = folder / "valkey.log"
        log.unlink()
        log.mkdir()
        for _ in range(2):
            with pytest.raises(OSError, match="directory"):
                server.restart()
        log.rmdir()
        server.restart()
        with connect(server.port) as client:
            assert client.get("kept") == "yes"


def test_a_lock_that_cannot_be_written_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ValkeyServer.start(folder=tmp_path) as server:
        server.kill()

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space left"):
                server.restart()
        server.restart()
        assert answers(server.port)


def test_an_abandoned_start_ends_at_once(tmp_path: Path) -> None:
    with ValkeyServer.start(folder=tmp_path) as server:
        server.abandon()
        with pytest.raises(ValkeyError, match="not wanted any more"):
            server.restart()
        assert not answers(server.port)


def test_the_end_of_a_process_is_described_by_its_signal(tmp_path: Path) -> None:
    with ValkeyServer.start(folder=tmp_path) as server:
        assert server.ending == ""
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running, what="the process to end")
        assert server.ending == "killed by SIGKILL"
