"""`make dev` and `make serve` with BACKEND=nats and BACKEND=kafka: events are in the journal of an embedded server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from eventstore_hosting.kafka import KafkaBroker
from tests.e2e.dev.conftest import wait_until
from tests.e2e.dev.test_command import alive, children
from tests.e2e.dev.test_kafka import has_saved

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SETTINGS = {
    *("PORT", "GRPC_PORT", "FOLDER", "DATA", "REDIS_URL", "PARTITIONS", "JOURNAL"),
    *("BACKEND", "NATS_URL", "NATS_REPLICAS", "KAFKA_BROKERS", "KAFKA_REPLICAS"),
}
SERVERS = {"nats": "NATS", "kafka": "Kafka"}
PROGRAMS = {
    "dev": ("eventstore_dev", "--template", str(ROOT / "template.yaml")),
    "serve": ("eventstore_server",),
}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=SERVERS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def process_of(program: str, data: Path, backend: str, **settings: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    folders = {"FOLDER": str(data), "DATA": str(data)}
    ports = {"PORT": "0", "GRPC_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", *PROGRAMS[program]],
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path), **ports, **folders, "BACKEND": backend, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def first_lines(process: subprocess.Popen[str]) -> list[str]:
    """The output of a program until it is ready."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ready: "):
            return lines
    raise AssertionError(f"it ended: {''.join(lines)}")


@contextmanager
def running(program: str, data: Path, backend: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a program; return it with its URL."""
    with process_of(program, data, backend, **settings) as process:
        try:
            *before, line = first_lines(process)
            assert len([said for said in before if "for trying out" in said]) == (backend == "kafka")
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            assert str(data) in line
            assert SERVERS[backend] in line
            yield process, found[0]
        finally:
            process.kill()


def post(url: str, event_id: str) -> tuple[int, dict[str, Any]]:
    """Publish an event; return the status of the answer, and the answer."""
    event = {"specversion": "1.0", "id": event_id, "source": "/me", "type": "t"}
    headers = {"content-type": "application/cloudevents+json"}
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request("POST", f"{url}/api/v1/events", body=json.dumps(event), headers=headers)
        return answer.status, answer.json()


def publish(url: str, event_id: str) -> None:
    status, answer = post(url, event_id)
    assert status == 201, answer


def stored(url: str) -> list[str]:
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request("GET", f"{url}/api/v1/streams/default/events")
        assert answer.status == 200, answer.data
        return [event["id"] for event in answer.json()["events"]]


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """End a program, and wait until nothing of it is left."""
    tree = children(process.pid)
    process.send_signal(number)
    process.wait(timeout=20)
    wait_until(lambda: not alive(tree), what="the servers to end")


def kill_journal(process: subprocess.Popen[str], server: str) -> None:
    """Kill the server of the journal among the children of a program."""
    listed = subprocess.run(["ps", "-Awwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    ours = children(process.pid)
    [found] = [row for row in listed.splitlines() if server in row and int(row.split()[0]) in ours]
    os.kill(int(found.split()[0]), signal.SIGKILL)


def refused(program: str, data: Path, backend: str, *, status: int = 2, **settings: str) -> str:
    """The output of a program that does not start."""
    with process_of(program, data, backend, **settings) as process:
        try:
            said, _ = process.communicate(timeout=40)
        finally:
            process.kill()
    assert process.returncode == status
    return said


def test_events_survive_a_kill_and_the_loss_of_the_index(program: str, backend: str, tmp_path: Path) -> None:
    with running(program, tmp_path, backend) as (process, url):
        publish(url, "before")
        end(process, signal.SIGKILL)
    with running(program, tmp_path, backend) as (process, url):
        assert stored(url) == ["before"]
        publish(url, "after")
        end(process, signal.SIGKILL)
    shutil.rmtree(tmp_path / "valkey")
    with running(program, tmp_path, backend) as (_, url):
        assert stored(url) == ["before", "after"]


def test_an_interrupt_ends_both_servers_and_keeps_the_events(program: str, backend: str, tmp_path: Path) -> None:
    with running(program, tmp_path, backend) as (process, url):
        publish(url, "kept")
        end(process, signal.SIGINT)
        assert process.returncode == 0
    with running(program, tmp_path, backend) as (_, url):
        assert stored(url) == ["kept"]


def test_a_server_that_was_killed_is_started_again(program: str, backend: str, tmp_path: Path) -> None:
    with running(program, tmp_path, backend) as (process, url):
        publish(url, "before")
        if backend == "kafka":
            # It saves each second what it has in memory.
            wait_until(lambda: has_saved(tmp_path / "kafka", b"before"), what="the broker to save the event")
        kill_journal(process, {"nats": "nats-server", "kafka": "noida-db"}[backend])
        publish(url, "after")
        assert stored(url) == ["before", "after"]


def lose_events(program: str, data: Path) -> None:
    """Publish two events, and set the embedded broker back to the first one, as if it was killed before it saved."""
    saved, older = data / "kafka/data/kafka.json", data / "older"
    with running(program, data, "kafka") as (process, url):
        publish(url, "saved")
        end(process, signal.SIGINT)
    shutil.copy(saved, older)
    with running(program, data, "kafka") as (process, url):
        publish(url, "lost")
        end(process, signal.SIGINT)
    shutil.copy(older, saved)


def test_events_that_a_killed_broker_lost_are_reported_by_functions_and_nothing_takes_their_place(
    tmp_path: Path,
) -> None:
    lose_events("dev", tmp_path)
    with running("dev", tmp_path, "kafka") as (_, url):
        status, problem = post(url, "after")
        assert (status, problem["code"]) == (503, "index-diverged")
        assert "the journal has lost records" in problem["detail"]


def test_a_server_whose_broker_lost_events_reports_it_and_runs_without_them_after_its_index_is_deleted(
    tmp_path: Path,
) -> None:
    lose_events("serve", tmp_path)
    said = refused("serve", tmp_path, "kafka", status=1)
    assert "the journal has lost records" in said
    shutil.rmtree(tmp_path / "valkey")
    with running("serve", tmp_path, "kafka") as (_, url):
        assert stored(url) == ["saved"]
        publish(url, "after")


def test_a_store_of_another_backend_is_refused_before_anything_is_served(backend: str, tmp_path: Path) -> None:
    with running("dev", tmp_path, backend) as (process, url):
        publish(url, "kept")
        end(process, signal.SIGINT)
    said = refused("dev", tmp_path, "redis")
    assert "BACKEND is redis, but the store was made with a journal" in said


@pytest.mark.parametrize(
    ("backend", "variable", "address", "why"),
    [
        ("nats", "NATS_URL", "nats://127.0.0.1:1", "NATS does not answer"),
        ("nats", "NATS_URL", "nats://u:s3cret@127.0.0.1:none", "a port is not a number"),
        ("nats", "NATS_URL", "http://127.0.0.1", "must be empty, or start with nats://"),
        ("kafka", "KAFKA_BROKERS", "127.0.0.1:1", "Kafka does not answer"),
        ("kafka", "KAFKA_BROKERS", "kafka://u:s3cret@127.0.0.1:none", "a port is not a number"),
        (
            "kafka",
            "KAFKA_BROKERS",
            "http://127.0.0.1",
            "must be empty, brokers separated by commas, or start with kafka://",
        ),
    ],
)
def test_a_journal_that_cannot_be_used_is_named_before_anything_is_served(
    backend: str, variable: str, address: str, why: str, tmp_path: Path
) -> None:
    said = refused("dev", tmp_path, backend, **{variable: address})
    assert variable in said
    assert why in said
    assert "s3cret" not in said
    assert not (tmp_path / backend).exists()


def test_no_broker_is_started_beside_one_that_is_named(program: str, tmp_path: Path) -> None:
    with (
        KafkaBroker.start() as broker,
        process_of(program, tmp_path, "kafka", KAFKA_BROKERS=broker.url) as process,
    ):
        try:
            *before, line = first_lines(process)
            assert not [said for said in before if "for trying out" in said]
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            publish(found[0], "kept")
            assert not (tmp_path / "kafka").exists()
        finally:
            process.kill()
