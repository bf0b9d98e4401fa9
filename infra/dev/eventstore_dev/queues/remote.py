"""Queues at another endpoint, LocalStack's for one, reached by boto3 in threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from eventstore_dev.aws_names import REGION
from eventstore_dev.queues.broker import BrokerError, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from types_boto3_sqs import SQSClient

    from eventstore_dev.queues.declared import Queue

ResultT = TypeVar("ResultT")

_BATCH = 10
# A thread that waits cannot be called off, and the stack's end would wait for it.
_LONGEST_WAIT = 1
# How long the end of the stack waits for calls that an endpoint does not answer.
_STOP_SECONDS = 2.0
_ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class RemoteQueues:
    """The broker of mappings whose queues are elsewhere.

    Args:
        endpoint: Where the SQS API answers.
        threads: How many calls may be under way.
    """

    def __init__(self, endpoint: str, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="eventstore-dev-sqs")
        # The same names as functions have, since elsewhere queues may belong to who asks.
        self._client: SQSClient = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - as above
            config=Config(max_pool_connections=threads, retries={"total_max_attempts": 1}),
        )
        self._under_way: set[asyncio.Future[Any]] = set()
        self._urls: dict[str, str] = {}
        self._arns: dict[str, str] = {}

    async def declare(self, queues: Iterable[Queue]) -> dict[str, str]:
        """Creates queues that are not there; returns the URL of each, by name.

        Raises:
            BrokerError: The endpoint does not answer, or refuses one.
        """
        declared = list(queues)
        await self._call(lambda: self._create(declared))
        return dict(self._urls)

    def knows(self, queue: str) -> bool:
        """Whether a queue has been declared."""
        return queue in self._urls

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        """Takes what may be delivered now (`Broker`)."""
        answer = await self._call(
            lambda: self._client.receive_message(
                QueueUrl=self._urls[queue],
                MaxNumberOfMessages=most,
                WaitTimeSeconds=min(int(wait), _LONGEST_WAIT),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        )
        return [self._received(message, queue) for message in answer.get("Messages", ())]

    async def delete(self, queue: str, handles: Sequence[str]) -> Sequence[str]:
        """Ends messages (`Broker`)."""
        stayed = []
        for begin in range(0, len(handles), _BATCH):
            some = handles[begin : begin + _BATCH]
            delete = partial(
                self._client.delete_message_batch,
                QueueUrl=self._urls[queue],
                Entries=[{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(some)],
            )
            answer = await self._call(delete)
            stayed += [some[int(failed["Id"])] for failed in answer.get("Failed", ())]
        return stayed

    async def postpone(self, queue: str, handles: Sequence[str], *, seconds: float) -> None:
        """Makes messages visible again after so long (`Broker`)."""
        for begin in range(0, len(handles), _BATCH):
            postpone = partial(
                self._client.change_message_visibility_batch,
                QueueUrl=self._urls[queue],
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": int(seconds)}
                    for place, handle in enumerate(handles[begin : begin + _BATCH])
                ],
            )
            await self._call(postpone)

    async def stop(self) -> None:
        """Waits a moment for the calls under way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_STOP_SECONDS)
        # Not to wait: a thread that is stuck in a call would hold up the loop.
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _create(self, declared: Sequence[Queue]) -> None:
        for queue in declared:
            url = self._found(queue.name)
            if url is None:
                url = self._client.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))["QueueUrl"]  # type: ignore[arg-type] # names from a template
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            self._urls[queue.name], self._arns[queue.name] = url, answer["Attributes"]["QueueArn"]
        for queue in declared:
            if queue.dead_letters is not None:
                policy = {"RedrivePolicy": queue.redrive_policy(self._arns)}
                self._client.set_queue_attributes(QueueUrl=self._urls[queue.name], Attributes=policy)  # type: ignore[arg-type] # as above

    def _found(self, name: str) -> str | None:
        try:
            return self._client.get_queue_url(QueueName=name)["QueueUrl"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return None
            raise

    async def _call(self, act: Callable[[], ResultT]) -> ResultT:
        call = asyncio.get_running_loop().run_in_executor(self._threads, act)
        # Cancelling whoever waits calls off no thread: shielded, it counts as under way until it returns.
        self._under_way.add(call)
        call.add_done_callback(self._returned)
        try:
            return await asyncio.shield(call)
        except (BotoCoreError, ClientError) as error:
            raise BrokerError(str(error)) from error

    def _returned(self, call: asyncio.Future[Any]) -> None:
        self._under_way.discard(call)
        if not call.cancelled():
            # Whoever waited may be gone; then nobody else asks for it, and asyncio would complain.
            call.exception()

    def _received(self, message: Any, queue: str) -> Received:  # noqa: ANN401 - as boto3 has it
        return Received(
            id=message["MessageId"],
            handle=message["ReceiptHandle"],
            body=message["Body"],
            md5=message["MD5OfBody"],
            attributes=message.get("Attributes", {}),
            message_attributes=message.get("MessageAttributes", {}),
            source=self._arns[queue],
        )
