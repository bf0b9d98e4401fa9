"""Pushing events to Lambda functions, in the shape in which SQS invokes them.

So a function that handles a FIFO queue handles a subscription, with the same partial answers: AWS Lambda Developer
Guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in Lambda".
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from eventstore.adapters.aws.pushed_ids import deduplication_id, message_id, sequence_number, stored_ms
from eventstore.adapters.aws.service_calls import encoded
from eventstore.adapters.aws.target_errors import code_of, is_too_large, message_of, shortened, translated_errors
from eventstore.ports.targets import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.aws.service_calls import ServiceCalls
    from eventstore.frames.pushes import PushedEvent
    from eventstore.subscriptions import Target

__all__ = ["LambdaTarget"]

_EXPECTED = 'expected null, {} or {"batchItemFailures": [{"itemIdentifier": messageId}]}'
_REPORTED = "the function reported the event in batchItemFailures"

_HEADERS = {"x-amz-invocation-type": "RequestResponse"}

_INVALID_EVENT = "InvalidRequestContentException"
"""Lambda could not read the payload, so another push of the same events has the same result."""


class LambdaTarget:
    """See `ports.TargetAdapter`. The function is invoked once, and answers which events it did not handle.

    Args:
        calls: Calls Lambda.
    """

    def __init__(self, calls: ServiceCalls) -> None:
        self._calls = calls

    def push(
        self, target: Target, events: Sequence[PushedEvent], *, attempt: int, timeout_ms: int
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        payload = _payload(events, attempt=attempt, region=self._calls.region)
        with translated_errors(target, action="lambda:InvokeFunction"):
            try:
                answer = self._calls.call("Invoke", _path(target), payload, headers=_HEADERS, seconds=timeout_ms / 1000)
            except ReadTimeoutError:
                # The function runs, and does not come to an end: it may be the event's fault, so it is an attempt.
                late = Refusal(shortened(f"{target.address} {_late(timeout_ms)}"))
                return dict.fromkeys(range(len(events)), late)
            except ClientError as error:
                if not is_too_large(error) and code_of(error) != _INVALID_EVENT:
                    raise
                # A round of the hub is far smaller than the 6 MB that Lambda accepts.
                reason = shortened(f"{code_of(error)}: {message_of(error)}")
                return dict.fromkeys(range(len(events)), Refusal(reason, park=len(events) == 1))
        if "x-amz-function-error" in answer.headers:
            return dict.fromkeys(range(len(events)), Refusal(shortened(_error_of(answer.body))))
        return _refusals(answer.body, [message_id(event) for event in events])


def _path(target: Target) -> str:
    return f"/2015-03-31/functions/{encoded(target.address)}/invocations"


def _late(timeout_ms: int) -> str:
    return (
        f"did not answer within {timeout_ms / 1000:g} s; check that the timeout of the function is shorter than the "
        "ack_deadline of the subscription"
    )


def _payload(events: Sequence[PushedEvent], *, attempt: int, region: str) -> bytes:
    records = [
        # Only the first event of a push may have been pushed before; others behind it waited.
        _record(event, attempt=attempt if index == 0 else 1, region=region)
        for index, event in enumerate(events)
    ]
    return json.dumps({"Records": records}, separators=(",", ":"), ensure_ascii=False).encode()


def _record(event: PushedEvent, *, attempt: int, region: str) -> dict[str, Any]:
    stored = str(stored_ms(event))
    return {
        "messageId": message_id(event),
        "receiptHandle": message_id(event),
        "body": event.text,
        "attributes": {
            "ApproximateReceiveCount": str(attempt),
            "ApproximateFirstReceiveTimestamp": stored,
            "SentTimestamp": stored,
            "SenderId": "eventstore",
            "SequenceNumber": sequence_number(event),
            "MessageGroupId": event.stream,
            "MessageDeduplicationId": deduplication_id(event),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(event.text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        # No queue has it: account ids are never zero.
        "eventSourceARN": f"arn:aws:sqs:{region}:000000000000:eventstore",
        "awsRegion": region,
    }


def _error_of(content: bytes) -> str:
    """Return what a function failed with."""
    text = content.decode(errors="replace")
    try:
        error = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(error, dict):
        return text
    words = [str(error[name]) for name in ("errorType", "errorMessage") if error.get(name)]
    return ": ".join(words) or text


def _refusals(content: bytes, ids: Sequence[str]) -> dict[int, Refusal]:
    """Return the events that a function reported. If its answer is invalid, it reported all, as with SQS."""
    try:
        failed = _failed_ids(content, known=frozenset(ids))
    except _InvalidAnswer as error:
        return dict.fromkeys(range(len(ids)), Refusal(shortened(f"the function answered {error}; {_EXPECTED}")))
    return {index: Refusal(_REPORTED) for index, event_id in enumerate(ids) if event_id in failed}


class _InvalidAnswer(Exception):
    """The answer of a function does not say which events failed. The text says what it is instead."""


def _failed_ids(content: bytes, *, known: frozenset[str]) -> set[str]:
    if not content:
        return set()
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _InvalidAnswer(f"what is not JSON: {_sample(content.decode(errors='replace'))}") from error
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        raise _InvalidAnswer(_sample(json.dumps(answer)))
    failures = answer.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        raise _InvalidAnswer(f"batchItemFailures that are no list: {_sample(json.dumps(failures))}")
    failed = set()
    for failure in failures:
        event_id = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(event_id, str):
            raise _InvalidAnswer(f"a failure without an itemIdentifier: {_sample(json.dumps(failure))}")
        if event_id not in known:
            raise _InvalidAnswer(f"an itemIdentifier that is no messageId of the call: {_sample(event_id)}")
        failed.add(event_id)
    return failed


def _sample(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"  # noqa: PLR2004 - enough to recognize it by
