"""`make test-sam-local`, with programs that play the engine and the SAM CLI: all but the containers is real."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.dev.conftest import wait_until
from tests.invocations import INVOCATIONS
from tests.sam_local import __main__ as command
from tests.sam_local.cli import ROOT
from tests.unit.sam_local.programs import docker, sam

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EVENTS = [
    next(one for one in INVOCATIONS if one.function == function)
    for function in dict.fromkeys(one.function for one in INVOCATIONS)
]
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has other loopback addresses without setting them up"
)


@dataclass(frozen=True)
class Run:
    """What the command did.

    Attributes:
        template: What it had the SAM CLI run.
        platform: For what it had it build.
        image: In what it had it run it.
        account: Which account the SAM CLI found, and where.
    """

    code: int
    told: str
    template: dict[str, Any]
    platform: str
    image: str
    account: str

    @property
    def aws(self) -> str:
        """Where AWS was, as programs of this machine call it."""
        variables = self.template["Resources"]["RestFunction"]["Properties"]["Environment"]["Variables"]
        return str(variables["AWS_ENDPOINT_URL"]).replace("127.0.0.2", "127.0.0.1")


def run(folder: Path, *, events: Sequence[object], answer: str = "answer") -> Run:
    built, told = folder / "built", io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(command, "_BUILT", built)
        patch.setattr(command, "INVOCATIONS", events)
        docker(folder)
        # What a user's shell may have: none of it may lead anywhere.
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "REDIS_URL"):
            patch.setenv(name, "http://127.0.0.1:9")
        patch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        with redirect_stdout(told):
            code = command.main([str(sam(folder, answer=answer))])
    template = json.loads((built / "local.json").read_text())
    read = [path.read_text() for path in (built / "platform", folder / "image", folder / "account")]
    return Run(code, told.getvalue(), template, *read)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With one event of each function, in the order of all: each is a process here."""
    return run(tmp_path_factory.mktemp("sam"), events=EVENTS)


@on_linux
def test_every_function_answers_as_it_should(whole: Run) -> None:
    assert whole.told.count("as it should be") == len(EVENTS), whole.told


@on_linux
def test_the_api_is_answered_as_it_should_be(whole: Run) -> None:
    assert (whole.code, whole.told.splitlines()[-1]) == (0, "== sam local: nothing is wrong"), whole.told


@on_linux
def test_functions_are_built_for_the_engines_processor_and_run_on_it(whole: Run) -> None:
    kinds = {"AWS::Serverless::Function": "Architectures", "AWS::Serverless::LayerVersion": "CompatibleArchitectures"}
    resources = [one for one in whole.template["Resources"].values() if one["Type"] in kinds]
    assert {*(one["Properties"][kinds[one["Type"]]][0] for one in resources)} == {"x86_64"}
    assert whole.platform == "manylinux2014_x86_64"


@on_linux
def test_functions_run_in_the_image_that_the_engine_has(whole: Run) -> None:
    assert whole.image == "public.ecr.aws/lambda/python:3.13-x86_64"
    assert whole.told.startswith(f"== sam local runs functions in {whole.image}\n")


@on_linux
def test_the_sam_cli_asks_nobody_but_this_machine_whose_account_it_is(whole: Run) -> None:
    account, _, endpoint = whole.account.partition(" ")
    assert account == "123456789012"
    assert endpoint == whole.aws


@on_linux
def test_each_function_starts_anew_once_and_then_answers_in_one_container(tmp_path: Path) -> None:
    found = run(tmp_path, events=INVOCATIONS[:3])
    ways = [line.split(":")[0] for line in found.told.splitlines() if line.startswith("sam local ")]
    assert ways == ["sam local invoke", "sam local start-lambda", "sam local start-lambda"]
    assert found.code == 0


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_it_is_ended_nothing_that_it_started_is_left(tmp_path: Path, number: signal.Signals) -> None:
    docker(tmp_path)
    program = sam(tmp_path, answer="pause()")
    lines = [
        "import sys; from pathlib import Path; from tests.sam_local import __main__ as command",
        f"command._BUILT = Path({str(tmp_path / 'built')!r})",
        f"sys.exit(command.main([{str(program)!r}]))",
    ]
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_until((tmp_path / "container").exists, what="a function runs", seconds=120)
            process.send_signal(number)
            assert process.wait(30) == (143 if number == signal.SIGTERM else -number)
        finally:
            process.kill()
    template = json.loads((tmp_path / "built/local.json").read_text())
    variables = template["Resources"]["RestFunction"]["Properties"]["Environment"]["Variables"]
    ports = [urlsplit(variables[name]).port for name in ("AWS_ENDPOINT_URL", "REDIS_URL")]
    wait_until(lambda: not any(map(listens, ports)), what="Valkey and moto end")
    # Whoever is killed cannot say so; a container of that call is its engine's to end.
    assert (tmp_path / "container").exists() == (number == signal.SIGKILL)


def listens(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) == 0


@on_linux
def test_containers_are_led_to_the_address_by_which_they_know_this_machine(whole: Run) -> None:
    variables = whole.template["Resources"]["RestFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["REDIS_URL"].startswith("redis://127.0.0.2:")
    assert "127.0.0.1" not in json.dumps(whole.template)


@on_linux
def test_a_wrong_answer_fails_by_the_name_of_its_event(tmp_path: Path) -> None:
    found = run(tmp_path, events=INVOCATIONS[:1], answer="dict(answer, statusCode=500)")
    assert found.code == 1
    assert "sam local invoke: rest/health: WRONG: {'statusCode': 500" in found.told


def test_without_an_engine_it_is_skipped_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.main([str(sam(tmp_path))]) == 0
    assert capfd.readouterr().out == "== sam local is skipped: there is no `docker` on the PATH\n"
