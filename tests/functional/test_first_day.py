"""The first steps after cloning the repository: make, and what it installs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.client.fake_hub import FakeHub

_ROOT = Path(__file__).parents[2]

_IMPORTED = """
import sys
from importlib.metadata import packages_distributions
import eventstore_dev.__main__, eventstore_dev.stack, eventstore_dev.queues.local, eventstore_dev.queues.store
import eventstore_client.cli.main, functions.authorizer.app, functions.rest.app
known = packages_distributions()
print(*sorted({d for name in {m.partition(".")[0] for m in sys.modules} for d in known.get(name, ())}), sep="\\n")
"""


def pinned(file: str) -> set[str]:
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", (_ROOT / file).read_text(), re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def made(target: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The output of make in an existing environment."""
    program = folder / "bin" / "python"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    outer = {name: value for name, value in os.environ.items() if name not in {"PORT", "EVENTSTORE_URL", "MAKEFLAGS"}}
    return subprocess.run(
        ["make", "-o", f"{folder}/.dev", target, f"VENV={folder}", *arguments],
        cwd=_ROOT,
        env=outer | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_argument", [False, True], ids=["environment", "argument"])
def test_the_demo_uses_the_hub_at_the_given_port(tmp_path: Path, *, is_argument: bool) -> None:
    with FakeHub().running() as hub:
        port = hub.url.rpartition(":")[2]

        done = made("demo", tmp_path, f"PORT={port}") if is_argument else made("demo", tmp_path, PORT=port)

    assert done.returncode == 0, done.stderr
    assert len(hub.streams) == 60


def test_the_demo_uses_the_hub_at_the_given_address(tmp_path: Path) -> None:
    with FakeHub().running() as hub:
        done = made("demo", tmp_path, EVENTSTORE_URL=hub.url, PORT="9")

    assert done.returncode == 0, done.stderr


def test_the_local_stack_imports_nothing_that_make_dev_does_not_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {normal(name) for name in done.stdout.split()} - {
        "flunq-eventstore",
        "flunq-eventstore-client",
        "setuptools",
        "pip",
    }
    # Libraries import it where it is installed, as for the tests of traces, and do without it elsewhere.
    imported = {name for name in imported if not name.startswith("opentelemetry")}

    assert "moto" in imported
    assert imported - pinned("requirements-dev.txt") == set()


def test_make_dev_installs_no_server_of_moto() -> None:
    assert pinned("requirements-dev.txt") & {"flask", "cfn-lint", "docker", "sympy"} == set()


@pytest.mark.parametrize(("ends", "code"), [("exit 0", 0), ("exit 1", 2)])
def test_installing_shows_its_progress_and_fails_when_pip_fails(tmp_path: Path, ends: str, code: int) -> None:
    (tmp_path / "bin").mkdir()
    says = r'printf "Collecting one==1 (x)\nProcessing /a/two==2\n"'
    for name, text in {
        "python": "exit 0",
        "pip": f'case "$*" in *requirements-dev*) {says}; {ends};; esac',
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    done = subprocess.run(
        ["make", f"{tmp_path}/.dev", f"VENV={tmp_path}"],
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    count = len(re.findall(r"^[a-z0-9].*==", (_ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    assert f"  1 of {count}: one==1\n  2 of {count}: two==2\n" in done.stdout
    assert (tmp_path / ".dev").exists() == (code == 0)
