"""Responses to clients, in either subprotocol (docs/protocol.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore import errors
from eventstore.frames.hub_messages import hub_event
from eventstore.write.publisher import PartlyPublished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.live.subscribe import Subscribed
    from eventstore.subscriptions import Durable, SubscriptionId
    from eventstore.write.publisher import Published
    from functions.answers.members import Result, Results
    from functions.answers.messages import Answer, Recovery, Refusal

__all__ = [
    "acknowledged",
    "bare_published",
    "bare_refused",
    "bare_subscribed",
    "error",
    "joined",
    "pong",
    "published",
    "released",
    "subscribed",
    "unsubscribed",
]

_INTERNAL = errors.EventstoreError("the hub failed; its log has the details")


def subscribed(request: str | None, own_id: SubscriptionId, result: Subscribed) -> str:
    """Return the response to `subscribe`.

    Args:
        request: The client's id of the request.
        own_id: The client's id of the subscription.
        result: The subscription that began.
    """
    return _encoded(
        {"type": "subscribed", "id": own_id, "cursor": result.cursor, **_recovery(result), "request": request}
    )


def joined(request: str | None, own_id: SubscriptionId, durable: Durable, partitions: Sequence[int]) -> str:
    """Return the response to `subscribe` with a durable subscription.

    Args:
        request: The client's id of the request.
        own_id: The client's id of the subscription.
        durable: The subscription that the connection takes part in.
        partitions: Its partitions.
    """
    return _encoded(
        {
            "type": "subscribed",
            "id": own_id,
            "subscription": durable.name,
            "partitions": list(partitions),
            "ack_deadline": durable.settings.ack_deadline_ms // 1000,
            "request": request,
        }
    )


def unsubscribed(request: str | None, own_id: SubscriptionId) -> str:
    """Return the response to `unsubscribe`."""
    return _encoded({"type": "unsubscribed", "id": own_id, "request": request})


def published(request: str | None, results: Sequence[Published]) -> str:
    """Return the response to `publish`.

    Args:
        request: The client's id of the request.
        results: The streams and sequences of the events.
    """
    return _encoded({"type": "published", **_results(results), "request": request})


def acknowledged(request: str | None, own_id: SubscriptionId) -> str:
    """Return the response to `ack` and `nack`."""
    return _encoded({"type": "acknowledged", "id": own_id, "request": request})


def released(request: str | None, own_id: SubscriptionId, partition: int) -> str:
    """Return the response to `release`."""
    return _encoded({"type": "released", "id": own_id, "partition": partition, "request": request})


def pong(request: str | None) -> str:
    """Return the response to `ping`."""
    return _encoded({"type": "pong", "request": request})


def error(failure: Exception, *, request: str | None = None, own_id: SubscriptionId | None = None) -> str:
    """Return an error message.

    Args:
        failure: The error.
        request: The client's id of the request.
        own_id: The client's id of the subscription.
    """
    return _encoded({"type": "error", **_refusal(failure), "request": request, "id": own_id})


def bare_subscribed(result: Subscribed, identity: str) -> str:
    """Return the first message to a client of bare events.

    Args:
        result: The subscription that began.
        identity: The id of the message's event.
    """
    event = hub_event("subscribed", json.dumps(_recovery(result)), identity)
    return f'{event[:-1]},"hubcursor":"{result.cursor}"}}'


def bare_published(results: Sequence[Published], identity: str, subject: str) -> str:
    """Return the response to an event of a client of bare events.

    Args:
        results: The stream and sequence of the event.
        identity: The id of the response's event.
        subject: The id of the client's event.
    """
    return _with_subject(hub_event("published", json.dumps(_results(results)), identity), subject)


def bare_refused(failure: Exception, identity: str, subject: str) -> str:
    """Return the error for an event of a client of bare events.

    Args:
        failure: The error.
        identity: The id of the response's event.
        subject: The id of the client's event; empty if it could not be parsed.
    """
    return _with_subject(hub_event("refused", json.dumps(_refusal(failure)), identity), subject)


def _with_subject(event: str, subject: str) -> str:
    return f'{event[:-1]},"subject":{json.dumps(subject)}}}' if subject else event


def _encoded(answer: Answer) -> str:
    """Return a message as JSON, without the members that are None."""
    return json.dumps({name: value for name, value in answer.items() if value is not None}, separators=(",", ":"))


def _recovery(result: Subscribed) -> Recovery:
    recovery: Recovery = {"recovery": result.recovery, "partitions": list(result.partitions)}
    if result.missing or result.missing_more:
        recovery["missing"] = [
            {"stream": stream, "first": first, "last": last} for stream, first, last in result.missing
        ]
    if result.missing_more:
        recovery["missing_more"] = True
    if result.renewed:
        recovery["renewed"] = list(result.renewed)
    return recovery


def _results(results: Sequence[Published]) -> Results:
    return {"results": [_result(result) for result in results]}


def _result(result: Published) -> Result:
    return {
        "stream": result.stream,
        "sequence": result.sequence,
        "id": result.id,
        "duplicate": result.duplicate,
    }


def _refusal(failure: Exception) -> Refusal:
    if isinstance(failure, PartlyPublished) and isinstance(failure.__cause__, Exception):
        results = [None if result is None else _result(result) for result in failure.results]
        return {**_refusal(failure.__cause__), "results": results}
    if not isinstance(failure, errors.EventstoreError):
        return {"code": "internal", "detail": _INTERNAL.detail}
    refusal: Refusal = {"code": failure.code, "detail": failure.detail}
    match failure:
        case errors.InvalidFilter():
            refusal |= {"pointer": failure.pointer, "position": failure.position}
        case errors.Invalid() | errors.Forbidden() if failure.pointer:
            # The pointer of a URL parameter is its bare name.
            refusal["pointer"] = f"/{failure.pointer.removeprefix('/')}"
        case errors.WrongExpectedVersion():
            refusal |= {"stream": failure.stream, "actual": failure.actual}
        case errors.EventConflict():
            refusal |= {"stream": failure.stream, "sequence": failure.sequence, "index": failure.index}
        case _:
            pass
    return refusal
