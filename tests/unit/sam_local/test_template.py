"""How `sam local` reads our template: it resolves fewer intrinsic functions than CloudFormation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.invocations import INVOCATIONS
from tests.policies.deployed import sam_python

_ROOT = Path(__file__).parents[3]
_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    python = sam_python()
    if python is None:
        pytest.skip("the SAM CLI is not installed; `make lint-template` does it")
    command = [python, _ROOT / "tests/sam_local/reading.py", _ROOT / "template.yaml"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"AWS_DEFAULT_REGION": "us-east-1"}, cwd=_ROOT
    )
    output: dict[str, Any] = json.loads(done.stdout)
    return output


def test_start_api_leads_requests_to_the_rest_function_and_those_of_browsers_to_the_console(
    read: dict[str, Any],
) -> None:
    # OPTIONS has a method of its own beside ANY.
    routes = {(path, function): sorted(set(methods)) for path, methods, function in read["routes"]}
    assert {path for path, function in routes if function == "ConsoleFunction"} == {
        "/",
        "/console",
        "/console/{proxy+}",
    }
    assert routes.pop(("/", "ConsoleFunction")) == ["GET", "HEAD"]
    assert {function for _, function in routes} == {"ConsoleFunction", "RestFunction"}
    assert {"/", "/{proxy+}", "/api/v1/{proxy+}", "/api/v1/docs"} <= {path for path, _ in routes}
    assert set(map(tuple, routes.values())) == {tuple(_METHODS)}


def test_invoke_knows_each_function_that_has_events_and_its_layers(read: dict[str, Any]) -> None:
    asked = {invocation.function for invocation in INVOCATIONS}
    assert {name.removesuffix("Function").lower() for name in read["functions"]} == asked
    without = {name for name, layers in read["functions"].items() if "EventstoreLayer" not in layers}
    assert without == {"ConsoleFunction"}
