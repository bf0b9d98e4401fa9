"""The container engine, as `docker` describes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.sam_local import images
from tests.sam_local.commands import DockerError
from tests.sam_local.engines import Engine, NoEngineError, engine
from tests.sam_local.stand_ins import NoStandInError
from tests.unit.sam_local.programs import docker, program

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has other loopback addresses without setting them up"
)


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder on PATH, and an empty home."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@on_linux
def test_on_linux_something_must_listen_where_containers_look_for_this_machine(path: Path) -> None:
    docker(path)
    assert engine() == Engine("x86_64", "manylinux2014_x86_64", IMAGE, "127.0.0.2", relayed=True)


def test_an_engine_in_a_machine_of_its_own_has_a_name_for_this_one(path: Path) -> None:
    docker(path, processor="arm64", networks=[{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.1"}])
    detected = engine()
    assert (detected.host, detected.relayed) == ("host.docker.internal", False)
    assert (detected.architecture, detected.platform) == ("arm64", "manylinux2014_aarch64")


@on_linux
@pytest.mark.parametrize("gateway", [{}, {"Gateway": ""}])
def test_an_engine_that_names_no_gateway_has_the_first_address_of_its_subnet(
    path: Path, gateway: dict[str, str]
) -> None:
    docker(path, networks=[{"Subnet": "127.0.0.4/30", **gateway}])
    assert (engine().host, engine().relayed) == ("127.0.0.5", True)


@on_linux
def test_an_ipv6_subnet_is_ignored(path: Path) -> None:
    ours = {"Subnet": "127.0.0.0/16", "Gateway": "127.0.0.2"}
    docker(path, networks=[{"Subnet": "fd00::/64", "Gateway": "fd00::1"}, ours])
    assert engine().host == "127.0.0.2"


def test_an_engine_whose_bridge_has_no_subnet_has_a_name_for_this_machine(path: Path) -> None:
    docker(path, networks=[])
    assert engine().host == "host.docker.internal"


def test_without_docker_there_is_no_engine() -> None:
    with pytest.raises(NoEngineError, match="there is no `docker` on the PATH"):
        engine()


def test_an_engine_that_does_not_run_counts_as_absent(path: Path) -> None:
    program(path / "docker", 'import sys; print("warning", file=sys.stderr); sys.exit("Cannot connect to the daemon")')
    with pytest.raises(NoEngineError, match="`docker version` fails: Cannot connect to the daemon"):
        engine()


def test_an_engine_that_answers_and_then_fails_is_a_failure_and_no_reason_to_skip(path: Path) -> None:
    docker(path, networks=None)
    with pytest.raises(DockerError, match="`docker network` fails: network bridge not found"):
        engine()


def test_a_local_image_is_used_whether_or_not_it_can_be_pulled(path: Path) -> None:
    docker(path, images=[IMAGE], registry=())
    assert engine().image == IMAGE


def test_without_a_registry_a_stand_in_image_is_made_under_its_own_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, str, str]] = []

    def make(name: str, *, architecture: str, platform: str) -> None:
        made.append((name, architecture, platform))

    monkeypatch.setattr(images, "make_stand_in", make)
    docker(path, registry=())
    assert engine().image == "eventstore/lambda-python:3.13-x86_64"
    assert made == [("eventstore/lambda-python:3.13-x86_64", "x86_64", "manylinux2014_x86_64")]


def test_an_engine_that_can_neither_pull_nor_make_lambdas_image_counts_as_absent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*_: object, **__: object) -> None:
        raise NoStandInError("that takes Python 3.13")

    monkeypatch.setattr(images, "make_stand_in", make)
    docker(path, registry=())
    reason = (
        "`docker pull` fails: no such host: public.ecr.aws; and no image can be made in its place: that takes Python"
    )
    with pytest.raises(NoEngineError, match=reason):
        engine()


def test_an_architecture_that_lambda_lacks_is_reported(path: Path) -> None:
    docker(path, processor="riscv64")
    with pytest.raises(NoEngineError, match="the engine's processor is 'riscv64'; Lambda has amd64, arm64"):
        engine()
