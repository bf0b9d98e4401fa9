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
    """Answers as it is told to, and remembers what it was asked."""

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


class Door:
    """An authorizer behind a gateway, whose time is the test's."""

    def __init__(self, function: Function) -> None:
        self.now = 0.0
        self.told = io.StringIO()
        limits = Limits(integration_seconds=0.01)
        terminal = Terminal(stream=self.told)
        self.authorizers = Authorizers({"F": function}, limits=limits, terminal=terminal, clock=lambda: self.now)

    def ask(self, *, arn: str = _ARN, key: str | None = None, seconds: float = 0) -> Grant | Refusal:
        async def ask() -> Grant | Refusal:
            return await self.authorizers.ask("F", b"{}", arn=arn, trace_id="t", key=key, seconds=seconds)

        return asyncio.run(ask())


def good(**members: object) -> dict[str, object]:
    return {"principalId": "someone", "policyDocument": policy(), **members}


def test_what_is_allowed_goes_on_with_its_context_as_text() -> None:
    granted = Door(Function(good(context={"scopes": "read", "n": 7, "on": True}))).ask()
    assert isinstance(granted, Grant)
    assert granted.context == {
        "principalId": "someone",
        "integrationLatency": 0,
        "scopes": "read",
        "n": "7",
        "on": "true",
    }


def test_what_no_statement_allows_is_denied() -> None:
    refused = Door(Function(good(policyDocument=policy(resource="*/other")))).ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.kind) == (403, "AccessDeniedException")
    assert refused.body == b'{"Message":"User is not authorized to access this resource"}'


def test_what_a_statement_denies_is_denied_in_other_words() -> None:
    refused = Door(Function(good(policyDocument=policy("Deny")))).ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, json.loads(refused.body)) == (
        403,
        {"Message": "User is not authorized to access this resource with an explicit deny"},
    )


def test_unauthorized_is_what_the_function_says_by_an_exception() -> None:
    told = {"errorType": "Exception", "errorMessage": "Unauthorized", "stackTrace": []}
    assert Door(Function(told, failed=True)).ask() == UNAUTHORIZED


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
def test_an_authorizer_that_does_not_answer_well_lets_nobody_through(function: Function, complaint: str) -> None:
    door = Door(function)
    refused = door.ask()
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.kind) == (500, "AuthorizerConfigurationException")
    assert refused.body == b'{"message":null}'
    assert complaint in door.told.getvalue()


def test_an_answer_is_kept_for_its_time_and_decides_on_other_calls_too() -> None:
    function = Function(good(policyDocument=policy(resource=method_arn("Api", "v1", "GET/*"))))
    door = Door(function)
    assert isinstance(door.ask(key="one", seconds=60), Grant)
    assert isinstance(door.ask(key="one", seconds=60, arn=method_arn("Api", "v1", "GET/b")), Grant)
    assert isinstance(door.ask(key="one", seconds=60, arn=method_arn("Api", "v1", "POST/b")), Refusal)
    assert len(function.asked) == 1
    door.ask(key="two", seconds=60)
    assert len(function.asked) == 2
    door.now = 60
    door.ask(key="one", seconds=60)
    assert len(function.asked) == 3


def test_without_a_time_no_answer_is_kept() -> None:
    function = Function(good())
    door = Door(function)
    door.ask(key="one")
    door.ask(key="one")
    assert len(function.asked) == 2


def test_a_refusal_is_not_kept() -> None:
    function = Function({"errorMessage": "Unauthorized"}, failed=True)
    door = Door(function)
    door.ask(key="one", seconds=60)
    function.answer, function.failed = good(), False
    assert isinstance(door.ask(key="one", seconds=60), Grant)
