"""The account and the region of the local stack, and the ARNs and URLs that resources have there.

Rules: IAM User Guide, "Amazon Resource Names"; the URLs are those of queues and of the stages of REST APIs on AWS.
"""

from __future__ import annotations

import re

__all__ = ["ACCOUNT", "QUEUE", "REGION", "URL_SUFFIX", "api_url", "arn", "function_name", "queue_url"]

ACCOUNT = "123456789012"
REGION = "us-east-1"
URL_SUFFIX = "amazonaws.com"
QUEUE = "AWS::SQS::Queue"
_FUNCTION = re.compile(r":function:([^:/]+)")


def arn(kind: str, name: str) -> str:
    """The ARN that a resource has in the local stack."""
    if kind in {"AWS::Serverless::Function", "AWS::Lambda::Function"}:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    service = kind.split("::")[1].lower()
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def function_name(uri: str) -> str:
    """The function that an ARN names, or the URI of an integration with it; a bare name is itself."""
    match = _FUNCTION.search(uri)
    return match[1] if match else uri


def queue_url(name: str) -> str:
    """The URL that a queue has on AWS; functions get the one of here in its place (`Addresses`)."""
    return f"https://sqs.{REGION}.{URL_SUFFIX}/{ACCOUNT}/{name}"


def api_url(name: str, stage: str) -> str:
    """The URL that a stage of a REST API has on AWS; functions get the one of here in its place (`Addresses`)."""
    return f"https://{name}.execute-api.{REGION}.{URL_SUFFIX}/{stage}"


def websocket_url(name: str, stage: str) -> str:
    """The URL that a stage of a WebSocket API has on AWS; functions get the one of here in its place (`Addresses`)."""
    return f"wss://{name}.execute-api.{REGION}.{URL_SUFFIX}/{stage}"
