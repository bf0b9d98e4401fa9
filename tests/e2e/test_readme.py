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


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """What leads the shown programs into the hub."""
    shown = "".join(f'header = "{name}: {value}"\n' for name, value in hub.headers.items())
    (tmp_path / ".curlrc").write_text(shown)
    return os.environ | hub.environment | {"PYTHONPATH": os.pathsep.join(sys.path), "CURL_HOME": str(tmp_path)}


def test_its_commands_are_answered_without_a_problem(hub: Hub, environment: dict[str, str]) -> None:
    shown = blocks("", "curl")
    assert len(shown) >= 3
    for block in shown:
        script = block.replace("http://127.0.0.1:8081", hub.url).replace("wait=20", "wait=1")
        done = ran(["bash", "-euc", script], environment)
        assert done
        assert "urn:flunq:problem" not in done, done


def test_its_first_answer_is_what_the_hub_answers(hub: Hub, environment: dict[str, str]) -> None:
    first = blocks("", "curl")[0].replace("http://127.0.0.1:8081", hub.url)
    assert ran(["bash", "-euc", first], environment) == blocks("json", "results")[0].strip()


@pytest.mark.parametrize("block", blocks("python", "eventstore_client"))
def test_its_programs_run(hub: Hub, environment: dict[str, str], block: str) -> None:
    # One URL is enough for the local stack alone.
    here = f'"{hub.url}", websocket_url="{hub.websocket_url}"'
    assert ran([sys.executable, "-c", block.replace('"http://127.0.0.1:8081"', here)], environment)


@pytest.mark.needs("one-url")
@pytest.mark.parametrize("block", blocks("python", "boto3"))
def test_its_programs_for_the_local_stack_run(hub: Hub, environment: dict[str, str], block: str) -> None:
    assert ran([sys.executable, "-c", block.replace("http://127.0.0.1:8081", hub.url)], environment)


def ran(command: list[str], environment: dict[str, str]) -> str:
    """What a program prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
