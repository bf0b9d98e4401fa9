"""What the README shows works as it stands there, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub

_README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str, containing: str) -> list[str]:
    found = [text for kind, text in re.findall(r"```(\w*)\n(.*?)```", _README, re.DOTALL) if kind == language]
    return [text for text in found if containing in text]


def test_its_commands_are_answered_without_a_problem(hub: Hub) -> None:
    shown = blocks("", "curl")
    assert len(shown) >= 3
    for block in shown:
        script = block.replace("http://127.0.0.1:8081", hub.url).replace("wait=20", "wait=1")
        done = subprocess.run(["bash", "-euc", script], check=True, capture_output=True, text=True)
        assert done.stdout
        assert "urn:flunq:problem" not in done.stdout, done.stdout


def test_its_first_answer_is_what_the_hub_answers(hub: Hub) -> None:
    first = blocks("", "curl")[0].replace("http://127.0.0.1:8081", hub.url)
    done = subprocess.run(["bash", "-euc", first], check=True, capture_output=True, text=True)
    assert done.stdout == blocks("json", "results")[0].strip()


@pytest.mark.parametrize("block", blocks("python", "eventstore_client"))
def test_its_programs_run(hub: Hub, block: str) -> None:
    # One URL is enough for the local stack alone.
    here = f'"{hub.url}", websocket_url="{hub.websocket_url}"'
    assert ran(hub, block.replace('"http://127.0.0.1:8081"', here))


@pytest.mark.needs("one-url")
@pytest.mark.parametrize("block", blocks("python", "boto3"))
def test_its_programs_for_the_local_stack_run(hub: Hub, block: str) -> None:
    assert ran(hub, block.replace("http://127.0.0.1:8081", hub.url))


def ran(hub: Hub, program: str) -> str:
    """What a program prints."""
    environment = os.environ | hub.environment | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
