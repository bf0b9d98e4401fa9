"""Which call a thread works for: its door for metrics, its ids for the log."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CallScope", "call_scope", "current_scope"]


@dataclass(frozen=True, slots=True)
class CallScope:
    """A call of a client.

    Attributes:
        door: What the client uses: `rest`, `websocket` or `grpc`; `hub` for what the hub does by itself.
        request_id: The id of the request, if it has one.
        connection_id: The id of the connection, if it has one.
    """

    door: str = "hub"
    request_id: str = ""
    connection_id: str = ""


_NONE = CallScope()
_CURRENT: ContextVar[CallScope] = ContextVar("call_scope", default=_NONE)


@contextmanager
def call_scope(scope: CallScope) -> Iterator[None]:
    """Work for a call during the block, in this thread."""
    token = _CURRENT.set(scope)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_scope() -> CallScope:
    """Return the call that this thread works for."""
    return _CURRENT.get()
