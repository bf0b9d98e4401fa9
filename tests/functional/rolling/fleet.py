"""A rolling deployment: the functions of two trees on one store; each call goes to either tree."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.functional.rest.api import proxied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

__all__ = ["ROOT", "Fleet", "checked_out", "is_known"]

ROOT = Path(__file__).parents[3]
_DRIVER = Path(__file__).with_name("driver.py")
_QUEUES = ("bells", "deliveries", "alarms", "letters")


def is_known(commit: str) -> bool:
    """Whether the local history contains a commit."""
    asked = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    return asked.returncode == 0


def checked_out(commit: str, folder: Path) -> Path:
    """Check out the functions and the core of a commit into a folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "functions", "layers/eventstore"], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


class Functions:
    """The functions of one tree, in a process."""

    def __init__(self, tree: Path, redis_url: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tree), str(tree / "layers/eventstore")]),
            "PARTITIONS": "4",
            "REDIS_URL": redis_url,
            "BELLS_QUEUE_URL": "bells",
            "DELIVERIES_QUEUE_URL": "deliveries",
            "ALARMS_QUEUE_URL": "alarms",
            "DEAD_LETTERS_QUEUE_URL": "letters",
            "CONNECTIONS_URL": "http://127.0.0.1:9",
            "POWERTOOLS_SERVICE_NAME": "flunq-eventstore",
            "AWS_LAMBDA_FUNCTION_NAME": "any",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(_DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            cwd=tree,
        )

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """The answer of a call, and what it sent and posted; an exception of the call is an `AssertionError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"function": function, "event": event}) + "\n")
        self._process.stdin.flush()
        result: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in result, result["error"]
        return result

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@dataclass
class Fleet:
    """The functions of both trees, the queues between them, and the messages posted to clients.

    Attributes:
        trees: Each call goes to a random one.
        received: The messages of each connection, in order.
        closed: The connections that were closed.
    """

    rng: Random
    trees: list[Functions]
    queues: dict[str, deque[str]] = field(default_factory=lambda: {name: deque() for name in _QUEUES})
    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def of(cls, rng: Random, redis_url: str, *trees: Path) -> Iterator[Fleet]:
        """Start the functions of the given trees."""
        with ExitStack() as stack:
            started = []
            for tree in trees:
                functions = Functions(tree, redis_url)
                stack.callback(functions.close)
                started.append(functions)
            yield cls(rng, started)

    @property
    def newest(self) -> Functions:
        """The functions of the last tree."""
        return self.trees[-1]

    def rest(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = "application/json",
        by: Functions | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Call over REST; return the body of the answer, which must not be an error.

        Args:
            by: The functions to call, for a route that only one tree has; by default those of a random tree.
        """
        text = None if body is None else json.dumps(body).encode()
        event = proxied(method, path, body=text, headers={} if text is None else {"Content-Type": media})
        answer = self._call("rest", event, by=by)
        assert answer["statusCode"] < 400, answer
        return json.loads(answer["body"] or "null")

    def connect(self, connection: str) -> None:
        """Open a connection of `eventstore.v1`."""
        event = {"requestContext": {"eventType": "CONNECT", "connectionId": connection, "connectedAt": 1}}
        assert self._call("websocket", event)["statusCode"] == 200

    def say(self, connection: str, **message: object) -> dict[str, Any]:
        """Send a message on a connection; return the answer, which must not be an error."""
        context = {"eventType": "MESSAGE", "connectionId": connection, "routeKey": message["action"]}
        answer = self._call("websocket", {"requestContext": context, "body": json.dumps(message)})
        reply: dict[str, Any] = json.loads(answer["body"])
        assert reply["type"] != "error", reply
        return reply

    def sweep(self) -> None:
        """Run the sweep, as every minute."""
        self._call("sweep", {})

    def settle(self, *, by: Functions | None = None) -> None:
        """Carry messages until the queues are empty; each call goes to either tree, or all go to one."""
        while any(self.queues[name] for name in ("bells", "deliveries", "alarms")):
            for queue, function in (("bells", "dispatch"), ("alarms", "dispatch"), ("deliveries", "deliver")):
                if self.queues[queue]:
                    body = self.queues[queue].popleft()
                    failed = self._call(function, {"Records": [_record(body)]}, by=by)["batchItemFailures"]
                    assert not failed, body

    def _call(self, function: str, event: dict[str, Any], *, by: Functions | None = None) -> Any:  # noqa: ANN401 - of whatever function
        result = (by or self.rng.choice(self.trees)).call(function, event)
        for message in result["sent"]:
            self.queues[message["QueueUrl"]].append(message["MessageBody"])
        for connection, text in result["posted"]:
            self.received.setdefault(connection, []).append(json.loads(text))
        self.closed += result["closed"]
        return result["answer"]


def _record(body: str) -> dict[str, Any]:
    return {
        "messageId": "m1",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"MessageGroupId": "g", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:bells.fifo",
        "awsRegion": "eu-central-1",
    }
