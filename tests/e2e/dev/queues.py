"""Shared by the tests of queues."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import localstack_client.session
from botocore.config import Config

from tests.e2e.dev.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_sqs import SQSClient


@contextmanager
def sqs_client(url: str) -> Iterator[SQSClient]:
    session = localstack_client.session.Session(localstack_host=url.removeprefix("http://"))
    client = session.client("sqs", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20))
    yield client
    client.close()


@dataclass
class Sender:
    """Sends messages to one queue, and reads the records that the function wrote about them."""

    sqs: SQSClient
    url: str
    file: Path
    groups: str = field(default_factory=lambda: uuid.uuid4().hex)

    def send(self, group: str, say: str, **instruction: object) -> None:
        """Send a message in a group that no other test uses."""
        body = {"file": str(self.file), "say": say, **instruction}
        fifo = {"MessageGroupId": group + self.groups, "MessageDeduplicationId": uuid.uuid4().hex}
        self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(body), **fifo)

    @property
    def notes(self) -> list[dict[str, Any]]:
        text = self.file.read_text() if self.file.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def said(self, number: int) -> list[Any]:
        """Wait for `count` messages; return their `say`, in the order in which the function received them."""
        wait_until(lambda: len(self.notes) >= number, what=f"{number} messages, not only {self.notes}")
        return [note["say"] for note in self.notes]

    def said_by(self, group: str, number: int) -> list[str]:
        """The same for one group, once `count` messages of all groups were received."""
        self.said(number)
        return [
            note["say"] for note in self.notes if note["record"]["attributes"]["MessageGroupId"] == group + self.groups
        ]
