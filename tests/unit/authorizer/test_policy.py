"""The policy that the authorizer returns to the gateway."""

from __future__ import annotations

from typing import Any

import pytest

from eventstore.access import Access, Scope
from functions.authorizer.policy import policy_of

_STAGE = "arn:aws:execute-api:eu-central-1:123456789012:abcdef123/v1"


def policy(*scopes: Scope, asked: str = "GET/api/v1/events") -> dict[str, Any]:
    return policy_of(Access.of("someone", scopes, tenants=["acme"]), method_arn=f"{_STAGE}/{asked}")


def statement(answer: dict[str, Any]) -> dict[str, Any]:
    (document,) = answer["policyDocument"]["Statement"]
    return document  # type: ignore[no-any-return]


def test_the_policy_covers_the_whole_stage_because_the_gateway_caches_it() -> None:
    reading = statement(policy(Scope.READ, asked="GET/api/v1/streams/wf-1"))
    assert reading["Effect"] == "Allow"
    assert f"{_STAGE}/GET/api/v1/events*" in reading["Resource"]
    assert f"{_STAGE}/POST/api/v1/events" not in reading["Resource"]


def test_a_resource_that_several_scopes_allow_is_named_once() -> None:
    allowed = statement(policy(*Scope))["Resource"]
    assert [path for path in allowed if "filters" in path] == [f"{_STAGE}/*/api/v1/filters*"]
    allowed = statement(policy(Scope.READ, Scope.SUBSCRIBE))["Resource"]
    assert sorted(path.removeprefix(f"{_STAGE}/") for path in allowed if "filters" in path) == [
        "GET/api/v1/filters*",
        "HEAD/api/v1/filters*",
    ]


def test_the_policy_does_not_depend_on_the_request() -> None:
    assert policy(Scope.READ) == policy(Scope.READ, asked="DELETE/api/v1/streams/a/b")


def test_without_scopes_everything_is_denied() -> None:
    assert statement(policy()) == {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [f"{_STAGE}/*"]}


@pytest.mark.parametrize("scope", [Scope.PUBLISH, Scope.SUBSCRIBE])
def test_the_publish_or_subscribe_scope_allows_connecting(scope: Scope) -> None:
    assert statement(policy(scope, asked="$connect"))["Resource"] == [f"{_STAGE}/$connect"]


def test_the_read_scope_does_not_allow_connecting() -> None:
    assert statement(policy(Scope.READ, Scope.ADMIN, asked="$connect"))["Effect"] == "Deny"


def test_the_context_for_functions_is_strings_only() -> None:
    answer = policy(Scope.READ)
    assert answer["principalId"] == "someone"
    assert answer["context"] == {"subject": "someone", "scopes": "read", "tenants": "acme", "streams": ""}
