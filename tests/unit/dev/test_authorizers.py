from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_dev.authorizers import UNAUTHORIZED, Authorizers, Grant, Refusal, method_arn
from eventstore_dev.invocation import Limits, Outcome
from eventstore_dev.terminal import Terminal

if TYPE_CHECKING:
    from eventstore_dev.invocation import Invocation

_ARN = method_arn("Api", "v1", "GET/a")


def policy(effect: str = "Allow", resource: str = _ARN) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}]}


class Function:
    """A function with a fixed answer, which records its payloads."""

    def __init__(self, answer: object, *, failed: bool = False, slow: bool = False) -> None:
        self.answer = answer
        self.failed = failed
        self.slow = slow
        self.asked: list[bytes] = []

    async def invoke(self, invocation: Invocation) -> Outcome:
        self.asked.append(invocation.payload)
        if self.slow:
            await asyncio.Event().wait()
        payload = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return Outcome(payload, self.failed, 0.0)


class GuardedRoute:
    """A route with an authorizer, and a clock that the test controls."""

    def __init__(self, function: Function) -> None:
        self.now = 0.0
        self.terminal_output = io.StringIO()
        limits = Limits(integration_seconds=0.01)
        terminal = Terminal(stream=self.terminal_output)
        self.authorizers = Authorizers({"F": function}, limits=limits, terminal=terminal, clock=lambda: self.now)

    def ask(self, *, arn: str = _ARN, key: str | None = None, seconds: float = 0) -> Grant | Refusal:
        async def ask() -> Grant | Refusal:
            return await self.authorizers.ask("F", b"{}", arn=arn, trace_id="t", key=key, seconds=seconds)

        return asyncio.run(ask())


def good(**members: object) -> dict[str, object]:
    return {"principalId": "someone", "policyDocument": policy(), **members}


def test_an_allowed_request_gets_the_context_as_strings() -> None:
    granted = GuardedRoute(Function(good(context={"scopes": "read", "n": 7, "on": True}))).ask()
    assert isinstance(granted, Grant)
    assert granted.context == {
        "principalId": "someone",
        "integrationLatency": 0,
        "scopes": "read",
        "n": "7",
        "on": "true",
    }


def test_a_request_that_no_statement_allows_is_denied() -> None:
    refused = GuardedRoute(Function(good(policyDocument=policy(resource="*/other")))).ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.kind) == (403, "AccessDeniedException")
    assert refused.body == b'{"Message":"User is not authorized to access this resource"}'


def test_an_explicit_denial_has_its_own_message() -> None:
    refused = GuardedRoute(Function(good(policyDocument=policy("Deny")))).ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, json.loads(refused.body)) == (
        403,
        {"Message": "User is not authorized to access this resource with an explicit deny"},
    )


def test_an_exception_named_unauthorized_is_unauthorized() -> None:
    error = {"errorType": "Exception", "errorMessage": "Unauthorized", "stackTrace": []}
    assert GuardedRoute(Function(error, failed=True)).ask() == UNAUTHORIZED


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (Function({"errorMessage": "unauthorized"}, failed=True), "it failed"),
        (Function({"errorMessage": "out of order"}, failed=True), "out of order"),
        (Function(b"", failed=False), "no JSON"),
        (Function(b"[]"), "principalId"),
        (Function({"policyDocument": policy()}), "principalId"),
        (Function({"principalId": "someone"}), "policyDocument"),
        (Function(good(context="scopes")), "context is no object"),
        (Function(good(context={"scopes": ["read"]})), "context.scopes"),
        (Function(good(), slow=True), "in time"),
    ],
)
def test_an_invalid_answer_of_an_authorizer_allows_nobody(function: Function, complaint: str) -> None:
    route = GuardedRoute(function)
    refused = route.ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.kind) == (500, "AuthorizerConfigurationException")
    assert refused.body == b'{"message":null}'
    assert complaint in route.terminal_output.getvalue()


def test_a_cached_answer_also_decides_on_other_routes() -> None:
    function = Function(good(policyDocument=policy(resource=method_arn("Api", "v1", "GET/*"))))
    route = GuardedRoute(function)
    assert isinstance(route.ask(key="one", seconds=60), Grant)
    assert isinstance(route.ask(key="one", seconds=60, arn=method_arn("Api", "v1", "GET/b")), Grant)
    assert isinstance(route.ask(key="one", seconds=60, arn=method_arn("Api", "v1", "POST/b")), Refusal)
    assert len(function.asked) == 1
    route.ask(key="two", seconds=60)
    assert len(function.asked) == 2
    route.now = 60
    route.ask(key="one", seconds=60)
    assert len(function.asked) == 3


def test_without_a_ttl_no_answer_is_cached() -> None:
    function = Function(good())
    route = GuardedRoute(function)
    route.ask(key="one")
    route.ask(key="one")
    assert len(function.asked) == 2


def test_a_refusal_is_not_cached() -> None:
    function = Function({"errorMessage": "Unauthorized"}, failed=True)
    route = GuardedRoute(function)
    route.ask(key="one", seconds=60)
    function.answer, function.failed = good(), False
    assert isinstance(route.ask(key="one", seconds=60), Grant)
