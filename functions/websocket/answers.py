"""Responses to clients, in either subprotocol (docs/protocol.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore import errors
from eventstore.frames.builder import hub_event, missing_json
from eventstore.write.publisher import PartlyPublished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.live.subscribe import Subscribed
    from eventstore.subscriptions import SubscriptionId
    from eventstore.write.publisher import Published

__all__ = ["bare_published", "bare_refused", "bare_subscribed", "error", "message", "published", "subscribed"]

_INTERNAL = errors.EventstoreError("the hub failed; its log has the details")


def message(kind: str, **members: object) -> str:
    """Return a message of the hub as JSON.

    Args:
        kind: The message's `type`.
        members: Its other members; None omits one.
    """
    content = {"type": kind} | {name: value for name, value in members.items() if value is not None}
    return json.dumps(content, separators=(",", ":"))


def subscribed(request: str | None, own_id: SubscriptionId, result: Subscribed) -> str:
    """Return the response to `subscribe`.

    Args:
        request: The client's id of the request.
        own_id: The client's id of the subscription.
        result: The subscription that began.
    """
    head = message("subscribed", id=own_id, cursor=result.cursor, recovery=result.recovery, request=request)
    return f"{head[:-1]},{_recovery(result)}}}"


def published(request: str | None, results: Sequence[Published]) -> str:
    """Return the response to `publish`.

    Args:
        request: The client's id of the request.
        results: The streams and sequences of the events.
    """
    return message("published", request=request, results=_results(results))


def error(failure: Exception, *, request: str | None = None, own_id: SubscriptionId | None = None) -> str:
    """Return an error message.

    Args:
        failure: The error.
        request: The client's id of the request.
        own_id: The client's id of the subscription.
    """
    return message("error", **_problem(failure), request=request, id=own_id)


def bare_subscribed(result: Subscribed, identity: str) -> str:
    """Return the first message to a client of bare events.

    Args:
        result: The subscription that began.
        identity: The id of the message's event.
    """
    data = f'{{"recovery":"{result.recovery}",{_recovery(result)}}}'
    return f'{hub_event("subscribed", data, identity)[:-1]},"hubcursor":"{result.cursor}"}}'


def bare_published(results: Sequence[Published], identity: str, subject: str) -> str:
    """Return the response to an event of a client of bare events.

    Args:
        results: The stream and sequence of the event.
        identity: The id of the response's event.
        subject: The id of the client's event.
    """
    return _with_subject(hub_event("published", json.dumps({"results": _results(results)}), identity), subject)


def bare_refused(failure: Exception, identity: str, subject: str) -> str:
    """Return the error for an event of a client of bare events.

    Args:
        failure: The error.
        identity: The id of the response's event.
        subject: The id of the client's event; empty if it could not be parsed.
    """
    return _with_subject(hub_event("refused", json.dumps(_problem(failure)), identity), subject)


def _with_subject(event: str, subject: str) -> str:
    return f'{event[:-1]},"subject":{json.dumps(subject)}}}' if subject else event


def _recovery(result: Subscribed) -> str:
    members = [f'"partitions":{json.dumps(list(result.partitions), separators=(",", ":"))}']
    if result.missing or result.missing_more:
        members.append(missing_json(result.missing, complete=not result.missing_more))
    if result.renewed:
        members.append(f'"renewed":{json.dumps(list(result.renewed), separators=(",", ":"))}')
    return ",".join(members)


def _results(results: Sequence[Published]) -> list[Mapping[str, object]]:
    return [_result(result) for result in results]


def _result(result: Published) -> Mapping[str, object]:
    return {
        "stream": result.stream,
        "sequence": result.sequence,
        "id": result.id,
        "duplicate": result.duplicate,
    }


def _problem(failure: Exception) -> dict[str, Any]:
    if isinstance(failure, PartlyPublished) and isinstance(failure.__cause__, Exception):
        results = [result and _result(result) for result in failure.results]
        return _problem(failure.__cause__) | {"results": results}
    if not isinstance(failure, errors.EventstoreError):
        return {"code": "internal", "detail": _INTERNAL.detail}
    members: dict[str, Any] = {"code": failure.code, "detail": failure.detail}
    match failure:
        case errors.InvalidFilter():
            members |= {"pointer": failure.pointer, "position": failure.position}
        case errors.Invalid() | errors.Forbidden() if failure.pointer:
            # The pointer of a URL parameter is its bare name.
            members["pointer"] = f"/{failure.pointer.removeprefix('/')}"
        case errors.WrongExpectedVersion():
            members |= {"stream": failure.stream, "actual": failure.actual}
        case errors.EventConflict():
            members |= {"stream": failure.stream, "sequence": failure.sequence, "index": failure.index}
        case _:
            pass
    return members
