from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_hosting.valkey import ValkeyServer
from eventstore_hosting.valkey.server import connect
from tests.e2e.dev.conftest import TEMPLATE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.ports import ReservedPort

# A minimal function with a Valkey server.
STORE = """
Parameters:
  RedisUrl: {Type: String}
Resources:
  Count:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: count.handler
      Environment: {Variables: {REDIS_URL: !Ref RedisUrl}}
      Events: {Count: {Type: Api, Properties: {Method: POST, Path: /count}}}
"""
COUNT = """
import os, redis
client = redis.Redis.from_url(os.environ["REDIS_URL"])
def handler(event, context):
    return {"statusCode": 200, "body": str(client.incr("count"))}
"""

# The configuration that the hub's own pyproject.toml has for such a template.
TABLE = """
[tool.eventstore_dev]
valkey_parameter = "RedisUrl"
check = "functions.preflight:check_store"

[tool.eventstore_dev.variables]
REDIS_URL = {parameter = "RedisUrl"}
PARTITIONS = {parameter = "Partitions"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "template.yaml").write_text(STORE)
    (folder / "count.py").write_text(COUNT)
    (folder / "pyproject.toml").write_text(TABLE)
    return folder


@contextmanager
def command(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command; return it with its ready line."""
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_dev", *arguments],
        cwd=folder,
        env=variables(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def refused(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """The error message of a command that does not start."""
    ended = subprocess.run(
        [sys.executable, "-m", "eventstore_dev", *arguments],
        cwd=folder,
        env=variables(environment),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert not ended.stdout
    return ended.stderr


def variables(environment: dict[str, str] | None) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in {"PORT", "FOLDER", "REDIS_URL", "PARTITIONS"}
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})}


def children(pid: int) -> set[int]:
    """All descendants of a process."""
    listing = subprocess.run(["ps", "-Ao", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
    tree = {pid}
    while grown := {child for child, parent in pairs if parent in tree} - tree:
        tree |= grown
    return tree - {pid}


def alive(pids: Sequence[int] | set[int]) -> list[int]:
    listed = subprocess.run(["ps", "-Ao", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    running = {int(pid) for pid, state in map(str.split, listed.splitlines()) if not state.startswith("Z")}
    return sorted(set(pids) & running)


def url_of(line: str) -> str:
    url = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert url, line
    return url[0]


def count(line: str) -> int:
    with urllib3.PoolManager(retries=False) as http:
        return int(http.request("POST", f"{url_of(line)}/count").data)


def test_the_ready_line_names_the_url_and_a_first_call(project: Path) -> None:
    with command(project, "--port", "0") as (_, line):
        assert line.startswith("Ready: ")
        assert f"Try: curl {url_of(line)}/" in line


def test_the_port_of_the_environment_is_used(project: Path, reserved_port: ReservedPort) -> None:
    port = reserved_port.number
    with command(project, environment={"PORT": str(port)}) as (_, line):
        assert url_of(line).endswith(f":{port}")


def test_an_argument_overrides_the_environment(project: Path, reserved_port: ReservedPort) -> None:
    port = reserved_port.number
    with command(project, "--port", str(port), environment={"PORT": "1"}) as (_, line):
        assert url_of(line).endswith(f":{port}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process(project: Path, number: signal.Signals) -> None:
    with command(project, "--port", "0") as (process, line):
        count(line)
        tree = children(process.pid)
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert len(tree) >= 3
        assert not alive(tree)


def test_nothing_outlives_a_kill(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        count(line)
        tree = children(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not alive(tree), what="the rest to end")


def test_kept_data_is_available_after_a_restart(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        assert count(line) == 1
        process.send_signal(signal.SIGINT)
        process.wait()
    with command(project, "--port", "0") as (_, line):
        assert count(line) == 2


def test_a_killed_valkey_is_restarted_with_its_data(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        assert count(line) == 1
        os.kill(valkey_of(process)[0], signal.SIGKILL)
        said(process, "ended unexpectedly")
        wait_until(lambda: counted(line) == 2, what="Valkey to be back")


def valkey_of(process: subprocess.Popen[str]) -> tuple[int, int]:
    """The process id and port of the embedded Valkey server."""
    listed = subprocess.run(["ps", "-Awwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    ours = children(process.pid)
    [row] = [row for row in listed.splitlines() if "valkey-server" in row and int(row.split()[0]) in ours]
    port = re.search(r"(?:--port |127\.0\.0\.1:)(\d+)", row)
    assert port, row
    return int(row.split()[0]), int(port[1])


def said(process: subprocess.Popen[str], words: str) -> str:
    """The next line with these words; earlier lines are skipped."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"it ended, and never said {words!r}")


def listening(port: int) -> socket.socket:
    """Another program, on a port that was just freed."""
    other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def bound() -> bool:
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

    wait_until(bound, what="the port to be free")
    other.listen()
    return other


def test_a_valkey_whose_port_is_occupied_is_restarted_once_it_is_free(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        assert count(line) == 1
        pid, port = valkey_of(process)
        os.kill(pid, signal.SIGKILL)
        with listening(port):
            assert "killed by SIGKILL" in said(process, "ended unexpectedly")
            first = said(process, "could not be started")
            assert f"Port {port} is in use" in first
            assert "Trying again in 0.5 s" in first
            assert "Trying again in 1 s" in said(process, "could not be started")
        said(process, "Valkey runs again")
        assert count(line) == 2


def test_a_valkey_whose_data_is_temporarily_unavailable_is_restarted_with_it(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        assert count(line) == 1
        data = project / ".eventstore" / "valkey"
        away = data.rename(project / "away")
        os.kill(valkey_of(process)[0], signal.SIGKILL)
        said(process, "could not be started")
        away.rename(data)
        said(process, "Valkey runs again")
        assert count(line) == 2


def test_stopping_does_not_wait_for_a_valkey_that_cannot_be_started(project: Path) -> None:
    with command(project, "--port", "0") as (process, line):
        count(line)
        pid, port = valkey_of(process)
        os.kill(pid, signal.SIGKILL)
        with listening(port):
            said(process, "could not be started")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert time.monotonic() - began < 5


def test_kept_data_is_readable_by_its_owner_only(project: Path) -> None:
    folder = project / ".eventstore"
    (folder / "valkey").mkdir(parents=True)
    folder.chmod(0o755)
    with command(project, "--port", "0") as (_, line):
        count(line)
        assert [stat.S_IMODE(place.stat().st_mode) for place in (folder, folder / "valkey")] == [0o700, 0o700]


def counted(line: str) -> int:
    try:
        return count(line)
    except ValueError:
        return 0


KINDS = STORE.replace(
    "Resources:", '  Kind: {Type: String, Default: nats}\n  NatsUrl: {Type: String, Default: ""}\nResources:'
)


@pytest.mark.parametrize(
    ("parameters", "servers"),
    [
        ((), "Valkey and NATS"),
        (("--parameter", "Kind=other"), "Valkey"),
        (("--parameter", "NatsUrl=nats://127.0.0.1:1"), "Valkey"),
    ],
)
def test_a_nats_server_is_started_if_another_parameter_has_its_value(
    project: Path, parameters: Sequence[str], servers: str
) -> None:
    (project / "template.yaml").write_text(KINDS)
    nats = 'nats = {parameter = "NatsUrl", when = {Kind = "nats"}}\n'
    (project / "pyproject.toml").write_text(TABLE.replace("valkey_parameter", f"{nats}valkey_parameter"))
    with command(project, "--port", "0", *parameters) as (_, line):
        assert f"data in {project / '.eventstore'} ({servers})" in line


def test_an_occupied_port_is_reported(project: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = refused(project, environment={"PORT": str(port)})
        assert f"Port {port} is in use by another program" in message
        assert f"PORT={port + 1 if port < 65_535 else port - 1}" in message


def test_a_second_instance_on_the_folder_is_refused(project: Path) -> None:
    with command(project, "--port", "0"):
        message = refused(project, "--port", "0")
        assert "is in use by another instance" in message
        assert message.rstrip().endswith("choose another folder: FOLDER=…, or --folder")


HUB = STORE.replace("Resources:", '  Partitions: {Type: String, Default: ""}\nResources:')


def test_a_wrong_number_of_partitions_is_reported(project: Path) -> None:
    (project / "template.yaml").write_text(HUB)
    with ValkeyServer.start(folder=project / ".eventstore" / "valkey", persistent=True) as store:
        store_client = connect(store.port)
        store_client.hset("{p0}:partition", "partitions", "4")
        store_client.close()
    message = refused(project, "--port", "0", environment={"PARTITIONS": "8"})
    assert "PARTITIONS is 8, but the store was made with 4. Set PARTITIONS=4 or leave it unset" in message
    with command(project, "--port", "0", environment={"PARTITIONS": "4"}) as (_, line):
        assert count(line) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://127.0.0.1:{closed}", "cannot be used"),
        ("http://127.0.0.1", "redis://"),
        ("redis://u:s3cret/x@127.0.0.1", "REDIS_URL"),
    ],
)
def test_a_store_that_cannot_be_used_is_named_before_anything_is_served(
    url: str, why: str, project: Path, reserved_port: ReservedPort
) -> None:
    message = refused(project, "--port", "0", environment={"REDIS_URL": url.format(closed=reserved_port.number)})
    assert "The store at REDIS_URL cannot be used" in message
    assert why in message
    assert "unset it to have a Valkey here" in message
    assert "s3cret" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{closed}", "Nothing answers at AWS_ENDPOINT_URL, 127.0.0.1:"),
        ("localhost:4566", "it must be a URL such as http://127.0.0.1:4566"),
    ],
)
def test_unavailable_external_queues_are_reported(
    url: str, why: str, reserved_port: ReservedPort, tmp_path: Path
) -> None:
    message = refused(
        tmp_path,
        "--template",
        str(TEMPLATE),
        "--port",
        "0",
        environment={"AWS_ENDPOINT_URL": url.format(closed=reserved_port.number)},
    )
    assert why in message


def test_an_endpoint_that_is_this_stack_is_ignored(reserved_port: ReservedPort, tmp_path: Path) -> None:
    port = reserved_port.number
    environment = {"AWS_ENDPOINT_URL": f"http://localhost:{port}", "PORT": str(port)}
    with command(tmp_path, "--template", str(TEMPLATE), environment=environment) as (_, line):
        assert line.startswith("Ready: ")


def test_a_folder_that_cannot_be_written_to_is_named(project: Path) -> None:
    (project / "file").touch()
    message = refused(project, "--port", "0", environment={"FOLDER": str(project / "file")})
    assert "The data cannot be kept in" in message
    assert "FOLDER=" in message


def test_a_signal_while_the_stack_starts_ends_it() -> None:
    slow = socket.socket()
    slow.bind(("127.0.0.1", 0))
    slow.listen()
    environment = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{slow.getsockname()[1]}", "PORT": "0"}
    with (
        slow,
        subprocess.Popen(
            [sys.executable, "-m", "eventstore_dev", "--template", str(TEMPLATE)],
            env=variables(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        # The first connection checks the address, the second one requests a queue.
        slow.settimeout(20)
        held = [slow.accept()[0] for _ in range(2)]
        try:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
            for connection in held:
                connection.close()


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    assert "There is no template.yaml" in refused(tmp_path, "--port", "0")


def test_without_a_table_only_the_template_is_started(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    assert "The parameter RedisUrl has no default" in refused(project, "--port", "0")


def test_the_ready_line_is_configured_by_the_project(project: Path) -> None:
    pages = 'documentation = "/docs"\nconsole = "/console"\n'
    table = pages + 'first_call = "curl {url}/count{credential}"\ncredential = " -H key"\n'
    (project / "pyproject.toml").write_text(TABLE.replace("valkey_parameter", f"{table}valkey_parameter"))
    with command(project, "--port", "0") as (_, line):
        assert f"documentation at {url_of(line)}/docs, console at {url_of(line)}/console" in line
        assert line.endswith(f"Try: curl {url_of(line)}/count\n")


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ("functions.nowhere:check", "ModuleNotFoundError"),
        ("functions.preflight:nothing", "has no attribute 'nothing'"),
    ],
)
def test_a_check_that_cannot_be_called_is_named(project: Path, check: str, why: str) -> None:
    (project / "pyproject.toml").write_text(TABLE.replace("functions.preflight:check_store", check))
    message = refused(project, "--port", "0")
    assert f"The check {check} of the project failed" in message
    assert why in message


def test_a_table_that_cannot_be_used_is_named(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.eventstore_dev]\nvalky = 1\n")
    assert "[tool.eventstore_dev] has valky; it knows" in refused(project, "--port", "0")


def test_an_unknown_parameter_is_named() -> None:
    message = refused(Path(), "--template", str(TEMPLATE), "--port", "0", "--parameter", "Nothing=1")
    assert "has no parameter Nothing; it has Greeting" in message
