"""Which action of IAM a call of AWS asks for, and on what.

Rules: Service Authorization Reference, "Actions, resources, and condition keys" for Amazon SQS, for Amazon API Gateway
(execute-api: "Amazon API Gateway Management"), for AWS Secrets Manager, for AWS Lambda, for Amazon EventBridge and for
Amazon S3. A batch of SQS asks for the single action.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eventstore_dev.aws_names import ACCOUNT, REGION
from tests.policies.roles import Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.policies.recording import Call

__all__ = ["need"]

_SQS = {
    "ChangeMessageVisibility": "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessage": "DeleteMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "GetQueueAttributes": "GetQueueAttributes",
    "ReceiveMessage": "ReceiveMessage",
    "SendMessage": "SendMessage",
    "SendMessageBatch": "SendMessage",
}
_S3 = {
    "DeleteObject": "s3:DeleteObject",
    "GetObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
}
_METHODS = {"DeleteConnection": "DELETE", "GetConnection": "GET", "PostToConnection": "POST"}


def need(call: Call, *, api: str) -> Need:
    """What the caller's role must let pass.

    Args:
        api: The stage of the WebSocket API whose connections are meant, as `id/stage`.

    Raises:
        LookupError: The call is none that a function is known to make; the message names where to say what it needs.
    """
    names = dict(call.names)
    why = f"{call.service}.{call.operation}"
    match call.service:
        case "sqs" if call.operation in _SQS:
            # Wherever it answers, the URL of a queue ends with its account and its name.
            name = urlsplit(names["QueueUrl"]).path.rpartition("/")[2]
            return Need(f"sqs:{_SQS[call.operation]}", _arn("sqs", name), why)
        case "apigatewaymanagementapi" if call.operation in _METHODS:
            path = f"{api}/{_METHODS[call.operation]}/@connections/{names['ConnectionId']}"
            return Need("execute-api:ManageConnections", _arn("execute-api", path), why)
        case "secretsmanager" if call.operation == "GetSecretValue":
            return Need("secretsmanager:GetSecretValue", _secret(names), why)
        case "lambda" if call.operation == "Invoke":
            return Need("lambda:InvokeFunction", _arn_of("lambda", "function:", names["FunctionName"]), why)
        case "s3" if call.operation in _S3:
            # A listing has no key, and is of the bucket.
            named = "/".join(name for name in (names["Bucket"], names["Key"]) if name)
            return Need(_S3[call.operation], f"arn:aws:s3:::{named}", why)
        case "events" if call.operation == "PutEvents":
            return Need("events:PutEvents", _arn_of("events", "event-bus/", names["EventBusName"]), why)
        case _:
            raise LookupError(f"{call.function} calls {why}, of which {__name__} does not know what it needs")


def _secret(names: Mapping[str, str]) -> str:
    secret = names["SecretId"]
    # An ARN ends with six characters of the service's choice; by its name, a secret is found whatever they are.
    return secret if secret.startswith("arn:") else _arn("secretsmanager", f"secret:{secret}-AbCdEf")


def _arn_of(service: str, kind: str, named: str) -> str:
    """The ARN of what is named by its name or its ARN."""
    return named if named.startswith("arn:") else _arn(service, f"{kind}{named}")


def _arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"
