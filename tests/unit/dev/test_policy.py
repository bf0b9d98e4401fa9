from __future__ import annotations

from typing import Any

import pytest

from eventstore_dev.policy import Decision, PolicyError, decide

_ARN = "arn:aws:execute-api:us-east-1:123456789012:api/v1/"


def decided(*statements: dict[str, Any], of: str = "GET/a/b") -> Decision:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return decide(policy, action="execute-api:Invoke", resource=_ARN + of)


def allow(*paths: str, effect: str = "Allow", action: object = "execute-api:Invoke") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": [_ARN + path for path in paths]}


@pytest.mark.parametrize("path", ["GET/a/b", "GET/a/*", "GET/*", "*/a/b", "*", "GET/a/?", "G?T/*"])
def test_a_resource_is_allowed_by_name_or_by_wildcard(path: str) -> None:
    assert decided(allow("POST/x", path)) is Decision.ALLOWED


@pytest.mark.parametrize("path", ["GET/a", "GET/a/b/*", "POST/*", "GET/a/", "get/a/b", "GET/a.b", "GET/a/b?"])
def test_a_request_without_a_matching_statement_is_denied(path: str) -> None:
    assert decided(allow(path)) is Decision.DENIED


def test_a_denial_takes_precedence() -> None:
    assert decided(allow("*"), allow("GET/a/*", effect="Deny")) is Decision.DENIED_EXPLICITLY


@pytest.mark.parametrize(
    ("action", "decision"),
    [
        (["lambda:Invoke", "execute-api:*"], Decision.ALLOWED),
        ("*", Decision.ALLOWED),
        ("execute-api:ManageConnections", Decision.DENIED),
    ],
)
def test_the_action_counts_as_well(action: object, decision: Decision) -> None:
    assert decided(allow("*", action=action)) is decision


def test_one_statement_may_stand_alone() -> None:
    assert decide({"Statement": allow("*")}, action="execute-api:Invoke", resource=_ARN) is Decision.ALLOWED


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (None, "needs statements"),
        ({"Statement": None}, "needs statements"),
        ({"Statement": [allow("*", effect="Maybe")]}, "needs statements"),
        ({"Statement": [allow("*") | {"Condition": {}}]}, "a statement has Condition"),
        ({"Statement": [{"Effect": "Allow", "Action": "*"}]}, "no Resource"),
        ({"Statement": [{"Effect": "Allow", "Resource": "*"}]}, "no Action"),
    ],
)
def test_an_invalid_statement_allows_nothing(policy: object, complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        decide(policy, action="execute-api:Invoke", resource=_ARN)
