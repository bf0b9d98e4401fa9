"""What goes into a function and what comes out, whoever called it."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from os import urandom
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of Lambda and API Gateway, in bytes and seconds, and this stack's own.

    Sources: AWS Lambda Developer Guide, "Lambda quotas" and "How Lambda handles errors and retries with asynchronous
    invocation"; API Gateway Developer Guide, "Quotas for configuring and running a REST API in API Gateway" and "Quotas
    for configuring and running a WebSocket API in API Gateway".
    """

    payload: int = 6 * 1024 * 1024
    event_payload: int = 1024 * 1024
    # Lambda lets a response be a little larger than a request.
    response: int = 6_291_556
    init_seconds: float = 10.0
    event_retry_seconds: tuple[float, ...] = (60.0, 120.0)
    request_body: int = 10 * 1024 * 1024
    request_headers: int = 10_240
    integration_seconds: float = 29.0
    websocket_frame: int = 32 * 1024
    websocket_message: int = 128 * 1024
    websocket_idle_seconds: float = 600.0
    websocket_lifetime_seconds: float = 7200.0
    # After how long a failed message of a queue is visible again; when its visibility timeout ends, if None, as on AWS.
    redelivery_seconds: float | None = None
    # The stack's own: how far a pool grows, how many processes start at once, and how long one may idle.
    concurrency: int = 16
    starting: int = 2
    idle_seconds: float = 600.0
    # How long a client may keep a message to it waiting, and a closing handshake or $disconnect the stack's own end;
    # how many of a client's messages are handled at once before no more are read.
    websocket_send_seconds: float = 3.0
    websocket_closing_seconds: float = 2.0
    websocket_concurrency: int = 64
    # How long a mapping lets queues be that do not answer.
    broker_pause_seconds: float = 1.0


def new_request_id() -> str:
    """A request id as AWS writes them."""
    return str(uuid.uuid4())


def new_trace_id() -> str:
    """A trace header that asks for no sampling."""
    return f"Root=1-{int(time.time()):08x}-{urandom(12).hex()};Parent={urandom(8).hex()};Sampled=0"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function."""

    payload: bytes
    request_id: str = field(default_factory=new_request_id)
    trace_id: str = ""
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    Attributes:
        payload: What the function returned, or the JSON of what went wrong.
        failed: Whether the payload tells what went wrong (`X-Amz-Function-Error: Unhandled`).
        seconds: What the function took, as Lambda would bill it.
        init_seconds: What the environment took to start, if this was its first call.
        tail: The last of what the call logged.
    """

    payload: bytes
    failed: bool
    seconds: float
    init_seconds: float | None = None
    tail: bytes = b""


class Callee(Protocol):
    """What runs a function's calls."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Runs one call to its end."""


def failure(kind: str, message: str) -> bytes:
    """The payload of a call that Lambda itself ended."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
