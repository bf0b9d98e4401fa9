"""`make test-sam-local`, with programs that play the engine and the SAM CLI: all but the containers is real."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.invocations import INVOCATIONS
from tests.sam_local import __main__ as command
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
    """

    code: int
    told: str
    template: dict[str, Any]
    platform: str


def run(folder: Path, *, events: Sequence[object], answer: str = "answer") -> Run:
    built, told = folder / "built", io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(command, "_BUILT", built)
        patch.setattr(command, "INVOCATIONS", events)
        docker(folder)
        with redirect_stdout(told):
            code = command.main([str(sam(folder, answer=answer))])
    template = json.loads((built / "local.json").read_text())
    return Run(code, told.getvalue(), template, (built / "platform").read_text())


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
