"""The files of which the image of the server is made, and by which several of them are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).parents[3]
_PINNED = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")


def test_the_image_is_built_on_one_that_is_pinned_by_digest() -> None:
    dockerfile = (_ROOT / "Dockerfile").read_text()
    [base] = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", dockerfile, re.MULTILINE)
    assert _PINNED.fullmatch(base)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}", "scratch"}


def test_images_of_others_that_are_run_beside_the_server_are_pinned_by_digest() -> None:
    services = yaml.safe_load((_ROOT / "compose.yaml").read_text())["services"]
    others = {name: service["image"] for name, service in services.items() if "build" not in service}
    assert set(others) == {"valkey", "balancer"}
    assert [image for image in others.values() if not _PINNED.fullmatch(image)] == []


@pytest.mark.parametrize("port", [8081, 9001])
def test_the_load_balancer_serves_each_port_of_the_image_on_the_loopback_only(port: int) -> None:
    balancer = yaml.safe_load((_ROOT / "compose.yaml").read_text())["services"]["balancer"]
    assert f"127.0.0.1:{port}:{port}" in balancer["ports"]
    configuration = (_ROOT / "infra/image/haproxy.cfg").read_text()
    assert re.search(rf"^    bind :{port}\b", configuration, re.MULTILINE)
    assert re.search(rf"^    server-template hub \S+ hub:{port}\b", configuration, re.MULTILINE)
