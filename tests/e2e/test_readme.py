"""The examples of the README work verbatim, in order, in common shells."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format, message_factory

from eventstore_server.grpc.door import SERVICES
from tests.e2e.dev.conftest import wait_until
from tests.e2e.guarded import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.hubs import Hub

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text()
_BIN = ".venv/bin/"
_ENDLESS = ("websocat", ".venv/bin/websockets", "make ", "grpcurl", "docker run", "pip install")
"""Commands that run until interrupted, that install software, or that run the other tests; `make test-image` tries the
image."""


def blocks(language: str, containing: str) -> list[str]:
    blocks_of_language = [
        text for kind, text in re.findall(r"```(\w*)\n(.*?)```", _README, re.DOTALL) if kind == language
    ]
    return [text for text in blocks_of_language if containing in text]


@dataclass(frozen=True)
class Shell:
    """An interactive shell that reads lines, and ends at the first error, like `-e`."""

    name: str
    options: Sequence[str]

    def ran(self, script: str, environment: dict[str, str], folder: Path = _ROOT) -> str:
        """The output of a script that is typed line by line."""
        done = subprocess.run(
            [self.name, *self.options],
            input=script,
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            cwd=folder,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


SHELLS = [Shell("bash", ["--norc", "-eu"]), Shell("zsh", ["-fieu"])]


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.name)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    if shutil.which(chosen.name) is None:
        pytest.skip(f"there is no {chosen.name} here")
    return chosen


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """The environment with which the shown programs use the hub."""
    shown = "".join(f'header = "{name}: {value}"\n' for name, value in hub.headers.items())
    (tmp_path / ".curlrc").write_text(shown)
    return os.environ | hub.environment | {"PYTHONPATH": os.pathsep.join(sys.path), "CURL_HOME": str(tmp_path)}


def adapted(block: str, hub: Hub, shell: Shell, folder: Path) -> str:
    """A block with the address of this hub, and with streams of this shell only."""
    script = block.replace("http://127.0.0.1:8081", hub.url).replace("wait=20", "wait=1")
    script = script.replace(_BIN, f"{Path(sys.executable).parent}/").replace(" order-7.ndjson", f" {folder}/o.ndjson")
    script = script.replace("tail --type", "tail --count 1 --type")
    for name in ("acme", "/shop", "metrics", '"workers"', "=workers", "/workers"):
        script = script.replace(name, name.rstrip('"') + f"-{shell.name}" + ('"' if name.endswith('"') else ""))
    return script


def test_the_commands_of_the_readme_succeed(
    hub: Hub, environment: dict[str, str], shell: Shell, tmp_path: Path
) -> None:
    shown = [
        block
        for block in blocks("", "")
        if ("curl" in block or f"{_BIN}eventstore" in block)
        and "work workers" not in block
        and "grpcurl" not in block
        and "make dev" not in block
    ]
    assert len(shown) >= 10
    for block in shown:
        done = shell.ran(adapted(block, hub, shell, tmp_path), environment)
        assert "urn:flunq:problem" not in done, done


def test_the_first_answer_in_the_readme_matches_the_hub(hub: Hub, environment: dict[str, str]) -> None:
    first = blocks("", "curl")[0].replace("http://127.0.0.1:8081", hub.url)
    assert SHELLS[0].ran(first, environment).strip() == blocks("json", "results")[0].strip()


def test_the_commands_of_the_readme_have_no_comments() -> None:
    # An interactive zsh treats a comment as a command or as arguments.
    shown = [line for block in blocks("", "") for line in block.splitlines() if re.search(r"(^|\s)#(\s|$)", line)]
    assert shown == []


def test_files_that_the_readme_names_exist() -> None:
    named = {name for block in blocks("", "") for name in re.findall(r"(?<!\S)examples/\S+", block)}
    assert len(named) >= 3
    assert [name for name in named if not (_ROOT / name).exists()] == []


def test_every_command_of_the_readme_is_known_to_the_tests() -> None:
    for block in blocks("", "\n"):
        if "─" not in block:  # the diagram of how it works
            assert any(name in block for name in ("curl", _BIN, *_ENDLESS)), block


def test_the_grpc_call_of_the_readme_is_one_of_the_api() -> None:
    [command] = blocks("", "grpcurl")
    *_, options, request, _, method = shlex.split(command)
    assert options == "-d"
    service, _, name = method.rpartition("/")
    [found] = [known.methods_by_name[name] for known in SERVICES if known.full_name == service]
    json_format.Parse(request, message_factory.GetMessageClass(found.input_type)())


def test_the_work_command_of_the_readme_handles_the_task_that_the_readme_published(
    hub: Hub, environment: dict[str, str], shell: Shell, tmp_path: Path
) -> None:
    started, requested = blocks("", "curl")[0], blocks("", "If-Match")[0]
    making, working = blocks("", "ack_deadline")[0], blocks("", "work workers")[0]
    name = f"workers-{shell.name}-too"
    for block in (started, requested):
        shell.ran(adapted(block, hub, shell, tmp_path), environment)
    made = adapted(making, hub, shell, tmp_path).replace(f"workers-{shell.name}", name)
    # The other tests publish tasks, too.
    assert '"filters":[' in made
    own = made.replace('"filters":[', f'"filters":[{{"exact":{{"source":"/shop-{shell.name}"}}}}, ')
    shell.ran(own, environment)

    script = adapted(working, hub, shell, tmp_path).replace("work workers", f"work {name}")
    assert first_line(script, environment) == blocks("text", "charged for")[0].replace("acme", f"acme-{shell.name}")


def test_the_key_that_the_readme_creates_works_for_its_command(tmp_path: Path) -> None:
    made, used = blocks("", "keys create")[0].splitlines()[0], blocks("", "EVENTSTORE_TOKEN")[0]
    with guarded("key", tmp_path) as hub:
        command = made.replace(_BIN, f"{Path(sys.executable).parent}/").replace("keys.json", str(hub.keys))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command.split(), check=True, capture_output=True, text=True, cwd=_ROOT, env=environment)
        key = done.stderr.split()[-1]
        led = environment | {
            "EVENTSTORE_URL": hub.url,
            "EVENTSTORE_WEBSOCKET_URL": f"{hub.url.replace('http', 'ws', 1)}/ws",
        }
        making = blocks("", "ack_deadline")[0].replace("http://127.0.0.1:8081", hub.url)
        SHELLS[0].ran(making.replace("curl ", f"curl -f -H 'authorization: Bearer {key}' ", 1), led)
        program = f"{Path(sys.executable).parent}/eventstore"
        event = (
            '{"specversion":"1.0","id":"1","source":"/s","type":"io.flunq.task.requested","workflowid":"w","data":1}'
        )
        SHELLS[0].ran(f"{program} publish '{event}'", led | {"EVENTSTORE_TOKEN": key})

        script = used.replace("<the key>", key).replace(f"{_BIN}eventstore", program)
        assert charged(script, led) == "w"


@pytest.mark.parametrize("block", [block for block in blocks("python", "eventstore_client") if "work(" not in block])
def test_the_programs_of_the_readme_run(hub: Hub, environment: dict[str, str], block: str) -> None:
    # Only the local stack has a single URL.
    here = f'"{hub.url}", websocket_url="{hub.websocket_url}"'
    assert ran([sys.executable, "-c", block.replace('"http://127.0.0.1:8081"', here)], environment)


def test_the_worker_of_the_readme_charges_parks_and_retries_until_ctrl_c(hub: Hub, environment: dict[str, str]) -> None:
    [block] = blocks("python", "store.work(")
    name = "workers-in-python"
    filters = '[{"prefix":{"type":"io.flunq.task."}},{"exact":{"source":"/workers-in-python"}}]'
    making = f'{{"id":"{name}","filters":{filters},"ack_deadline":30,"max_attempts":2}}'
    made = hub.call("POST", "/api/v1/subscriptions", body=making.encode(), headers={"content-type": "application/json"})
    assert made.status == 201
    base = {"specversion": "1.0", "source": f"/{name}", "type": "io.flunq.task.requested"}
    with hub.client() as store:
        store.publish([base | {"id": "1", "workflowid": "nothing-to-charge"}])
        store.publish([base | {"id": "2", "workflowid": "busy", "data": {"card": "busy"}}])
        store.publish([base | {"id": "3", "workflowid": "well", "data": {"amount": 1}}])
    here = f'"{hub.url}", websocket_url="{hub.websocket_url}"'
    # With a shorter backoff of the hub; the program ends once both other events are parked.
    program = (
        block.replace('"http://127.0.0.1:8081"', here).replace("delay=5", "delay=0").replace('"workers"', f'"{name}"')
    )

    with subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "charged for well, event 1\n"
            wait_until(lambda: len(parked(hub, name)) == 2, what="both that failed are parked", seconds=60)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        finally:
            process.kill()

    assert process.returncode == 0
    assert "Traceback" not in stderr
    assert parked(hub, name) == {"nothing-to-charge": "there is nothing to charge", "busy": "the bank does not answer"}


@pytest.mark.needs("one-url", "functions")
@pytest.mark.parametrize("block", blocks("python", "boto3"))
def test_the_programs_of_the_readme_for_the_local_stack_run(hub: Hub, environment: dict[str, str], block: str) -> None:
    assert ran([sys.executable, "-c", block.replace("http://127.0.0.1:8081", hub.url)], environment)


def parked(hub: Hub, subscription: str) -> dict[str, str]:
    """The reason of each parked stream."""
    answer = json.loads(hub.call("GET", f"/api/v1/dead-letters?subscription={subscription}").data)
    return {letter["stream"]: letter["errors"][-1] for letter in answer["dead_letters"]}


def charged(script: str, environment: dict[str, str]) -> str:
    """The stream of the first event that `eventstore work` handles before it is interrupted."""
    match = re.fullmatch(r"charged for (\S+), event 1, attempt 1\n", first_line(script, environment))
    assert match
    return match[1]


def first_line(script: str, environment: dict[str, str]) -> str:
    """The first line that a script prints before it is interrupted."""
    with subprocess.Popen(
        ["bash", "-euc", script],
        env=environment,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            return process.stdout.readline()
        finally:
            os.killpg(process.pid, signal.SIGINT)


def ran(command: list[str], environment: dict[str, str]) -> str:
    """The output of a program."""
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
