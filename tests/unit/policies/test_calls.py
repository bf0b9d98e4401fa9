"""The permission that an AWS call needs."""

from __future__ import annotations

import pytest

from tests.policies.calls import need
from tests.policies.recording import Call

_ACCOUNT = "us-east-1:123456789012"


def asked(service: str, operation: str, **names: str) -> tuple[str, str]:
    required = need(Call("f", service, operation, tuple(names.items())), api="api/ws")
    return required.action, required.resource


@pytest.mark.parametrize("operation", ["SendMessage", "SendMessageBatch"])
def test_a_batch_needs_the_permission_of_the_single_call(operation: str) -> None:
    url = "http://127.0.0.1:4566/123456789012/Bells.fifo"
    assert asked("sqs", operation, QueueUrl=url) == ("sqs:SendMessage", f"arn:aws:sqs:{_ACCOUNT}:Bells.fifo")


@pytest.mark.parametrize(("operation", "method"), [("PostToConnection", "POST"), ("DeleteConnection", "DELETE")])
def test_connections_are_of_a_method_of_the_stage(operation: str, method: str) -> None:
    action, resource = asked("apigatewaymanagementapi", operation, ConnectionId="c1=")
    assert action == "execute-api:ManageConnections"
    assert resource == f"arn:aws:execute-api:{_ACCOUNT}:api/ws/{method}/@connections/c1="


@pytest.mark.parametrize("secret", [f"arn:aws:secretsmanager:{_ACCOUNT}:secret:keys-AbCdEf", "keys"])
def test_a_secret_is_identified_by_its_arn_or_its_name(secret: str) -> None:
    wanted = f"arn:aws:secretsmanager:{_ACCOUNT}:secret:keys-AbCdEf"
    assert asked("secretsmanager", "GetSecretValue", SecretId=secret) == ("secretsmanager:GetSecretValue", wanted)


@pytest.mark.parametrize(("service", "operation"), [("sqs", "PurgeQueue"), ("s3", "GetObject")])
def test_an_unknown_call_is_reported(service: str, operation: str) -> None:
    with pytest.raises(LookupError, match=rf"f calls {service}.{operation}, of which tests\.policies\.calls"):
        asked(service, operation)
