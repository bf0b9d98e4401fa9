"""The queues of a template, and the functions that are called with their messages.

Rules: CloudFormation User Guide, "AWS::SQS::Queue"; SAM Developer Guide, "SQS"; Lambda Developer Guide, "Using Lambda
with Amazon SQS".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import QUEUE, arn, queue_url
from eventstore_dev.cloudformation import Document, Resource, is_true
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What a template may set, by the name that the SQS API has for it too.
_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
_ONLY_FIFO = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"})
_VISIBILITY_TIMEOUT = 30
# Of a batch: for FIFO, for others without a window, and for others with one.
_FIFO_BATCH, _PLAIN_BATCH, _GATHERED_BATCH = 10, 10, 10_000
_PARTIAL = "ReportBatchItemFailures"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it would be created.

    Attributes:
        attributes: What CreateQueue takes, without the redrive policy.
        dead_letters: The name of its dead-letter queue, if it has one.
        max_receive_count: How often a message is received before it goes there.
    """

    logical_id: str
    name: str
    attributes: tuple[tuple[str, str], ...]
    dead_letters: str | None = None
    max_receive_count: int = 0

    @property
    def fifo(self) -> bool:
        """Whether it keeps the order of its groups."""
        return self.name.endswith(".fifo")

    @property
    def visibility_timeout(self) -> int:
        """Seconds for which a received message is kept from others."""
        return int(dict(self.attributes).get("VisibilityTimeout", _VISIBILITY_TIMEOUT))

    @property
    def aws_url(self) -> str:
        """Its URL on AWS."""
        return queue_url(self.name)

    def redrive_policy(self, arn_of: Mapping[str, str]) -> str:
        """Its redrive policy as the API takes it.

        Args:
            arn_of: The ARN of each queue, by name.
        """
        assert self.dead_letters is not None  # noqa: S101 - asked only of a queue that has dead letters
        target = arn_of[self.dead_letters]
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": self.max_receive_count})


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """What calls a function with the messages of a queue.

    Attributes:
        function: The function's logical id.
        queue: The queue's name.
        window: Seconds for which messages are gathered.
        partial: Whether the function tells which messages it failed on.
        concurrency: How many batches may be under way; as many as the function's pool takes, if None.
    """

    function: str
    queue: str
    batch_size: int
    window: float
    partial: bool
    concurrency: int | None
    enabled: bool

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order of its groups."""
        return self.queue.endswith(".fifo")


def read_queues(document: Document) -> dict[str, Queue]:
    """The queues of a template, by logical id.

    Raises:
        TemplateError: One cannot be created.
    """
    queues = {name: _queue(document, one) for name, one in document.resources.items() if one.kind == QUEUE}
    names = {queue.name: queue for queue in queues.values()}
    for queue in queues.values():
        if queue.dead_letters is None:
            continue
        target = names.get(queue.dead_letters)
        if target is None:
            raise TemplateError(
                f"{queue.logical_id}.RedrivePolicy names {queue.dead_letters}, no queue of this template"
            )
        if target.fifo != queue.fifo:
            kind = "a FIFO" if queue.fifo else "a standard"
            raise TemplateError(f"{queue.logical_id}.RedrivePolicy: the dead letters of {kind} queue need {kind} queue")
    return queues


def read_mapping(
    properties: Mapping[str, Any], *, at: str, function: str, timeout: float, queues: Iterable[Queue]
) -> EventSourceMapping:
    """An event of the kind SQS.

    Args:
        properties: Its properties, worked out.
        at: What to call its place in an error.
        function: The function's logical id.
        timeout: The function's.
        queues: Those of the template.

    Raises:
        TemplateError: Lambda would refuse it.
    """
    by_arn = {arn(QUEUE, queue.name): queue for queue in queues}
    queue = by_arn.get(str(properties.get("Queue")))
    if queue is None:
        raise TemplateError(
            f"{at}: Queue is {properties.get('Queue')!r}; it must be the Arn of a queue of this template"
        )
    if queue.visibility_timeout < timeout:
        raise TemplateError(
            f"{at}: the visibility timeout of {queue.logical_id}, {queue.visibility_timeout} s, must not be less than "
            f"the function's Timeout, {timeout:g} s"
        )
    size, window = int(properties.get("BatchSize", 10)), int(properties.get("MaximumBatchingWindowInSeconds", 0))
    if queue.fifo and window:
        raise TemplateError(f"{at}: MaximumBatchingWindowInSeconds is not allowed for a FIFO queue")
    most = _FIFO_BATCH if queue.fifo else _GATHERED_BATCH if window else _PLAIN_BATCH
    if not 1 <= size <= most:
        raise TemplateError(f"{at}: BatchSize is {size}; it must be from 1 to {most} here")
    responses = properties.get("FunctionResponseTypes") or []
    if set(responses) - {_PARTIAL}:
        raise TemplateError(f"{at}: FunctionResponseTypes knows only {_PARTIAL}")
    concurrency = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= int(concurrency) <= 1000:  # noqa: PLR2004 - Lambda's own bounds
        raise TemplateError(f"{at}: MaximumConcurrency is {concurrency}; it must be from 2 to 1000")
    return EventSourceMapping(
        function=function,
        queue=queue.name,
        batch_size=size,
        window=float(window),
        partial=bool(responses),
        concurrency=None if concurrency is None else int(concurrency),
        enabled=is_true(properties.get("Enabled", True)),
    )


def _queue(document: Document, resource: Resource) -> Queue:
    at = resource.name
    properties = document.resolve(
        {key: value for key, value in resource.properties.items() if key in {*_ATTRIBUTES, "RedrivePolicy"}}, at=at
    )
    name = document.resolve({"Fn::GetAtt": [at, "QueueName"]}, at=at)
    fifo = is_true(properties.get("FifoQueue", False))
    if fifo != name.endswith(".fifo"):
        raise TemplateError(
            f"{at}: the queue's name is {name!r}; it must end in .fifo if FifoQueue is true, and only then"
        )
    if not fifo and (wrong := sorted(_ONLY_FIFO & set(properties))):
        raise TemplateError(f"{at}: {', '.join(wrong)} is for FIFO queues only")
    policy = properties.pop("RedrivePolicy", None)
    if policy is not None and not {"deadLetterTargetArn", "maxReceiveCount"} <= set(policy):
        raise TemplateError(f"{at}.RedrivePolicy must have deadLetterTargetArn and maxReceiveCount")
    return Queue(
        logical_id=at,
        name=name,
        attributes=tuple((key, _text(value)) for key, value in sorted(properties.items())),
        dead_letters=None if policy is None else str(policy["deadLetterTargetArn"]).rpartition(":")[2],
        max_receive_count=0 if policy is None else int(policy["maxReceiveCount"]),
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
