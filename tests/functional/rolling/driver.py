"""The functions of one tree as a process: calls are lines of standard input, and answers lines of standard output.

It imports nothing of the tests, so that it runs with the code of whatever tree its path names. Old trees call AWS by
boto3, later ones by `ServiceCalls`: both are replaced by what notes what is sent, and the answer to a call hands
it back.
"""

from __future__ import annotations

import base64
import json
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote

import boto3


class Sqs:
    """Records sent messages instead of SQS."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3 has it
        self.sent.append(message)
        return {"MessageId": "m"}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        self.sent += [{"QueueUrl": QueueUrl, **entry} for entry in Entries]
        return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in Entries]}

    def receive_message(self, **_: object) -> dict[str, Any]:
        """Return no message: these tests need no dead letters."""
        return {}


class Connections:
    """Records the messages posted to clients, and the connections that are closed."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.closed: list[str] = []

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - as boto3 has it
        self.posted.append((ConnectionId, Data.decode()))

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803 - as boto3 has it
        self.closed.append(ConnectionId)


class Calls:
    """Makes the calls of later trees, by those of boto3.

    Args:
        sqs: Receives the calls of SQS.
        connections: Receives the calls of the WebSocket API.
    """

    def __init__(self, sqs: Sqs, connections: Connections) -> None:
        self._operations = {
            "SendMessage": sqs.send_message,
            "SendMessageBatch": sqs.send_message_batch,
            "ReceiveMessage": sqs.receive_message,
        }
        self._connections = connections

    def call(self, operation: str, path: str, body: bytes = b"", **_: object) -> tuple[dict[str, str], bytes]:
        if operation in self._operations:
            return {}, json.dumps(self._operations[operation](**json.loads(body))).encode()
        connection = unquote(path.rpartition("/")[2])
        if operation == "PostToConnection":
            self._connections.post_to_connection(ConnectionId=connection, Data=body)
        else:
            self._connections.delete_connection(ConnectionId=connection)
        return {}, b""


class Answer(NamedTuple):
    """What `ServiceCalls.call` returns."""

    headers: dict[str, str]
    body: bytes


class Context:
    """The part of a Lambda context that handlers use."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    function_name = memory_limit_in_mb = invoked_function_arn = ""

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def main() -> None:
    """Answer calls until standard input ends."""
    sqs, connections = Sqs(), Connections()
    clients = {"sqs": sqs, "apigatewaymanagementapi": connections}
    boto3.client = lambda name, **_: clients[name]  # type: ignore[assignment, misc] # what is asked for here
    # An old tree has no such module.
    with suppress(ModuleNotFoundError):
        calls = Calls(sqs, connections)
        later = import_module("eventstore.adapters.aws.service_calls")
        later.ServiceCalls.call = lambda _, *args, **options: Answer(*calls.call(*args, **options))
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = import_module(f"functions.{call['function']}.app").handler(call["event"], Context())
            result = {"answer": answer}
        except Exception:  # noqa: BLE001 - the test raises any error
            result = {"error": traceback.format_exc()}
        sent, sqs.sent = sqs.sent, []
        posted, connections.posted = connections.posted, []
        closed, connections.closed = connections.closed, []
        answer = {**result, "sent": sent, "posted": posted, "closed": closed}
        out.write(json.dumps(answer, default=_plain) + "\n")
        out.flush()


def _plain(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
