"""The functions behind the routes of WebSocket APIs.

Rules: API Gateway Developer Guide, "Quotas for configuring and running a WebSocket API in API Gateway" (integration
timeout).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_dev.invocation import Callee, Invocation, Limits
from eventstore_dev.websocket.answer import Answer, MalformedAnswerError, decode_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_dev.invocation import Outcome
    from eventstore_dev.terminal import Terminal
    from eventstore_dev.websocket.declared import WebSocketRoute


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended for the gateway.

    Attributes:
        status: The answer's, or 502 or 504 if there is none.
        answer: What the function told, if it told what can be understood.
    """

    status: int
    answer: Answer | None = None
    outcome: Outcome | None = None


class Integration:
    """Calls functions, by logical id. The mapping may change meanwhile."""

    def __init__(self, callees: Mapping[str, Callee], *, limits: Limits, terminal: Terminal) -> None:
        self._callees = callees
        self._limits = limits
        self._terminal = terminal
        # A call that the gateway has given up on still runs to its end.
        self._calls: set[asyncio.Task[Outcome]] = set()

    async def call(self, route: WebSocketRoute, event: bytes, *, trace_id: str) -> Result:
        """Calls the function of a route, and waits no longer than may be."""
        callee = self._callees[route.function]
        call = asyncio.create_task(callee.invoke(Invocation(event, trace_id=trace_id)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        done, _ = await asyncio.wait([call], timeout=route.seconds or self._limits.integration_seconds)
        if not done:
            return Result(504)
        outcome = call.result()
        if outcome.failed:
            return self._bad(route, _told(outcome.payload), outcome)
        try:
            answer = decode_answer(outcome.payload, limit=self._limits.websocket_message)
        except MalformedAnswerError as error:
            return self._bad(route, f"malformed answer: {error}", outcome)
        return Result(answer.status, answer, outcome)

    def _bad(self, route: WebSocketRoute, why: str, outcome: Outcome) -> Result:
        # API Gateway tells the client nothing, and its execution log everything.
        self._terminal.complain(f"{route.key} of {route.function}: {why}")
        return Result(502, None, outcome)


def _told(payload: bytes) -> str:
    """The error of a function, in a line."""
    try:
        error = json.loads(payload)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return payload[:200].decode(errors="replace")
