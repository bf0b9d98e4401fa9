"""What the gateway is told to let through."""

from __future__ import annotations

from typing import Any

import pytest

from eventstore.access import Access, Scope
from functions.authorizer.policy import policy_of

_STAGE = "arn:aws:execute-api:eu-central-1:123456789012:abcdef123/v1"


def policy(*scopes: Scope, asked: str = "GET/api/v1/events") -> dict[str, Any]:
    return policy_of(Access.of("someone", scopes, tenants=["acme"]), method_arn=f"{_STAGE}/{asked}")


def statement(told: dict[str, Any]) -> dict[str, Any]:
    (found,) = told["policyDocument"]["Statement"]
    return found  # type: ignore[no-any-return]


def test_it_speaks_of_the_whole_stage_for_the_gateway_keeps_it() -> None:
    reading = statement(policy(Scope.READ, asked="GET/api/v1/streams/wf-1"))
    assert reading["Effect"] == "Allow"
    assert f"{_STAGE}/GET/api/v1/events*" in reading["Resource"]
    assert f"{_STAGE}/POST/api/v1/events" not in reading["Resource"]


def test_it_names_what_several_scopes_allow_once() -> None:
    allowed = statement(policy(*Scope))["Resource"]
    assert [path for path in allowed if "filters" in path] == [f"{_STAGE}/*/api/v1/filters*"]
    allowed = statement(policy(Scope.READ, Scope.SUBSCRIBE))["Resource"]
    assert sorted(path.removeprefix(f"{_STAGE}/") for path in allowed if "filters" in path) == [
        "GET/api/v1/filters*",
        "HEAD/api/v1/filters*",
    ]


def test_it_is_the_same_whatever_was_asked() -> None:
    assert policy(Scope.READ) == policy(Scope.READ, asked="DELETE/api/v1/streams/a/b")


def test_without_scopes_all_is_denied() -> None:
    assert statement(policy()) == {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [f"{_STAGE}/*"]}


@pytest.mark.parametrize("scope", [Scope.PUBLISH, Scope.SUBSCRIBE])
def test_who_may_publish_or_subscribe_may_connect(scope: Scope) -> None:
    assert statement(policy(scope, asked="$connect"))["Resource"] == [f"{_STAGE}/$connect"]


def test_who_may_only_read_may_not_connect() -> None:
    assert statement(policy(Scope.READ, Scope.ADMIN, asked="$connect"))["Effect"] == "Deny"


def test_the_functions_are_told_in_texts_alone() -> None:
    told = policy(Scope.READ)
    assert told["principalId"] == "someone"
    assert told["context"] == {"subject": "someone", "scopes": "read", "tenants": "acme", "streams": ""}
