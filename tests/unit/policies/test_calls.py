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


@pytest.mark.parametrize("function", [f"arn:aws:lambda:{_ACCOUNT}:function:step:live", "step:live"])
def test_a_function_is_meant_by_its_arn_or_its_name(function: str) -> None:
    wanted = f"arn:aws:lambda:{_ACCOUNT}:function:step:live"
    assert asked("lambda", "Invoke", FunctionName=function) == ("lambda:InvokeFunction", wanted)


@pytest.mark.parametrize("bus", [f"arn:aws:events:{_ACCOUNT}:event-bus/orders", "orders"])
def test_a_bus_is_meant_by_its_arn_or_its_name(bus: str) -> None:
    wanted = f"arn:aws:events:{_ACCOUNT}:event-bus/orders"
    assert asked("events", "PutEvents", EventBusName=bus) == ("events:PutEvents", wanted)


@pytest.mark.parametrize(
    ("operation", "names", "wanted"),
    [
        (
            "PutObject",
            {"Key": "hub/events/p00/manifest.json"},
            ("s3:PutObject", "arn:aws:s3:::b/hub/events/p00/manifest.json"),
        ),
        ("ListObjectsV2", {"Key": ""}, ("s3:ListBucket", "arn:aws:s3:::b")),
    ],
)
def test_an_object_is_meant_by_its_bucket_and_key_and_a_listing_by_its_bucket(
    operation: str, names: dict[str, str], wanted: tuple[str, str]
) -> None:
    assert asked("s3", operation, Bucket="b", **names) == wanted


@pytest.mark.parametrize(("service", "operation"), [("sqs", "PurgeQueue"), ("dynamodb", "GetItem")])
def test_an_unknown_call_is_reported(service: str, operation: str) -> None:
    with pytest.raises(LookupError, match=rf"f calls {service}.{operation}, of which tests\.policies\.calls"):
        asked(service, operation)
