"""The findings on a role that grants too little, too much, or too widely."""

from __future__ import annotations

import pytest

from tests.policies.evaluator import Statement
from tests.policies.findings import missing, unnamed, unused
from tests.policies.roles import Need, Role

BELLS = "arn:aws:sqs:us-east-1:123456789012:Bells.fifo"
LETTERS = "arn:aws:sqs:us-east-1:123456789012:Letters.fifo"
CONNECTIONS = "arn:aws:execute-api:us-east-1:123456789012:api/ws/POST/@connections"
LOG = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/rest"
SEND = Need("sqs:SendMessage", BELLS, "sqs.SendMessage")
WRITE = Need("logs:PutLogEvents", f"{LOG}:log-stream:any", "Lambda writes")


def role(*grants: tuple[str, str], needs: tuple[Need, ...] = ()) -> Role:
    statements = tuple(Statement(allow=True, actions=(action,), resources=(on,), source="p") for action, on in grants)
    return Role("Rest", "rest", statements, needs)


def test_a_role_that_fits_has_no_findings() -> None:
    fitting = role(("sqs:SendMessage", BELLS), ("logs:PutLogEvents", f"{LOG}:*"), needs=(WRITE,))
    assert [*missing(fitting, {SEND}), *unused(fitting, {SEND}), *unnamed(fitting)] == []


def test_a_call_without_its_statement_is_named() -> None:
    assert list(missing(role(), {SEND})) == [f"Rest may not sqs:SendMessage on {BELLS} (sqs.SendMessage)"]


def test_a_statement_about_another_queue_does_not_allow_the_call() -> None:
    assert list(missing(role(("sqs:SendMessage", LETTERS)), {SEND}))


def test_a_missing_permission_of_lambda_itself_is_reported() -> None:
    assert list(missing(role(needs=(WRITE,)), ())) == [
        f"Rest may not logs:PutLogEvents on {WRITE.resource} ({WRITE.why})"
    ]


def test_an_unused_action_is_reported() -> None:
    findings = list(unused(role(("sqs:SendMessage", BELLS), ("sqs:PurgeQueue", BELLS)), {SEND}))
    assert findings == [f"Rest may sqs:PurgeQueue on {BELLS} (p), which nothing asks for"]


def test_each_action_of_a_statement_is_judged_on_each_of_its_resources() -> None:
    wide = Statement(
        allow=True, actions=("sqs:SendMessage", "sqs:ReceiveMessage"), resources=(BELLS, LETTERS), source="p"
    )
    findings = list(unused(Role("Rest", "rest", (wide,), ()), {SEND}))
    assert [finding.split(" (")[0] for finding in findings] == [
        f"Rest may sqs:SendMessage on {LETTERS}",
        f"Rest may sqs:ReceiveMessage on {BELLS}",
        f"Rest may sqs:ReceiveMessage on {LETTERS}",
    ]


def test_a_denial_grants_nothing() -> None:
    denial = Statement(allow=False, actions=("sqs:*",), resources=("*",))
    assert list(unused(Role("Rest", "rest", (denial,), ()), ())) == []


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:sqs:us-east-1:123456789012:*", "arn:aws:sqs:*:123456789012:Bells.fifo"]
)
def test_a_wildcard_resource_that_could_be_named_is_reported(resource: str) -> None:
    assert list(unnamed(role(("sqs:SendMessage", resource)))) == [
        f"Rest may sqs:SendMessage on {resource} (p); name the resource"
    ]


@pytest.mark.parametrize("action", ["sqs:*", "sqs:SendMessage*", "*"])
def test_a_wildcard_action_is_reported(action: str) -> None:
    assert list(unnamed(role((action, BELLS)))) == [f"Rest may {action} (p); name the actions"]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:CreateNetworkInterface", "*"),
        ("xray:PutTraceSegments", "*"),
        ("execute-api:ManageConnections", f"{CONNECTIONS}/*"),
        ("logs:PutLogEvents", f"{LOG}:*"),
        ("logs:CreateLogStream", f"{LOG}:log-stream:*"),
    ],
)
def test_a_resource_without_a_name_beforehand_may_be_wide(action: str, resource: str) -> None:
    assert list(unnamed(role((action, resource)))) == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:RunInstances", "*"),
        ("execute-api:ManageConnections", CONNECTIONS.replace("POST", "*") + "/*"),
        ("execute-api:Invoke", f"{CONNECTIONS}/*"),
        ("logs:PutLogEvents", "*"),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:*:*"),
        ("elasticache:Connect", "arn:aws:elasticache:us-east-1:123456789012:user:*"),
    ],
)
def test_a_wide_resource_must_not_be_wider_than_needed(action: str, resource: str) -> None:
    assert list(unnamed(role((action, resource))))
