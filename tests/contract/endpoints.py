"""Places where SQS is found: the local stack, moto's own server, and whatever AWS_ENDPOINT_URL names."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from eventstore_dev.running import running
from tests.e2e.dev.queues import sqs_client
from tests.ports import ReservedPort
from tests.served import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sqs import SQSClient

__all__ = ["ENDPOINT", "at_endpoint", "moto_server", "needs_endpoint", "on_local_stack", "on_moto"]

T = TypeVar("T")

ENDPOINT = "AWS_ENDPOINT_URL"


def needs_endpoint(test: T) -> T:
    """A test, or a class of tests, that is skipped where AWS_ENDPOINT_URL names nothing."""
    if os.environ.get(ENDPOINT):
        return test
    return pytest.mark.skip(reason=f"{ENDPOINT} names no SQS; `make test-queues` starts LocalStack for it")(test)


@contextmanager
def on_local_stack(folder: Path) -> Iterator[SQSClient]:
    """The SQS of `make dev`."""
    template = folder / "template.yaml"
    template.write_text("Resources: {}")
    with _nowhere_else(), running(template) as stack, sqs_client(stack.url) as client:
        yield client


@contextmanager
def moto_server() -> Iterator[str]:
    """Where the server of moto answers, started as its users start it. It ends with the process that started it."""
    with ReservedPort() as port, tempfile.TemporaryDirectory(prefix="moto-") as name:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port.number)]
        folder, asked = Path(name), f"{port.url}/moto-api/"
        with serving(command, asked=asked, environment=os.environ, folder=folder, log=folder / "moto.log"):
            yield port.url


@contextmanager
def on_moto() -> Iterator[SQSClient]:
    """The SQS of moto."""
    with _nowhere_else(), moto_server() as url, sqs_client(url) as client:
        yield client


@contextmanager
def at_endpoint() -> Iterator[SQSClient]:
    """Whatever speaks SQS at AWS_ENDPOINT_URL."""
    with sqs_client(os.environ[ENDPOINT]) as client:
        yield client


@contextmanager
def _nowhere_else() -> Iterator[None]:
    # Clients and the stack would go there instead.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(ENDPOINT, raising=False)
        yield
