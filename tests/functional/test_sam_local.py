"""`make test-sam-local`, with programs in place of the engine and the SAM CLI; all but the containers is real."""

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
    next(invocation for invocation in INVOCATIONS if invocation.function == function)
    for function in dict.fromkeys(invocation.function for invocation in INVOCATIONS)
]
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has other loopback addresses without setting them up"
)


@dataclass(frozen=True)
class Run:
    """The result of the command.

    Attributes:
        template: The template that the SAM CLI ran.
        platform: The platform for which it built.
        image: The image in which functions ran.
        account: The account that the SAM CLI received, and from which endpoint.
    """

    code: int
    output: str
    template: dict[str, Any]
    platform: str
    image: str
    account: str

    @property
    def aws(self) -> str:
        """The endpoint of AWS, with its address on this machine."""
        variables = self.template["Resources"]["RestFunction"]["Properties"]["Environment"]["Variables"]
        return str(variables["AWS_ENDPOINT_URL"]).replace("127.0.0.2", "127.0.0.1")


def run(folder: Path, *, events: Sequence[object], answer: str = "answer") -> Run:
    built, output = folder / "built", io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(command, "_BUILT", built)
        patch.setattr(command, "INVOCATIONS", events)
        docker(folder)
        # Variables that the shell of a user may have; none of them may be used.
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "REDIS_URL"):
            patch.setenv(name, "http://127.0.0.1:9")
        patch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        with redirect_stdout(output):
            code = command.main([str(sam(folder, answer=answer))])
    template = json.loads((built / "local.json").read_text())
    read = [path.read_text() for path in (built / "platform", folder / "image", folder / "account")]
    return Run(code, output.getvalue(), template, *read)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with one event of each function; each function is a process here."""
    return run(tmp_path_factory.mktemp("sam"), events=EVENTS)


@on_linux
def test_every_function_answers_as_it_should(whole: Run) -> None:
    assert whole.output.count("as it should be") == len(EVENTS), whole.output


@on_linux
def test_the_api_is_answered_as_it_should_be(whole: Run) -> None:
    assert (whole.code, whole.output.splitlines()[-1]) == (0, "== sam local: nothing is wrong"), whole.output


@on_linux
def test_functions_are_built_for_the_architecture_of_the_engine(whole: Run) -> None:
    kinds = {"AWS::Serverless::Function": "Architectures", "AWS::Serverless::LayerVersion": "CompatibleArchitectures"}
    resources = [resource for resource in whole.template["Resources"].values() if resource["Type"] in kinds]
    assert {*(resource["Properties"][kinds[resource["Type"]]][0] for resource in resources)} == {"x86_64"}
    assert whole.platform == "manylinux2014_x86_64"


@on_linux
def test_functions_run_in_the_image_that_the_engine_has(whole: Run) -> None:
    assert whole.image == "public.ecr.aws/lambda/python:3.13-x86_64"
    assert whole.output.startswith(f"== sam local runs functions in {whole.image}\n")


@on_linux
def test_the_sam_cli_requests_its_account_from_this_machine(whole: Run) -> None:
    account, _, endpoint = whole.account.partition(" ")
    assert account == "123456789012"
    assert endpoint == whole.aws


@on_linux
def test_each_function_starts_in_a_new_container_once_and_then_answers_in_one(tmp_path: Path) -> None:
    result = run(tmp_path, events=INVOCATIONS[:3])
    ways = [line.split(":")[0] for line in result.output.splitlines() if line.startswith("sam local ")]
    assert ways == ["sam local invoke", "sam local start-lambda", "sam local start-lambda"]
    assert result.code == 0


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_terminated_it_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
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
    # A killed process cannot clean up; the engine has to end the container of that call.
    assert (tmp_path / "container").exists() == (number == signal.SIGKILL)


def listens(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) == 0


@on_linux
def test_containers_use_the_address_by_which_they_reach_this_machine(whole: Run) -> None:
    variables = whole.template["Resources"]["RestFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["REDIS_URL"].startswith("redis://127.0.0.2:")
    assert "127.0.0.1" not in json.dumps(whole.template)


@on_linux
def test_a_wrong_answer_fails_by_the_name_of_its_event(tmp_path: Path) -> None:
    result = run(tmp_path, events=INVOCATIONS[:1], answer="dict(answer, statusCode=500)")
    assert result.code == 1
    assert "sam local invoke: rest/health: WRONG: {'statusCode': 500" in result.output


def test_without_an_engine_the_run_is_skipped_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.main([str(sam(tmp_path))]) == 0
    assert capfd.readouterr().out == "== sam local is skipped: there is no `docker` on the PATH\n"
