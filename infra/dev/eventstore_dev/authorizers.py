"""Asking an authorizer's function before a request goes on, and what a client is told that may not.

Rules: API Gateway Developer Guide, "Use API Gateway Lambda authorizers", "Output from an API Gateway Lambda
authorizer", "Control access to WebSocket APIs with AWS Lambda REQUEST authorizers" and "Gateway response types".
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.gateway_responses import Failure
from eventstore_dev.invocation import Callee, Invocation, Limits
from eventstore_dev.policy import Decision, PolicyError, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from eventstore_dev.invocation import Outcome
    from eventstore_dev.terminal import Terminal

_ACTION = "execute-api:Invoke"
_UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True, slots=True)
class Grant:
    """The request goes on; the context is what functions find as `requestContext.authorizer`."""

    context: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request does not go on."""

    failure: Failure

    @property
    def status(self) -> int:
        """That of a WebSocket API, which has no gateway responses."""
        return self.failure.status

    @property
    def kind(self) -> str:
        """What `x-amzn-ErrorType` says."""
        return self.failure.error

    @property
    def body(self) -> bytes:
        """As it is where no API has changed it."""
        return self.failure.body


def _denied(message: str) -> Refusal:
    return Refusal(Failure("ACCESS_DENIED", 403, "AccessDeniedException", message, member="Message"))


UNAUTHORIZED = Refusal(Failure("UNAUTHORIZED", 401, "UnauthorizedException", "Unauthorized"))
_DENIED = "User is not authorized to access this resource"
_REFUSALS = {
    Decision.DENIED: _denied(_DENIED),
    Decision.DENIED_EXPLICITLY: _denied(f"{_DENIED} with an explicit deny"),
}
_MISCONFIGURED = Refusal(Failure("AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", None))

Answer: TypeAlias = Grant | Refusal


@dataclass(frozen=True, slots=True)
class _Told:
    """What an authorizer told, and until when it may be used again."""

    policy: object
    context: Mapping[str, object]
    until: float


class Authorizers:
    """Asks authorizers, by the logical ids of their functions. The mapping may change meanwhile."""

    def __init__(
        self,
        callees: Mapping[str, Callee],
        *,
        limits: Limits,
        terminal: Terminal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._callees = callees
        self._limits = limits
        self._terminal = terminal
        self._clock = clock
        self._kept: dict[Hashable, _Told] = {}
        # A call that the gateway has given up on still runs to its end.
        self._calls: set[asyncio.Task[Outcome]] = set()

    async def ask(
        self, function: str, event: bytes, *, arn: str, trace_id: str, key: Hashable = None, seconds: float = 0
    ) -> Answer:
        """Whether a request may go on.

        Args:
            function: The authorizer's.
            event: What it is asked with.
            arn: What the request wants (`method_arn`).
            trace_id: The request's.
            key: By what its answer is kept, for other requests too.
            seconds: For how long; 0 keeps none.
        """
        told = self._kept.get(key) if seconds else None
        if told is None or told.until <= self._clock():
            try:
                told = await self._told(function, event, trace_id, seconds)
            except _NoAnswerError as error:
                # API Gateway tells the client nothing, and its execution log everything.
                self._terminal.complain(f"500: the authorizer {function}: {error}")
                return _MISCONFIGURED
            if told is None:
                return UNAUTHORIZED
            if seconds:
                self._keep(key, told)
        try:
            decision = decide(told.policy, action=_ACTION, resource=arn)
        except PolicyError as error:
            self._terminal.complain(f"500: the authorizer {function}: {error}")
            return _MISCONFIGURED
        return Grant(told.context) if decision is Decision.ALLOWED else _REFUSALS[decision]

    def _keep(self, key: Hashable, told: _Told) -> None:
        now = self._clock()
        self._kept = {kept: one for kept, one in self._kept.items() if one.until > now} | {key: told}

    async def _told(self, function: str, event: bytes, trace_id: str, seconds: float) -> _Told | None:
        """What the function says of whoever asks; None, if it does not know it."""
        began = self._clock()
        call = asyncio.create_task(self._callees[function].invoke(Invocation(event, trace_id=trace_id)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        done, _ = await asyncio.wait([call], timeout=self._limits.integration_seconds)
        if not done:
            raise _NoAnswerError("it did not answer in time")
        outcome = call.result()
        try:
            told = json.loads(outcome.payload)
        except ValueError as error:
            raise _NoAnswerError(f"its answer is no JSON: {error}") from error
        if outcome.failed:
            if isinstance(told, Mapping) and told.get("errorMessage") == _UNAUTHORIZED:
                return None
            raise _NoAnswerError(f"it failed: {told}")
        if not isinstance(told, Mapping) or not isinstance(told.get("principalId"), str):
            raise _NoAnswerError("its answer has no principalId")
        context = {
            "principalId": told["principalId"],
            "integrationLatency": int((self._clock() - began) * 1000),
            **_texts(told.get("context") or {}),
        }
        return _Told(told.get("policyDocument"), context, self._clock() + seconds)


class _NoAnswerError(Exception):
    """An authorizer's answer is none; the message says why."""


def method_arn(api: str, stage: str, asked: str) -> str:
    """What a request wants, as a policy names it: `METHOD/path` of a REST API, a route of a WebSocket API."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.lower()}/{stage}/{asked}"


def _texts(told: object) -> dict[str, str]:
    """The context as functions get it: text, whatever it was; lists and objects are refused."""
    if not isinstance(told, Mapping):
        raise _NoAnswerError("its context is no object")
    for name, value in told.items():
        if not isinstance(value, str | int | float | bool):
            raise _NoAnswerError(f"context.{name} must be text, a number or a truth value")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}
