"""Calls of AWS services that speak JSON, with the name of the operation in a header.

Rules: Smithy, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import HTTPClientError

if TYPE_CHECKING:
    from eventstore.adapters.aws.service_calls import ServiceCalls

__all__ = ["JsonCalls"]


class JsonCalls:
    """Calls one service. Threads may share it.

    Args:
        calls: Calls the service.
        target: What precedes the name of an operation in the header, such as `AmazonSQS`.
        version: The version of the protocol.
    """

    def __init__(self, calls: ServiceCalls, *, target: str, version: str) -> None:
        self._calls = calls
        self._target = target
        self._content_type = f"application/x-amz-json-{version}"

    def call(self, operation: str, *, seconds: float | None = None, **members: object) -> dict[str, Any]:
        """Make a call, and return the members of its answer.

        Args:
            operation: The name of the operation, as the API Reference of the service has it.
            seconds: How many seconds an attempt may take, if not as many as of other calls.
            members: The members of its request.

        Raises:
            ClientError: The service refused.
            BotoCoreError: There is no answer, or one that is not JSON (`HTTPClientError`), or nothing to sign with.
        """
        headers = {"content-type": self._content_type, "x-amz-target": f"{self._target}.{operation}"}
        body = json.dumps(members, separators=(",", ":")).encode()
        answer = self._calls.call(operation, "/", body, headers=headers, seconds=seconds)
        try:
            content = json.loads(answer.body or b"{}")
        except ValueError as error:
            raise HTTPClientError(error=f"the answer to {operation} is not JSON") from error
        if not isinstance(content, dict):
            raise HTTPClientError(error=f"the answer to {operation} is no object of JSON")
        # A member that is null is absent, as for boto3.
        return {name: value for name, value in content.items() if value is not None}

    def close(self) -> None:
        """Close the connections. A later call opens others."""
        self._calls.close()
