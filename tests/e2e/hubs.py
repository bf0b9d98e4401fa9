"""The hub under test, on any endpoint."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from eventstore_client import ApiKey
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import parameters
from tests.e2e.dev.queues import sqs_client
from tests.faces import FACES
from tests.policies.judging import ANY_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_sqs import SQSClient

    from eventstore_client import EventStore
    from eventstore_dev.stack import Stack

__all__ = ["ON_EVERY_FACE", "OVER_EITHER", "TEMPLATE", "Hub", "LocalHub", "held", "local_hub"]

ON_EVERY_FACE = pytest.mark.parametrize("face", [*FACES])
"""Runs a test with both faces of the client."""
OVER_EITHER = pytest.mark.parametrize(
    "face", [*FACES, *(pytest.param(f"{face} over gRPC", marks=pytest.mark.needs("grpc")) for face in FACES)]
)
"""Runs a test with both faces, over HTTP and WebSocket, and over gRPC where the hub has it."""

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Hub(ABC):
    """The project's own template, running.

    Attributes:
        url: Where its REST API is.
        websocket_url: Where its WebSocket API is.
        grpc_url: Where its gRPC API is; empty if it has none.
        valkey: Its cache; it keeps what it answered.
        key: What lets a client in; empty where nothing is asked.
        copies_letters: Whether copies of parked events go to a queue.
    """

    url: str
    websocket_url: str
    valkey: ValkeyServer
    key: str = field(default="", repr=False)
    copies_letters: bool = True
    grpc_url: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The credential headers of a request or a handshake."""
        return {"X-Api-Key": self.key} if self.key else {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the SDK and its command line use this hub."""
        led = {"EVENTSTORE_URL": self.url, "EVENTSTORE_WEBSOCKET_URL": self.websocket_url}
        return led | ({"EVENTSTORE_API_KEY": self.key} if self.key else {})

    def client(self, *, face: str = "blocking", **options: Any) -> EventStore:  # noqa: ANN401 - what `EventStore` takes
        """A client of the SDK; the asynchronous one is used as if it blocked.

        Args:
            face: One of `FACES`, or one followed by ` over gRPC`.
            options: What the client takes. A `websocket_url` is that of gRPC, too, since one address is for all there.
        """
        name, _, transport = face.partition(" over ")
        credentials = {"credentials": ApiKey(self.key) if self.key else None}
        if transport:
            return FACES[name](options.pop("websocket_url", self.grpc_url), **(credentials | options))
        return FACES[name](self.url, **({"websocket_url": self.websocket_url} | credentials | options))

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NOTHING,
        timeout: float = 60,
    ) -> urllib3.BaseHTTPResponse:
        """The answer of the REST API."""
        shown = {**self.headers, **headers}
        return urllib3.request(method, self.url + path, body=body, headers=shown, timeout=timeout, retries=False)

    @abstractmethod
    def sweep(self) -> None:
        """Call the sweep, which a schedule calls every minute."""

    @abstractmethod
    def waiting(self, queue: str) -> int:
        """The number of messages in a queue of the template, in flight or not."""


@dataclass(frozen=True, kw_only=True)
class LocalHub(Hub):
    """On the local stack."""

    stack: Stack

    @classmethod
    def of(cls, stack: Stack, valkey: ValkeyServer) -> LocalHub:
        """A stack that runs on a cache."""
        return cls(stack=stack, url=stack.url, websocket_url=stack.url.replace("http", "ws", 1) + "/ws", valkey=valkey)

    def sweep(self) -> None:
        """See `Hub.sweep`."""
        self.stack.fire("SweepFunction")

    def waiting(self, queue: str) -> int:
        """See `Hub.waiting`."""
        with sqs_client(self.url) as sqs:
            [url] = [url for url in sqs.list_queues()["QueueUrls"] if url.endswith(f"/{queue}.fifo")]
            return held(sqs, url)

    def kill_functions(self) -> None:
        """Kill the processes of all functions."""
        for pid in self.stack.pids:
            # A process may have ended by itself.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def held(sqs: SQSClient, url: str) -> int:
    """The number of messages in a queue, in flight or not."""
    asked = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )
    return sum(map(int, asked["Attributes"].values()))


@contextmanager
def local_hub(folder: Path) -> Iterator[Hub]:
    """Run the local stack during the block."""
    with (
        ValkeyServer.start(folder=folder, persistent=True) as valkey,
        running(
            TEMPLATE,
            parameters={"RedisUrl": valkey.url, **parameters(valkey.url), **ANY_TARGET},
            variables={"AUTH": "none", "LOOPBACK_TARGETS": "true"},
        ) as stack,
    ):
        yield LocalHub.of(stack, valkey)
