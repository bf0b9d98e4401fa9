"""A batch of messages as a function's event, and what its answer says about them.

Rules: Lambda Developer Guide, "Using Lambda with Amazon SQS" (example events) and "Handling errors for an SQS event
source in Lambda" (success and failure conditions).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore_dev.aws_names import REGION
from eventstore_dev.queues.broker import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventstore_dev.queues.broker import Received

_HEAD, _TAIL = b'{"Records":[', b"]}"


def events(batch: Sequence[Received], *, limit: int) -> Iterator[tuple[bytes, Sequence[Received]]]:
    """The batch's messages as events, in order: one, unless that would be larger than the limit."""
    parts: list[bytes] = []
    messages: list[Received] = []
    size = len(_HEAD) + len(_TAIL)
    for message in batch:
        part = json.dumps(_record(message), ensure_ascii=False, separators=(",", ":")).encode()
        if messages and size + len(part) + 1 > limit:
            yield _HEAD + b",".join(parts) + _TAIL, messages
            parts, messages, size = [], [], len(_HEAD) + len(_TAIL)
        parts.append(part)
        messages.append(message)
        size += len(part) + 1
    if messages:
        yield _HEAD + b",".join(parts) + _TAIL, messages


def reported(answer: bytes, known: Iterable[str]) -> frozenset[str] | None:
    """The ids of the messages that a function failed on; None if the answer is not valid, so that all count as failed.

    Args:
        answer: What the function returned.
        known: The ids of the batch.
    """
    try:
        told = json.loads(answer or b"null")
    except ValueError:
        return None
    if told is None:
        return frozenset()
    if not isinstance(told, dict):
        return None
    failures = told.get("batchItemFailures") or []
    if not isinstance(failures, list) or not all(isinstance(one, dict) for one in failures):
        return None
    expected = set(known)
    found = [one.get("itemIdentifier") for one in failures]
    if not all(isinstance(identifier, str) and identifier in expected for identifier in found):
        return None
    return frozenset(found)


def kept_back(messages: Iterable[Received], failed: frozenset[str]) -> frozenset[str]:
    """The failed, and what comes after them in their groups: deleting it would let it overtake."""
    kept = set(failed)
    groups: set[str] = set()
    for message in messages:
        if message.id in failed:
            groups.add(message.group)
        elif message.group in groups:
            kept.add(message.id)
    return frozenset(kept)


def _record(message: Received) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": message.source,
        "awsRegion": REGION,
    }


def _attribute(value: Any) -> dict[str, Any]:  # noqa: ANN401 - as the API writes it
    told = {name[0].lower() + name[1:]: content for name, content in written(value).items()}
    return {"stringListValues": [], "binaryListValues": [], **told}
