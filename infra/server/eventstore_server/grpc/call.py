"""One call: who makes it, until when, and where its blocking work is done."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from eventstore.access import FULL, Access
from eventstore.errors import EventstoreError
from eventstore_server.call_scope import CallScope, call_scope
from eventstore_server.grpc.drain import Drain
from eventstore_server.tracing import NoTracing, Tracing
from functions.authorizer.credentials import credential_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import grpc.aio

    from eventstore.hub.hub import Hub
    from eventstore_server.worker_threads import WorkerThreads

__all__ = ["Call", "DeadlinePassed"]

ResultT = TypeVar("ResultT")

_CREDENTIALS = ("authorization", "x-api-key")


class DeadlinePassed(Exception):
    """The deadline of a call passed before its work began."""


@dataclass(slots=True)
class Call:
    """One call of a client.

    Attributes:
        context: The call, as gRPC has it.
        hub: The use cases.
        threads: Where everything that blocks is done.
        check: Returns the access of a credential; None if no credential is required.
        drain: Whether the door drains, so that the call is not to wait for its client.
        name: The names of service and method.
        tracing: Records a span for each piece of work.
        code: The status with which the call ends.
    """

    context: grpc.aio.ServicerContext[Any, Any]
    hub: Hub
    threads: WorkerThreads
    check: Callable[[str], Access] | None
    drain: Drain = field(default_factory=Drain)
    name: str = ""
    tracing: Tracing = field(default_factory=NoTracing)
    code: str = "OK"
    _access: Access | None = None
    _deadline: float | None = field(init=False)
    _working: int = field(init=False, default=0)
    _idle: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        seconds: float | None = self.context.time_remaining()
        self._deadline = None if seconds is None else time.monotonic() + seconds

    async def run(self, work: Callable[[Access], ResultT]) -> ResultT:
        """Return what blocking work returns, which is done in a thread with the access of the caller.

        Args:
            work: Receives the access.

        Raises:
            Unauthorized: The call has no valid credential.
            DeadlinePassed: The deadline of the call passed before the work began.
        """
        self._working += 1
        return await self.threads.run(lambda: self._perform(work), ended=self._ended)

    async def settled(self) -> None:
        """Wait until no work of the call is in progress: a call that was cancelled does not stop its thread."""
        while self._working:
            self._idle.clear()
            await self._idle.wait()

    def _ended(self) -> None:
        self._working -= 1
        if not self._working:
            self._idle.set()

    def _perform(self, work: Callable[[Access], ResultT]) -> ResultT:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DeadlinePassed
        if self._access is None:
            self._access = FULL if self.check is None else self.check(credential_of(self._as_event()))
        parent = next((str(value) for name, value in self._metadata() if name == "traceparent"), "")
        with (
            call_scope(CallScope("grpc")),
            self.tracing.span(self.name, kind="server", parent=parent, attributes={"rpc.system": "grpc"}) as span,
        ):
            try:
                return work(self._access)
            except EventstoreError as error:
                span.fail(error.code)
                raise

    def _metadata(self) -> Iterable[tuple[str, str | bytes]]:
        return self.context.invocation_metadata() or ()

    def _as_event(self) -> Mapping[str, Any]:
        """Return the credentials of the call in the form in which gateways pass them to the authorizer."""
        headers: dict[str, list[str]] = {}
        for name, value in self._metadata():
            if name in _CREDENTIALS:
                headers.setdefault(name, []).append(value if isinstance(value, str) else value.decode("latin-1"))
        return {"multiValueHeaders": headers, "requestContext": {}}
