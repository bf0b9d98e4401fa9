"""The container engine, as `docker` tells of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.sam_local.engines import Engine, NoEngineError, engine
from tests.unit.sam_local.programs import docker, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has other loopback addresses without setting them up")
def test_on_linux_something_must_listen_where_containers_look_for_this_machine(path: Path) -> None:
    docker(path)
    assert engine() == Engine("x86_64", "manylinux2014_x86_64", "127.0.0.2", relayed=True)


def test_an_engine_in_a_machine_of_its_own_has_a_name_for_this_one(path: Path) -> None:
    docker(path, processor="arm64", gateway="192.0.2.1")
    assert engine() == Engine("arm64", "manylinux2014_aarch64", "host.docker.internal", relayed=False)


def test_without_docker_there_is_none() -> None:
    with pytest.raises(NoEngineError, match="there is no `docker` on the PATH"):
        engine()


def test_an_engine_that_does_not_run_is_none(path: Path) -> None:
    program(path / "docker", 'import sys; print("warning", file=sys.stderr); sys.exit("Cannot connect to the daemon")')
    with pytest.raises(NoEngineError, match="`docker version` fails: Cannot connect to the daemon"):
        engine()


def test_an_engine_that_cannot_fetch_lambdas_image_is_none(path: Path) -> None:
    program(path / "docker", 'import sys; sys.exit("no route" if sys.argv[1] == "pull" else print("amd64"))')
    with pytest.raises(NoEngineError, match="`docker pull` fails: no route"):
        engine()


def test_a_processor_that_lambda_has_not_is_told(path: Path) -> None:
    docker(path, processor="riscv64")
    with pytest.raises(NoEngineError, match="the engine's processor is 'riscv64'; Lambda has amd64, arm64"):
        engine()
