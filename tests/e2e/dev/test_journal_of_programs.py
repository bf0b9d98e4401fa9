"""`make dev BACKEND=nats` and `make serve BACKEND=nats`: events are in the journal of an embedded NATS server."""

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
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.e2e.dev.conftest import wait_until
from tests.e2e.dev.test_command import alive, children

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SETTINGS = {"PORT", "GRPC_PORT", "FOLDER", "DATA", "REDIS_URL", "PARTITIONS", "BACKEND", "NATS_URL", "JOURNAL"}
PROGRAMS = {
    "dev": ("eventstore_dev", "--template", str(ROOT / "template.yaml")),
    "serve": ("eventstore_server",),
}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def process_of(program: str, data: Path, **settings: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    folders = {"FOLDER": str(data), "DATA": str(data)}
    ports = {"PORT": "0", "GRPC_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", *PROGRAMS[program]],
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path), **ports, **folders, "BACKEND": "nats", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ready_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if line.startswith("Ready: "):
            return line
        lines.append(line)
    raise AssertionError(f"it ended: {''.join(lines)}")


@contextmanager
def running(program: str, data: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a program; return it with its URL."""
    with process_of(program, data, **settings) as process:
        try:
            line = ready_line(process)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            assert str(data) in line
            assert "NATS" in line
            yield process, found[0]
        finally:
            process.kill()


def publish(url: str, event_id: str) -> None:
    event = {"specversion": "1.0", "id": event_id, "source": "/me", "type": "t"}
    headers = {"content-type": "application/cloudevents+json"}
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request("POST", f"{url}/api/v1/events", body=json.dumps(event), headers=headers)
        assert answer.status == 201, answer.data


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


def refused(program: str, data: Path, **settings: str) -> str:
    """The output of a program that does not start."""
    with process_of(program, data, **settings) as process:
        try:
            said, _ = process.communicate(timeout=40)
        finally:
            process.kill()
    assert process.returncode == 2
    return said


def test_events_survive_a_kill_and_the_loss_of_the_index(program: str, tmp_path: Path) -> None:
    with running(program, tmp_path) as (process, url):
        publish(url, "before")
        end(process, signal.SIGKILL)
    with running(program, tmp_path) as (process, url):
        assert stored(url) == ["before"]
        publish(url, "after")
        end(process, signal.SIGKILL)
    shutil.rmtree(tmp_path / "valkey")
    with running(program, tmp_path) as (_, url):
        assert stored(url) == ["before", "after"]


def test_an_interrupt_ends_both_servers_and_keeps_the_events(program: str, tmp_path: Path) -> None:
    with running(program, tmp_path) as (process, url):
        publish(url, "kept")
        end(process, signal.SIGINT)
        assert process.returncode == 0
    with running(program, tmp_path) as (_, url):
        assert stored(url) == ["kept"]


def test_a_nats_server_that_was_killed_is_started_again(program: str, tmp_path: Path) -> None:
    with running(program, tmp_path) as (process, url):
        publish(url, "before")
        listed = subprocess.run(["ps", "-Awwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        ours = children(process.pid)
        [nats] = [row for row in listed.splitlines() if "nats-server" in row and int(row.split()[0]) in ours]
        os.kill(int(nats.split()[0]), signal.SIGKILL)
        publish(url, "after")
        assert stored(url) == ["before", "after"]


def test_a_store_of_another_backend_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    with running("dev", tmp_path) as (process, url):
        publish(url, "kept")
        end(process, signal.SIGINT)
    said = refused("dev", tmp_path, BACKEND="redis")
    assert "BACKEND is redis, but the store was made with a journal" in said


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nats://127.0.0.1:1", "NATS does not answer"),
        ("nats://u:s3cret@127.0.0.1:none", "a port is not a number"),
        ("http://127.0.0.1", "must be empty, or start with nats://"),
    ],
)
def test_a_journal_that_cannot_be_used_is_named_before_anything_is_served(
    address: str, why: str, tmp_path: Path
) -> None:
    said = refused("dev", tmp_path, NATS_URL=address)
    assert "NATS_URL" in said
    assert why in said
    assert "s3cret" not in said
    assert not (tmp_path / "nats").exists()
